/** How far a training backend's forward pass is from the sampler's. */

import type { Config, Description } from '../ts/config.js';
import { loadCore } from '../ts/train/net/core.js';
import { createModel, release } from '../ts/train/net/model.js';
import { fromFull, layoutOf } from '../ts/train/net/parameters.js';
import type { Tensor1D } from '../ts/train/net/tf.js';
import type { Backend } from '../ts/train/tensorflow/backend.js';
import * as pkg from './core_face.js';

/**
 * The largest absolute difference of a logit. `pixels` are levels, `[images, height, width, 1]`, `labels` the classes of the
 * images, where the net has classes.
 */
export async function largestLogitDifference(
  { tf, ops, microBatch }: Backend,
  modelFile: Uint8Array,
  pixels: Uint8Array | Uint16Array,
  labels?: Uint16Array,
): Promise<number> {
  const core = await loadCore();
  const sampler = new pkg.Sampler(modelFile);
  const { height, width } = JSON.parse(sampler.config()) as Config;
  const run = sampler.score(pixels, 'wavefront', 'none', labels);
  run.finish();
  const expected = run.logits();
  run.free();
  const net = JSON.parse(sampler.describe()) as Description;
  const layout = layoutOf(net);
  const mask = tf.tensor1d(layout.mask);
  const parameters: Tensor1D = tf.tensor1d(fromFull(layout, core.weightsOf(modelFile)));
  sampler.free();
  const model = createModel(tf, ops, net, layout, mask);
  const weights = model.weights(parameters);
  const size = height * width;
  const outputs = expected.length / pixels.length;
  let largest = 0;
  for (let at = 0; at < pixels.length; at += microBatch * size) {
    const part = Int32Array.from(pixels.subarray(at, at + microBatch * size));
    const [first, count] = [at / size, part.length / size];
    const batch = {
      levels: tf.tensor4d(part, [count, height, width, 1], 'int32'),
      ...(labels && { labels: tf.tensor1d(Int32Array.from(labels.subarray(first, first + count)), 'int32') }),
    };
    const logits = model.logits(weights, batch);
    logits.dataSync().forEach((logit, i) => {
      const difference = Math.abs(logit - expected[at * outputs + i]!);
      if (!(difference <= largest)) largest = difference;
    });
    tf.dispose({ ...batch, logits });
  }
  release(weights);
  tf.dispose([mask, parameters]);
  return largest;
}
