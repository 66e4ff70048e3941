/** Arguments that lie, change, throw or go away: each is refused or taken at its word, and no other sampler notices. */

import { afterEach, expect, it, vi } from 'vitest';
import { createSampler, loadSampler, optimizeModel, quantizeModel } from '../ts/index.js';
import { enter } from '../ts/instance.js';
import { maxModelBytes } from '../ts/model_source.js';
import { failure } from './failure.js';
import { configJson, randomModel, wasmModule } from './wasm.js';

const model = randomModel(configJson({ height: 3, width: 4, filters: 4, blocks: 1 }), 1);
const size = 12;
const module = wasmModule();
const good = await loadSampler(model);
const wanted = good.sample({ count: 3, seed: 1 });

// Whatever a test did, a sampler that was there before draws what it drew.
afterEach(() => expect(good.sample({ count: 3, seed: 1 })).toEqual(wanted));

/** Bytes whose buffer has gone to another thread. */
function detached(bytes: Uint8Array): Uint8Array {
  const gone = new Uint8Array(bytes);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  return gone;
}

/** Bytes at the end of a buffer that has shrunk since. */
function outOfBounds(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  // The types of ES2023 know no second argument.
  const buffer = Reflect.construct(ArrayBuffer, [2 * length, { maxByteLength: 2 * length }]) as ArrayBuffer & {
    resize(length: number): void;
  };
  const view = new Uint8Array(buffer, length, length);
  buffer.resize(length);
  return view;
}

const gone = /^(model|images|given): expected bytes, got a buffer whose memory is gone; transfer a copy$/;

it('refuses bytes whose memory is gone, in one sentence', async () => {
  const images = new Uint8Array(size);
  for (const lose of [detached, outOfBounds]) {
    const [lostModel, lostImages] = [lose(model), lose(images)];
    const calls = [
      () => createSampler({ module, model: lostModel }),
      () => loadSampler(lostModel),
      () => optimizeModel(lostModel, images),
      () => quantizeModel(lostModel, images),
      () => optimizeModel(model, lostImages),
      () => quantizeModel(model, { data: lostImages, shape: [1, 3, 4, 1] }),
      () => good.logits(lostImages),
      () => good.pixelNats({ data: lostImages, shape: [1, 3, 4, 1] }),
      () => good.logProb(lostImages),
      () => good.sample({ given: { data: lostImages, known: images } }),
    ];
    for (const call of calls) {
      const error = await failure(call);
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(gone);
      expect(error).toHaveProperty('argument');
    }
  }
  expect((await failure(() => loadSampler(detached(model).buffer as ArrayBuffer))).message).toMatch(gone);
});

it('does not mind what becomes of bytes after the call', async () => {
  const bytes = new Uint8Array(model);
  const images = new Uint8Array(wanted.data);
  const calls = [loadSampler(bytes), loadSampler(bytes.buffer), optimizeModel(bytes, images)] as const;
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  images.fill(255);
  const [sampler, other, optimised] = await Promise.all(calls);
  for (const made of [sampler, other]) expect(made.sample({ count: 3, seed: 1 })).toEqual(wanted);
  expect(optimised).toEqual(await optimizeModel(model, wanted.data));
});

/** Says that it has 8 bytes, throws from all that it can, and gives none of itself. */
class Liar extends Uint8Array {
  override get length(): never {
    return 8 as never;
  }
  override get byteLength(): never {
    throw new Error('byteLength');
  }
  override get byteOffset(): never {
    throw new Error('byteOffset');
  }
  override get buffer(): never {
    throw new Error('buffer');
  }
  static get [Symbol.species](): never {
    throw new Error('species');
  }
  override subarray(): never {
    throw new Error('subarray');
  }
  override slice(): never {
    throw new Error('slice');
  }
  override findIndex(): never {
    throw new Error('findIndex');
  }
  override set(): never {
    throw new Error('set');
  }
  override [Symbol.iterator](): never {
    throw new Error('iterator');
  }
}

/** A liar that holds these bytes. */
function lying(numbers: Uint8Array | Uint16Array): Uint8Array {
  const { buffer } = new Uint8Array(numbers);
  return new Liar(buffer as ArrayBuffer);
}

it('takes a subclass for the bytes that it has, whatever it says', async () => {
  const images = lying(wanted.data);
  const samplers = [createSampler({ module, model: lying(model) }), await loadSampler(lying(model))];
  for (const sampler of samplers) expect(sampler.sample({ count: 3, seed: 1 })).toEqual(wanted);
  expect(good.logProb(images)).toEqual(good.logProb(wanted));
  expect(good.logits({ data: images, shape: wanted.shape })).toEqual(good.logits(wanted));
  const known = lying(new Uint8Array(3 * size).fill(1));
  expect(good.sample({ count: 3, seed: 1, given: { data: images, known } })).toEqual(wanted);
  expect(await quantizeModel(lying(model), images)).toEqual(await quantizeModel(model, wanted.data));
});

it('takes bytes that threads share, and those of a buffer that can grow', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(model.length));
  shared.set(model);
  const growing = new Uint8Array(Reflect.construct(ArrayBuffer, [model.length, { maxByteLength: 2 ** 20 }]));
  growing.set(model);
  for (const bytes of [shared, growing]) {
    expect((await loadSampler(bytes)).sample({ count: 3, seed: 1 })).toEqual(wanted);
    expect(createSampler({ module, model: bytes }).sample({ count: 3, seed: 1 })).toEqual(wanted);
  }
  const error = await failure(() => loadSampler(shared.buffer as never));
  expect(error.message).toMatch(/^model: expected a path, .* got an object of type SharedArrayBuffer$/);
});

it('refuses proxies of bytes, and objects that throw when they are looked at', async () => {
  const thrower = new Proxy(
    {},
    {
      get() {
        throw new Error('from the proxy');
      },
    },
  );
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const value of [new Proxy(model, {}), thrower, revoked, { __proto__: Uint8Array.prototype }]) {
    expect((await failure(() => loadSampler(value as never))).message).toMatch(/^model: expected a path, /);
    expect((await failure(() => createSampler({ module, model: value as never }))).message).toMatch(
      /^model: expected a Uint8Array or an ArrayBuffer, got /,
    );
    expect((await failure(() => createSampler({ module: value as never, model }))).message).toMatch(
      /^module: expected a WebAssembly.Module, got /,
    );
    await failure(() => good.logits(value as never));
  }
  // By name alone.
  for (const value of [new URL('http://localhost/'), { [Symbol.toStringTag]: 'Response' }]) {
    expect((await failure(() => loadSampler(new Proxy(value, {}) as never))).message).toMatch(
      /^model: expected a path, /,
    );
  }
  const signals = [{ [Symbol.toStringTag]: 'AbortSignal' }, { aborted: false }, null, 'x'];
  for (const signal of signals) {
    const error = await failure(() => loadSampler(model, { signal: signal as never }));
    expect(error.message).toMatch(/^signal: expected an AbortSignal, got /);
  }
});

it('refuses options and images that throw when they are read, naming them', async () => {
  const get = () => {
    throw new Error('from a getter');
  };
  const throwing = (name: string) => Object.defineProperty({}, name, { enumerable: true, get });
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const calls: [argument: string, call: () => unknown][] = [
    ['options', () => good.sample(revoked)],
    ['seed', () => good.sample(throwing('seed'))],
    ['given', () => good.sample({ given: throwing('known') as never })],
    ['given', () => good.sample({ given: revoked as never })],
    ['options', () => good.sampleSteps(revoked)],
    ['images', () => good.logits(revoked as never)],
    ['images', () => good.logProb(throwing('data') as never)],
    ['images', () => good.logits({ data: new Uint8Array(12), shape: new Proxy([], { get: () => Symbol('length') }) })],
    ['options', () => loadSampler(model, revoked)],
    ['signal', () => loadSampler(model, throwing('signal'))],
    ['createSampler', () => createSampler(revoked as never)],
    ['options', () => quantizeModel(model, wanted, revoked)],
  ];
  for (const [argument, call] of calls) {
    expect(await failure(call)).toMatchObject({ name: 'TypeError', argument });
  }
});

it('reads each option once, and uses what it checked', async () => {
  const counted = <T extends object>(options: T) => {
    const reads: Record<string, number> = {};
    const once = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, { value }]));
    const object = {};
    for (const name of Object.keys(once)) {
      Object.defineProperty(object, name, {
        enumerable: true,
        get: () => {
          reads[name] = (reads[name] ?? 0) + 1;
          return reads[name] === 1 ? once[name]!.value : Number.NaN; // the second time, something else
        },
      });
    }
    return { object: object as T, reads };
  };
  const options = { count: 3, seed: 1, temperature: 1, startIndex: 0, method: 'cached', skipping: 'none' } as const;
  const drawing = counted(options);
  expect(good.sample(drawing.object)).toEqual(wanted);
  expect(Object.values(drawing.reads)).toEqual([1, 1, 1, 1, 1, 1]);
  const images = counted({ data: wanted.data, shape: wanted.shape });
  expect(good.logits(images.object)).toEqual(good.logits(wanted));
  expect(images.reads).toEqual({ data: 1, shape: 1 });
  const loading = counted({ signal: new AbortController().signal });
  await loadSampler(model, loading.object);
  expect(loading.reads).toEqual({ signal: 1 });
  const given = counted({ data: wanted.data.slice(), known: new Uint8Array(3 * size).fill(1) });
  expect(good.sample({ count: 3, seed: 1, given: given.object })).toEqual(wanted);
  expect(given.reads).toEqual({ data: 1, known: 1 });
  const parts = counted({ module, model });
  createSampler(parts.object);
  expect(parts.reads).toEqual({ module: 1, model: 1 });
});

it('reads options from a prototype, as JavaScript does', () => {
  expect(good.sample(Object.create({ count: 3, seed: 1 }))).toEqual(wanted);
});

it('refuses a calibration that is no text before anything is computed', async () => {
  const circular: Record<string, unknown> = {};
  circular.itself = circular;
  const toJSON = () => {
    throw new Error('toJSON');
  };
  for (const calibration of [1n, circular, { toJSON }, null, 3]) {
    for (const convert of [optimizeModel, quantizeModel]) {
      const error = await failure(() => convert(model, wanted.data, { calibration: calibration as never }));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(/^calibration: expected a text of at most 1000 characters, got /);
    }
  }
});

it('refuses a calibration that no header could hold', async () => {
  const error = await failure(() => quantizeModel(model, wanted.data, { calibration: 'x'.repeat(1e6) }));
  expect(error).toMatchObject({ name: 'RangeError', argument: 'calibration' });
  expect(error.message).toBe('calibration: expected a text of at most 1000 characters, got 1000000');
});

it('says so where the host has no room for what is asked', async () => {
  const config = configJson({ height: 4096, width: 4096, filters: 2, blocks: 0, headLayers: 0, firstKernel: 3 });
  const large = await loadSampler(randomModel(config, 1));
  const drawing = [() => large.sample({ count: 2 ** 20 }), () => [...large.sampleSteps({ count: 2 ** 20 })]];
  for (const draw of drawing) {
    const error = await failure(draw);
    expect(error).toMatchObject({ name: 'PixelCnnError', code: 'OUT_OF_MEMORY', argument: 'count' });
    expect(error.message).toBe(
      'count: expected 17592186044416 bytes of memory, the host has none; ask for less at once',
    );
  }
});

it('does not print a whole data: URL', async () => {
  const error = await failure(() => loadSampler(`data:;base64,${'$'.repeat(1e5)}`));
  expect(error.message.length).toBeLessThan(200);
});

it('says one line about shapes that are strange', async () => {
  const axes = new Proxy([1, 3, 4, 1], {});
  expect(good.logits({ data: wanted.data.slice(0, size), shape: axes }).shape).toEqual([1, 3, 4, 1]);
  const lists: [shape: unknown, got: string][] = [
    [[Symbol('x'), 3, 4, 1], '[Symbol(x), 3, 4, 1]'],
    [[[1], 'a\nb', {}, null], '[an array of 1, "a\\nb", an object of type Object, null]'],
    [Array.from({ length: 1e6 }), '[undefined, undefined, undefined, undefined, ...]'],
    [Int32Array.of(1, 3, 4, 1), 'an object of type Int32Array'],
  ];
  for (const [shape, got] of lists) {
    const error = await failure(() => good.logits({ data: new Uint8Array(size), shape: shape as never }));
    expect(error.message).toBe(`images: expected shape [1, 3, 4, 1] for 12 pixels, got ${got}`);
  }
});

it('refuses a model of more bytes than it could run', async () => {
  const large = new Uint8Array(maxModelBytes + 1); // which the host gives only as they are touched
  for (const call of [
    () => createSampler({ module, model: large }),
    () => loadSampler(large),
    () => loadSampler(large.buffer),
  ]) {
    expect(await failure(call)).toMatchObject({ code: 'MODEL_TOO_LARGE', argument: 'model' });
  }
});

it('gives errors of the core their public form, and works on', async () => {
  expect(await failure(() => enter((core) => core.random_words(0.5, 1, 0, 0, 1), 'seed'))).toMatchObject({
    name: 'RangeError',
    argument: 'seed',
    message: 'seed must be an integer from 0 to 2^53 - 1, got 0.5',
  });
  expect(enter((core) => core.random_words(0, 1, 0, 0, 1))).toBe(1);
});

it('enters only with stack to spare, since WebAssembly that comes to its end is as after a trap', () => {
  let depth = 0;
  const measure = (at: number): void => {
    depth = at;
    measure(at + 1);
  };
  for (let i = 0; i < 3; i++) expect(() => measure(0)).toThrow(RangeError);
  const below = (frames: number, call: () => unknown): unknown => (frames === 0 ? call() : below(frames - 1, call));
  let entered = 0;
  let ended = 0;
  const end = () => ended++;
  const inside = () => {
    entered++;
    below(20, end);
    return 0;
  };
  const call = () => enter(inside);
  below(3, call); // what is called for the first time is compiled, for which a host wants far more stack
  for (let left = 0; left < depth; left += Math.ceil((1 + left) / 100)) {
    try {
      below(depth - left, call);
    } catch (error) {
      expect(error).not.toHaveProperty('code'); // the language's own
    }
  }
  expect(entered).toBeGreaterThan(0);
  expect(ended).toBe(entered);
});

it('goes no further where the stack has ended inside all the same', async () => {
  vi.resetModules(); // a gate of its own, which stays shut
  const fresh = await import('../ts/instance.js');
  const endless = (): number => 1 + endless();
  for (const call of [endless, () => 1]) {
    const error = await failure(() => fresh.enter(call));
    expect(error).toMatchObject({ code: 'INTERNAL', cause: expect.any(RangeError) });
  }
});

it('is not spoilt by a module that is another program’s', async () => {
  vi.resetModules(); // an instance of its own
  const fresh = await import('../ts/index.js');
  const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  expect(() => fresh.createSampler({ module: empty, model })).toThrow(
    expect.objectContaining({ code: 'WASM_LOAD_FAILED', argument: 'module' }),
  );
  expect(fresh.createSampler({ module, model }).sample({ count: 3, seed: 1 })).toEqual(wanted);
});
