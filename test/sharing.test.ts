/** Rows that are remembered, as a user meets them: what they take, and that they change no byte. */

import { expect, it } from 'vitest';
import { memoryBytes as memory, Sampler } from '../scripts/core_face.js';
import { loadSampler } from '../ts/index.js';
import { configJson, loadWasm, randomModel } from './wasm.js';

loadWasm();
const model = randomModel(configJson({ height: 14, width: 14, filters: 64, blocks: 2 }), 3);

it('loads, samples and disposes a hundred times in the same memory', async () => {
  const round = async (seed: number) => {
    const sampler = await loadSampler(model, { sharing: { megabytes: 4 } });
    for (const count of [1, 16, 3]) sampler.sample({ count, seed });
    sampler.dispose();
  };
  for (let seed = 0; seed < 3; seed++) await round(seed);
  const before = memory();
  for (let seed = 3; seed < 103; seed++) await round(seed);
  expect(memory()).toBe(before);
});

it('takes no more than it was given, however many images it has seen, and draws the same ones', async () => {
  const none = await loadSampler(model, { sharing: { megabytes: 0 } });
  for (const megabytes of [1, 8]) {
    const sampler = new Sampler(model, undefined, megabytes * 1e6);
    const before = memory();
    for (let first = 0; first < 1000; first += 100) {
      const run = sampler.sample(100, 5, first, 1, 'wavefront', 'all');
      run.finish();
      expect(run.state_bytes()[1]).toBeLessThanOrEqual(megabytes * 1e6);
      expect(run.pixels()).toEqual(none.sample({ count: 100, seed: 5, startIndex: first }).data);
      run.free();
    }
    // The table, the activations of 16 images, and the images.
    expect(memory() - before).toBeLessThan(1.1 * megabytes * 1e6 + 8e6);
    sampler.free();
  }
  none.dispose();
}, 120_000);

it('leaves to a call what memoryLimit leaves, and is no reason to refuse one', async () => {
  const least = await loadSampler(model, { sharing: { megabytes: 0 }, memoryLimit: 3_000_000 });
  const wanted = least.sample({ count: 2, seed: 1 });
  const sampler = await loadSampler(model, { sharing: { megabytes: 500 }, memoryLimit: 3_000_000 });
  expect(sampler.sample({ count: 2, seed: 1 })).toEqual(wanted);
});
