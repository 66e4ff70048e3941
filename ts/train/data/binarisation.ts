// From grey values to two levels. Likelihoods under different rules cannot be compared: a threshold leaves no noise to
// pay for, a draw leaves much (about 16 nats a digit).

import { checkChoice, checkInteger, checkNumber, checkObject, show, wrongKind, wrongValue } from '../../arguments.js';
import { isBytes } from '../../brand.js';
import { PixelCnnError } from '../../error.js';
import { type Core, loadCore } from '../net/core.js';
import { randomPurpose } from '../net/reference.js';
import { type Binarisation, binarisations, binarySet, type ImageSet } from './image_set.js';
import type { RawImages } from './raw.js';

/**
 * Grey images as levels.
 *
 * @param source What the images are, as likelihoods are quoted with: `MNIST, 60,000 training then 10,000 test images`.
 * @param name What an error calls them; a path where there is one.
 * @throws RangeError for an option out of its range; PixelCnnError `INVALID_DATA` for values that the rule cannot mean.
 */
export async function binariseImages(
  images: RawImages,
  source: string,
  options: Binarisation = {},
  name: string = source,
): Promise<ImageSet> {
  checkRawImages(images);
  const { method, drawn, threshold, seed } = checkBinarisation(options);
  let most = 0;
  for (const value of images.pixels) if (value > most) most = value;
  if (method === 'none') return givenLevels(images, source, most, name);
  if (most <= 1 && (drawn || threshold > most)) {
    throw new PixelCnnError(
      'INVALID_DATA',
      `${name}: expected grey values from 0 to 255, got none above ${most}; if these are levels, ask for binarisation none`,
    );
  }
  if (method === 'threshold') return binarise(images, source, threshold);
  const pixels = drawLevels(await loadCore(), images.pixels, images.count, (image) => image, { seed, epoch: 0 });
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

function checkRawImages(images: RawImages): void {
  checkObject('images', images);
  const { pixels, count, height, width } = images;
  for (const [name, value] of Object.entries({ count, height, width })) {
    checkInteger(`images.${name}`, value, { min: 1, max: Number.MAX_SAFE_INTEGER });
  }
  if (!isBytes(pixels)) throw wrongKind('images.pixels', `expected a Uint8Array of grey values, got ${show(pixels)}`);
  if (pixels.length === count * height * width) return;
  const wanted = `expected ${count * height * width} values, as [${count}, ${height}, ${width}] has`;
  throw wrongValue('images.pixels', `${wanted}, got ${pixels.length}`);
}

function givenLevels(images: RawImages, source: string, most: number, name: string): ImageSet {
  if (most > 1) {
    const at = images.pixels.findIndex((value) => value > 1);
    const image = Math.floor((at * images.count) / images.pixels.length);
    throw new PixelCnnError(
      'INVALID_DATA',
      `${name}: expected levels 0 and 1, as binarisation none asks for, got ${images.pixels[at]} in image ${image}`,
    );
  }
  return binarySet(images, { pixels: images.pixels, source, binarisation: 'pixels 0 or 1 as they are stored' });
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
