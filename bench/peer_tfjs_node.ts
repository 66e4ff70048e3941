/** TensorFlow.js on native TensorFlow, layer by layer, where it is set up. */

import { openTensorflow } from '../ts/train/tensorflow/backend.js';
import { findTensorflow } from '../ts/train/tensorflow/find.js';
import type { Start } from './peer.js';
import { type Tf, tfjsNet } from './tfjs_net.js';

export const startTfjsNode: Start = async (net, weights) => {
  const native = findTensorflow();
  if (!native) return 'tfjs-node: no native TensorFlow; npm run setup';
  const backend = openTensorflow(native, { hideGpu: true });
  const forward = tfjsNet(backend.tf as unknown as Tf, net, weights);
  return {
    name: `tfjs-node (TensorFlow ${backend.version})`,
    native: true,
    async forward(pixels, count, height, width) {
      const start = performance.now();
      const logits = forward(pixels, count, height, width);
      return { logits, time: performance.now() - start };
    },
  };
};
