/** The ways in: binaries and workers that are handed over, the module that has both inside, packaged models by name. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Worker as NodeWorker } from 'node:worker_threads';
import { brotliCompressSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { afterEach, expect, it, vi } from 'vitest';
import { root } from '../scripts/shell.js';
import { decodeText, encodeText } from '../ts/inline_text.js';
import { hasRelaxedSimd } from '../ts/simd.js';
import { failure } from './failure.js';
import { binaryAddress, configJson, randomModel, wasmModule } from './wasm.js';

const run = promisify(execFile);
const model = randomModel(configJson({ height: 5, width: 4, filters: 4, blocks: 1 }), 2);
const address = binaryAddress;
const binary = new Uint8Array(readFileSync(address));
const [plain, relaxed] = ['pixelcnn_bg', 'pixelcnn_relaxed_bg'].map(
  (name) => new Uint8Array(readFileSync(join(root, `ts/wasm/pkg/${name}.wasm`))),
) as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

afterEach(() => {
  vi.restoreAllMocks();
  vi.resetModules();
});

/** The package in a process of its own, as far as a test can have one: no instance runs yet. */
const fresh = (): Promise<typeof import('../ts/index.js')> => {
  vi.resetModules();
  return import('../ts/index.js');
};

const wanted = (await (await fresh()).loadSampler(model)).sample({ count: 3, seed: 1 });

it.each<[kind: string, wasm: () => import('../ts/index.js').WasmSource]>([
  ['a path', () => fileURLToPath(address)],
  ['a URL', () => address],
  ['a URL as text', () => address.href],
  ['a data: URL', () => `data:application/wasm;base64,${Buffer.from(binary).toString('base64')}`],
  ['bytes', () => binary],
  ['a Buffer', () => Buffer.from(binary)],
  ['an ArrayBuffer', () => binary.slice().buffer],
  ['a Blob', () => new Blob([binary])],
  ['a Response', () => new Response(binary)],
  ['a Module', wasmModule],
])('takes the binary as %s', async (_, wasm) => {
  const { loadSampler } = await fresh();
  expect((await loadSampler(model, { wasm: wasm() })).sample({ count: 3, seed: 1 })).toEqual(wanted);
});

it('reads the binary that is handed over, and no other, once', async () => {
  const { loadSampler } = await fresh();
  const fetching = vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response(binary));
  const wasm = 'https://example.com/pixelcnn.wasm';
  await Promise.all([loadSampler(model, { wasm }), loadSampler(model, { wasm: new URL(wasm) })]);
  await loadSampler(model);
  expect(fetching).toHaveBeenCalledOnce();
});

it('takes of two builds the one that the host can run', async () => {
  const builds = { plain: empty, relaxed: binary };
  expect(hasRelaxedSimd()).toBe(Number(process.versions.v8.split('.')[0]) >= 12); // Node 20 has none
  const validate = WebAssembly.validate;
  for (const [has, wasm] of [
    [true, builds],
    [false, { plain: binary, relaxed: empty }],
    [true, { plain: binary }],
  ] as const) {
    const { loadSampler } = await fresh();
    // The longer of the two probes asks for relaxed SIMD.
    vi.spyOn(WebAssembly, 'validate').mockImplementation((bytes) => (bytes.byteLength > 34 ? has : validate(bytes)));
    expect((await loadSampler(model, { wasm })).sample({ count: 3, seed: 1 })).toEqual(wanted);
  }
});

it('asks for relaxed SIMD by a module that is right but for it', () => {
  const validate = vi.spyOn(WebAssembly, 'validate');
  hasRelaxedSimd();
  const probe = new Uint8Array(validate.mock.calls[0]![0] as Uint8Array<ArrayBuffer>);
  const plain = probe.slice();
  plain.set([0xba, 0x01], plain.length - 3); // i32x4.dot_i16x8_s in its place: plain SIMD, and of the same length
  expect([...probe.subarray(-4)]).toEqual([0xfd, 0x92, 0x02, 0x0b]);
  expect(WebAssembly.validate(plain)).toBe(true);
});

it('refuses what is no binary, or another than the one that runs, and says what to do', async () => {
  const { createSampler, loadSampler, loadSamplerPool } = await fresh();
  const wrong: [wasm: unknown, message: RegExp][] = [
    [3, /^wasm: expected the URL, path, bytes, .* got 3$/],
    ['', /^wasm: expected .* got ""$/],
    [null, /^wasm: expected .* got null$/],
    [[], /^wasm: expected .* got an array of 0$/],
    [{}, /^wasm: expected .* got undefined as plain$/],
    [{ plain: 7 }, /^wasm: expected .* got 7 as plain$/],
    [{ plian: binary }, /^wasm: expected only plain, relaxed, got "plian"; did you mean plain\?$/],
  ];
  for (const [wasm, message] of wrong) {
    for (const load of [loadSampler, loadSamplerPool]) {
      const error = await failure(() => load(model, { wasm } as never));
      expect(error).toMatchObject({ name: 'TypeError', argument: 'wasm', message: expect.stringMatching(message) });
    }
  }
  const bad: [wasm: import('../ts/index.js').WasmSource, message: RegExp][] = [
    ['/none.wasm', /^wasm: expected the WebAssembly binary at \/none.wasm, could not read it \(ENOENT/],
    [model, /^wasm: expected the WebAssembly binary, got other bytes; give pixelcnn.wasm, or its address$/],
    [
      new Response('<!doctype html>'),
      /^wasm: expected the WebAssembly binary, got an HTML or XML page; give pixelcnn.wasm, or its address$/,
    ],
    [new Response('', { status: 404 }), /could not read it \(expected HTTP status 200, got 404\)/],
    [binary.subarray(0, 1000), /the host did not compile it \(.*\); give the pixelcnn.wasm of this very version/],
    [
      empty,
      /^wasm: expected the compiled pixelcnn_bg.wasm of this very version of the package, build [0-9a-f]{12}, got one of unknown build$/,
    ],
  ];
  for (const [wasm, message] of bad) {
    const error = await failure(() => loadSampler(model, { wasm }));
    expect(error).toMatchObject({
      code: 'WASM_LOAD_FAILED',
      argument: 'wasm',
      message: expect.stringMatching(message),
    });
  }
  await loadSampler(model);
  for (const same of [binary, wasmModule(), { plain: binary }]) await loadSampler(model, { wasm: same });
  const another = 'expected the binary that this process runs already, got another; give every call the same one';
  await expect(loadSampler(model, { wasm: empty })).rejects.toMatchObject({
    code: 'WASM_LOAD_FAILED',
    message: `wasm: ${another}`,
  });
  expect(() => createSampler({ module: new WebAssembly.Module(empty), model })).toThrow(`module: ${another}`);
  expect((await loadSampler(model)).sample({ count: 3, seed: 1 })).toEqual(wanted);
});

it('takes the binary that another call has started meanwhile, where it was given none', async () => {
  const { createSampler, loadSampler } = await fresh();
  const module = await WebAssembly.compile(plain); // where the host has relaxed SIMD, not the package's own
  const loading = loadSampler(model);
  createSampler({ module, model });
  expect((await loading).sample({ count: 3, seed: 1 })).toEqual(wanted);
});

it('takes one of its two builds, and no other after it', async () => {
  const { loadSampler } = await fresh();
  await loadSampler(model, { wasm: plain });
  const either = loadSampler(model, { wasm: { plain, relaxed } });
  if (!hasRelaxedSimd()) return expect((await either).sample({ count: 3, seed: 1 })).toEqual(wanted);
  await expect(either).rejects.toThrow('got another');
  await expect(loadSampler(model, { wasm: relaxed })).rejects.toThrow(
    'expected the binary that this process runs already',
  );
});

const script = join(root, 'dist/pool/worker.mjs');

it.each<[kind: string, worker: () => import('../ts/index.js').WorkerSource]>([
  ['a path', () => script],
  ['a URL', () => pathToFileURL(script)],
  ['a URL as text', () => pathToFileURL(script).href],
  ['a function', () => () => new NodeWorker(script) as never],
])('starts workers by %s', async (_, worker) => {
  const { loadSamplerPool } = await fresh();
  const pool = await loadSamplerPool(model, { workers: 2, worker: worker() });
  expect(await pool.sample({ count: 3, seed: 1 })).toEqual(wanted);
  await pool.dispose();
});

it('refuses what is no worker', async () => {
  const { loadSamplerPool } = await fresh();
  for (const worker of [3, '', {}, null]) {
    await expect(loadSamplerPool(model, { worker } as never)).rejects.toMatchObject({
      name: 'TypeError',
      argument: 'worker',
    });
  }
  const gives = await failure(() => loadSamplerPool(model, { workers: 1, worker: () => 3 as never }));
  expect(gives).toMatchObject({
    code: 'WORKER_LOST',
    message: expect.stringMatching(/expected a function that starts a Worker, got one that gives 3$/),
  });
});

it('holds the worker in one file, which imports nothing', () => {
  const text = readFileSync(script, 'utf8');
  expect(/\b(import|export)\s*["'{*(]|\bimport\.meta|\brequire\s*\(/.test(text)).toBe(false);
});

it('has everything but the model in one module, its workers too', async () => {
  const source = `
    import { createSampler, loadSampler, loadSamplerPool } from ${JSON.stringify(join(root, 'dist/inline.js'))};
    globalThis.fetch = () => { throw new Error('fetched'); };
    const model = Uint8Array.from(${JSON.stringify([...model])});
    const one = (await loadSampler(model)).sample({ count: 3, seed: 1 });
    const pool = await loadSamplerPool(model, { workers: 2 });
    const many = await pool.sample({ count: 3, seed: 1 });
    await pool.dispose();
    console.log(JSON.stringify([one, many].map(({ data, nats }) => ({ data: [...data], nats: [...nats] }))));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', source]);
  const each = { data: [...wanted.data], nats: [...wanted.nats] };
  expect(JSON.parse(stdout)).toEqual([each, each]);
});

it('writes any bytes as text and reads them again', () => {
  const all = Uint8Array.from({ length: 600 }, (_, i) => i % 256);
  expect(decodeText(encodeText(all))).toEqual(all);
  expect(encodeText(all)).not.toMatch(/["'\\`$<>&\p{Cc}\u2028\u2029]/u);
});

it('names each packaged model by one import', async () => {
  for (const name of ['mnist-binary', 'mnist-binary.int8']) {
    const { model: url } = (await import(pathToFileURL(join(root, `dist/models/${name}.js`)).href)) as { model: URL };
    expect(url.href).toBe(pathToFileURL(join(root, `models/${name}.safetensors`)).href);
  }
});

/** Bytes of brotli that a program of these names costs, minified. */
function sizeOf(names: string): number {
  const stdin = { contents: `export { ${names} } from './dist/index.js'`, resolveDir: root };
  const { outputFiles } = buildSync({
    stdin,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return brotliCompressSync(outputFiles[0]!.contents).length;
}

it('stays small', () => {
  const sizes = ['createSampler', 'loadSampler', 'loadSampler, loadSamplerPool'].map(sizeOf);
  const file = (name: string) => brotliCompressSync(readFileSync(join(root, 'dist', name))).length;
  const [wasm, inline] = [file('wasm/pkg/pixelcnn_bg.wasm'), file('inline.js')];
  console.log(`brotli, bytes: create, load, load and pool: ${sizes.join(', ')}; wasm: ${wasm}; inline: ${inline}`);
  expect(sizes[0]).toBeLessThanOrEqual(6_000);
  expect(sizes[1]).toBeLessThanOrEqual(8_200);
  expect(sizes[2]).toBeLessThanOrEqual(10_700);
  expect(inline).toBeLessThanOrEqual(125_000);
});
