import { beforeAll, expect, it } from 'vitest';
import { loadSampler, type Method, PixelCnnError, type Sampler, type Skipping } from '../ts/index.js';
import { configJson, loadWasm, randomModel } from './wasm.js';

const height = 12;
const width = 11;
const size = height * width;
const model = randomModel(configJson({ height, width, filters: 8, blocks: 2 }), 3);
let sampler: Sampler;

beforeAll(async () => {
  sampler = await loadSampler(model);
});

it('draws what it was asked for and says how', () => {
  const samples = sampler.sample({ count: 3, seed: 5, startIndex: 7 });
  expect(samples).toMatchObject({ shape: [3, height, width, 1], seed: 5, startIndex: 7 });
  expect(samples.data).toHaveLength(3 * size);
  expect(new Set(samples.data)).toEqual(new Set([0, 1]));
  expect(samples.nats).toHaveLength(3);
  expect(sampler.sample().shape).toEqual([1, height, width, 1]);
  expect(samples.seedContract).toBe(loadWasm().seed_contract());
});

it('gives image i of a seed whatever the call, the batch and the method', () => {
  const all = sampler.sample({ count: 8, seed: 2 ** 53 - 1 });
  for (const method of ['wavefront', 'cached', 'naive', 'reference'] satisfies Method[]) {
    const some = sampler.sample({ count: 2, startIndex: 3, seed: 2 ** 53 - 1, method });
    expect(some.data, method).toEqual(all.data.subarray(3 * size, 5 * size));
    expect(some.nats, method).toEqual(all.nats.subarray(3, 5));
  }
  for (const skipping of ['none', 'rows', 'all'] satisfies Skipping[]) {
    expect(sampler.sample({ count: 8, seed: 2 ** 53 - 1, skipping }), skipping).toEqual(all);
  }
  expect(sampler.sample({ count: 8, seed: 0 }).data).not.toEqual(all.data);
});

it('gives the same images where a long call is split into several runs', () => {
  const count = 300; // over the 256 of one run
  const all = sampler.sample({ count, seed: 1 });
  const tail = sampler.sample({ count: 50, startIndex: 250, seed: 1 });
  expect(all.data.subarray(250 * size)).toEqual(tail.data);
  expect(all.nats.subarray(250)).toEqual(tail.nats);
  expect(sampler.logProb(all).map((x) => -x)).toEqual(all.nats);
  const seen = new Uint8Array(all.data.length);
  for (const { pixels } of sampler.sampleSteps({ count, seed: 1 })) {
    for (let i = 0; i < pixels.length; i += 3) seen[pixels[i]! * size + pixels[i + 1]!] = pixels[i + 2]!;
  }
  expect(seen).toEqual(all.data);
});

it('draws a seed inside the call where none is given, and reports it', () => {
  const first = sampler.sample({ count: 2 });
  const second = sampler.sample({ count: 2 });
  expect(first.seed).not.toBe(second.seed);
  expect(Number.isSafeInteger(first.seed)).toBe(true);
  expect(sampler.sample({ count: 2, seed: first.seed })).toEqual(first);
});

it('yields fronts whose pixels make up the images, and returns what sample returns', () => {
  const steps = sampler.sampleSteps({ count: 2, seed: 9 });
  const seen = new Map<number, number>();
  let done = 0;
  for (;;) {
    const step = steps.next();
    if (step.done) {
      expect(step.value).toEqual(sampler.sample({ count: 2, seed: 9 }));
      expect([...seen.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 2 * size }, (_, i) => i));
      expect(step.value.data.every((level, i) => seen.get(i) === level)).toBe(true);
      break;
    }
    const { pixels } = step.value;
    done += pixels.length / 3;
    expect(step.value).toMatchObject({ done, total: 2 * size });
    for (let i = 0; i < pixels.length; i += 3) seen.set(pixels[i]! * size + pixels[i + 1]!, pixels[i + 2]!);
  }
});

it('keeps any number of open runs apart', () => {
  const runs = [1, 2, 3].map((seed) => ({ seed, steps: sampler.sampleSteps({ count: 2, seed }) }));
  for (const { steps } of runs) steps.next();
  runs[1]!.steps.return(undefined as never); // one leaves early
  for (const { seed, steps } of [runs[2]!, runs[0]!]) {
    let step = steps.next();
    while (!step.done) step = steps.next();
    expect(step.value).toEqual(sampler.sample({ count: 2, seed }));
  }
});

it('frees the run of a loop that is left early', () => {
  const { memoryBytes } = loadWasm();
  const leave = () => {
    for (const _ of sampler.sampleSteps({ count: 256, seed: 1 })) break;
  };
  leave();
  const before = memoryBytes();
  for (let i = 0; i < 200; i++) leave();
  expect(memoryBytes()).toBe(before);
});

it('takes the most likely values at temperature 0, whatever the seed', () => {
  const { data } = sampler.sample({ count: 2, seed: 1, temperature: 0 });
  expect(sampler.sample({ count: 2, seed: 2, temperature: 0 }).data).toEqual(data);
  const { data: logits } = sampler.logits(data);
  expect(data).toEqual(Uint8Array.from(logits, (logit) => (logit > 0 ? 1 : 0)));
});

it('scores images by logits, by pixel and by image, in agreement', () => {
  const samples = sampler.sample({ count: 4, seed: 11 });
  const logits = sampler.logits(samples);
  const nats = sampler.pixelNats(samples);
  expect(logits.shape).toEqual([4, height, width, 1]);
  expect(nats.shape).toEqual([4, height, width, 1]);
  logits.data.forEach((logit, i) => {
    const signed = samples.data[i] === 1 ? -logit : logit;
    expect(nats.data[i]).toBeCloseTo(Math.log1p(Math.exp(signed)), 5);
  });
  expect(sampler.logProb(samples)).toEqual(samples.nats.map((x) => -x));
  for (const method of ['cached', 'naive', 'reference'] satisfies Method[]) {
    expect(sampler.logits(samples.data, { method }).data, method).toEqual(logits.data);
  }
});

it('gives each pixel probabilities that sum to one', () => {
  const { data: logits } = sampler.logits(new Uint8Array(size));
  const zeros = sampler.pixelNats(new Uint8Array(size)).data;
  expect(zeros[0]).toBeCloseTo(Math.log1p(Math.exp(logits[0]!)), 6);
  const one = new Uint8Array(size);
  one[size - 1] = 1; // the last pixel conditions no other
  const last = sampler.pixelNats(one).data[size - 1]!;
  expect(Math.exp(-last) + Math.exp(-zeros[size - 1]!)).toBeCloseTo(1, 6);
});

it('tells what it is', () => {
  expect(sampler.config).toMatchObject({ architecture: 'plain', height, width, channels: 1, levels: 2 });
  expect(sampler.metadata).toHaveProperty('config');
  const description = sampler.describe();
  expect(description.config).toEqual(sampler.config);
  expect(description.receptiveField.pixels).toBeGreaterThan(0);
  expect(description.layers.at(-1)).toMatchObject({ name: 'logits', outChannels: 1 });
});

it('refuses to be used after dispose, also through an open run', async () => {
  const short = await loadSampler(model);
  const steps = short.sampleSteps({ count: 1 });
  steps.next();
  short.dispose();
  short.dispose(); // a second time is harmless
  const images = new Uint8Array(size);
  const calls = [
    () => short.sample(),
    () => short.sampleSteps(),
    () => short.logits(images),
    () => short.pixelNats(images),
    () => short.logProb(images),
    () => short.describe(),
    () => steps.next(),
  ];
  for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  expect(short.config.height).toBe(height);
  expect(sampler.sample().shape).toEqual([1, height, width, 1]);
});

it('is disposed by using', async () => {
  let inner: Sampler;
  {
    using scoped = await loadSampler(model);
    inner = scoped;
    inner.sample();
  }
  expect(() => inner.sample()).toThrow(PixelCnnError);
});

it('calls a logit that is not finite an error, names where, and works on', async () => {
  const wasm = loadWasm();
  const config = configJson({ height: 2, width: 2, filters: 2, blocks: 0, headLayers: 1, firstKernel: 3 });
  const { parameters } = JSON.parse(wasm.describe(config)) as { parameters: number };
  const weights = new Float32Array(parameters);
  weights.fill(3e38, -9); // the biases and kernels of the last layers, where no mask stands
  const huge = await loadSampler(wasm.write_model(config, '{}', weights));
  expect(() => huge.sample({ count: 1, startIndex: 4 })).toThrow(
    expect.objectContaining({
      name: 'PixelCnnError',
      code: 'NON_FINITE_LOGIT',
      message: expect.stringContaining('image 4'),
    }),
  );
  expect(sampler.sample({ seed: 1 }).shape[0]).toBe(1);
});
