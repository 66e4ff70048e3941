/** Nets of more than two levels. */

import { beforeAll, expect, it } from 'vitest';
import { loadSampler, type Method, optimizeModel, quantizeModel, type Sampler } from '../ts/index.js';
import { failure } from './failure.js';
import { configJson, randomModel } from './wasm.js';

const [height, width] = [5, 4];
const size = height * width;
const net = { height, width, filters: 4, blocks: 1 };
let grey: Sampler;
let codes: Sampler;

beforeAll(async () => {
  grey = await loadSampler(randomModel(configJson({ ...net, levels: 256 }), 1));
  codes = await loadSampler(randomModel(configJson({ ...net, levels: 300, input: 'nominal', embedding: 3 }), 1));
});

it('gives levels in 16 bits where there are more than 256', () => {
  const [of8, of16] = [grey.sample({ count: 40, seed: 1 }), codes.sample({ count: 40, seed: 1 })];
  expect(of8.data).toBeInstanceOf(Uint8Array);
  expect(of16.data).toBeInstanceOf(Uint16Array);
  expect(Math.max(...of8.data)).toBeGreaterThan(127);
  expect(Math.max(...of16.data)).toBeGreaterThan(255);
  for (const method of ['cached', 'naive', 'reference'] satisfies Method[]) {
    expect(codes.sample({ count: 3, seed: 1, method }).data, method).toEqual(of16.data.subarray(0, 3 * size));
  }
  const seen = new Uint16Array(of16.data.length);
  for (const { pixels } of codes.sampleSteps({ count: 40, seed: 1 })) {
    for (let i = 0; i < pixels.length; i += 3) seen[pixels[i]! * size + pixels[i + 1]!] = pixels[i + 2]!;
  }
  expect(seen).toEqual(of16.data);
});

it('takes levels in either array', () => {
  const { data, shape } = grey.sample({ count: 3, seed: 2 });
  expect(grey.logProb(Uint16Array.from(data))).toEqual(grey.logProb({ data, shape }));
  const low = codes.sample({ count: 3, seed: 2 }).data.map((level) => level % 256);
  expect(codes.logProb(Uint8Array.from(low))).toEqual(codes.logProb(low));
});

it('gives a logit for each level, of which the softmax is what each costs', () => {
  const images = codes.sample({ count: 30, seed: 3 }); // more than one run of them
  const { data, shape } = codes.logits(images);
  expect(shape).toEqual([30, height, width, 1, 300]);
  const nats = codes.pixelNats(images);
  expect(nats.shape).toEqual([30, height, width, 1]);
  for (const pixel of [0, 7, 29 * size, 30 * size - 1]) {
    const logits = Array.from(data.subarray(pixel * 300, (pixel + 1) * 300));
    const most = Math.max(...logits);
    const whole = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) + most;
    expect(nats.data[pixel]).toBeCloseTo(whole - logits[images.data[pixel]!]!, 4);
  }
  expect(codes.logProb(images)).toEqual(images.nats.map((x) => -x));
  const sharp = codes.sample({ count: 2, seed: 1, temperature: 0 });
  const likeliest = codes.logits(sharp).data;
  for (const [pixel, level] of sharp.data.entries()) {
    const logits = likeliest.subarray(pixel * 300, (pixel + 1) * 300);
    expect(level).toBe(logits.indexOf(Math.max(...logits)));
  }
});

it('refuses levels that there are none of', async () => {
  for (const [sampler, level, most] of [
    [grey, 256, 255],
    [codes, 300, 299],
  ] as const) {
    const images = new Uint16Array(size);
    images[8] = level;
    expect(await failure(() => sampler.logProb(images))).toMatchObject({
      name: 'RangeError',
      message: `images: expected levels from 0 to ${most}, got ${level} at index 8`,
    });
  }
});

it.each<[changes: object, got?: string]>([
  [{ levels: 3 }],
  [{ input: 'nominal' }],
  [{ classes: 2 }],
  [{ lean: 1 }],
  [{ dilations: [1, 2] }],
  [{ activation: 'tanh' }, 'one with tanh, which has no zeros'],
  [{ architecture: 'gated' }, 'a gated one'],
])('makes integers of any net, orders one with relu, and tells of others before any work: %o', async (changes, got) => {
  const model = randomModel(configJson({ ...net, ...changes }), 1);
  if (got === undefined) {
    const ordered = await loadSampler(await optimizeModel(model, new Uint8Array(3 * size)));
    expect(ordered.config).toMatchObject(changes);
  } else {
    expect(await failure(() => optimizeModel(model, new Uint8Array(size)))).toMatchObject({
      name: 'RangeError',
      argument: 'model',
      message: `model: expected a plain net with relu, got ${got}; use it as it is`,
    });
  }
  const integers = await loadSampler(await quantizeModel(model, new Uint8Array(3 * size)));
  expect(integers.config).toMatchObject({ ...changes, precision: 'int8' });
  const drawn = integers.sample({ count: 3, seed: 1 });
  expect(integers.sample({ count: 3, seed: 1, method: 'reference' })).toEqual(drawn);
});
