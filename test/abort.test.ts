import { getEventListeners } from 'node:events';
import { expect, it, vi } from 'vitest';
import { abortable, onAbort } from '../ts/abort.js';
import { loadSampler, optimizeModel } from '../ts/index.js';
import { configJson, randomModel } from './wasm.js';

const model = randomModel(configJson({ height: 3, width: 4, filters: 4, blocks: 1 }), 1);
const reason = new Error('enough');

/** A response whose body has a beginning and no end, and tells whether it was given up. */
function hanging(): { response: Response; cancelled: () => unknown } {
  let given: unknown;
  const body = new ReadableStream<Uint8Array>({
    start: (stream) => stream.enqueue(model.slice(0, 9)),
    cancel: (why) => {
      given = why;
    },
  });
  return { response: new Response(body), cancelled: () => given };
}

it('gives up a response that hangs, by a timer, and lets its body go', async () => {
  for (const load of [loadSampler, (source: Response, options: object) => optimizeModel(source, model, options)]) {
    const { response, cancelled } = hanging();
    const controller = new AbortController();
    const loading = load(response, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 5);
    await expect(loading).rejects.toBe(reason);
    expect(cancelled()).toBe(reason);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  }
  await expect(loadSampler(hanging().response, { signal: AbortSignal.timeout(5) })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
});

it('gives up what never answers, whatever it is', async () => {
  vi.spyOn(globalThis, 'fetch').mockImplementation(() => new Promise(() => {})); // deaf to the signal
  const controller = new AbortController();
  const loading = loadSampler('http://localhost/model', { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 5);
  await expect(loading).rejects.toBe(reason);
  vi.restoreAllMocks();
});

it('waits for a signal with one listener, however many calls there are, and takes it away at the end', async () => {
  const warned = vi.fn();
  process.on('warning', warned);
  const controller = new AbortController();
  const { signal } = controller;
  const path = new URL('golden/tiny.safetensors', import.meta.url);
  await Promise.all(Array.from({ length: 20 }, () => loadSampler(path, { signal })));
  expect(getEventListeners(signal, 'abort')).toEqual([]);

  const calls = Array.from({ length: 20 }, () => loadSampler(hanging().response, { signal }));
  const settled = Promise.allSettled(calls);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  controller.abort(reason);
  for (const result of await settled) expect(result).toEqual({ status: 'rejected', reason });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve)); // warnings come on the next turn
  expect(warned).not.toHaveBeenCalled();
  process.off('warning', warned);
});

it('tells those who wait, once, and nobody who left', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const told: string[] = [];
  const leave = onAbort(signal, () => told.push('one'));
  onAbort(signal, () => told.push('another'));
  onAbort(signal, () => told.push('a third'));
  leave();
  leave();
  controller.abort(reason);
  expect(told).toEqual(['another', 'a third']);
  onAbort(signal, () => told.push('late'))();
  expect(told).toEqual(['another', 'a third', 'late']);
});

it('tells who begins to wait while others are told, once', () => {
  const controller = new AbortController();
  const told: string[] = [];
  onAbort(controller.signal, () => {
    told.push('first');
    onAbort(controller.signal, () => told.push('later'));
  });
  controller.abort(reason);
  expect(told).toEqual(['first', 'later']);
});

it('begins nothing for a signal that has aborted, and ends work that does not listen', async () => {
  const work = vi.fn(async () => 3);
  await expect(abortable(AbortSignal.abort(reason), work)).rejects.toBe(reason);
  expect(work).not.toHaveBeenCalled();
  expect(await abortable(undefined, work)).toBe(3);
  const controller = new AbortController();
  const deaf = abortable(controller.signal, async () => {
    controller.abort(reason);
    return 3;
  });
  await expect(deaf).rejects.toBe(reason);
});
