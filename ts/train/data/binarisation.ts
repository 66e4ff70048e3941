// From grey values to two levels. Likelihoods under different rules cannot be compared: a threshold leaves no noise to
// pay for, a draw leaves much (about 16 nats a digit).

import {
  checkChoice,
  checkInteger,
  checkNumber,
  checkObject,
  checkText,
  lookedAt,
  ownOptions,
  show,
  wrongKind,
  wrongValue,
} from '../../arguments.js';
import { byteLengthOf, isBytes, plainBytes } from '../../brand.js';
import type { PixelCnnError } from '../../error.js';
import { type Core, loadCore } from '../net/core.js';
import { randomPurpose } from '../net/reference.js';
import { invalid, letIn } from './files/numbers.js';
import { type Binarisation, binarisations, binarySet, type ImageSet } from './image_set.js';
import type { RawImages } from './raw.js';

/**
 * Grey images as levels.
 *
 * @param source What the images are, as likelihoods are quoted with: `MNIST, 60,000 training then 10,000 test images`.
 * @param name What an error calls them; a path where there is one.
 * @param signal Stops it, with the signal's reason.
 * @throws RangeError for an option out of its range; PixelCnnError `INVALID_DATA` for values that the rule cannot mean, or of
 *   which it makes one level alone, with the rule that would fit.
 */
export async function binariseImages(
  given: RawImages,
  source: string,
  asked: Binarisation = {},
  name: string = source,
  signal?: AbortSignal,
): Promise<ImageSet> {
  const images = checkRawImages(given);
  checkText('source', source);
  checkText('name', name);
  const options = ownOptions('options', asked, ['binarisation', 'threshold', 'binarisationSeed']);
  const { method, drawn, threshold, seed } = checkBinarisation(options);
  if (method === 'threshold' && images.reading !== undefined && threshold > 0 && threshold <= 1) {
    const meant = threshold * 255;
    const wanted = `expected a number from 0 to 255, as for ${images.reading}`;
    throw wrongValue('threshold', `${wanted}, got ${threshold}; ${meant} is the same`);
  }
  await letIn(signal);
  const values = valuesOf(images.pixels);
  const { least, most, range } = values;
  if (least === most && !(drawn && range.grey && most < 255)) {
    throw invalid(name, 'images with something in them', `the same value, ${most}, in every pixel`);
  }
  if (method === 'none' ? most > 1 : (drawn || options.threshold === undefined) && !range.grey) {
    throw unfit(images, name, method, values);
  }
  const set = await levelled(images, source, method, threshold, seed, range.most, signal);
  await letIn(signal);
  const ones = onesOf(set);
  if (ones === 0 || ones === set.pixels.length) throw constant(name, method, threshold, ones === 0 ? 0 : 1, values);
  return set;
}

/** Images between two looks at the signal. */
const drawnAtOnce = 1000;

async function levelled(
  images: RawImages,
  source: string,
  method: (typeof binarisations)[number],
  threshold: number,
  seed: number,
  most: number,
  signal?: AbortSignal,
): Promise<ImageSet> {
  if (method === 'threshold') {
    const set = binarise(images, source, threshold);
    return most === 255 ? set : { ...set, binarisation: `pixel 1 iff value >= ${threshold} of ${most}` };
  }
  if (method === 'none') {
    return binarySet(images, { pixels: images.pixels, source, binarisation: 'pixels 0 or 1 as they are stored' });
  }
  const core = await loadCore();
  const size = images.height * images.width;
  const pixels = new Uint8Array(images.pixels.length);
  for (let start = 0; start < images.count; start += drawnAtOnce) {
    await letIn(signal);
    const greys = images.pixels.subarray(start * size, (start + drawnAtOnce) * size);
    pixels.set(
      drawLevels(core, greys, greys.length / size, (i) => start + i, { seed, epoch: 0 }),
      start * size,
    );
  }
  const binarisation = `pixel 1 with probability value / 255, drawn once with seed ${seed}`;
  const set = { pixels, source, binarisation };
  return binarySet(images, method === 'static' ? set : { ...set, greys: images.pixels });
}

/** A rule, checked and with its defaults. Throws RangeError, TypeError. */
export function checkBinarisation(options: Binarisation): {
  readonly method: (typeof binarisations)[number];
  /** Whether levels are drawn. */
  readonly drawn: boolean;
  readonly threshold: number;
  readonly seed: number;
} {
  const method = checkChoice('binarisation', options.binarisation ?? 'threshold', binarisations);
  const threshold = checkNumber('threshold', options.threshold ?? referenceThreshold, { min: 0 });
  if (threshold > 256) throw wrongValue('threshold', `expected a number from 0 to 256, got ${threshold}`);
  const seed = checkInteger('binarisationSeed', options.binarisationSeed ?? 0, {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  });
  const drawn = method === 'static' || method === 'dynamic';
  for (const [option, applies] of [
    ['threshold', method === 'threshold'],
    ['binarisationSeed', drawn],
  ] as const) {
    if (options[option] === undefined || applies) continue;
    throw wrongValue(option, `expected none with binarisation ${method}, got ${options[option]}`);
  }
  return { method, drawn, threshold, seed };
}

/** Images whose parts go together, each read once. */
function checkRawImages(given: RawImages): RawImages {
  checkObject('images', given);
  const images = lookedAt('images', () => ({
    pixels: given.pixels,
    count: given.count,
    height: given.height,
    width: given.width,
    ...(given.reading !== undefined && { reading: given.reading }),
  }));
  const { pixels, count, height, width } = images;
  for (const [name, value] of Object.entries({ count, height, width })) {
    checkInteger(`images.${name}`, value, { min: 1, max: Number.MAX_SAFE_INTEGER });
  }
  if (!isBytes(pixels)) throw wrongKind('images.pixels', `expected a Uint8Array of grey values, got ${show(pixels)}`);
  if (byteLengthOf(pixels) === count * height * width) return { ...images, pixels: plainBytes(pixels) };
  const wanted = `expected ${count * height * width} values, as [${count}, ${height}, ${width}] has`;
  throw wrongValue('images.pixels', `${wanted}, got ${byteLengthOf(pixels)}`);
}

/** A range that values come in, told by the greatest of them. */
interface ValueRange {
  readonly most: number;
  readonly name: string;
  /** Whether the rules for grey values of 0 to 255 mean anything here. */
  readonly grey: boolean;
}

const ranges: readonly ValueRange[] = [
  { most: 1, name: '0 and 1, as levels are', grey: false },
  { most: 16, name: "0 to 16, as scikit-learn's digits have", grey: false },
  { most: 255, name: '0 to 255, as 8-bit grey has', grey: true },
];

/** A rule that makes both levels of values that are not all the same. */
function fittingRule({ least, most, range }: Values): Binarisation {
  if (most <= 1) return { binarisation: 'none' };
  if (range.grey && least < referenceThreshold && most >= referenceThreshold) return {};
  return { threshold: Math.ceil((least + most) / 2) };
}

/** A rule as advice to someone who asked for another method: in words, and on the command line. */
function adviceOf({ binarisation = 'threshold', threshold }: Binarisation, asked: string): string {
  const parts = [
    ...(binarisation === asked ? [] : [['binarisation', binarisation]]),
    ...(threshold === undefined ? [] : [['threshold', threshold]]),
  ];
  if (parts.length === 0) return 'the default threshold would fit (no --threshold)';
  const words = parts.map((part) => part.join(' ')).join(', ');
  return `${words} would fit (${parts.map((part) => `--${part.join(' ')}`).join(' ')})`;
}

/** What values there are. */
export interface Values {
  readonly least: number;
  readonly most: number;
  readonly range: ValueRange;
}

export function valuesOf(pixels: Uint8Array): Values {
  let [least, most] = [255, 0];
  for (const value of pixels) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { least, most, range: ranges.find((range) => most <= range.most)! };
}

/** Values in words: `0 to 255, as 8-bit grey has`, and which of them there are. */
export function valuesInWords({ least, most, range }: Values): string {
  const all = most <= 1 || (least === 0 && most === range.most);
  return all ? range.name : `${range.name}, here ${least} to ${most}`;
}

/** What a rule made of values, in words: `13.2 % of the pixels are 1`. */
export function levelsInWords(set: ImageSet): string {
  const share = (100 * onesOf(set)) / set.pixels.length;
  return `${share.toPrecision(share < 1 ? 2 : 3)} % of the pixels are 1`;
}

function onesOf({ pixels }: Pick<ImageSet, 'pixels'>): number {
  let ones = 0;
  for (const level of pixels) ones += level;
  return ones;
}

/** Values that a rule cannot mean. */
function unfit(images: RawImages, name: string, method: string, values: Values): PixelCnnError {
  const { most, range } = values;
  const advice = adviceOf(fittingRule(values), method);
  if (method === 'none') {
    const at = images.pixels.findIndex((value) => value > 1);
    const image = Math.floor((at * images.count) / images.pixels.length);
    const got = `${images.pixels[at]} in image ${image}, of values ${range.name}; ${advice}`;
    return invalid(name, 'levels 0 and 1, as binarisation none asks for', got);
  }
  const by = method === 'threshold' ? `a threshold of ${referenceThreshold}` : `binarisation ${method}`;
  const got = `none above ${most}: these seem to be values ${range.name}; ${advice}`;
  return invalid(name, `grey values from 0 to 255, as ${by} asks for`, got);
}

/** Levels that are all the same, from which nothing can be learnt. */
function constant(name: string, method: string, threshold: number, level: number, values: Values): PixelCnnError {
  const { least, most } = values;
  const rule = method === 'threshold' ? `threshold ${threshold}` : `binarisation ${method}`;
  const advice = adviceOf(fittingRule(values), method);
  return invalid(name, 'levels 0 and 1', `${level} in every pixel by ${rule} of values ${least} to ${most}; ${advice}`);
}

/** How values become what training sees, in words. */
export function trainingBinarisation({ binarisation, greys }: Pick<ImageSet, 'binarisation' | 'greys'>): string {
  return greys === undefined ? binarisation : `${binarisation} for validation, anew in each epoch for training`;
}

/** Which draw: epochs count from 1; 0 is the draw that never changes. */
export interface Draw {
  readonly seed: number;
  readonly epoch: number;
}

/**
 * Levels of some images, `[indices.length, height, width, channels]`: those that are validated, or, where `draw` is given,
 * those that training sees in that epoch.
 */
export function levelsOf(core: Core, set: ImageSet, indices: Uint32Array, draw?: Draw): Uint8Array {
  const size = set.height * set.width * set.channels;
  const values = (draw === undefined ? undefined : set.greys) ?? set.pixels;
  const chosen = new Uint8Array(indices.length * size);
  indices.forEach((index, i) => {
    chosen.set(values.subarray(index * size, (index + 1) * size), i * size);
  });
  if (draw === undefined || set.greys === undefined) return chosen;
  return drawLevels(core, chosen, indices.length, (i) => set.first + indices[i]!, draw);
}

/** A level is 1 with probability value / 255, by a random number of (seed, epoch, image, pixel) alone. */
function drawLevels(
  core: Core,
  greys: Uint8Array,
  count: number,
  imageOf: (index: number) => number,
  { seed, epoch }: Draw,
): Uint8Array {
  const size = greys.length / count;
  const levels = new Uint8Array(greys.length);
  for (let i = 0; i < count; i++) {
    const words = core.randomWords(seed, randomPurpose.binarise, epoch, imageOf(i), size);
    // (word >>> 8) / 2^24 < value / 255, in integers: 255 is always 1, 0 never.
    for (let p = 0; p < size; p++) {
      levels[i * size + p] = (words[p]! >>> 8) * 255 < greys[i * size + p]! * 2 ** 24 ? 1 : 0;
    }
  }
  return levels;
}

/** The threshold of the Keras example: 33 % of 256. */
export const referenceThreshold = 0.33 * 256;

/** Two levels: 1 iff the 8-bit value is at least `threshold`, 0 to 256. Default: 84.48, as the Keras example. */
export function binarise(images: RawImages, source: string, threshold: number = referenceThreshold): ImageSet {
  checkNumber('threshold', threshold, { min: 0 });
  const pixels = new Uint8Array(images.pixels.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = images.pixels[i]! >= threshold ? 1 : 0;
  return binarySet(images, { pixels, source, binarisation: `pixel 1 iff value >= ${threshold} of 255` });
}
