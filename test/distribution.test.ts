/** Nets so small that all their images can be listed: what is drawn and what is scored are one distribution. */

import { expect, it } from 'vitest';
import type { Config } from '../ts/config.js';
import { loadSampler, type Sampler } from '../ts/index.js';
import { classModel } from './class_model.js';
import { configJson } from './wasm.js';

const side = 2;
const pixels = side * side;

function small(changes: Partial<Config>, seed: number): Promise<Sampler> {
  const config = configJson({ height: side, width: side, filters: 4, blocks: 1, firstKernel: 3, ...changes });
  return loadSampler(classModel(config, seed));
}

/** All images of so many levels, in the order of the numbers that they are to that base. */
function allImages(levels: number): Uint8Array {
  const count = levels ** pixels;
  return Uint8Array.from({ length: count * pixels }, (_, i) => {
    return Math.floor(Math.floor(i / pixels) / levels ** (pixels - 1 - (i % pixels))) % levels;
  });
}

/** How often each image was drawn. */
function frequencies(data: ArrayLike<number>, levels: number): number[] {
  const counts = new Array<number>(levels ** pixels).fill(0);
  for (let at = 0; at < data.length; at += pixels) {
    let number = 0;
    for (let i = 0; i < pixels; i++) number = number * levels + data[at + i]!;
    counts[number]!++;
  }
  return counts;
}

/**
 * Chi-square over the images that are expected at least five times, the others together, in standard deviations above its mean. Seeds
 * are fixed, so that no test of it can flake.
 */
function excess(counts: readonly number[], probabilities: readonly number[]): number {
  const drawn = counts.reduce((sum, count) => sum + count, 0);
  let [square, cells] = [0, 0];
  const rest = { count: 0, expected: 0 };
  const add = (count: number, expected: number) => {
    square += (count - expected) ** 2 / expected;
    cells++;
  };
  counts.forEach((count, image) => {
    const expected = drawn * probabilities[image]!;
    if (expected >= 5) add(count, expected);
    else {
      rest.count += count;
      rest.expected += expected;
    }
  });
  if (rest.expected >= 5) add(rest.count, rest.expected);
  return (square - (cells - 1)) / Math.sqrt(2 * (cells - 1));
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const probabilitiesOf = (logProb: Float64Array) => Array.from(logProb, Math.exp);

it.each([
  ['ordinal', {}],
  ['one-hot', { input: 'nominal' }],
  ['embedded', { input: 'nominal', embedding: 2 }],
  ['gated', { architecture: 'gated', input: 'nominal' }],
] as [string, Partial<Config>][])(
  'gives the 81 images of three levels all probability, %s, and draws them by it',
  async (_, changes) => {
    const sampler = await small({ levels: 3, ...changes }, 4);
    const probabilities = probabilitiesOf(sampler.logProb(allImages(3)));
    expect(probabilities).toHaveLength(81);
    expect(sum(probabilities)).toBeCloseTo(1, 6);
    const { data } = sampler.sample({ count: 20_000, seed: 1 });
    expect(excess(frequencies(data, 3), probabilities)).toBeLessThan(3);
    // That it could fail: other weights draw others.
    const other = await small({ levels: 3, ...changes }, 5);
    expect(excess(frequencies(other.sample({ count: 20_000, seed: 1 }).data, 3), probabilities)).toBeGreaterThan(30);
  },
);

it('does so under each of three classes, and under their mixture', async () => {
  const sampler = await small({ classes: 3 }, 2);
  const images = allImages(2);
  const under = [0, 1, 2].map((labels) => probabilitiesOf(sampler.logProb(images, { labels })));
  for (const [label, probabilities] of under.entries()) {
    expect(sum(probabilities)).toBeCloseTo(1, 6);
    const { data } = sampler.sample({ count: 20_000, seed: 1, label });
    expect(excess(frequencies(data, 2), probabilities), `class ${label}`).toBeLessThan(3);
    expect(excess(frequencies(data, 2), under[(label + 1) % 3]!), 'another class').toBeGreaterThan(10);
  }
  const mixed = probabilitiesOf(sampler.logProb(images));
  expect(sum(mixed)).toBeCloseTo(1, 6);
  for (const [image, p] of mixed.entries()) {
    expect(p).toBeCloseTo(sum(under.map((each) => each[image]!)) / 3, 12);
  }
  // As many of each class: classes in turn.
  expect(excess(frequencies(sampler.sample({ count: 30_000, seed: 2 }).data, 2), mixed)).toBeLessThan(3);
});

it('draws what is not given by its probability given the pixels before it', async () => {
  const sampler = await small({ levels: 3, input: 'nominal' }, 4);
  // The first row is known: what is drawn then is p(second row | first row), exactly.
  const given = { data: Uint8Array.of(2, 1, 0, 0), known: Uint8Array.of(1, 1, 0, 0) };
  const images = allImages(3);
  const joint = probabilitiesOf(sampler.logProb(images));
  const fits = joint.map((_, image) => images[image * pixels] === 2 && images[image * pixels + 1] === 1);
  const whole = sum(joint.filter((_, image) => fits[image]));
  const conditional = joint.map((p, image) => (fits[image] ? p / whole : 0));
  const { data } = sampler.sample({ count: 20_000, seed: 3, given });
  expect(excess(frequencies(data, 3), conditional)).toBeLessThan(3);
});
