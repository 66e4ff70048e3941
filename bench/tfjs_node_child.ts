/** The process in which native TensorFlow computes when it is asked (peer_tfjs.ts). It ends when its parent does. */

import { openTensorflow } from '../ts/train/backend.js';
import { findTensorflow } from '../ts/train/native_find.js';
import type { Answer } from './peer.js';
import type { Opening, Question } from './peer_tfjs.js';
import { type Tf, type TfjsForward, tfjsNet } from './tfjs_net.js';

let forward: TfjsForward | undefined;

process.on('message', (message: Opening | Question) => {
  if ('net' in message) {
    const backend = openTensorflow(findTensorflow()!, { hideGpu: true });
    forward = tfjsNet(backend.tf as unknown as Tf, message.net, message.weights);
    process.send!(backend.version);
    return;
  }
  const start = performance.now();
  const logits = forward!(message.pixels, message.count, message.height, message.width);
  process.send!({ logits, time: performance.now() - start } satisfies Answer);
});
