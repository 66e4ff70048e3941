import { beforeAll, expect, it } from 'vitest';
import { createSampler, loadSampler, type Sampler } from '../ts/index.js';
import { configJson, randomModel } from './wasm.js';

const size = 12;
let sampler: Sampler;

beforeAll(async () => {
  sampler = await loadSampler(randomModel(configJson({ height: 3, width: 4, filters: 4, blocks: 1 }), 1));
});

const integer = (max: number) => `expected an integer from 1 to ${max}`;
const seedRange = 'expected an integer from 0 to 9007199254740991';
const temperatureRange = 'expected a finite number of at least 0';

// What JavaScript may pass, which the types of TypeScript would not let through.
const wrong: [options: object, error: typeof RangeError | typeof TypeError, message: string][] = [
  [{ count: 0 }, RangeError, `count: ${integer(2 ** 20)}, got 0`],
  [{ count: -1 }, RangeError, `count: ${integer(2 ** 20)}, got -1`],
  [{ count: 1.5 }, RangeError, `count: ${integer(2 ** 20)}, got 1.5`],
  [{ count: Number.NaN }, RangeError, `count: ${integer(2 ** 20)}, got NaN`],
  [{ count: 1e12 }, RangeError, `count: ${integer(2 ** 20)}, got 1000000000000; draw more in several calls`],
  [{ count: '3' }, TypeError, `count: ${integer(2 ** 20)}, got "3"`],
  [{ count: null }, TypeError, `count: ${integer(2 ** 20)}, got null`],
  [{ seed: Number.NaN }, RangeError, `seed: ${seedRange}, got NaN`],
  [{ seed: -1 }, RangeError, `seed: ${seedRange}, got -1`],
  [{ seed: 0.5 }, RangeError, `seed: ${seedRange}, got 0.5`],
  [{ seed: 2 ** 53 }, RangeError, `seed: ${seedRange}, got 9007199254740992`],
  [{ seed: 1e300 }, RangeError, `seed: ${seedRange}, got 1e+300`],
  [{ seed: 1n }, TypeError, `seed: ${seedRange}, got 1n`],
  [{ temperature: -1 }, RangeError, `temperature: ${temperatureRange}, got -1`],
  [{ temperature: Number.NaN }, RangeError, `temperature: ${temperatureRange}, got NaN`],
  [{ temperature: Number.POSITIVE_INFINITY }, RangeError, `temperature: ${temperatureRange}, got Infinity`],
  [{ startIndex: -1 }, RangeError, 'startIndex: expected an integer from 0 to 9007199254740990, got -1'],
  [{ startIndex: 2 ** 53 - 4, count: 4 }, RangeError, 'startIndex: expected an integer from 0 to 9007199254740987'],
  [{ method: 'fast' }, RangeError, 'method: expected one of wavefront, cached, naive, reference, got "fast"'],
  [{ method: 3 }, TypeError, 'method: expected one of wavefront, cached, naive, reference, got 3'],
  [{ skipping: 'some' }, RangeError, 'skipping: expected one of none, background, all, got "some"'],
  [
    { temprature: 1 },
    TypeError,
    'expected only count, seed, temperature, startIndex, method, skipping, got "temprature"',
  ],
];

for (const [options, error, message] of wrong) {
  it(`says one sentence to ${Object.entries(options).map(([name, value]) => `${name} ${String(value)}`)}`, () => {
    const check = (call: () => unknown) => {
      expect(call).toThrow(error);
      expect(call).toThrow(message);
    };
    check(() => sampler.sample(options));
    check(() => sampler.sampleSteps(options)); // at once, not at the first step
  });
}

it('takes the ends of every range', () => {
  const options = { count: 1, seed: 2 ** 53 - 1, startIndex: 2 ** 53 - 2, temperature: Number.MIN_VALUE };
  expect(sampler.sample(options)).toMatchObject({ seed: 2 ** 53 - 1, startIndex: 2 ** 53 - 2 });
  expect(sampler.sample({ seed: 0, startIndex: 0, temperature: 0 }).shape[0]).toBe(1);
  expect(sampler.sample({ temperature: Number.MAX_VALUE }).shape[0]).toBe(1);
});

it('refuses options that are no object', () => {
  expect(() => sampler.sample(null as never)).toThrow('options: expected an object, got null');
  expect(() => sampler.sample(16 as never)).toThrow('options: expected an object, got 16');
});

const images: [value: unknown, error: typeof RangeError | typeof TypeError, message: string][] = [
  [[0, 1], TypeError, 'images: expected a Uint8Array of levels, or { data: Uint8Array, shape }, got an array of 2'],
  [new Float32Array(size), TypeError, 'got an object of type Float32Array'],
  [undefined, TypeError, 'got undefined'],
  [new Uint8Array(0), RangeError, 'images: expected whole images of [3, 4, 1], 12 pixels each, got 0 pixels'],
  [new Uint8Array(size + 1), RangeError, 'images: expected whole images of [3, 4, 1], 12 pixels each, got 13 pixels'],
  [new Uint8Array(2 * size).fill(2, 17, 18), RangeError, 'images: expected levels from 0 to 1, got 2 at index 17'],
  [{ data: new Uint8Array(size), shape: [1, 4, 3, 1] }, RangeError, 'images: expected shape [1, 3, 4, 1]'],
  [{ data: new Uint8Array(size), shape: [2, 3, 4, 1] }, RangeError, 'images: expected shape [1, 3, 4, 1]'],
  [{ data: new Uint8Array(size) }, RangeError, 'images: expected shape [1, 3, 4, 1] for 12 pixels, got undefined'],
];

for (const [value, error, message] of images) {
  it(`says of images: ${message}`, () => {
    for (const name of ['logits', 'pixelNats', 'logProb'] as const) {
      const act = () => sampler[name](value as never);
      expect(act).toThrow(error);
      expect(act).toThrow(message);
    }
  });
}

it('refuses what is no model and no module', async () => {
  const kinds = 'model: expected a path, a URL, a Uint8Array, an ArrayBuffer or a Response';
  for (const value of [undefined, 3, {}, [1, 2]]) {
    await expect(loadSampler(value as never)).rejects.toThrow(new RegExp(`^${kinds}, got `));
    await expect(loadSampler(value as never)).rejects.toBeInstanceOf(TypeError);
  }
  await expect(loadSampler('')).rejects.toThrow(`${kinds}, got an empty string`);
  await expect(loadSampler('x', { signal: {} as never })).rejects.toThrow('signal: expected an AbortSignal');
  await expect(loadSampler('x', { sginal: 1 } as never)).rejects.toThrow('options: expected only signal, memoryLimit, got "sginal"');
  expect(() => createSampler({ module: new Uint8Array(8) as never, model: new Uint8Array(8) })).toThrow(
    'module: expected a WebAssembly.Module, got an object of type Uint8Array',
  );
  expect(() => createSampler(undefined as never)).toThrow('createSampler: expected an object, got undefined');
});
