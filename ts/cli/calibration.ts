/** Images that show a converter what a model does: drawn from the model, or from a data set. */

import { imageSize, type Levels, levelsArray } from '../images.js';
import { inTurn } from '../sample_options.js';
import type { Sampler } from '../sampler.js';
import { type DataFlags, dataFlagsOf, likeTrained, readLikeTrained, ruleFlags } from './data_option.js';
import { startDrawing } from './drawing.js';
import { UsageError } from './failure.js';
import { startProgress } from './progress.js';

export interface CalibrationOptions extends Omit<DataFlags, 'data' | 'limit'> {
  calibrate: string;
  images: number;
  seed: number;
}

export interface Calibration {
  data: Levels;
  /** The class of each, of a model with classes: one after the other, as samples are drawn, where the data does not say it. */
  labels?: Uint16Array;
  /** Says which they are. */
  name: string;
}

export const calibrateHelp =
  'what shows how active channels are: samples (the model draws them), mnist, or a file or folder of images';

/**
 * Draws or reads the images; those of a data set become levels as the model's own did, and are spread over those that train.
 */
export async function calibrationImages(
  model: Uint8Array,
  sampler: Sampler,
  { calibrate, images, seed, ...flags }: CalibrationOptions,
  signal: AbortSignal,
): Promise<Calibration> {
  const rule = dataFlagsOf(flags);
  if (calibrate === 'samples') {
    for (const name of Object.keys(ruleFlags) as (keyof typeof ruleFlags)[]) {
      if (rule[name] === undefined) continue;
      throw new UsageError(`${ruleFlags[name]}: expected none without --calibrate and a data set, got ${rule[name]}`);
    }
    const bar = await startProgress('drawing', images, 'images');
    const data = levelsArray(images * imageSize(sampler.config), sampler.config.levels);
    const request = { count: images, seed, startIndex: 0, method: 'wavefront' } as const;
    const drawing = await startDrawing({ model, sampler, request, signal });
    try {
      const parts = drawing.draw((share) => bar.update(images * share));
      for (let part = await parts.next(); !part.done; part = await parts.next()) {
        data.set(part.value.data, part.value.startIndex * imageSize(sampler.config));
      }
    } finally {
      bar.stop();
      await drawing.close();
    }
    const labels = inTurn(0, images, sampler);
    return { data, ...(labels && { labels }), name: `${images} samples of seed ${seed}` };
  }
  const [{ splitImages }, { readTrainingOrigin }] = await Promise.all([
    import('../train/data/image_set.js'),
    import('../train/run/record.js'),
  ]);
  const asked = likeTrained(readTrainingOrigin(sampler.metadata) ?? {}, { ...rule, data: calibrate });
  const all = await readLikeTrained({ ...asked, signal }, rule, '--calibrate');
  const { train } = splitImages(all);
  if (train.count === 0) throw new UsageError(`--calibrate: expected at least 2 images, got ${all.source}`);
  const { height, width, levels } = sampler.config;
  const size = imageSize(sampler.config);
  if (train.height !== height || train.width !== width) {
    throw new UsageError(
      `--calibrate: expected images of ${height}x${width}, as the model draws, got ${train.height}x${train.width}`,
    );
  }
  if (train.levels !== levels) {
    throw new UsageError(`--calibrate: expected images of ${levels} levels, as the model draws, got ${train.levels}`);
  }
  const count = Math.min(images, train.count);
  const data = levelsArray(count * size, levels);
  const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * train.count) / count));
  for (const [i, image] of chosen.entries()) {
    data.set(train.pixels.subarray(image * size, (image + 1) * size), i * size);
  }
  const own = sampler.config.classes && train.labels;
  const labels = own ? Uint16Array.from(chosen, (image) => own[image]!) : inTurn(0, count, sampler);
  return {
    data,
    ...(labels && { labels }),
    name: `${count} images spread over ${train.split} of ${train.source}`,
  };
}
