import { beforeAll, expect, it } from 'vitest';
import { type Labels, loadSampler, type Method, type Sampler } from '../ts/index.js';
import { classModel } from './class_model.js';
import { failure } from './failure.js';
import { configJson, randomModel } from './wasm.js';

const [height, width, classes] = [5, 4, 3];
const size = height * width;
const classNames = ['shirt', 'shoe', '7'];
const config = configJson({ height, width, filters: 4, blocks: 1, classes });
const model = classModel(config, 3, { classNames: JSON.stringify(classNames) });
let sampler: Sampler;
let plain: Sampler;
let nameless: Sampler;

beforeAll(async () => {
  sampler = await loadSampler(model);
  nameless = await loadSampler(classModel(config, 3));
  plain = await loadSampler(randomModel(configJson({ height, width, filters: 4, blocks: 1 }), 3));
});

it('draws by class: by number or name, one for all or one for each', () => {
  expect(sampler.classNames).toEqual(classNames);
  const each = sampler.sample({ count: 3, seed: 1, label: [1, 0, 2] });
  expect(each.labels).toEqual(Uint16Array.of(1, 0, 2));
  for (const label of [['shoe', 'shirt', '7'], ['shoe', 0, 2], Uint8Array.of(1, 0, 2), Uint16Array.of(1, 0, 2)]) {
    expect(sampler.sample({ count: 3, seed: 1, label })).toEqual(each);
  }
  for (const label of [1, 'shoe'] as const) {
    const shoes = sampler.sample({ count: 3, seed: 1, label });
    expect(shoes.labels).toEqual(Uint16Array.of(1, 1, 1));
    expect(shoes.data.subarray(0, size)).toEqual(each.data.subarray(0, size));
    expect(shoes.data.subarray(size)).not.toEqual(each.data.subarray(size));
  }
  expect(nameless.sample({ count: 3, seed: 1, label: [1, 0, 2] })).toEqual(each);
});

it('draws all classes in turn where none is asked for, by the number of the image alone', () => {
  const all = sampler.sample({ count: 8, seed: 2 });
  expect(all.labels).toEqual(Uint16Array.of(0, 1, 2, 0, 1, 2, 0, 1));
  const some = sampler.sample({ count: 3, seed: 2, startIndex: 4 });
  expect(some.labels).toEqual(Uint16Array.of(1, 2, 0));
  expect(some.data).toEqual(all.data.subarray(4 * size, 7 * size));
  expect(sampler.sample({ seed: 2, startIndex: 2 ** 53 - 2 }).labels).toEqual(
    Uint16Array.of(Number((2n ** 53n - 2n) % 3n)),
  );
  expect(plain.sample()).not.toHaveProperty('labels');
});

it('draws the same by every method, step by step, and where a call is split into several runs', () => {
  const label = Array.from({ length: 300 }, (_, i) => (i * i) % classes);
  const all = sampler.sample({ count: 300, seed: 3, label });
  for (const method of ['cached', 'naive', 'reference'] satisfies Method[]) {
    const some = sampler.sample({ count: 4, startIndex: 290, seed: 3, label: label.slice(290, 294), method });
    expect(some.data, method).toEqual(all.data.subarray(290 * size, 294 * size));
  }
  const steps = sampler.sampleSteps({ count: 300, seed: 3, label });
  let step = steps.next();
  while (!step.done) step = steps.next();
  expect(step.value).toEqual(all);
  expect(sampler.logProb(all, { labels: all.labels! })).toEqual(all.nats.map((x) => -x));
});

it('scores without a class by the mean over all, and classifies by Bayes’ theorem', () => {
  const images = sampler.sample({ count: 40, seed: 4 });
  const under = [0, 1, 2].map((labels) => sampler.logProb(images, { labels }));
  const { probabilities, shape, labels, logProb } = sampler.classify(images);
  expect(shape).toEqual([40, classes]);
  expect(sampler.logProb(images)).toEqual(logProb);
  for (let image = 0; image < 40; image++) {
    const p = under.map((each) => Math.exp(each[image]!));
    const whole = p.reduce((a, b) => a + b, 0);
    expect(logProb[image]).toBeCloseTo(Math.log(whole / classes), 9);
    const shares = [...probabilities.subarray(image * classes, (image + 1) * classes)];
    for (const [label, share] of shares.entries()) expect(share).toBeCloseTo(p[label]! / whole, 9);
    expect(labels[image]).toBe(shares.indexOf(Math.max(...shares)));
  }
  expect(new Set(labels).size).toBeGreaterThan(1);
  for (const method of ['cached', 'naive'] satisfies Method[]) {
    expect(sampler.classify(images, { method, skipping: 'none' })).toEqual({ probabilities, shape, labels, logProb });
  }
});

it('knows the classes of what it draws better than by chance', () => {
  const { data, shape, labels } = sampler.sample({ count: 300, seed: 5 });
  const found = sampler.classify({ data, shape }).labels;
  expect(found.filter((label, i) => label === labels![i]).length).toBeGreaterThan(150); // by chance 100, its deviation 8
});

it('asks for classes where what a pixel costs depends on them', async () => {
  const images = sampler.sample({ count: 2, seed: 1, label: 'shoe' });
  expect(sampler.pixelNats(images, { labels: 'shoe' }).shape).toEqual([2, height, width, 1]);
  expect(sampler.logits(images, { labels: [1, 1] })).toEqual(sampler.logits(images, { labels: 1 }));
  expect(sampler.logits(images, { labels: 0 })).not.toEqual(sampler.logits(images, { labels: 1 }));
  for (const call of [() => sampler.pixelNats(images), () => sampler.logits(images)]) {
    expect(await failure(call)).toMatchObject({
      name: 'TypeError',
      argument: 'labels',
      message: `labels: ${named}, got undefined; logProb and classify need none`,
    });
  }
});

const range = 'expected a class from 0 to 2';
const named = `${range}, or its name ("shirt", "shoe", "7")`;
const wrong: [label: unknown, kind: string, sentence: string][] = [
  [3, 'RangeError', `${named}, got 3`],
  [-1, 'RangeError', `${named}, got -1`],
  [0.5, 'RangeError', `${named}, got 0.5`],
  [Number.NaN, 'RangeError', `${named}, got NaN`],
  ['shoo', 'RangeError', `${named}, got "shoo"; did you mean shoe?`],
  ['hat', 'RangeError', `${named}, got "hat"`],
  ['1', 'RangeError', `${named}, got "1"`],
  [null, 'TypeError', `${named}, got null`],
  [1n, 'TypeError', `${named}, got 1n`],
  [{ length: 2 }, 'TypeError', `${named}, got an object of type Object`],
  [Float32Array.of(1, 0), 'TypeError', `${named}, got an object of type Float32Array`],
  [[1, 3], 'RangeError', `${named}, got 3 at index 1`],
  [['shoe', true], 'TypeError', `${named}, got true at index 1`],
  [Uint8Array.of(9, 0), 'RangeError', `${named}, got 9 at index 0`],
  [[1], 'RangeError', 'expected one class for all, or 2, one for each image, got 1'],
  [[], 'RangeError', 'expected one class for all, or 2, one for each image, got 0'],
];

it.each(wrong)('says one sentence to class %o', async (label, name, sentence) => {
  const images = new Uint8Array(2 * size);
  const calls: [argument: string, call: () => unknown][] = [
    ['label', () => sampler.sample({ count: 2, label: label as Labels })],
    ['label', () => sampler.sampleSteps({ count: 2, label: label as Labels })],
    ['labels', () => sampler.logProb(images, { labels: label as Labels })],
    ['labels', () => sampler.pixelNats(images, { labels: label as Labels })],
  ];
  for (const [argument, call] of calls) {
    expect(await failure(call)).toMatchObject({ name, argument, message: `${argument}: ${sentence}` });
  }
});

it('says so where a model names no classes, or has none', async () => {
  expect(nameless.classNames).toBeUndefined();
  expect(await failure(() => nameless.sample({ label: 'shoe' }))).toMatchObject({
    message: `label: ${range}, of a model that does not name them, got "shoe"`,
  });
  const images = new Uint8Array(size);
  expect(await failure(() => plain.sample({ label: 7 }))).toMatchObject({
    name: 'RangeError',
    message: 'label: expected none for a model without classes, got 7',
  });
  expect(await failure(() => plain.logProb(images, { labels: [0] }))).toMatchObject({
    message: 'labels: expected none for a model without classes, got an array of 1',
  });
  expect(await failure(() => plain.classify(images))).toMatchObject({
    name: 'RangeError',
    argument: 'model',
    message: 'model: expected one with classes to classify by, got one without',
  });
});

it('takes labels that lie or throw at their word, once, or not at all', async () => {
  const { proxy: revoked, revoke } = Proxy.revocable([], {});
  revoke();
  const throwing = Object.defineProperty([0, 1], 0, {
    get: () => {
      throw new Error('from a getter');
    },
  });
  for (const label of [revoked, throwing]) {
    expect(await failure(() => sampler.sample({ count: 2, label }))).toMatchObject({
      name: 'TypeError',
      argument: 'label',
    });
  }
  const labels = [1, 0];
  const steps = sampler.sampleSteps({ count: 2, seed: 1, label: labels });
  labels.fill(2);
  let step = steps.next();
  while (!step.done) step = steps.next();
  expect(step.value).toEqual(sampler.sample({ count: 2, seed: 1, label: [1, 0] }));
});
