// A data set as the trainer takes it: images as pixel levels, with the words that a likelihood must be quoted with.

import { createHash } from 'node:crypto';

/** Images as levels `0..levels-1`, `[count, height, width, channels]`. */
export interface ImageSet {
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly levels: number;
  /** Which images, in which order: `MNIST, 60,000 training then 10,000 test images`. */
  readonly source: string;
  /** How pixels became levels. */
  readonly binarisation: string;
  /** sha256 of `pixels`. */
  readonly sha256: string;
}

/** The threshold of the Keras example: 33 % of 256. */
export const referenceThreshold = 0.33 * 256;

/** Two levels: 1 iff the 8-bit value is at least `threshold`. */
export function binarise(
  images: { count: number; height: number; width: number; pixels: Uint8Array },
  source: string,
  threshold: number = referenceThreshold,
): ImageSet {
  const pixels = new Uint8Array(images.pixels.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = (images.pixels[i] as number) >= threshold ? 1 : 0;
  return {
    pixels,
    count: images.count,
    height: images.height,
    width: images.width,
    channels: 1,
    levels: 2,
    source,
    binarisation: `pixel 1 iff value >= ${threshold} of 255`,
    sha256: createHash('sha256').update(pixels).digest('hex'),
  };
}

/** The first `count` images. */
export function firstImages(set: ImageSet, count: number): ImageSet {
  if (!Number.isInteger(count) || count < 1 || count > set.count) {
    throw new RangeError(`limit: expected a whole number of images from 1 to ${set.count}, got ${count}`);
  }
  if (count === set.count) return set;
  const pixels = set.pixels.subarray(0, count * set.height * set.width * set.channels);
  const sha256 = createHash('sha256').update(pixels).digest('hex');
  return { ...set, pixels, count, sha256, source: `${set.source}, the first ${count}` };
}
