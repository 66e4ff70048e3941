/** Opening a model file whose bytes are needed too. */

import { loadSampler, namingModel } from '../load.js';
import { readModel } from '../model_source.js';
import type { Sampler } from '../sampler.js';

/** A model's bytes, and a sampler of them. Errors name the path. */
export async function openModel(path: string, signal: AbortSignal): Promise<{ bytes: Uint8Array; sampler: Sampler }> {
  const bytes = await readModel(path, signal);
  const sampler = await loadSampler(bytes, { signal }).catch((error: unknown) => {
    throw namingModel(error, path);
  });
  return { bytes, sampler };
}
