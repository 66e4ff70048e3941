// How many images a forward and a backward pass holds at once, and what is said where even they find no room.

import type { Description } from '../../config.js';
import { PixelCnnError } from '../../error.js';
import type { Backend } from '../tensorflow/backend.js';

/** Sums and outputs of all layers of the reference's net, for an image of 28 x 28: what `microBatch` images of are known to fit. */
const reference = 28 * 28 * 3970;

/** Of a backend on a CPU, for which few images at once are faster, not needed for room: so many times as much is still no trouble. */
const spare = 4;

/** Images that a pass over a net holds at once: as many as the backend is fastest with, but for large images and large nets. */
export function imagesAtOnce({ microBatch, device }: Pick<Backend, 'microBatch' | 'device'>, net: Description): number {
  const { height, width } = net.config;
  const values = height * width * net.layers.reduce((all, { sums, outChannels }) => all + sums + outChannels, 0);
  const most = Math.floor((microBatch * (device === 'gpu' ? 1 : spare) * reference) / values);
  return Math.min(Math.max(most, 1), microBatch);
}

/** What TensorFlow and TensorFlow.js say where memory is short, of a GPU too. */
const roomless = /\bOOM\b|RESOURCE_EXHAUSTED|out of memory|Array buffer allocation failed|Invalid typed array length/i;

/** The error of a run whose pass has failed: in words, where it found no room. */
export function failedPass(error: unknown, { device, name }: Backend, images: number, net: Description): unknown {
  if (!(error instanceof Error) || error instanceof PixelCnnError || !roomless.test(error.message)) return error;
  const { height, width } = net.config;
  const where = `${name} on the ${device.toUpperCase()}`;
  return new PixelCnnError(
    'OUT_OF_MEMORY',
    `training: expected room for ${images} image${images === 1 ? '' : 's'} of ${height}x${width} and all that this net makes of ` +
      `${images === 1 ? 'it' : 'them'}, got less from ${where}; take fewer filters or blocks, ` +
      `${images === 1 ? '' : 'a smaller batch, '}smaller images, or a machine with more memory`,
    { cause: error },
  );
}
