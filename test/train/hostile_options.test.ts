/** Options that lie, change, throw or come from another realm: training's entries refuse them or take them at their first word. */

import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { expect, it } from 'vitest';
import { conversionsOf } from '../../ts/convert.js';
import { loadSampler } from '../../ts/load.js';
import { binariseImages } from '../../ts/train/data/binarisation.js';
import { firstImages, splitImages } from '../../ts/train/data/image_set.js';
import { loadData } from '../../ts/train/data/load_data.js';
import { readValidation } from '../../ts/train/run/record.js';
import { compareEvaluations, readEvaluation } from '../../ts/train/score/compare.js';
import { evaluate } from '../../ts/train/score/evaluate.js';
import { checkBackend, openBackend } from '../../ts/train/tensorflow/backend.js';
import { setUpTensorflow } from '../../ts/train/tensorflow/setup.js';
import { train } from '../../ts/train/train.js';
import { watchers } from '../../ts/train/watch/watcher.js';
import { failure } from '../failure.js';
import { configJson, randomModel } from '../wasm.js';
import { plain } from './run/run.js';
import { blobs, smallConfig } from './support.js';

const data = blobs(20, smallConfig);
const sampler = await loadSampler(randomModel(configJson(smallConfig), 1));

function revoked(of: object): never {
  const { proxy, revoke } = Proxy.revocable(of, {});
  revoke();
  return proxy as never;
}

/** Bytes that say they are others, and give no part of themselves. */
class Liar extends Uint8Array {
  override get length(): never {
    return 3 as never;
  }
  override subarray(): never {
    throw new Error('subarray');
  }
  override findIndex(): never {
    throw new Error('findIndex');
  }
}

const throwing = {
  get data(): never {
    throw new Error('from a getter');
  },
};

it('refuses what throws when it is looked at, naming the argument', async () => {
  const calls: [argument: string, call: () => unknown][] = [
    ['options', () => train(revoked({}))],
    ['data', () => train(throwing)],
    ['data', () => train({ data: revoked({}) })],
    ['config', () => train({ data, config: revoked({}) })],
    ['note', () => train({ data, note: revoked({}) })],
    ['backend', () => train({ data, backend: revoked({}) })],
    ['options', () => loadData(revoked({}))],
    ['data', () => loadData(throwing)],
    ['data', () => loadData({ data: revoked({}) })],
    ['images', () => binariseImages(revoked({}), 'x')],
    ['set', () => firstImages(revoked({}), 1)],
    ['set', () => splitImages(revoked({}))],
    ['sampler', () => evaluate({ sampler: revoked({}), data })],
    ['data', () => evaluate({ sampler, data: revoked({}) })],
    ['metadata', () => readValidation(revoked({}))],
    ['metadata', () => conversionsOf(revoked({}))],
    ['one', () => compareEvaluations(revoked({}), revoked({}))],
    ['x', () => readEvaluation(revoked({}), 'x')],
    ['options', () => openBackend('wasm', revoked({}))],
    ['options', () => setUpTensorflow(revoked({}))],
    ['all', () => watchers(revoked([]), () => {})],
    ['backend', () => checkBackend('backend', revoked({}))],
  ];
  for (const [argument, call] of calls) {
    expect(await failure(call)).toMatchObject({ name: 'TypeError', argument });
  }
});

it('uses what it checked, though a getter says another thing later', async () => {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(plain)) {
    let reads = 0;
    Object.defineProperty(options, name, { enumerable: true, get: () => (reads++ === 0 ? value : Symbol('later')) });
  }
  const [{ bytes }, { bytes: wanted }] = [await train(options as never).result, await train(plain).result];
  expect(Buffer.from(bytes).equals(wanted)).toBe(true);
});

it('takes bytes of a subclass for what they are', async () => {
  const pixels = new Liar(new Uint8Array(data.pixels).buffer);
  const lying = { ...data, pixels };
  expect(firstImages(lying, 3)).toEqual(firstImages(data, 3));
  expect(splitImages(lying)).toEqual(splitImages(data));
  const scored = async (images: typeof data) => {
    for await (const event of evaluate({ sampler, data: images })) if (event.type === 'end') return event.evaluation;
    return expect.unreachable();
  };
  expect(await scored(lying)).toEqual(await scored(data));
  const greys = { ...data, pixels: new Liar(data.pixels.map((level) => 255 * level).buffer as ArrayBuffer) };
  expect((await binariseImages(greys, 'x')).pixels).toEqual(data.pixels);
});

it('takes a URL and a signal of another realm', async () => {
  const there = vm.createContext({ URL, href: pathToFileURL('/nowhere').href, AbortController });
  const url = vm.runInContext('Object.setPrototypeOf(new URL(href), Object.create(URL.prototype))', there);
  expect(await failure(() => loadData({ data: url as URL }))).toMatchObject({ code: 'DATA_NOT_FOUND' });
  const reason = new Error('stopped');
  // Of the kind, and of no class of ours.
  const listeners = new Set<() => void>();
  const signal = {
    [Symbol.toStringTag]: 'AbortSignal',
    aborted: false,
    reason: undefined as unknown,
    addEventListener: (_: string, listener: () => void) => listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => listeners.delete(listener),
  };
  const run = train({ ...plain, signal: signal as never });
  const ended = failure(async () => {
    for await (const event of run) {
      if (event.type !== 'start') continue;
      Object.assign(signal, { aborted: true, reason });
      const told = [...listeners];
      listeners.clear(); // each is told once
      for (const listener of told) listener();
    }
  });
  expect(await ended).toBe(reason);
  expect(listeners.size).toBe(0);
  for (const call of [loadData, setUpTensorflow]) {
    expect(await failure(() => call({ offline: true, signal: signal as never }))).toBe(reason);
  }
  expect(await failure(() => evaluate({ sampler, data, signal: signal as never }).next())).toBe(reason);
});

it('refuses a note that no checkpoint could hold, at the call', async () => {
  const circular: Record<string, unknown> = {};
  circular.itself = circular;
  for (const note of [circular, { big: 1n }, { toJSON: () => undefined }]) {
    expect(await failure(() => train({ data, note }))).toMatchObject({ name: 'TypeError', argument: 'note' });
  }
});

it('refuses a scorer that gives no likelihoods', async () => {
  const { config } = sampler;
  for (const wrong of [null, 3]) {
    expect(
      await failure(() => evaluate({ sampler: { config: wrong, logProb: () => {} } as never, data })),
    ).toMatchObject({
      name: 'TypeError',
      argument: 'sampler',
    });
  }
  for (const given of [undefined, 3, [1, 2], new Array(20).fill('x'), new Float64Array(20).fill(Number.NaN)]) {
    const calls = evaluate({ sampler: { config, logProb: () => given as never }, data });
    expect(await failure(() => calls.next())).toMatchObject({ name: 'TypeError', argument: 'sampler' });
  }
});
