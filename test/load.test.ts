import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createSampler, type LoadProgress, loadSampler, type ModelSource } from '../ts/index.js';
import { maxModelBytes } from '../ts/model_source.js';
import { configJson, randomModel, wasmModule } from './wasm.js';

const model = randomModel(configJson({ height: 3, width: 4, filters: 4, blocks: 1 }), 1);
let folder: string;
let path: string;
let server: Server;
let origin: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelcnn load ')); // with a space, which URLs escape
  path = join(folder, 'model 1.safetensors');
  await writeFile(path, model);
  server = createServer((request, response) => {
    switch (request.url) {
      case '/model':
        response.end(model);
        break;
      case '/chunked':
        response.write(model.subarray(0, 10));
        response.end(model.subarray(10));
        break;
      case '/parts':
        response.writeHead(200, { 'content-length': String(model.length) }).write(model.subarray(0, 10));
        setTimeout(() => response.end(model.subarray(10)), 50);
        break;
      case '/huge':
        response.writeHead(200, { 'content-length': String(maxModelBytes + 1) }).write('x');
        break;
      case '/cut':
        response.writeHead(200, { 'content-length': '1000' }).write('x');
        setTimeout(() => response.destroy(), 20);
        break;
      case '/slow':
        response.writeHead(200).write('x'); // and never more
        break;
      default:
        response.writeHead(request.url === '/broken' ? 503 : 404).end('no');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

afterEach(() => {
  vi.restoreAllMocks();
});

it('loads from a path, a URL, bytes and a response, all the same', async () => {
  const bytes = new Uint8Array(model);
  const sources: ModelSource[] = [
    path,
    pathToFileURL(path),
    pathToFileURL(path).href,
    `${origin}/model`,
    new URL(`${origin}/model`),
    `data:application/octet-stream;base64,${Buffer.from(model).toString('base64')}`,
    bytes,
    bytes.buffer,
    Buffer.from(model),
    await fetch(`${origin}/model`),
    new Response(bytes),
    new Blob([bytes]),
    new File([bytes], 'mine.safetensors'),
  ];
  const wanted = (await loadSampler(model)).sample({ count: 4, seed: 1 });
  for (const source of sources) {
    const sampler = await loadSampler(source);
    expect(sampler.sample({ count: 4, seed: 1 })).toEqual(wanted);
    sampler.dispose();
  }
});

it('takes the path in a URL that a bundler made', async () => {
  const url = { [Symbol.toStringTag]: 'URL', href: path };
  expect((await loadSampler(url as never)).config.height).toBe(3);
});

it('makes a sampler at once from a compiled module', async () => {
  const sampler = createSampler({ module: wasmModule(), model });
  expect(sampler.sample({ seed: 1 })).toEqual((await loadSampler(model)).sample({ seed: 1 }));
});

it('says what is wrong with a source, by code and in one sentence', async () => {
  const used = await fetch(`${origin}/model`);
  await used.arrayBuffer();
  await symlink(join(folder, 'gone'), join(folder, 'link'));
  const cases: [source: ModelSource, code: string, message: string][] = [
    [join(folder, 'none'), 'MODEL_NOT_FOUND', `model: expected a file at ${join(folder, 'none')}, got none`],
    [join(folder, 'link'), 'MODEL_NOT_FOUND', 'model: expected a file at '],
    [join(path, 'below a file'), 'MODEL_NOT_FOUND', 'model: expected a file at '],
    [pathToFileURL(join(folder, 'none')), 'MODEL_NOT_FOUND', 'model: expected a file at file:'],
    [folder, 'MODEL_UNREADABLE', `model: expected a file, got a folder at ${folder}`],
    ['/dev/null', 'MODEL_UNREADABLE', 'model: expected a file, got something else at /dev/null'],
    [`${origin}/none`, 'MODEL_NOT_FOUND', `model: expected HTTP status 200 from ${origin}/none, got 404 Not Found`],
    [`${origin}/broken`, 'MODEL_UNREADABLE', 'got 503 Service Unavailable'],
    [`${origin}/cut`, 'MODEL_UNREADABLE', 'got 1 bytes and then a broken connection'],
    [
      `${origin}/huge`,
      'MODEL_TOO_LARGE',
      `model: expected at most ${maxModelBytes} bytes, got ${maxModelBytes + 1} from ${origin}/huge; use a net of fewer filters`,
    ],
    ['no\nmodel', 'MODEL_NOT_FOUND', 'model: expected a file at "no\\nmodel", got none'],
    ['no\0model', 'MODEL_UNREADABLE', 'model: expected a file that can be read at "no\\u0000model", got '],
    [`none/${'x'.repeat(1e6)}`, 'MODEL_UNREADABLE', `at none/${'x'.repeat(250)}..., got ENAMETOOLONG`],
    ['http://127.0.0.1:1/x', 'MODEL_UNREADABLE', 'model: expected an answer from http://127.0.0.1:1/x, got none'],
    [new Uint8Array(7), 'FILE_TOO_SHORT', 'model file: expected at least'],
  ];
  for (const [source, code, message] of cases) {
    const error: Error = await loadSampler(source).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error).toMatchObject({ name: 'PixelCnnError', code });
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('\n');
  }
  await expect(loadSampler(used)).rejects.toThrow('expected a Response not yet read');
  await expect(loadSampler('http://')).rejects.toThrow(RangeError);
});

it('names the file that holds no model, and loads the next good one', async () => {
  const bad = join(folder, 'bad.safetensors');
  await writeFile(bad, 'this is not a model');
  await expect(loadSampler(bad)).rejects.toThrow(new RegExp(`^${bad}: model file: `));
  expect((await loadSampler(path)).config.height).toBe(3);
});

it('tells how much of a model is there, and at last all of it', async () => {
  const { length } = model;
  const sources = [path, model, new Blob([new Uint8Array(model)]), `${origin}/model`, `${origin}/chunked`];
  for (const source of sources) {
    const told: LoadProgress[] = [];
    await loadSampler(source, { onProgress: (progress) => told.push(progress) });
    expect(told.at(-1)).toEqual({ loaded: length, total: length });
    expect(told.map(({ loaded }) => loaded)).toEqual(told.map(({ loaded }) => loaded).sort((a, b) => a - b));
  }
  const parts: LoadProgress[] = [];
  await loadSampler(`${origin}/parts`, { onProgress: (progress) => parts.push(progress) });
  expect(parts).toContainEqual({ loaded: 10, total: length });
  const reason = new Error('enough');
  const onProgress = () => {
    throw reason;
  };
  for (const source of sources) await expect(loadSampler(source, { onProgress })).rejects.toBe(reason);
  await expect(loadSampler(path, { onProgress: 3 as never })).rejects.toThrow('onProgress: expected a function, got 3');
});

it('names the file of a page that holds no model', async () => {
  const file = new File(['this is not a model'], 'mine.safetensors');
  await expect(loadSampler(file)).rejects.toThrow(/^mine.safetensors: model file: /);
});

it('gives up when told to, before and during', async () => {
  const reason = new Error('enough');
  for (const source of [path, `${origin}/model`, model]) {
    await expect(loadSampler(source, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  }
  const controller = new AbortController();
  const loading = loadSampler(`${origin}/slow`, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 20);
  await expect(loading).rejects.toBe(reason);
  expect((await loadSampler(path)).config.height).toBe(3);
});
