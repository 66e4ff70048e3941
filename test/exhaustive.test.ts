/** Nets so small that every image is listed: probabilities sum to 1, and what is drawn is drawn as often as they say. */

import { expect, it } from 'vitest';
import type { Run, Sampler } from '../scripts/core_face.js';
import type { Config } from '../ts/config.js';
import { configJson, loadWasm, randomModel } from './wasm.js';

const wasm = loadWasm();
const pixels = 4;
const toDraw = 65535;

/** Every image of 2 x 2, one after the other; the first pixel counts fastest. */
function allImages(levels: number): Uint16Array {
  return Uint16Array.from(
    { length: levels ** pixels * pixels },
    (_, i) => Math.floor(Math.floor(i / pixels) / levels ** (i % pixels)) % levels,
  );
}

/** Ends a run; what is asked of it. */
function ended<T>(run: Run, of: (run: Run) => T): T {
  run.finish();
  const result = of(run);
  run.free();
  return result;
}

/** -ln p of each pixel of every image, of one class where the net has some. */
function pixelNats(sampler: Sampler, levels: number, label?: number): Float32Array {
  const images = allImages(levels);
  const labels = label === undefined ? undefined : new Uint16Array(images.length / pixels).fill(label);
  return ended(sampler.score(images, 'wavefront', 'all', labels), (run) => run.nats());
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** -ln p of every image. */
function nats(sampler: Sampler, levels: number, label?: number): number[] {
  const each = pixelNats(sampler, levels, label);
  return Array.from({ length: levels ** pixels }, (_, image) => sum(each.subarray(4 * image, 4 * image + 4)));
}

/** How often each image is drawn. */
function counts(sampler: Sampler, levels: number, count: number, labels?: Uint16Array, given?: Uint16Array): number[] {
  const run = sampler.sample(count, 12, 3, 1, 'wavefront', 'all', labels, given);
  const drawn = ended(run, (run) => run.pixels());
  const found = new Array<number>(levels ** pixels).fill(0);
  for (let at = 0; at < drawn.length; at += pixels) {
    const number = Array.from(drawn.subarray(at, at + pixels)).reduceRight((total, level) => total * levels + level, 0);
    found[number]!++;
  }
  return found;
}

/** Holds counts to probabilities by chi-square, which such a sum exceeds once in 10,000 times; the seeds are fixed. */
function expectToFollow(found: number[], probabilities: number[], name: string): void {
  const n = sum(found);
  let [square, cells, rareExpected, rareFound] = [0, 0, 0, 0];
  const add = (expected: number, count: number) => {
    square += (count - expected) ** 2 / expected;
    cells++;
  };
  probabilities.forEach((p, image) => {
    if (p === 0) expect(found[image], name).toBe(0);
    if (n * p >= 5) add(n * p, found[image]!);
    else {
      rareExpected += n * p;
      rareFound += found[image]!;
    }
  });
  if (rareExpected >= 5) add(rareExpected, rareFound);
  else expect(rareFound, name).toBeLessThanOrEqual(25);
  expect(cells, name).toBeGreaterThanOrEqual(3);
  // Wilson and Hilferty 1931: the cube root of chi-square over its degrees of freedom is nearly normal.
  const df = cells - 1;
  expect(square, name).toBeLessThan(df * (1 - 2 / (9 * df) + 3.719 * Math.sqrt(2 / (9 * df))) ** 3);
}

const forms: Partial<Config>[] = [
  {},
  { activation: 'sigmoid', input: 'nominal' },
  { activation: 'tanh', input: 'nominal', embedding: 2 },
  { lean: 1, dilations: [1, 2], blocks: 2 },
  { architecture: 'gated' },
  { architecture: 'gated', activation: 'relu', input: 'nominal' },
];

function samplerOf(changes: Partial<Config>, seed: number): Sampler {
  const size = { height: 2, width: 2, filters: 8, blocks: 1, firstKernel: 3, headLayers: 1 };
  return new wasm.Sampler(randomModel(configJson({ ...size, ...changes }), seed));
}

it.each(forms)('shares all probability among all 81 grids of three levels, and draws them as often: %j', (form) => {
  const sampler = samplerOf({ ...form, levels: 3 }, 1);
  const probabilities = nats(sampler, 3).map((nats) => Math.exp(-nats));
  expect(probabilities).toHaveLength(81);
  expect(Math.abs(sum(probabilities) - 1)).toBeLessThan(1e-6);
  expect(Math.max(...probabilities)).toBeGreaterThan(1.5 * Math.min(...probabilities));
  expectToFollow(counts(sampler, 3, 20_000), probabilities, 'grids');
  sampler.free();
});

it.each(forms)('does so with all 16 binary grids of each of three classes, and of all: %j', (form) => {
  const sampler = samplerOf({ ...form, classes: 3 }, 2);
  const all = [0, 1, 2].map((label) => nats(sampler, 2, label));
  all.forEach((nats, label) => {
    const probabilities = nats.map((nats) => Math.exp(-nats));
    expect(probabilities).toHaveLength(16);
    expect(Math.abs(sum(probabilities) - 1)).toBeLessThan(1e-6);
    const labels = new Uint16Array(10_000).fill(label);
    expectToFollow(counts(sampler, 2, labels.length, labels), probabilities, `class ${label}`);
  });
  const rows = wasm.mixture(Float64Array.from(all.flat()), 3);
  const whole = Array.from({ length: 16 }, (_, image) => {
    const [nats, ...classes] = rows.subarray(4 * image, 4 * image + 4);
    const given = all.map((nats) => Math.exp(-nats[image]!));
    const p = sum(given) / 3;
    expect(Math.abs(Math.exp(-nats!) - p)).toBeLessThan(1e-12);
    classes.forEach((found, label) => {
      expect(Math.abs(found - given[label]! / 3 / p)).toBeLessThan(1e-12);
    });
    return p;
  });
  expect(Math.abs(sum(whole) - 1)).toBeLessThan(1e-6);
  const labels = Uint16Array.from({ length: 30_000 }, (_, image) => image % 3);
  expectToFollow(counts(sampler, 2, labels.length, labels), whole, 'all classes');
  sampler.free();
});

it.each(forms)('draws beside given pixels by the product of conditionals in raster order: %j', (form) => {
  const sampler = samplerOf({ ...form, levels: 3 }, 3);
  const images = allImages(3);
  const each = pixelNats(sampler, 3);
  const values = [1, 2, 0, 2];
  for (const known of [[0], [1, 3], [2, 3]]) {
    const given = Uint16Array.from(values, (level, pixel) => (known.includes(pixel) ? level : toDraw));
    const probabilities = Array.from({ length: 81 }, (_, image) => {
      if (known.some((pixel) => images[4 * image + pixel] !== values[pixel])) return 0;
      const drawn = [0, 1, 2, 3].filter((pixel) => !known.includes(pixel));
      return Math.exp(-sum(drawn.map((pixel) => each[4 * image + pixel]!)));
    });
    expect(Math.abs(sum(probabilities) - 1)).toBeLessThan(1e-6);
    const found = counts(sampler, 3, 6000, undefined, given);
    expectToFollow(found, probabilities, `given ${known}`);
    const repeated = Uint16Array.from({ length: 6000 * 4 }, (_, i) => given[i % 4]!);
    expect(counts(sampler, 3, 6000, undefined, repeated), 'one for each').toEqual(found);
  }
  sampler.free();
});
