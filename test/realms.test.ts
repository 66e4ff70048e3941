/** Objects of another realm, as in `vm` contexts, jsdom, frames and edge runtimes: of the same kind, and of other classes. */

import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import { expect, it, vi } from 'vitest';
import { isArrayBuffer, isBytes, isError, isModule, kindOf } from '../ts/brand.js';
import { createSampler, loadSampler, quantizeModel } from '../ts/index.js';
import { binaryAddress, configJson, randomModel, wasmModule } from './wasm.js';

const model = randomModel(configJson({ height: 3, width: 4, filters: 4, blocks: 1 }), 1);
const wanted = (await loadSampler(model)).sample({ count: 3, seed: 1 });

/** What an expression is in another realm, given some names. */
const there = (expression: string, given: object = {}): never => vm.runInNewContext(expression, given) as never;

const bytes = () => there('Uint8Array.from(numbers)', { numbers: [...model] }) as Uint8Array;
const images = there('Uint8Array.from(numbers)', { numbers: [...wanted.data] }) as Uint8Array;

it('knows what is of another realm by what it is', () => {
  expect(bytes()).not.toBeInstanceOf(Uint8Array);
  expect(isBytes(bytes())).toBe(true);
  expect(isArrayBuffer(there('new ArrayBuffer(3)'))).toBe(true);
  expect(isArrayBuffer(there('new SharedArrayBuffer(3)'))).toBe(false);
  expect(isModule(there('new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))'))).toBe(true);
  expect(isError(there('new TypeError("x")'))).toBe(true);
  for (const other of [
    undefined,
    null,
    3,
    'x',
    {},
    there('new Uint16Array(3)'),
    there('[1, 2]'),
    new DataView(new ArrayBuffer(1)),
  ]) {
    expect([isBytes(other), isArrayBuffer(other), isModule(other), isError(other)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  }
  expect(kindOf(there('new Date()'))).toBe('Date');
});

it('takes models and images of another realm', async () => {
  const samplers = [
    await loadSampler(bytes()),
    await loadSampler(bytes().buffer as ArrayBuffer),
    createSampler({ module: wasmModule(), model: bytes() }),
    createSampler({ module: wasmModule(), model: bytes().buffer as ArrayBuffer }),
  ];
  for (const sampler of samplers) {
    expect(sampler.sample(there('({ count: 3, seed: 1 })'))).toEqual(wanted);
    expect(sampler.logProb(images)).toEqual(sampler.logProb(wanted));
    const shape = there('[3, 3, 4, 1]');
    expect(sampler.logits({ data: images, shape })).toEqual(sampler.logits(wanted));
    const wide = there('Uint16Array.from(numbers)', { numbers: [...wanted.data] });
    expect(sampler.logProb(wide)).toEqual(sampler.logProb(wanted));
    const known = there('new Uint8Array(36).fill(1)');
    expect(sampler.sample({ count: 3, seed: 1, given: { data: wide, known } })).toEqual(wanted);
  }
  const ofClasses = await loadSampler(
    randomModel(configJson({ height: 3, width: 4, filters: 4, blocks: 1, classes: 3 }), 1),
  );
  for (const label of ['[2, 1, 0]', 'Uint8Array.of(2, 1, 0)', 'Uint16Array.of(2, 1, 0)']) {
    expect(ofClasses.sample({ count: 3, label: there(label) }).labels).toEqual(Uint16Array.of(2, 1, 0));
  }
  expect(await quantizeModel(bytes(), images)).toEqual(await quantizeModel(model, wanted.data));
});

it('starts from a module of another realm, which stays what it was', async () => {
  vi.resetModules(); // an instance of its own
  const fresh = await import('../ts/index.js');
  const module = there('new WebAssembly.Module(binary)', {
    binary: readFileSync(binaryAddress),
  });
  expect(module).not.toBeInstanceOf(WebAssembly.Module);
  const prototype = Object.getPrototypeOf(module);
  expect(fresh.createSampler({ module, model }).sample({ count: 3, seed: 1 })).toEqual(wanted);
  expect(Object.getPrototypeOf(module)).toBe(prototype);
});

/** Classes of the host's, made again as a polyfill or another realm would: their objects are of no class that is known here. */
class ForeignSignal extends EventTarget {
  aborted = false;
  reason: unknown;
  get [Symbol.toStringTag]() {
    return 'AbortSignal';
  }
  abort(reason: unknown) {
    this.aborted = true;
    this.reason = reason;
    this.dispatchEvent(new Event('abort'));
  }
}

it('gives up by a signal of another realm, wherever it would be handed on', async () => {
  const never = () => new ReadableStream<Uint8Array>({ start: (body) => body.enqueue(Uint8Array.of(1)) });
  const fetching = vi.spyOn(globalThis, 'fetch').mockImplementation(async (_, init) => {
    expect(init?.signal).toBeInstanceOf(AbortSignal); // the host's own, which alone it takes
    return new Response(never());
  });
  const reason = new Error('enough');
  for (const source of ['http://localhost/model', new Response(never())]) {
    const signal = new ForeignSignal();
    const loading = loadSampler(source, { signal: signal as unknown as AbortSignal });
    setTimeout(() => signal.abort(reason), 5);
    await expect(loading).rejects.toBe(reason);
  }
  expect(fetching).toHaveBeenCalledOnce();
  fetching.mockRestore();
});

it('reads the response and the URL of another realm', async () => {
  const own = new Response(new Uint8Array(model));
  const response = {
    [Symbol.toStringTag]: 'Response',
    ok: true,
    status: 200,
    statusText: '',
    url: '',
    bodyUsed: false,
    headers: own.headers,
    body: own.body,
  };
  expect((await loadSampler(response as never)).sample({ count: 3, seed: 1 })).toEqual(wanted);
  const bodiless = { ...response, body: undefined, arrayBuffer: async () => bytes().buffer };
  expect((await loadSampler(bodiless as never)).sample({ count: 3, seed: 1 })).toEqual(wanted);
  const href = `data:application/octet-stream;base64,${Buffer.from(model).toString('base64')}`;
  const url = { [Symbol.toStringTag]: 'URL', href };
  expect((await loadSampler(url as never)).sample({ count: 3, seed: 1 })).toEqual(wanted);
});
