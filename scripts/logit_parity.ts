/** How far a training backend's forward pass is from the sampler's. */

import { loadSampler } from '../ts/load.js';
import { loadCore } from '../ts/train/net/core.js';
import { createModel, release } from '../ts/train/net/model.js';
import { fromFull, layoutOf } from '../ts/train/net/parameters.js';
import type { Tensor1D } from '../ts/train/net/tf.js';
import type { Backend } from '../ts/train/tensorflow/backend.js';
import * as pkg from '../ts/wasm/pkg/pixelcnn.js';

/** The largest absolute difference of a logit. `pixels` are levels 0 and 1, `[images, height, width, 1]`. */
export async function largestLogitDifference(
  { tf, ops, microBatch }: Backend,
  modelFile: Uint8Array,
  pixels: Uint8Array,
): Promise<number> {
  const core = await loadCore();
  const sampler = await loadSampler(modelFile);
  const { height, width } = sampler.config;
  const expected = sampler.logits(pixels).data;
  const net = core.describe(sampler.config);
  sampler.dispose();
  const layout = layoutOf(net);
  const file = new pkg.Sampler(modelFile);
  const mask = tf.tensor1d(layout.mask);
  const parameters: Tensor1D = tf.tensor1d(fromFull(layout, file.weights()));
  file.free();
  const model = createModel(tf, ops, net, layout, mask);
  const weights = model.weights(parameters);
  const size = height * width;
  let largest = 0;
  for (let at = 0; at < pixels.length; at += microBatch * size) {
    const part = Int32Array.from(pixels.subarray(at, at + microBatch * size));
    const levels = tf.tensor4d(part, [part.length / size, height, width, 1], 'int32');
    const logits = model.logits(weights, { levels });
    logits.dataSync().forEach((logit, i) => {
      largest = Math.max(largest, Math.abs(logit - expected[at + i]!));
    });
    tf.dispose([levels, logits]);
  }
  release(weights);
  tf.dispose([mask, parameters]);
  return largest;
}
