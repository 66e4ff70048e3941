// The runs whose losses Keras gave, step by step; test/golden/make_keras_steps.ts makes the losses, keras_steps.test.ts
// repeats them.

import { createHash } from 'node:crypto';
import type { Config } from '../../../ts/config.js';
import { binarise } from '../../../ts/train/data/binarisation.js';
import { firstImages, type ImageSet } from '../../../ts/train/data/image_set.js';
import { loadMnist } from '../../../ts/train/data/published.js';
import type { Core } from '../../../ts/train/net/core.js';
import { initialParameters, toFull } from '../../../ts/train/net/parameters.js';
import { referenceConfig } from '../../../ts/train/net/reference.js';
import { epochOrder, planOf } from '../../../ts/train/run/plan.js';
import type { TrainOptions } from '../../../ts/train/train.js';
import { blobs, smallConfig } from '../support.js';

export interface KerasCase {
  readonly name: string;
  /** Whose net Keras trains: the Keras example's own program, or one that test/golden/keras_nets.py wrote from the papers. */
  readonly net: 'example' | 'papers';
  readonly config: Config;
  readonly seed: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly data: () => Promise<ImageSet>;
}

export const steps = 20;

/** test/golden/keras_steps.json. */
export interface Golden {
  readonly keras: string;
  /** Of each step. */
  readonly losses: Readonly<Record<string, readonly number[]>>;
  /** After all steps, of each tensor that weight which went farthest: its place in raster order, and its value. */
  readonly weights: Readonly<Record<string, Readonly<Record<string, readonly [place: number, value: number]>>>>;
  /** Hashes of what Keras was given. */
  readonly given: Readonly<Record<string, string>>;
}

export const cases: readonly KerasCase[] = [
  {
    ...{ name: 'small', net: 'example', config: smallConfig, seed: 11, batchSize: 20, learningRate: 0.01 },
    data: async () => blobs(20 * steps, smallConfig),
  },
  {
    ...{ name: 'reference', net: 'example', config: referenceConfig, seed: 12, batchSize: 128, learningRate: 0.0005 },
    data: async () => {
      const mnist = await loadMnist({ offline: true });
      return firstImages(binarise(mnist, mnist.source), 128 * steps);
    },
  },
];

/** What `train` is given: one epoch of as many steps as Keras did. */
export async function optionsOf({ config, seed, batchSize, learningRate, data }: KerasCase) {
  return {
    ...{ config, seed, batchSize, learningRate, data: await data(), epochs: 1, validationSplit: 0 },
  } satisfies TrainOptions;
}

export interface KerasInput {
  /** All tensors, uncropped, by the order of `tensors`. */
  readonly weights: Float32Array;
  readonly tensors: readonly string[];
  /** Levels in the order in which they are trained on. */
  readonly batches: Uint8Array;
}

/** What a run begins with and goes through, found the way the trainer finds it. */
export function inputOf(options: Awaited<ReturnType<typeof optionsOf>>, core: Core): KerasInput {
  const { data, seed } = options;
  const { net, layout } = planOf({ ...options, core });
  const size = data.height * data.width * data.channels;
  const batches = new Uint8Array(data.count * size);
  epochOrder(core, seed, 1, data.count).forEach((image, place) => {
    batches.set(data.pixels.subarray(image * size, (image + 1) * size), place * size);
  });
  return {
    weights: toFull(layout, initialParameters(net, layout, core, seed)),
    tensors: net.tensors.map(({ name }) => name),
    batches,
  };
}

/** Of what Keras was given: where it differs, the losses must be made anew. */
export function hashOf({ weights, batches }: KerasInput): string {
  return createHash('sha256').update(new Uint8Array(weights.buffer)).update(batches).digest('hex');
}
