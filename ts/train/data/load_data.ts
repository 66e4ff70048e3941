// From what a user names to images as levels: a published set, a folder, a file.

import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { throwIfAborted, withOwnSignal } from '../../abort.js';
import {
  checkBoolean,
  checkChoice,
  checkFunction,
  checkInteger,
  checkSignal,
  ownOptions,
  show,
  wrongKind,
  wrongValue,
} from '../../arguments.js';
import { isUrl } from '../../brand.js';
import { PixelCnnError } from '../../error.js';
import { reasonOf } from '../../node/files.js';
import { loadCore, randomOrder } from '../net/core.js';
import { binariseImages, checkBinarisation, levelsInWords, valuesInWords, valuesOf } from './binarisation.js';
import { oddKindOf, peek, readArray } from './files/data_file.js';
import { findData, listed } from './files/data_folder.js';
import type { StoredImages } from './files/numbers.js';
import { readPngs } from './files/png_images.js';
import { type Binarisation, type DataOrigin, firstImages, type ImageSet, ownParts, sliceImages } from './image_set.js';
import { loadMnist, publishedSetOf, publishedSets } from './published.js';
import {
  joinImages,
  type NamedImages,
  type PartName,
  type Parts,
  type PublishedSet,
  partNames,
  type RawImages,
  readValues,
} from './raw.js';

export interface DataOptions extends Binarisation {
  /**
   * `mnist`, `fashion-mnist`, or a path: a file of IDX or `.npy`, packed by gzip or not, whatever its name; or a folder of
   * such files or of greyscale PNG files, divided or not: docs/data.md tells what is made of it. A path may be a file: URL.
   * Default: `mnist`.
   */
  readonly data?: string | URL;
  /**
   * Which images: `reference`, all of them, training images first, as the Keras example has them; `standard`, without the
   * test images; `test`, the test images; `all`. Of data that comes with validation images of its own, `reference` is
   * `standard`: its test images are kept apart. Default: `reference`.
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
export const dataSplits = ['reference', 'standard', 'test', 'all'] as const;

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
  const asked = ownOptions('options', options, known);
  return withOwnSignal(checkSignal(asked.signal), (signal) => load({ ...asked, ...(signal && { signal }) }));
}

async function load(options: DataOptions): Promise<ImageSet> {
  const { limit, offline, say, binarisation, threshold, binarisationSeed } = options;
  const data = checkData('data', options.data ?? 'mnist');
  if (limit !== undefined) checkInteger('limit', limit, { min: 1, max: Number.MAX_SAFE_INTEGER });
  if (offline !== undefined) checkBoolean('offline', offline);
  if (say !== undefined) checkFunction('say', say);
  throwIfAborted(options.signal);
  checkBinarisation(options);
  const split = checkChoice('split', options.split ?? 'reference', dataSplits);
  const { images, published } = await loadImages(data, options);
  const { testImages, validationImages } = images;
  const before = images.count - testImages;
  const isDivided = testImages > 0 || (split === 'standard' && validationImages > 0);
  if ((split === 'standard' || split === 'test') && !isDivided) {
    throw wrongValue(
      'split',
      `expected data with test images, which ${split} asks for, got ${images.source}; take all of them, in training ` +
        'by --split reference, in eval by --split all',
    );
  }
  const rule: Binarisation = {
    ...(binarisation !== undefined && { binarisation }),
    ...(threshold !== undefined && { threshold }),
    ...(binarisationSeed !== undefined && { binarisationSeed }),
  };
  // Before any of them are left out, so that an image's level does not depend on which others there are.
  const { signal } = options;
  const all = await binariseImages(images, images.source, rule, isPublished(data) ? images.source : data, signal);
  const values = valuesOf(images.pixels);
  options.say?.(`Values: ${images.reading ?? valuesInWords(values)}: ${levelsInWords(all)}`);
  if ((binarisation === 'static' || binarisation === 'dynamic') && values.most < 128) {
    const percent = Math.round((100 * values.most) / 255);
    options.say?.(
      `No value is above ${values.most}, so that no pixel is 1 more often than ${percent} %: is ${values.most} white?`,
    );
  }
  const chosen = {
    reference: () => (validationImages > 0 ? withoutTest(all, images) : all),
    standard: () =>
      validationImages > 0 ? withoutTest(all, images) : sliceImages(all, 0, before, 'the training images'),
    test: () => sliceImages(all, before, images.count, 'the test images'),
    all: () => all,
  }[split]();
  const set = limit === undefined ? chosen : firstImages(chosen, limit);
  const origin: DataOrigin = {
    ...(published !== undefined && { data: published }),
    split,
    ...(set !== chosen && { limit: set.count }),
    ...rule,
  };
  return { ...set, origin };
}

/** The name or path of a data set. Throws RangeError, TypeError. */
export function checkData(name: string, value: unknown): string {
  const kinds = Object.keys(publishedSets).join(', ');
  const wanted = `expected ${kinds}, a path or a file: URL`;
  if (isUrl(value)) {
    try {
      return fileURLToPath(value.href);
    } catch (cause) {
      throw wrongValue(name, `${wanted}, got ${show(value.href)}`, { cause });
    }
  }
  if (typeof value !== 'string') throw wrongKind(name, `${wanted}, got ${show(value)}`);
  if (value === '' || value.includes('\0'))
    throw wrongValue(name, `expected ${kinds}, a folder or a file, got ${show(value)}`);
  return value;
}

/** The images that train and, last, those that validate. */
function withoutTest(all: ImageSet, { count, testImages, validationImages }: NamedImages): ImageSet {
  const split = testImages === 0 ? 'all' : ownParts;
  return { ...sliceImages(all, 0, count - testImages, split), validationImages };
}

function isPublished(data: string): data is PublishedSet {
  return Object.hasOwn(publishedSets, data);
}

interface Loaded {
  readonly images: NamedImages;
  /** The published set that they are, as their hashes tell. */
  readonly published?: PublishedSet;
}

async function loadImages(data: string, options: DataOptions): Promise<Loaded> {
  const { signal, say } = options;
  if (isPublished(data)) {
    return { images: await loadMnist({ name: data, offline: options.offline, signal, say }), published: data };
  }
  const names = Object.keys(publishedSets).join(', ');
  const found = await stat(data).catch((cause: unknown) => {
    throw new PixelCnnError(
      'DATA_NOT_FOUND',
      `data: expected ${names}, a folder or a file, found nothing at ${data} (${reasonOf(cause)})`,
      { cause, argument: 'data' },
    );
  });
  const odd = oddKindOf(found);
  if (odd !== undefined) {
    throw new PixelCnnError('DATA_NOT_FOUND', `data: expected ${names}, a folder or a file, found ${odd} at ${data}`, {
      argument: 'data',
    });
  }
  if (!found.isDirectory()) {
    if (peek(data)?.reader === 'PNG') {
      return { images: joinImages('PNG file', { train: { ...(await readPngs([data])), path: data } }) };
    }
    return ofArrays({ train: await readArray(data, signal) }, options);
  }
  const { leftAlone, ...files } = await findData(data, signal);
  if (leftAlone.length > 0) say?.(`Left alone in ${data}: ${listed(leftAlone)}`);
  if (files.kind === 'PNG') return { images: await readFolder(files.parts, data, signal, say) };
  const { train, validation, test } = files.parts;
  const stored: Parts<StoredImages> = {
    train: await readArray(train, signal),
    ...(validation !== undefined && { validation: await readArray(validation, signal) }),
    ...(test !== undefined && { test: await readArray(test, signal) }),
  };
  return ofArrays(stored, options);
}

async function ofArrays(stored: Parts<StoredImages>, { signal, say }: DataOptions): Promise<Loaded> {
  const files = partNames.flatMap((part) => stored[part] ?? []);
  const formats = [...new Set(files.map(({ format }) => format))];
  const parts = await readValues(stored, signal);
  const published = publishedSetOf(parts);
  const name =
    published === undefined
      ? `${formats.join(' and ')} file${files.length > 1 ? 's' : ''}`
      : publishedSets[published].title;
  const images = joinImages(name, parts);
  if (published === undefined && stored.train.format === 'IDX') {
    say?.('These IDX files are neither MNIST nor Fashion-MNIST as published; they are taken as they are.');
  }
  return { images, ...(published !== undefined && { published }) };
}

/** So many files take long enough to be told of. */
const manyFiles = 5000;

/** Of the order of files; always the same, so that one set is the same images everywhere. */
const orderSeed = 0;

/**
 * Images of a folder, each part in an order drawn from a seed: names tell classes and the moment of writing, so that the
 * last of them are no fair sample of all.
 */
async function readFolder(
  parts: Parts<readonly string[]>,
  folder: string,
  signal: AbortSignal | undefined,
  say: DataOptions['say'],
): Promise<NamedImages> {
  const core = await loadCore();
  const files = partNames.reduce((sum, part) => sum + (parts[part]?.length ?? 0), 0);
  if (files >= manyFiles) say?.(`Reading ${files.toLocaleString('en-US')} PNG files in ${folder}`);
  say?.(`Order of the files: drawn from seed ${orderSeed}, since their names are in no random one`);
  const read = async (part: PartName): Promise<RawImages & { path: string }> => {
    const paths = parts[part]!;
    const order = randomOrder(core, orderSeed, 0, partNames.indexOf(part), paths.length);
    return { ...(await readPngs(paths, { order, signal })), path: paths[0]! };
  };
  const images = joinImages('PNG files', {
    train: await read('train'),
    ...(parts.validation !== undefined && { validation: await read('validation') }),
    ...(parts.test !== undefined && { test: await read('test') }),
  });
  return { ...images, source: `${images.source}, in the order of seed ${orderSeed}` };
}
