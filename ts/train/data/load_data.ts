// From what a user names to images as levels: a published set, a folder, a file.

import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  checkBoolean,
  checkChoice,
  checkFunction,
  checkInteger,
  checkOptions,
  checkSignal,
  show,
  wrongKind,
  wrongValue,
} from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import { binariseImages, checkBinarisation } from './binarisation.js';
import { reasonOf } from './fetch.js';
import { type Binarisation, type DataOrigin, firstImages, type ImageSet, sliceImages } from './image_set.js';
import { parseNpyImages } from './npy.js';
import { listPngs, readPngs } from './png_images.js';
import { hasIdxFiles, loadMnist, publishedSets } from './published.js';
import { joinImages, mostPixels, type NamedImages, type PublishedSet, type RawImages } from './raw.js';

export interface DataOptions extends Binarisation {
  /**
   * `mnist`, `fashion-mnist`, or a path: a `.npy` file of 8-bit values, `[count, height, width]` or with one channel; or a
   * folder with IDX files named as MNIST's, with `train.npy` and `test.npy`, with greyscale PNG files, or with PNG files
   * in `train/` and `test/`; a path may be a file: URL. Default: `mnist`.
   */
  readonly data?: string | URL;
  /**
   * Which images: `reference`, all of them, training images first, as the Keras example has them; `standard`, the training
   * images alone; `test`, the test images. Default: `reference`.
   */
  readonly split?: (typeof dataSplits)[number];
  /** Only the first images of these, at least 1. Default: all. */
  readonly limit?: number;
  /** Never fetches. Default: false. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
  /** Told where the images come from, a line at a time. */
  readonly say?: (line: string) => void;
}

/** Which images of a data set a run is given. */
export const dataSplits = ['reference', 'standard', 'test'] as const;

const known = ['data', 'split', 'limit', 'offline', 'signal', 'say', 'binarisation', 'threshold', 'binarisationSeed'];

/**
 * Images to train on or to score, as levels.
 *
 * @example
 * const data = await loadData({ data: 'fashion-mnist', split: 'standard', binarisation: 'dynamic' });
 * for await (const event of train({ data, epochs: 10 })) console.log(event.type);
 *
 * @throws RangeError, TypeError for a wrong option; PixelCnnError `DATA_NOT_FOUND` where there are no such images,
 *   `INVALID_DATA` with the path of a file that is not what it should be.
 */
export async function loadData(options: DataOptions = {}): Promise<ImageSet> {
  checkOptions('options', options, known);
  const { limit, offline, say, binarisation, threshold, binarisationSeed } = options;
  const data = checkData('data', options.data ?? 'mnist');
  if (limit !== undefined) checkInteger('limit', limit, { min: 1, max: Number.MAX_SAFE_INTEGER });
  if (offline !== undefined) checkBoolean('offline', offline);
  if (say !== undefined) checkFunction('say', say);
  checkSignal(options.signal)?.throwIfAborted();
  checkBinarisation(options);
  const split = checkChoice('split', options.split ?? 'reference', dataSplits);
  const images = await loadImages(data, options);
  const trainImages = images.count - images.testImages;
  if (split !== 'reference' && (images.testImages === 0 || trainImages === 0)) {
    throw wrongValue(
      'split',
      `expected data with test images, which ${split} asks for, got ${images.source}; only reference takes these`,
    );
  }
  const rule: Binarisation = {
    ...(binarisation !== undefined && { binarisation }),
    ...(threshold !== undefined && { threshold }),
    ...(binarisationSeed !== undefined && { binarisationSeed }),
  };
  // Before any of them are left out, so that an image's level does not depend on which others there are.
  const all = await binariseImages(images, images.source, rule, isPublished(data) ? images.source : data);
  const chosen = {
    reference: () => all,
    standard: () => sliceImages(all, 0, trainImages, 'the training images'),
    test: () => sliceImages(all, trainImages, images.count, 'the test images'),
  }[split]();
  const set = limit === undefined ? chosen : firstImages(chosen, limit);
  const origin: DataOrigin = {
    ...(isPublished(data) && { data }),
    split,
    ...(set !== chosen && { limit: set.count }),
    ...rule,
  };
  return { ...set, origin };
}

/** The name or path of a data set. Throws RangeError, TypeError. */
export function checkData(name: string, value: unknown): string {
  const wanted = `expected ${Object.keys(publishedSets).join(', ')}, a path or a file: URL`;
  if (value instanceof URL) {
    try {
      return fileURLToPath(value);
    } catch (cause) {
      throw wrongValue(name, `${wanted}, got ${show(value.href)}`, { cause });
    }
  }
  if (typeof value !== 'string') throw wrongKind(name, `${wanted}, got ${show(value)}`);
  if (value === '' || value.includes('\0')) throw wrongValue(name, `${wanted}, got ${show(value)}`);
  return value;
}

function isPublished(data: string): data is PublishedSet {
  return Object.hasOwn(publishedSets, data);
}

async function loadImages(data: string, options: DataOptions): Promise<NamedImages> {
  const { signal, say } = options;
  const source = {
    ...(options.offline !== undefined && { offline: options.offline }),
    ...(signal !== undefined && { signal }),
    ...(say !== undefined && { say }),
  };
  if (isPublished(data)) return loadMnist({ ...source, name: data });
  const found = await stat(data).catch((cause: unknown) => {
    const names = Object.keys(publishedSets).join(', ');
    throw new PixelCnnError(
      'DATA_NOT_FOUND',
      `data: expected ${names}, a folder or a .npy file, found nothing at ${data} (${reasonOf(cause)})`,
      { cause, argument: 'data' },
    );
  });
  if (!found.isDirectory()) return joinImages('.npy file', await readNpy(data));
  if (hasIdxFiles(data)) return loadMnist({ ...source, folder: data });
  const [trainFile, testFile] = [join(data, 'train.npy'), join(data, 'test.npy')];
  if (existsSync(trainFile)) {
    return joinImages(
      '.npy files',
      await readNpy(trainFile),
      existsSync(testFile) ? await readNpy(testFile) : undefined,
    );
  }
  return loadPngs(data, signal, say);
}

/** So many files take long enough to be told of. */
const manyFiles = 5000;

async function loadPngs(
  folder: string,
  signal: AbortSignal | undefined,
  say: ((line: string) => void) | undefined,
): Promise<NamedImages> {
  const [trainFolder, testFolder] = [join(folder, 'train'), join(folder, 'test')];
  const divided = existsSync(trainFolder) && existsSync(testFolder);
  const read = async (path: string): Promise<RawImages & { path: string }> => {
    const paths = await listPngs(path).catch((cause: unknown) => {
      throw new PixelCnnError('DATA_NOT_FOUND', `${path}: could not be read (${reasonOf(cause)})`, { cause });
    });
    if (paths.length === 0) {
      const found = (await readdir(path)).length === 0 ? 'an empty folder' : 'none of these';
      throw new PixelCnnError('DATA_NOT_FOUND', `data: expected IDX, .npy or PNG files in ${path}, found ${found}`, {
        argument: 'data',
      });
    }
    if (paths.length >= manyFiles) say?.(`Reading ${paths.length.toLocaleString('en-US')} PNG files in ${path}`);
    return { ...(await readPngs(paths, signal)), path };
  };
  if (!divided) return joinImages('PNG files', await read(folder));
  return joinImages('PNG files', await read(trainFolder), await read(testFolder));
}

async function readNpy(path: string): Promise<RawImages & { path: string }> {
  try {
    const { size } = await stat(path);
    if (size > mostPixels + 2 ** 16) throw new Error(`it has ${size} bytes, more than ${mostPixels} pixels need`);
    return { ...parseNpyImages(await readFile(path), path), path };
  } catch (cause) {
    if (cause instanceof PixelCnnError) throw cause;
    throw new PixelCnnError('DATA_NOT_FOUND', `${path}: could not be read (${reasonOf(cause)})`, { cause });
  }
}
