// From grey values to two levels. Likelihoods under different rules cannot be compared: a threshold leaves no noise to
// pay for, a draw leaves much (about 16 nats a digit).

import { checkText, ownOptions, wrongValue } from '../../arguments.js';
import type { PixelCnnError } from '../../error.js';
import { type Levels, levelsArray } from '../../images.js';
import { type Core, loadCore } from '../net/core.js';
import { randomPurpose } from '../net/reference.js';
import { invalid, letIn } from './files/numbers.js';
import { type ImageSet, wholeSet } from './image_set.js';
import type { RawImages } from './raw.js';
import { type Binarisation, type binarisations, checkBinarisation, referenceThreshold } from './rule.js';
import { checkRawImages, nothingIn, type Values, valuesOf } from './values.js';

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
): Promise<ImageSet<Uint8Array>> {
  const images = checkRawImages(given, ['Uint8Array'], 'grey values');
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
    throw nothingIn(name, most);
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

function binarySet(
  images: RawImages,
  parts: Pick<ImageSet<Uint8Array>, 'pixels' | 'greys' | 'source' | 'binarisation'>,
): ImageSet<Uint8Array> {
  return wholeSet(images, { ...parts, levels: 2 });
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
): Promise<ImageSet<Uint8Array>> {
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
export function levelsOf(core: Core, set: ImageSet, indices: Uint32Array, draw?: Draw): Levels {
  const size = set.height * set.width * set.channels;
  const chosen = <T extends Levels>(values: T, chosen: T): T => {
    indices.forEach((index, i) => {
      chosen.set(values.subarray(index * size, (index + 1) * size), i * size);
    });
    return chosen;
  };
  const length = indices.length * size;
  if (draw === undefined || set.greys === undefined) return chosen(set.pixels, levelsArray(length, set.levels));
  const greys = chosen(set.greys, new Uint8Array(length));
  return drawLevels(core, greys, indices.length, (i) => set.first + indices[i]!, draw);
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

/** Two levels: 1 iff the 8-bit value is at least `threshold`, 0 to 256. Default: 84.48, as the Keras example. */
export function binarise(
  images: RawImages,
  source: string,
  threshold: number = referenceThreshold,
): ImageSet<Uint8Array> {
  const pixels = new Uint8Array(images.pixels.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = images.pixels[i]! >= threshold ? 1 : 0;
  return binarySet(images, { pixels, source, binarisation: `pixel 1 iff value >= ${threshold} of 255` });
}
