import { afterEach, expect, it, vi } from 'vitest';

// Each test starts from fresh modules: what a host lacks is asked once, at the start.
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.resetModules();
});

it('says so where the host has no SIMD', async () => {
  vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
  const { loadSampler } = await import('../ts/index.js');
  await expect(loadSampler(new Uint8Array(8))).rejects.toMatchObject({ code: 'SIMD_UNSUPPORTED' });
});

it('says so where the host has no WebAssembly', async () => {
  vi.stubGlobal('WebAssembly', undefined);
  const { loadSampler } = await import('../ts/index.js');
  await expect(loadSampler(new Uint8Array(8))).rejects.toMatchObject({ code: 'WASM_LOAD_FAILED' });
});

it('asks the host for SIMD by a module that only SIMD makes valid', async () => {
  const { hasSimd } = await import('../ts/simd.js');
  expect(hasSimd()).toBe(true);
  const validate = vi.spyOn(WebAssembly, 'validate');
  hasSimd();
  const probe = new Uint8Array(validate.mock.calls[0]![0] as Uint8Array<ArrayBuffer>);
  probe[probe.length - 2] = 0xff; // no instruction of SIMD
  expect(WebAssembly.validate(probe)).toBe(false);
});

it('fetches the binary where there are no files, and tries again after a failure', async () => {
  const { readFile } = await import('node:fs/promises');
  const wasm = await readFile(new URL('../ts/wasm/pkg/pixelcnn_bg.wasm', import.meta.url));
  const { configJson, randomModel } = await import('./wasm.js');
  const model = randomModel(configJson({ height: 2, width: 2, filters: 2, blocks: 0 }), 1);
  vi.resetModules(); // the instance that made the model is not the one under test
  vi.stubGlobal('process', undefined);
  const answers = [
    () => Promise.reject(new TypeError('network down')),
    () => Promise.resolve(new Response('nothing here', { status: 404 })),
    () => Promise.resolve(new Response('<html>')),
    () => Promise.resolve(new Response(wasm, { headers: { 'content-type': 'text/plain' } })),
  ];
  const fetch = vi.fn(() => answers.shift()!());
  vi.stubGlobal('fetch', fetch);
  const { loadSampler } = await import('../ts/index.js');
  for (let i = 0; i < 3; i++) {
    const failure = expect.objectContaining({ code: 'WASM_LOAD_FAILED', cause: expect.any(Error) });
    await expect(loadSampler(model)).rejects.toEqual(failure);
  }
  const samplers = await Promise.all([loadSampler(model), loadSampler(model)]);
  expect(samplers[0]!.sample({ seed: 1 })).toEqual(samplers[1]!.sample({ seed: 1 }));
  expect(fetch).toHaveBeenCalledTimes(4);
});

it('makes a sampler without files, network, eval or process', async () => {
  const { readFile } = await import('node:fs/promises');
  const module = new WebAssembly.Module(await readFile(new URL('../ts/wasm/pkg/pixelcnn_bg.wasm', import.meta.url)));
  const { configJson, randomModel } = await import('./wasm.js');
  const model = randomModel(configJson({ height: 2, width: 2, filters: 2, blocks: 0 }), 1);
  vi.resetModules();
  const forbidden = (name: string) => () => {
    throw new Error(`${name} was used`);
  };
  const { createSampler } = await import('../ts/index.js');
  vi.stubGlobal('process', undefined);
  for (const name of ['fetch', 'eval', 'Function', 'URL']) vi.stubGlobal(name, forbidden(name));
  const compile = ['compile', 'instantiate', 'compileStreaming', 'instantiateStreaming'] as const;
  for (const name of compile) vi.spyOn(WebAssembly, name).mockImplementation(forbidden(name) as never);
  const samples = createSampler({ module, model }).sample({ count: 2 });
  vi.unstubAllGlobals();
  expect(samples.shape).toEqual([2, 2, 2, 1]);
});

it('says so where the module is not this package’s', async () => {
  const { createSampler } = await import('../ts/index.js');
  const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  expect(() => createSampler({ module: empty, model: new Uint8Array(8) })).toThrow(
    expect.objectContaining({ code: 'WASM_LOAD_FAILED' }),
  );
});
