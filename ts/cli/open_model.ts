/** Opening a model file, whose bytes may be needed too. */

import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { wrongValue } from '../arguments.js';
import { PixelCnnError } from '../error.js';
import { loadSampler, namingModel } from '../load.js';
import { readModel } from '../model_source.js';
import type { Sampler } from '../sampler.js';
import type { Sharing } from '../sharing.js';
import { quoted, typed } from './typed.js';

/** Refuses the name of no model, such as of a variable that a shell has not. `argument` is what the API calls it. */
export function checkModelName(argument: 'model' | 'from', name: string): void {
  if (name === '') throw wrongValue(argument, 'expected a model file or URL, got an empty name');
}

/** A model's bytes, and a sampler of them. Errors name the path. */
export async function openModel(
  path: string,
  signal: AbortSignal,
  sharing?: Sharing,
): Promise<{ bytes: Uint8Array; sampler: Sampler }> {
  checkModelName('model', path);
  const bytes = await readModel(path, signal).catch((error: unknown) => {
    throw hinting(error, path);
  });
  const sampler = await loadSampler(bytes, { signal, ...(sharing && { sharing }) }).catch((error: unknown) => {
    throw namingModel(error, path);
  });
  return { bytes, sampler };
}

/** A sampler of a model file. */
export async function loadModel(path: string, signal: AbortSignal, sharing?: Sharing): Promise<Sampler> {
  checkModelName('model', path);
  return loadSampler(path, { signal, ...(sharing && { sharing }) }).catch((error: unknown) => {
    throw hinting(error, path);
  });
}

/** What to type where a run is named by its folder, or by the model that only its end makes. */
function hinting(error: unknown, path: string): unknown {
  if (!(error instanceof PixelCnnError) || !['MODEL_NOT_FOUND', 'MODEL_UNREADABLE'].includes(error.code)) return error;
  const isFolder = existsSync(path) && statSync(path).isDirectory(); // what cannot be looked at is told of already
  const run = isFolder ? path : dirname(path);
  if (!existsSync(join(run, 'checkpoints'))) return error;
  const model = join(run, 'model.safetensors');
  const hint =
    isFolder && existsSync(model)
      ? `a run, whose model is ${model}`
      : `a run that has not ended; make a model of it with \`${typed('export', quoted(run))}\``;
  return new PixelCnnError(error.code, `${error.message}: ${run} is ${hint}`, {
    cause: error,
    argument: error.argument,
  });
}
