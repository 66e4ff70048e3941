/** The process in which a native peer computes when it is asked (peer_apart.ts). It ends when its parent lets go of it. */

import type { Peer, Start } from './peer.js';
import type { Opened, Opening, Question } from './peer_apart.js';
import { startOnnxRuntime } from './peer_onnx.js';
import { startTfjsNode } from './peer_tfjs_node.js';

const starts: Record<Opening['peer'], Start> = {
  'tfjs-node': startTfjsNode,
  'onnxruntime-node': startOnnxRuntime('onnxruntime-node'),
};

let peer: Peer | string = 'not started';

process.on('message', async (message: Opening | Question) => {
  if ('net' in message) {
    peer = await starts[message.peer](message.net, message.weights);
    process.send!((typeof peer === 'string' ? peer : { name: peer.name, native: peer.native }) satisfies Opened);
  } else if (typeof peer !== 'string') {
    const { pixels, count, height, width, labels } = message;
    process.send!(await peer.forward(pixels, count, height, width, labels));
  }
});
