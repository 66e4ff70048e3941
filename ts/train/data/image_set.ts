// A data set as the trainer takes it: images as pixel levels, with the words that a likelihood must be quoted with.

import { createHash } from 'node:crypto';
import { checkInteger, checkNumber } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import type { Binarisation } from './binarisation.js';
import type { PublishedSet } from './published.js';

/** Greyscale images as they are stored, `[count, height, width]`, 0..255. */
export interface RawImages {
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** All images of a data set, with what it is. */
export interface NamedImages extends RawImages {
  /** `MNIST, 60,000 training then 10,000 test images`. */
  readonly source: string;
  /** How many, the last ones, are test images; 0 where the set is not divided so. */
  readonly testImages: number;
}

/** What {@link loadData} is asked for the same images again; without `data` where they were the user's own. */
export interface DataOrigin extends Binarisation {
  readonly data?: PublishedSet;
  readonly split: 'reference' | 'standard' | 'test';
  readonly limit?: number;
}

/** Images as levels `0..levels-1`, `[count, height, width, channels]`, and where they come from. */
export interface ImageSet {
  /** What is validated and scored; what training sees too, unless there are `greys`. */
  readonly pixels: Uint8Array;
  /** Values 0..255 of the same shape, which training draws its levels from anew in each epoch. */
  readonly greys?: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly levels: number;
  /** Place of the first image in the whole data set: random numbers go with the image, whatever part it is in. */
  readonly first: number;
  /** The data set and its order: `MNIST, 60,000 training then 10,000 test images`. */
  readonly source: string;
  /** The part of it that this is: `all`, `the last 10 %`. */
  readonly split: string;
  /** How values became `pixels`. */
  readonly binarisation: string;
  /** sha256 of all that training may see: of `greys`, else of `pixels`. */
  readonly sha256: string;
  /** Set by {@link loadData} alone. */
  readonly origin?: DataOrigin;
}

/** The threshold of the Keras example: 33 % of 256. */
export const referenceThreshold = 0.33 * 256;

/** The part of the images that the Keras example keeps for validation: the last tenth. */
export const referenceValidationSplit = 0.1;

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** More than this many pixels, 1 GiB, is no data set that this package trains on. */
export const mostPixels = 2 ** 30;

/** Images of one size under one name: training images, and the test images behind them where there are some. */
export function joinImages(
  name: string,
  train: RawImages & { path: string },
  test?: RawImages & { path: string },
): NamedImages {
  if (test !== undefined && (test.height !== train.height || test.width !== train.width)) {
    throw new PixelCnnError(
      'INVALID_DATA',
      `${test.path}: expected images of ${train.height}x${train.width}, as the training images are, ` +
        `got ${test.height}x${test.width}`,
    );
  }
  const number = (count: number) => count.toLocaleString('en-US');
  const { height, width } = train;
  if (test === undefined) {
    const { count, pixels } = train;
    return { pixels, count, height, width, source: `${name}, ${number(count)} images`, testImages: 0 };
  }
  const pixels = new Uint8Array(train.pixels.length + test.pixels.length);
  pixels.set(train.pixels);
  pixels.set(test.pixels, train.pixels.length);
  const source = `${name}, ${number(train.count)} training then ${number(test.count)} test images`;
  return { pixels, count: train.count + test.count, height, width, source, testImages: test.count };
}

/** An image set of one channel and two levels, whole. */
export function binarySet(
  { count, height, width }: Omit<RawImages, 'pixels'>,
  parts: Pick<ImageSet, 'pixels' | 'greys' | 'source' | 'binarisation'>,
): ImageSet {
  const shape = { count, height, width, channels: 1, levels: 2 };
  return { ...shape, ...parts, first: 0, split: 'all', sha256: sha256(parts.greys ?? parts.pixels) };
}

/** Two levels: 1 iff the 8-bit value is at least `threshold`, 0 to 256. Default: 84.48, as the Keras example. */
export function binarise(images: RawImages, source: string, threshold: number = referenceThreshold): ImageSet {
  checkNumber('threshold', threshold, { min: 0 });
  const pixels = new Uint8Array(images.pixels.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = images.pixels[i]! >= threshold ? 1 : 0;
  return binarySet(images, { pixels, source, binarisation: `pixel 1 iff value >= ${threshold} of 255` });
}

/** The level that most pixels have: the background, where a data set has one. */
export function commonestLevel({ pixels, levels }: Pick<ImageSet, 'pixels' | 'levels'>): number {
  const counts = new Array<number>(levels).fill(0);
  for (const level of pixels) counts[level]!++;
  return counts.indexOf(Math.max(...counts));
}

/** Images `start` to `end`, sharing the pixels. */
export function sliceImages(set: ImageSet, start: number, end: number, split: string): ImageSet {
  const size = set.height * set.width * set.channels;
  const pixels = set.pixels.subarray(start * size, end * size);
  const greys = set.greys?.subarray(start * size, end * size);
  const { origin: _whole, ...rest } = set;
  return {
    ...rest,
    pixels,
    ...(greys !== undefined && { greys }),
    count: end - start,
    first: set.first + start,
    split,
    sha256: sha256(greys ?? pixels),
  };
}

/** The first `count` images, 1 to all. */
export function firstImages(set: ImageSet, count: number): ImageSet {
  checkInteger('limit', count, { min: 1, max: set.count });
  if (count === set.count) return set;
  const name = `the first ${count.toLocaleString('en-US')}`;
  return sliceImages(set, 0, count, set.split === 'all' ? name : `${name} of ${set.split}`);
}

/** How many images train and how many validate: the last `validationSplit` of them, as Keras rounds it. */
export function splitCounts(count: number, validationSplit: number): { train: number; validation: number } {
  checkNumber('validationSplit', validationSplit, { min: 0 });
  if (validationSplit >= 1) throw new RangeError(`validationSplit: expected a number below 1, got ${validationSplit}`);
  const train = Math.floor(count * (1 - validationSplit));
  return { train, validation: count - train };
}

/** The two parts of a data set. */
export function splitImages(
  set: ImageSet,
  validationSplit: number = referenceValidationSplit,
): { train: ImageSet; validation: ImageSet } {
  const { train } = splitCounts(set.count, validationSplit);
  const percent = `${Math.round(1e6 * validationSplit) / 1e4} %`;
  const of = set.split === 'all' ? '' : ` of ${set.split}`;
  return {
    train: sliceImages(set, 0, train, `all but the last ${percent}${of}`),
    validation: sliceImages(set, train, set.count, `the last ${percent}${of}`),
  };
}
