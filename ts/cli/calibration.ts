/** Images that show a converter what a model does: drawn from the model, or from a data set. */

import { imageSize } from '../images.js';
import type { Sampler } from '../sampler.js';
import { type DataFlags, dataFlagsOf, likeTrained, readData } from './data_option.js';
import { UsageError } from './failure.js';
import { startProgress } from './progress.js';

export interface CalibrationOptions extends Omit<DataFlags, 'data' | 'limit'> {
  calibrate: string;
  images: number;
  seed: number;
}

export interface Calibration {
  data: Uint8Array;
  /** Says which they are. */
  name: string;
}

export const calibrateHelp =
  'what shows how active channels are: samples (the model draws them), mnist, or a file or folder of images';

/**
 * Draws or reads the images; those of a data set become levels as the model's own did, and are spread over those that train.
 */
export async function calibrationImages(
  sampler: Sampler,
  { calibrate, images, seed, ...flags }: CalibrationOptions,
  signal: AbortSignal,
): Promise<Calibration> {
  const rule = dataFlagsOf(flags);
  if (calibrate === 'samples') {
    for (const [name, flag] of [
      ['binarisation', '--binarisation'],
      ['threshold', '--threshold'],
      ['binarisationSeed', '--binarisation-seed'],
    ] as const) {
      if (rule[name] === undefined) continue;
      throw new UsageError(`${flag}: expected none without --calibrate and a data set, got ${rule[name]}`);
    }
    const bar = await startProgress('drawing', images, 'images');
    const data = new Uint8Array(images * imageSize(sampler.config));
    try {
      for (let first = 0; first < images; first += 16) {
        const count = Math.min(16, images - first);
        data.set(sampler.sample({ count, seed, startIndex: first }).data, first * imageSize(sampler.config));
        bar.update(first + count);
        await new Promise(setImmediate);
        signal.throwIfAborted();
      }
    } finally {
      bar.stop();
    }
    return { data, name: `${images} samples of seed ${seed}` };
  }
  const { readTrainingOrigin, splitImages } = await import('../train/index.js');
  const asked = likeTrained(readTrainingOrigin(sampler.metadata) ?? {}, { ...rule, data: calibrate });
  const all = await readData({ ...asked, signal }, '--calibrate');
  const { train } = splitImages(all);
  if (train.count === 0) throw new UsageError(`--calibrate: expected at least 2 images, got ${all.source}`);
  const { height, width } = sampler.config;
  const size = imageSize(sampler.config);
  if (train.height !== height || train.width !== width) {
    throw new UsageError(
      `--calibrate: expected images of ${height}x${width}, as the model draws, got ${train.height}x${train.width}`,
    );
  }
  const count = Math.min(images, train.count);
  const data = new Uint8Array(count * size);
  for (let i = 0; i < count; i++) {
    const at = Math.floor((i * train.count) / count) * size;
    data.set(train.pixels.subarray(at, at + size), i * size);
  }
  return { data, name: `${count} images spread over ${train.split} of ${train.source}` };
}
