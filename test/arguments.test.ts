import { beforeAll, expect, it } from 'vitest';
import { argumentOf, show } from '../ts/arguments.js';
import { createSampler, loadSampler, optimizeModel, type Sampler } from '../ts/index.js';
import { loadCore } from '../ts/train/net/core.js';
import { failure } from './failure.js';
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
  [
    { count: 1e12 },
    RangeError,
    `count: ${integer(2 ** 20)}, got 1000000000000; draw more in several calls, each from where the last one ended`,
  ],
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
  [
    { startIndex: 2 ** 53 - 4, count: 4 },
    RangeError,
    'startIndex: expected an integer from 0 to 9007199254740987, got 9007199254740988',
  ],
  [{ method: 'fast' }, RangeError, 'method: expected one of wavefront, cached, naive, reference, got "fast"'],
  [{ method: 3 }, TypeError, 'method: expected one of wavefront, cached, naive, reference, got 3'],
  [{ skipping: 'some' }, RangeError, 'skipping: expected one of none, rows, all, got "some"'],
  [
    { skipping: 'background' },
    RangeError,
    'skipping: expected one of none, rows, all, got "background", which "rows" has replaced',
  ],
  [
    { temprature: 1 },
    TypeError,
    'options: expected only count, seed, temperature, startIndex, method, skipping, label, given, got "temprature"; did you mean temperature?',
  ],
];

for (const [options, error, message] of wrong) {
  it(`says one sentence to ${Object.entries(options).map(([name, value]) => `${name} ${String(value)}`)}`, () => {
    const argument = /^(\w+): /.exec(message)?.[1] ?? 'options';
    const check = (call: () => unknown) => {
      expect(call).toThrow(error);
      expect(call).toThrow(expect.objectContaining({ argument, message }));
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
  expect(() => sampler.sample(null as never)).toThrow(new TypeError('options: expected a plain object, got null'));
  expect(() => sampler.sample(16 as never)).toThrow(new TypeError('options: expected a plain object, got 16'));
});

const levels = 'images: expected a Uint8Array or a Uint16Array of levels, or { data, shape } with such data';
const shape = 'images: expected shape [1, 3, 4, 1] for 12 pixels';
const images: [value: unknown, error: typeof RangeError | typeof TypeError, message: string][] = [
  [[0, 1], TypeError, `${levels}, got an array of 2`],
  [new Float32Array(size), TypeError, `${levels}, got an object of type Float32Array`],
  [undefined, TypeError, `${levels}, got undefined`],
  [new Uint8Array(0), RangeError, 'images: expected whole images of [3, 4, 1], 12 pixels each, got 0 pixels'],
  [new Uint8Array(size + 1), RangeError, 'images: expected whole images of [3, 4, 1], 12 pixels each, got 13 pixels'],
  [new Uint8Array(2 * size).fill(2, 17, 18), RangeError, 'images: expected levels from 0 to 1, got 2 at index 17'],
  [{ data: new Uint8Array(size), shape: [1, 4, 3, 1] }, RangeError, `${shape}, got [1, 4, 3, 1]`],
  [{ data: new Uint8Array(size), shape: [2, 3, 4, 1] }, RangeError, `${shape}, got [2, 3, 4, 1]`],
  [{ data: new Uint8Array(size), shape: [1, 3, 4, 1, 1] }, RangeError, `${shape}, got [1, 3, 4, 1, ...]`],
  [{ data: new Uint8Array(size) }, RangeError, `${shape}, got undefined`],
];

for (const [value, error, message] of images) {
  it(`says of images: ${message}`, () => {
    for (const name of ['logits', 'pixelNats', 'logProb'] as const) {
      const act = () => sampler[name](value as never);
      expect(act).toThrow(error);
      expect(act).toThrow(expect.objectContaining({ argument: 'images', message }));
    }
  });
}

it('refuses what is no model and no module', async () => {
  const kinds = 'model: expected a path, a URL, a Uint8Array, an ArrayBuffer, a Blob or a Response';
  for (const [value, got] of [
    [undefined, 'undefined'],
    [3, '3'],
    [{}, 'an object of type Object'],
    [[1, 2], 'an array of 2'],
  ]) {
    await expect(loadSampler(value as never)).rejects.toThrow(new TypeError(`${kinds}, got ${got}`));
  }
  await expect(loadSampler('')).rejects.toThrow(
    new TypeError('model: expected a path, a URL, a Uint8Array, an ArrayBuffer, a Blob or a Response, got ""'),
  );
  await expect(loadSampler('x', { signal: {} as never })).rejects.toThrow(
    new TypeError('signal: expected an AbortSignal, got an object of type Object'),
  );
  for (const [sharing, error] of [
    [8, new TypeError('sharing: expected a plain object, got 8')],
    [{ bytes: 8 }, new TypeError('sharing: expected only megabytes, got "bytes"')],
    [{ megabytes: '8' }, new TypeError('sharing.megabytes: expected a number from 0 to 2000, got "8"')],
    [{ megabytes: -1 }, new RangeError('sharing.megabytes: expected a number from 0 to 2000, got -1')],
    [{ megabytes: 2001 }, new RangeError('sharing.megabytes: expected a number from 0 to 2000, got 2001')],
  ] as const) {
    await expect(loadSampler('x', { sharing } as never)).rejects.toThrow(error);
  }
  await expect(loadSampler('x', { sginal: 1 } as never)).rejects.toThrow(
    new TypeError(
      'options: expected only signal, memoryLimit, sharing, wasm, onProgress, got "sginal"; did you mean signal?',
    ),
  );
  expect(() => createSampler({ module: new Uint8Array(8) as never, model: new Uint8Array(8) })).toThrow(
    new TypeError('module: expected a WebAssembly.Module, got an object of type Uint8Array'),
  );
  expect(() => createSampler(undefined as never)).toThrow(
    new TypeError('createSampler: expected a plain object, got undefined'),
  );
});

it('names the argument on every error that one led to, and on no other', async () => {
  const core = await loadCore();
  const { config } = sampler;
  const model = new Uint8Array(9);
  const calls: [argument: string | undefined, call: () => unknown][] = [
    ['model', () => loadSampler(3 as never)],
    ['model', () => loadSampler('no such file')],
    ['model', () => loadSampler('http://')],
    ['model', () => loadSampler(model)],
    ['model', () => optimizeModel(model, new Uint8Array(size))],
    ['module', () => createSampler({ module: 3 as never, model })],
    ['signal', () => loadSampler(model, { signal: 3 as never })],
    ['options', () => loadSampler(model, { sginal: 3 } as never)],
    ['createSampler', () => createSampler(null as never)],
    ['calibration', () => optimizeModel(model, model, { calibration: 3n as never })],
    ['config', () => core.describe(null as never)],
    ['config', () => core.describe({ ...config, firstKernel: 4 })],
    ['config.filters', () => core.describe({ ...config, filters: 2n as never })],
    [undefined, () => new Array(-1)],
    [undefined, () => Promise.reject(undefined)],
  ];
  for (const [argument, call] of calls) expect(argumentOf(await failure(call)), String(call)).toBe(argument);
  const error = await failure(() => sampler.sample({ count: 0 }));
  expect(Object.keys(error as object)).toEqual([]); // printed as any other RangeError
});

it('calls a config that is given a wrong argument, whatever is wrong with it', async () => {
  const core = await loadCore();
  const { config } = sampler;
  const wrong: [changes: object, error: typeof RangeError | typeof TypeError, message: string][] = [
    [{ firstKernel: 4 }, RangeError, 'config: firstKernel must be odd, because the mask needs a centre, got 4'],
    [{ levels: 1 }, RangeError, 'config: levels must be an integer from 2 to 512, got 1'],
    [{ heads: 1 }, RangeError, 'config: has a field `heads` that this version does not know'],
    [{ blocks: Number.NaN }, TypeError, 'config.blocks: expected a finite number or a name, got NaN'],
  ];
  for (const [changes, error, message] of wrong) {
    const act = () => core.describe({ ...config, ...changes });
    expect(act).toThrow(error);
    expect(act).toThrow(message);
  }
});

it('shows an object by the name of its class, short and on one line', () => {
  class Own {}
  const named = (name: unknown) => ({ constructor: { name } });
  expect(show(new Own())).toBe('an object of type Own');
  for (const nameless of [Object.create(null), new (class {})(), named('')]) {
    expect(show(nameless)).toBe('an object of type Object');
  }
  expect(show(named('x'.repeat(99)))).toBe(`an object of type ${'x'.repeat(60)}...`);
  expect(show(named('a\nb'))).toBe('an object of type a\\nb');
  const itself = named(undefined);
  itself.constructor.name = itself;
  expect(show(itself)).toBe('an object of type [object Object]');
});
