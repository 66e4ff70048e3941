// A data set as the trainer takes it: images as pixel levels, with the words that a likelihood must be quoted with.

import { checkChoice, checkInteger, checkNumber, ownOptions, show, wrongKind, wrongValue } from '../../arguments.js';
import { byteLengthOf, isArrayOf, plainArray } from '../../brand.js';
import type { Levels } from '../../images.js';
import { isCharacter } from '../../metadata.js';
import { sha256 } from '../../node/files.js';
import type { PublishedSet, RawImages } from './raw.js';
import { type LevelRule, type MapOptions, mostLevels } from './rule.js';

/** What {@link loadData} is asked for the same images again; without `data` where they were the user's own. */
export interface DataOrigin extends LevelRule, MapOptions {
  /** The published set. */
  readonly data?: PublishedSet;
  /** Which of its images. */
  readonly split: 'reference' | 'standard' | 'test' | 'all';
  /** At most so many, the first ones. */
  readonly limit?: number;
}

/** Images as levels `0..levels-1`, `[count, height, width, channels]`, and where they come from. */
export interface ImageSet<Pixels extends Levels = Levels> {
  /** What is validated and scored; what training sees too, unless there are `greys`. */
  readonly pixels: Pixels;
  /** Values 0..255 of the same shape, which training draws its levels from anew in each epoch. */
  readonly greys?: Uint8Array;
  /** Images. */
  readonly count: number;
  /** Rows of an image. */
  readonly height: number;
  /** Columns of an image. */
  readonly width: number;
  /** Channels of a pixel. */
  readonly channels: number;
  /** 2 to 512. */
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
  /**
   * Which images are parts of one whole, `[count]`: equal numbers, side by side, such as the windows of one map. They stay on one side
   * of a split.
   */
  readonly wholes?: Uint32Array;
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

type SetParts<Pixels extends Levels> = Pick<
  ImageSet<Pixels>,
  'pixels' | 'greys' | 'levels' | 'input' | 'alphabet' | 'wholes' | 'source' | 'binarisation'
>;

/** An image set of one channel, whole. */
export function wholeSet<Pixels extends Levels>(
  { count, height, width }: Omit<RawImages, 'pixels'>,
  parts: SetParts<Pixels>,
): ImageSet<Pixels> {
  const shape = { count, height, width, channels: 1 };
  return { ...shape, ...parts, first: 0, split: 'all', sha256: sha256(parts.greys ?? parts.pixels) };
}

/** The most classes that a net can have. */
export const mostClasses = 1024;

/** How many pixels have each level. */
export function levelCounts({ pixels, levels }: Pick<ImageSet, 'pixels' | 'levels'>): number[] {
  const counts = new Array<number>(levels).fill(0);
  for (const level of pixels) counts[level]!++;
  return counts;
}

type PerImage<Pixels extends Levels> = Pick<ImageSet<Pixels>, 'pixels' | 'greys' | 'labels' | 'wholes'>;

/** What of a set there is for each image, changed alike: numbers, and how many of them an image has. */
function perImage<Pixels extends Levels>(
  set: ImageSet<Pixels>,
  change: <T extends Levels | Uint32Array>(numbers: T, each: number) => T,
): PerImage<Pixels> {
  const size = set.height * set.width * set.channels;
  const { pixels, greys, labels, wholes } = set;
  return {
    pixels: change(pixels, size),
    ...(greys && { greys: change(greys, size) }),
    ...(labels && { labels: change(labels, 1) }),
    ...(wholes && { wholes: change(wholes, 1) }),
  };
}

/** The hashes of such. */
function hashesOf({ pixels, greys, labels }: PerImage<Levels>): Pick<ImageSet, 'sha256' | 'labelsSha256'> {
  return { sha256: sha256(greys ?? pixels), ...(labels && { labelsSha256: sha256(labels) }) };
}

/** Images `start` to `end`, sharing the pixels. */
export function sliceImages<Pixels extends Levels>(
  set: ImageSet<Pixels>,
  start: number,
  end: number,
  split: string,
): ImageSet<Pixels> {
  const part = perImage(set, (numbers, each) => numbers.subarray(start * each, end * each) as typeof numbers);
  const { origin: _whole, validationImages: _theirs, ...rest } = set;
  return { ...rest, ...part, count: end - start, first: set.first + start, split, ...hashesOf(part) };
}

/**
 * The first `count` images, 1 to all. Of data with validation images of its own: the first of both parts, in the numbers
 * in which they stand to each other.
 */
export function firstImages<Pixels extends Levels>(images: ImageSet<Pixels>, count: number): ImageSet<Pixels> {
  const set = checkImageSet<Pixels>('set', images);
  checkInteger('limit', count, { min: 1, max: set.count });
  if (count === set.count) return images;
  const name = `the first ${count.toLocaleString('en-US')}`;
  const split = set.split === 'all' ? name : `${name} of ${set.split}`;
  if (set.validationImages === undefined) return sliceImages(set, 0, count, split);
  // Some of both parts where there are, but of one image alone, which trains.
  const trains = set.count > set.validationImages ? 1 : 0;
  const validationImages = Math.min(count - trains, Math.round((count * set.validationImages) / set.count));
  const [trainImages, start] = [count - validationImages, set.count - set.validationImages];
  const both = perImage(set, (numbers, each) => {
    const joined = numbers.slice(0, count * each) as typeof numbers;
    joined.set(numbers.subarray(start * each, (start + validationImages) * each), trainImages * each);
    return joined;
  });
  const { origin: _whole, ...rest } = set;
  return { ...rest, ...both, count, split, validationImages, ...hashesOf(both) };
}

/** How many images train and how many validate: the last `validationSplit` of them, as Keras rounds it. */
export function splitCounts(count: number, validationSplit: number): { train: number; validation: number } {
  checkNumber('validationSplit', validationSplit, { min: 0 });
  if (validationSplit >= 1) throw wrongValue('validationSplit', `expected a number below 1, got ${validationSplit}`);
  const train = Math.floor(count * (1 - validationSplit));
  return { train, validation: count - train };
}

/**
 * The same for a set. Images that are parts of one whole go to one side, so that nothing is validated on what it was trained
 * on: the nearest number with whole wholes on both sides.
 */
export function divideImages(
  { count, wholes }: Pick<ImageSet, 'count' | 'wholes'>,
  validationSplit: number,
): { train: number; validation: number } {
  const { train } = splitCounts(count, validationSplit);
  const of = (train: number) => ({ train, validation: count - train });
  if (wholes === undefined || train === 0 || train === count) return of(train);
  const begins = (image: number): boolean => wholes[image] !== wholes[image - 1];
  let [before, after] = [train, train];
  while (before > 0 && !begins(before)) before--;
  while (after < count && !begins(after)) after++;
  // A side that would be left without any image has the nearest whole.
  if (before === 0 || after === count) return of(before === 0 ? after : before);
  return of(train - before <= after - train ? before : after);
}

/** The part of a set that comes divided into three which its test images are not in. */
export const ownParts = 'the training and validation images';

/** The two parts of a data set: its own, where it has validation images, else the last `validationSplit` validates. */
export function splitImages<Pixels extends Levels>(
  images: ImageSet<Pixels>,
  validationSplit: number = referenceValidationSplit,
): {
  /** What is trained on. */
  train: ImageSet<Pixels>;
  /** What is validated on. */
  validation: ImageSet<Pixels>;
} {
  const set = checkImageSet<Pixels>('set', images);
  const { validationImages } = set;
  const of = set.split === 'all' || set.split === ownParts ? '' : ` of ${set.split}`;
  if (validationImages !== undefined) {
    const train = set.count - validationImages;
    return {
      train: sliceImages(set, 0, train, `the training images${of}`),
      validation: sliceImages(set, train, set.count, `the validation images${of}`),
    };
  }
  const { train } = divideImages(set, validationSplit);
  const percent = `${Math.round(1e6 * validationSplit) / 1e4} %`;
  return {
    train: sliceImages(set, 0, train, `all but the last ${percent}${of}`),
    validation: sliceImages(set, train, set.count, `the last ${percent}${of}`),
  };
}

/** The fields of an image set that are numbers, and their least values. */
const numbers = { count: 1, height: 1, width: 1, channels: 1, levels: 2, first: 0 } as const;
const words = ['source', 'split', 'binarisation', 'sha256'] as const;
const perImageFields = ['pixels', 'greys', 'labels', 'wholes'] as const;
const fields = [
  ...[...Object.keys(numbers), ...words, ...perImageFields],
  ...['input', 'alphabet', 'classNames', 'labelsSha256', 'validationImages', 'origin'],
];

/**
 * Refuses what is no image set, or one whose parts do not go together. Returns it, each part read once, its numbers in plain arrays
 * on the same memory. Throws RangeError, TypeError.
 *
 * @param name What an error calls it: `data`.
 */
export function checkImageSet<Pixels extends Levels = Levels>(name: string, value: unknown): ImageSet<Pixels> {
  const set = ownOptions(name, value as ImageSet<Pixels>, fields);
  for (const field of Object.keys(numbers) as (keyof typeof numbers)[]) {
    checkInteger(`${name}.${field}`, set[field], { min: numbers[field], max: Number.MAX_SAFE_INTEGER });
  }
  if (set.levels > mostLevels) throw wrongValue(`${name}.levels`, `expected at most ${mostLevels}, got ${set.levels}`);
  if (set.input !== undefined) checkChoice(`${name}.input`, set.input, ['ordinal', 'nominal']);
  for (const field of words) {
    if (typeof set[field] !== 'string') throw wrongKind(`${name}.${field}`, `expected a text, got ${show(set[field])}`);
  }
  const { count, levels, validationImages } = set;
  if (validationImages !== undefined)
    checkInteger(`${name}.validationImages`, validationImages, { min: 0, max: count });
  const plain = Object.fromEntries(
    perImageFields.flatMap((field) =>
      set[field] === undefined && field !== 'pixels' ? [] : [checkNumbers(name, set, field)],
    ),
  ) as unknown as PerImage<Pixels>;
  const at = plain.pixels.findIndex((level) => level >= levels);
  if (at >= 0) {
    const advice = 'binariseImages makes levels of grey values';
    throw wrongValue(
      `${name}.pixels`,
      `expected levels from 0 to ${levels - 1}, got ${plain.pixels[at]} at index ${at}; ${advice}`,
    );
  }
  const alphabet = set.alphabet && checkNames(`${name}.alphabet`, set.alphabet, levels, 'a level');
  const odd = alphabet?.find((character) => !isCharacter(character));
  if (odd !== undefined) {
    const wanted = 'expected one character a level, that can stand in a line';
    throw wrongValue(`${name}.alphabet`, `${wanted}, got ${show(odd)}`);
  }
  return { ...set, ...plain, ...(alphabet && { alphabet }), ...checkClasses(name, set, plain.labels) };
}

/** One of the arrays of a set, by its name. */
function checkNumbers(
  name: string,
  set: ImageSet,
  field: (typeof perImageFields)[number],
): [string, Levels | Uint32Array] {
  const { count, height, width, channels, levels } = set;
  const value: unknown = set[field];
  const wide = field === 'labels' || (field === 'pixels' && levels > 256);
  const kind = field === 'wholes' ? 'Uint32Array' : wide ? 'Uint16Array' : 'Uint8Array';
  if (!isArrayOf(kind, value)) {
    const of = field === 'pixels' && levels !== 2 ? `, as ${levels} levels have` : '';
    throw wrongKind(`${name}.${field}`, `expected a ${kind}${of}, got ${show(value)}`);
  }
  const perPixel = field === 'pixels' || field === 'greys';
  const length = perPixel ? count * height * width * channels : count;
  const got = byteLengthOf(value) / value.BYTES_PER_ELEMENT;
  if (got === length) return [field, plainArray(value)];
  const shape = perPixel ? `[${count}, ${height}, ${width}, ${channels}]` : `[${count}]`;
  throw wrongValue(`${name}.${field}`, `expected ${length} values, as ${shape} has, got ${got}`);
}

/** Names of so many things, each another. */
export function checkNames(name: string, value: unknown, count: number | undefined, of: string): readonly string[] {
  if (!Array.isArray(value)) throw wrongKind(name, `expected an array of texts, got ${show(value)}`);
  const names = Array.from(value as ArrayLike<unknown>);
  const odd = names.find((text) => typeof text !== 'string' || text === '');
  if (odd !== undefined) throw wrongKind(name, `expected a text for each, got ${show(odd)}`);
  if (count !== undefined && names.length !== count) {
    throw wrongValue(name, `expected ${count}, one ${of}, got ${names.length}`);
  }
  const twice = names.find((text, index) => names.indexOf(text) !== index);
  if (twice !== undefined) throw wrongValue(name, `expected each once, got ${show(twice)} twice`);
  return names as string[];
}

/** Labels come with names of their classes; their hash, where it is given, is theirs. Returns both. */
function checkClasses(
  name: string,
  set: ImageSet,
  labels: Uint16Array | undefined,
): Pick<ImageSet, 'classNames' | 'labelsSha256'> {
  if (labels === undefined) {
    const left = (['classNames', 'labelsSha256'] as const).find((field) => set[field] !== undefined);
    if (left === undefined) return {};
    throw wrongKind(`${name}.${left}`, 'expected labels beside it, got none; labelImages gives a set labels');
  }
  const classNames = checkNames(`${name}.classNames`, set.classNames, undefined, 'a class');
  checkInteger(`${name}.classNames.length`, classNames.length, { min: 1, max: mostClasses });
  const at = labels.findIndex((label) => label >= classNames.length);
  if (at >= 0) {
    const wanted = `expected classes from 0 to ${classNames.length - 1}, as there are names`;
    throw wrongValue(`${name}.labels`, `${wanted}, got ${labels[at]} at image ${at}`);
  }
  const labelsSha256 = sha256(labels);
  if (set.labelsSha256 === undefined || set.labelsSha256 === labelsSha256) return { classNames, labelsSha256 };
  throw wrongValue(
    `${name}.labelsSha256`,
    `expected that of the labels, ${labelsSha256}, got ${show(set.labelsSha256)}`,
  );
}
