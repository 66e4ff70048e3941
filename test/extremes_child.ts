// Draws, scores, describes and converts a packaged model, in a process whose WebAssembly memory may be limited
// (`node --wasm-max-mem-pages=N`), and prints the code that each ends in, `ok` for none, as JSON.

import { readFileSync } from 'node:fs';
import { loadSampler, optimizeModel, type PixelCnnError, quantizeModel, type Sampler } from '../ts/index.js';

const model = new Uint8Array(readFileSync(new URL('../models/mnist-binary.safetensors', import.meta.url)));
const images = new Uint8Array(28 * 28);
const outcomes: Record<string, string> = {};

async function attempt(name: string, call: () => unknown): Promise<void> {
  try {
    await call();
    outcomes[name] = 'ok';
  } catch (error) {
    const { code, message } = error as PixelCnnError;
    outcomes[name] = code ?? message;
  }
}

/** The first front alone: the whole image by every method takes minutes. */
function begin(sampler: Sampler, method: 'wavefront' | 'cached' | 'naive' | 'reference'): void {
  const steps = sampler.sampleSteps({ count: 2, seed: 1, method });
  steps.next();
  steps.return(undefined as never);
}

const samplers: Sampler[] = [];
await attempt('load', async () => samplers.push(await loadSampler(model)));
for (const sampler of samplers) {
  for (const method of ['wavefront', 'cached', 'naive', 'reference'] as const) {
    await attempt(method, () => begin(sampler, method));
  }
  await attempt('sample', () => sampler.sample({ count: 1, seed: 1 }));
  await attempt('score', () => sampler.logProb(images));
  await attempt('describe', () => sampler.describe());
}
await attempt('quantize', () => quantizeModel(model, images));
await attempt('optimize', () => optimizeModel(model, images));
// Models, large and then small, until no more fit; and what is small beside them.
for (const file of [model, new Uint8Array(readFileSync(new URL('golden/tiny.safetensors', import.meta.url)))]) {
  for (let full = false; !full; full = outcomes.many !== 'ok') {
    await attempt('many', async () => samplers.push(await loadSampler(file)));
  }
}
for (const sampler of samplers.slice(0, 2)) {
  await attempt('sample among many', () => sampler.sample({ count: 16, seed: 1 }));
  await attempt('describe among many', () => sampler.describe());
}
for (const other of samplers.splice(1)) other.dispose();
for (const sampler of samplers) await attempt('sample at last', () => sampler.sample({ count: 1, seed: 1 }));
console.log(JSON.stringify(outcomes));
