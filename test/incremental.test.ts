import { expect, it } from 'vitest';
import type { Run, Sampler } from '../ts/wasm/pkg/pixelcnn.js';
import { configJson, loadWasm, randomModel } from './wasm.js';

const wasm = loadWasm();

/** Whole numbers in a range, from a seeded sequence. */
function draws(seed: number): (low: number, high: number) => number {
  const words = wasm.random_words(seed, 3, 0xffffffff, 0, 64);
  let next = 0;
  return (low, high) => low + ((words[next++] as number) % (high - low + 1));
}

/** Every logit as bits, every pixel and every cost, in raster order whatever the order of the walk. */
function walk(run: Run, size: number): { logits: Uint32Array; pixels: Uint8Array | Uint16Array; nats: Float32Array } {
  const pixels = run.pixels().length;
  const logits = new Float32Array(pixels).fill(Number.NaN);
  while (run.step() > 0) {
    const front = run.front();
    run.front_logits().forEach((logit, i) => {
      logits[(front[3 * i] as number) * size + (front[3 * i + 1] as number)] = logit;
    });
  }
  const result = { logits: new Uint32Array(logits.buffer), pixels: run.pixels(), nats: run.nats() };
  run.free();
  return result;
}

it('is built with SIMD', () => {
  expect(wasm.simd_backend()).toBe('simd128');
});

it('draws the same bits by every method and batch on 200 random nets', () => {
  for (let seed = 0; seed < 200; seed++) {
    const draw = draws(seed);
    const [height, width] = [draw(1, 6), draw(1, 7)];
    const config = configJson({
      height,
      width,
      filters: 2 * draw(1, 10),
      blocks: draw(0, 3),
      firstKernel: 3 + 2 * draw(0, 3),
      blockKernel: 1 + 2 * draw(0, 2),
      headLayers: draw(0, 2),
    });
    const temperature = [0, 0.4, 1, 1, 3][draw(0, 4)] as number;
    const sampler: Sampler = new wasm.Sampler(randomModel(config, seed, { background: String(draw(0, 1)) }));
    const size = height * width;
    const sample = (count: number, start: number, method: string, skipping?: string) =>
      walk(sampler.sample(count, seed * 2 ** 40 + seed, start, temperature, method, skipping), size);
    const oracle = sample(3, 2, 'reference');
    for (const method of ['naive', 'cached', 'wavefront']) {
      for (const skipping of ['none', 'background', 'all']) {
        const name = `${method}, skipping ${skipping}, seed ${seed}: ${config}`;
        expect(sample(3, 2, method, skipping), name).toEqual(oracle);
      }
    }
    const batch = sample(16, 0, 'wavefront');
    expect(batch.logits.subarray(2 * size, 5 * size), `batch of 16, seed ${seed}: ${config}`).toEqual(oracle.logits);
    expect(batch.pixels.subarray(2 * size, 5 * size)).toEqual(oracle.pixels);
    const one = sample(1, 3, 'wavefront');
    expect(one.logits, `batch of 1, seed ${seed}: ${config}`).toEqual(oracle.logits.subarray(size, 2 * size));
    for (const method of ['wavefront', 'cached', 'naive', 'reference']) {
      expect(walk(sampler.score(oracle.pixels, method), size), `score, ${method}`).toEqual(oracle);
    }
    sampler.free();
  }
});
