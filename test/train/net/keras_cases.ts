// The runs whose losses Keras gave, step by step; test/golden/make_keras_steps.ts makes the losses, keras_steps.test.ts
// repeats them.

import { createHash } from 'node:crypto';
import type { Config } from '../../../ts/config.js';
import { sha256 } from '../../../ts/node/files.js';
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

const little: Config = {
  ...referenceConfig,
  ...{ height: 9, width: 8, filters: 8, blocks: 3, firstKernel: 5, headLayers: 1 },
};

/** A case of a net written from the papers. */
const fromPapers = (name: string, seed: number, changes: Partial<Config>): KerasCase => {
  const config = { ...little, ...changes };
  const data = async (): Promise<ImageSet> => discs(20 * steps, config);
  return { name, net: 'papers', config, seed, batchSize: 20, learningRate: 0.003, data };
};

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
  fromPapers('gated', 13, { architecture: 'gated', classes: 3 }),
  fromPapers('kinds', 14, { levels: 5, input: 'nominal' }),
  fromPapers('grey', 15, { levels: 16, activation: 'sigmoid' }),
  fromPapers('embedded', 16, {
    architecture: 'gated',
    activation: 'relu',
    levels: 7,
    input: 'nominal',
    embedding: 3,
    classes: 2,
    dilations: [1, 2],
  }),
  fromPapers('leaning', 17, { activation: 'tanh', levels: 3, lean: 2, dilations: [2, 1], classes: 4 }),
];

/** Discs of a size for each class, brightest in the middle, at places that depend on the index. */
function discs(count: number, { height, width, levels, input, classes = 0 }: Config): ImageSet {
  const pixels = new Uint8Array(count * height * width);
  const labels = Uint16Array.from({ length: count }, (_, image) => image % Math.max(1, classes));
  for (let image = 0; image < count; image++) {
    const size = 5 + 5 * labels[image]!;
    for (let place = 0; place < height * width; place++) {
      const [row, column] = [Math.floor(place / width), place % width];
      const distance = (row - ((3 * image) % height)) ** 2 + (column - ((5 * image) % width)) ** 2;
      const level = Math.floor((levels * (size - distance)) / size);
      pixels[image * height * width + place] = Math.max(0, Math.min(levels - 1, level));
    }
  }
  const words = { source: 'discs', split: 'all', binarisation: 'none' };
  return {
    ...{ pixels, count, height, width, channels: 1, levels, first: 0, ...words },
    ...(input === 'nominal' && { input }),
    ...(classes > 0 && { labels, classNames: Array.from({ length: classes }, (_, label) => String(label)) }),
    ...(classes > 0 && { labelsSha256: sha256(new Uint8Array(labels.buffer)) }),
    sha256: sha256(pixels),
  };
}

/** What `train` is given: one epoch of as many steps as Keras did. */
export async function optionsOf({ config, seed, batchSize, learningRate, data }: KerasCase) {
  return {
    ...{ config, seed, batchSize, learningRate, data: await data(), epochs: 1, validationSplit: 0 },
  } satisfies TrainOptions;
}

export interface KerasInput {
  /** All tensors, uncropped, by the order of `tensors`. */
  readonly weights: Float32Array;
  /** In the order of the weights, each with where its numbers begin. */
  readonly tensors: readonly { readonly name: string; readonly offset: number }[];
  /** Levels in the order in which they are trained on. */
  readonly batches: Uint8Array;
  /** The classes of the images, in the same order; none of a net without. */
  readonly labels: Uint8Array;
}

/** What a run begins with and goes through, found the way the trainer finds it. */
export function inputOf(options: Awaited<ReturnType<typeof optionsOf>>, core: Core): KerasInput {
  const { data, seed } = options;
  const { net, layout } = planOf({ ...options, core });
  const size = data.height * data.width * data.channels;
  const order = epochOrder(core, seed, 1, data.count);
  const batches = new Uint8Array(data.count * size);
  order.forEach((image, place) => {
    batches.set(data.pixels.subarray(image * size, (image + 1) * size), place * size);
  });
  let offset = 0;
  const tensors = net.tensors.map(({ name, shape }) => {
    const tensor = { name, offset };
    offset += shape.reduce((a, b) => a * b, 1);
    return tensor;
  });
  return {
    weights: toFull(layout, initialParameters(net, layout, core, seed)),
    tensors,
    batches,
    labels: Uint8Array.from(data.labels === undefined ? [] : order, (image) => data.labels![image]!),
  };
}

/** Of what Keras was given: where it differs, the losses must be made anew. */
export function hashOf({ weights, batches, labels }: KerasInput): string {
  return createHash('sha256').update(new Uint8Array(weights.buffer)).update(batches).update(labels).digest('hex');
}
