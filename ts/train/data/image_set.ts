// A data set as the trainer takes it: images as pixel levels, with the words that a likelihood must be quoted with.

import { checkInteger, checkNumber, ownOptions, show, wrongKind, wrongValue } from '../../arguments.js';
import { byteLengthOf, isBytes, plainBytes } from '../../brand.js';
import { sha256 } from '../../node/files.js';
import type { PublishedSet, RawImages } from './raw.js';

/** What {@link loadData} is asked for the same images again; without `data` where they were the user's own. */
export interface DataOrigin extends Binarisation {
  readonly data?: PublishedSet;
  readonly split: 'reference' | 'standard' | 'test' | 'all';
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
  /** `ordinal`: amounts, of which 2 lies between 1 and 3. `nominal`: names of things. Default: `ordinal`. */
  readonly input?: 'ordinal' | 'nominal';
  /** What each level stands for, one character a level, where the images were text. */
  readonly alphabet?: readonly string[];
  /** The class of each image, `[count]`, where the data tells it. */
  readonly labels?: Uint16Array;
  /** With labels: what each class is called, one name a class; its number where nobody named it. */
  readonly classNames?: readonly string[];
  /** With labels: their sha256. */
  readonly labelsSha256?: string;
  /** Place of the first image in the whole data set: random numbers go with the image, whatever part it is in. */
  readonly first: number;
  /** The data set and its order: `MNIST, 60,000 training then 10,000 test images`. */
  readonly source: string;
  /** The part of it that this is: `all`, `the last 10 %`. */
  readonly split: string;
  /** How many images, the last ones, are validation images of the data's own, which take the place of a validationSplit. */
  readonly validationImages?: number;
  /** How values became `pixels`. */
  readonly binarisation: string;
  /** sha256 of all that training may see: of `greys`, else of `pixels`. */
  readonly sha256: string;
  /** Set by {@link loadData} alone. */
  readonly origin?: DataOrigin;
}

/** The part of the images that the Keras example keeps for validation: the last tenth. */
export const referenceValidationSplit = 0.1;

/** An image set of one channel and two levels, whole. */
export function binarySet(
  { count, height, width }: Omit<RawImages, 'pixels'>,
  parts: Pick<ImageSet, 'pixels' | 'greys' | 'source' | 'binarisation'>,
): ImageSet {
  const shape = { count, height, width, channels: 1, levels: 2 };
  return { ...shape, ...parts, first: 0, split: 'all', sha256: sha256(parts.greys ?? parts.pixels) };
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
  const { origin: _whole, validationImages: _theirs, ...rest } = set;
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

/**
 * The first `count` images, 1 to all. Of data with validation images of its own: the first of both parts, in the numbers
 * in which they stand to each other.
 */
export function firstImages(images: ImageSet, count: number): ImageSet {
  const set = checkImageSet('set', images);
  checkInteger('limit', count, { min: 1, max: set.count });
  if (count === set.count) return images;
  const name = `the first ${count.toLocaleString('en-US')}`;
  const split = set.split === 'all' ? name : `${name} of ${set.split}`;
  if (set.validationImages === undefined) return sliceImages(set, 0, count, split);
  const validationImages = Math.round((count * set.validationImages) / set.count);
  const { train, validation } = splitImages(set);
  const [some, few] = [
    sliceImages(train, 0, count - validationImages, split),
    sliceImages(validation, 0, validationImages, split),
  ];
  const join = (one: Uint8Array, other: Uint8Array): Uint8Array => new Uint8Array(Buffer.concat([one, other]));
  const pixels = join(some.pixels, few.pixels);
  const greys = some.greys && few.greys && join(some.greys, few.greys);
  return { ...some, count, pixels, ...(greys && { greys }), sha256: sha256(greys ?? pixels), validationImages };
}

/** How many images train and how many validate: the last `validationSplit` of them, as Keras rounds it. */
export function splitCounts(count: number, validationSplit: number): { train: number; validation: number } {
  checkNumber('validationSplit', validationSplit, { min: 0 });
  if (validationSplit >= 1) throw wrongValue('validationSplit', `expected a number below 1, got ${validationSplit}`);
  const train = Math.floor(count * (1 - validationSplit));
  return { train, validation: count - train };
}

/** The part of a set that comes divided into three which its test images are not in. */
export const ownParts = 'the training and validation images';

/** The two parts of a data set: its own, where it has validation images, else the last `validationSplit` validates. */
export function splitImages(
  images: ImageSet,
  validationSplit: number = referenceValidationSplit,
): { train: ImageSet; validation: ImageSet } {
  const set = checkImageSet('set', images);
  const { validationImages } = set;
  const of = set.split === 'all' || set.split === ownParts ? '' : ` of ${set.split}`;
  if (validationImages !== undefined) {
    const train = set.count - validationImages;
    return {
      train: sliceImages(set, 0, train, `the training images${of}`),
      validation: sliceImages(set, train, set.count, `the validation images${of}`),
    };
  }
  const { train } = splitCounts(set.count, validationSplit);
  const percent = `${Math.round(1e6 * validationSplit) / 1e4} %`;
  return {
    train: sliceImages(set, 0, train, `all but the last ${percent}${of}`),
    validation: sliceImages(set, train, set.count, `the last ${percent}${of}`),
  };
}

/** How a pixel's value becomes its level. */
export interface Binarisation {
  /**
   * `threshold`: 1 from a value on. `static`: 1 with probability value / 255, drawn once, as the usual binarised MNIST.
   * `dynamic`: the same, drawn anew in each epoch of training; validation sees what `static` gives. `none`: the values
   * are levels, 0 or 1. Default: `threshold`.
   */
  readonly binarisation?: (typeof binarisations)[number];
  /** Of `threshold`: the least value, 0 to 256, that is 1. Default: 84.48, as the Keras example. */
  readonly threshold?: number;
  /** Of `static`, and of what validation sees of `dynamic`: seed of the draw, in [0, 2^53). Default: 0. */
  readonly binarisationSeed?: number;
}

/** The ways to binarise. */
export const binarisations = ['threshold', 'static', 'dynamic', 'none'] as const;

/** The fields of an image set that are numbers, and their least values. */
const numbers = { count: 1, height: 1, width: 1, channels: 1, levels: 2, first: 0 } as const;
const words = ['source', 'split', 'binarisation', 'sha256'] as const;
const more = ['input', 'alphabet', 'labels', 'classNames', 'labelsSha256'];
const fields = [...Object.keys(numbers), ...words, ...more, 'pixels', 'greys', 'validationImages', 'origin'];

/**
 * Refuses what is no image set, or one whose parts do not go together. Returns it, each part read once, its bytes in plain arrays on
 * the same memory. Throws RangeError, TypeError.
 *
 * @param name What an error calls it: `data`.
 */
export function checkImageSet(name: string, value: unknown): ImageSet {
  const set = ownOptions(name, value as ImageSet, fields);
  for (const field of Object.keys(numbers) as (keyof typeof numbers)[]) {
    checkInteger(`${name}.${field}`, set[field], { min: numbers[field], max: Number.MAX_SAFE_INTEGER });
  }
  if (set.levels > 256) throw wrongValue(`${name}.levels`, `expected at most 256, got ${set.levels}`);
  for (const field of words) {
    if (typeof set[field] !== 'string') throw wrongKind(`${name}.${field}`, `expected a text, got ${show(set[field])}`);
  }
  const { count, height, width, channels, levels, validationImages } = set;
  if (validationImages !== undefined)
    checkInteger(`${name}.validationImages`, validationImages, { min: 0, max: count });
  const shape = `[${count}, ${height}, ${width}, ${channels}]`;
  for (const field of ['pixels', 'greys'] as const) {
    const values: unknown = set[field];
    if (field === 'greys' && values === undefined) continue;
    if (!isBytes(values)) throw wrongKind(`${name}.${field}`, `expected a Uint8Array, got ${show(values)}`);
    if (byteLengthOf(values) === count * height * width * channels) continue;
    const wanted = `expected ${count * height * width * channels} values, as ${shape} has`;
    throw wrongValue(`${name}.${field}`, `${wanted}, got ${byteLengthOf(values)}`);
  }
  const [pixels, greys] = [plainBytes(set.pixels), set.greys && plainBytes(set.greys)];
  const at = pixels.findIndex((level) => level >= levels);
  if (at >= 0) {
    const advice = 'binariseImages makes levels of grey values';
    throw wrongValue(
      `${name}.pixels`,
      `expected levels from 0 to ${levels - 1}, got ${pixels[at]} at index ${at}; ${advice}`,
    );
  }
  return { ...set, pixels, ...(greys && { greys }) };
}
