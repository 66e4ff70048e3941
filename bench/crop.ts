/**
 * The cleverest use of a framework: for each pixel not the whole image but the window that the pixel depends on, clipped at
 * the image's border. Clipped and not padded: SAME padding belongs to every layer, so zeros around the window are another
 * net near the border. The border of the window that is not the image's own does no harm: what is wrong there, the pixel
 * does not see.
 */

import type { Description } from '../ts/config.js';
import { frameworkMacs, type Peer } from './peer.js';

/** Rows and columns of an image, the last ones excluded. */
export interface Window {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** What the logit of a pixel depends on. */
export function windowOf(net: Description, row: number, column: number): Window {
  const { above, left, right } = net.receptiveField;
  return {
    top: Math.max(0, row - above),
    bottom: row + 1,
    left: Math.max(0, column - left),
    right: Math.min(net.config.width, column + right + 1),
  };
}

export interface Cropped {
  /** Milliseconds for one image. */
  readonly time: number;
  readonly macsPerImage: number;
  /** The furthest that a logit lies from ours. */
  readonly worst: number;
  /** How many of the image's windows were computed; the time is extrapolated from them. */
  readonly windows: number;
}

/**
 * Runs a peer over the windows of every `step`-th pixel of an image, `[height, width]`, scaled to 0..1, after one of each
 * shape. `step` should share no factor with the width, so that all columns have their turn.
 */
export async function crop(
  peer: Peer,
  net: Description,
  image: Float32Array,
  logits: Float32Array,
  step: number,
): Promise<Cropped> {
  const { height, width } = net.config;
  const forward = async (pixel: number) => {
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    const { top, bottom, left, right } = windowOf(net, row, column);
    const [rows, columns] = [bottom - top, right - left];
    const pixels = new Float32Array(rows * columns);
    for (let r = top; r < bottom; r++) {
      pixels.set(image.subarray(r * width + left, r * width + right), (r - top) * columns);
    }
    const answer = await peer.forward(pixels, 1, rows, columns);
    const logit = answer.logits[(row - top) * columns + column - left]!;
    return { time: answer.time, macs: frameworkMacs(net, rows, columns), off: Math.abs(logit - logits[pixel]!) };
  };
  // Once in each shape: what a runtime plans anew for a shape is not the arithmetic's time.
  const shapes = new Map<string, number>();
  for (let pixel = 0; pixel < height * width; pixel += step) {
    const { top, bottom, left, right } = windowOf(net, Math.floor(pixel / width), pixel % width);
    shapes.set(`${bottom - top} x ${right - left}`, pixel);
  }
  for (const pixel of shapes.values()) await forward(pixel);
  let [windows, time, macs, worst] = [0, 0, 0, 0];
  for (let pixel = 0; pixel < height * width; pixel += step) {
    const one = await forward(pixel);
    windows++;
    time += one.time;
    macs += one.macs;
    worst = Math.max(worst, one.off);
  }
  const images = windows / (height * width);
  return { time: time / images, macsPerImage: macs / images, worst, windows };
}
