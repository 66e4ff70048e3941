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
  const { binaryAddress: address, configJson, randomModel } = await import('./wasm.js');
  const wasm = await readFile(address);
  const model = randomModel(configJson({ height: 2, width: 2, filters: 2, blocks: 0 }), 1);
  vi.resetModules(); // the instance that made the model is not the one under test
  vi.stubGlobal('process', undefined);
  const otherWays = "import from 'pixelcnn/inline', or give the binary's address as the option wasm";
  const todo = `; in Vite write optimizeDeps: { exclude: ['pixelcnn'] }; elsewhere ${otherWays}`;
  const failures: [answer: () => Promise<Response>, got: string][] = [
    [() => Promise.reject(new TypeError('network\n down')), `could not read it (network down)${todo}`],
    [
      () => Promise.resolve(new Response('nothing here', { status: 404 })),
      `could not read it (expected HTTP status 200, got 404)${todo}`,
    ],
    [() => Promise.resolve(new Response('<!doctype html><html>')), `got an HTML or XML page${todo}`],
    [() => Promise.resolve(new Response('')), `got an empty file${todo}`],
    [() => Promise.resolve(new Response('what is this')), `got other bytes${todo}`],
    [() => Promise.resolve(new Response(wasm.subarray(0, 1000))), 'the host did not compile it ('],
  ];
  const answers = [
    ...failures.map(([answer]) => answer),
    () => Promise.resolve(new Response(wasm, { headers: { 'content-type': 'text/plain' } })),
  ];
  const fetch = vi.fn(() => answers.shift()!());
  vi.stubGlobal('fetch', fetch);
  const { loadSampler } = await import('../ts/index.js');
  for (const [, got] of failures) {
    const error = await loadSampler(model).catch((reason) => reason);
    expect(error).toMatchObject({ name: 'PixelCnnError', code: 'WASM_LOAD_FAILED' });
    const message = `expected the WebAssembly binary at ${address}, ${got}`;
    // What is in brackets at the end are the engine's words.
    expect(got.endsWith('(') ? error.message.replace(/\(.*/, '(') : error.message).toBe(message);
  }
  const samplers = await Promise.all([loadSampler(model), loadSampler(model)]);
  expect(samplers[0]!.sample({ seed: 1 })).toEqual(samplers[1]!.sample({ seed: 1 }));
  expect(fetch).toHaveBeenCalledTimes(7);
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

it('says so, and what to do, where modules have no address, as in CommonJS bundles', async () => {
  const { configJson, randomModel } = await import('./wasm.js');
  const model = randomModel(configJson({ height: 2, width: 2, filters: 2, blocks: 0 }), 1);
  vi.resetModules();
  const { loadSampler, loadSamplerPool } = await import('../ts/index.js');
  const none = class {
    constructor() {
      throw new TypeError('Invalid URL string.');
    }
  };
  vi.stubGlobal('URL', none);
  const loading = await loadSampler(model).catch((error) => error);
  const pooling = await loadSamplerPool(model).catch((error) => error);
  vi.unstubAllGlobals();
  const unknown = 'expected this module to know its address, got none (as in a CommonJS bundle)';
  const inline = "import from 'pixelcnn/inline', or give the";
  expect(loading).toMatchObject({
    code: 'WASM_LOAD_FAILED',
    message: `${unknown}; ${inline} binary's address as the option wasm`,
    cause: { message: 'Invalid URL string.' },
  });
  expect(pooling).toMatchObject({
    code: 'WORKERS_UNAVAILABLE',
    message: `${unknown}; ${inline} address of pixelcnn/worker as the option worker`,
    cause: { message: 'Invalid URL string.' },
  });
});

it.each([
  ['navigator', { userAgent: 'Cloudflare-Workers' }, ''],
  ['EdgeRuntime', 'edge-runtime', '?module'],
])(
  'names the lines to write at the edge, by %s, which neither compiles bytes nor starts threads',
  async (name, value, query) => {
    const { configJson, randomModel, wasmModule } = await import('./wasm.js');
    const model = randomModel(configJson({ height: 2, width: 2, filters: 2, blocks: 0 }), 1);
    vi.resetModules();
    const { loadSampler, loadSamplerPool } = await import('../ts/index.js');
    vi.stubGlobal(name, value);
    const line = `write import module from 'pixelcnn/pixelcnn.wasm${query}' and loadSampler(model, { wasm: module })`;
    await expect(loadSampler(model)).rejects.toMatchObject({
      code: 'WASM_LOAD_FAILED',
      message: `expected a compiled WebAssembly.Module as the option wasm, since the edge compiles no bytes, got undefined; ${line}`,
    });
    await expect(loadSampler(model, { wasm: 'https://example.com/pixelcnn.wasm' })).rejects.toMatchObject({
      argument: 'wasm',
      message: expect.stringMatching(/^wasm: expected a compiled WebAssembly.Module .*, got "https:/),
    });
    await expect(loadSamplerPool(model)).rejects.toMatchObject({
      code: 'WORKERS_UNAVAILABLE',
      message: `expected a host that starts worker threads, got one that does not; ${line}, which draws the same images`,
    });
    // The line is true.
    expect((await loadSampler(model, { wasm: wasmModule() })).sample({ count: 3 }).shape).toEqual([3, 2, 2, 1]);
  },
);
