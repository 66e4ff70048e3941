/** TensorFlow.js on its own WebAssembly backend: SIMD, one thread. */

import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { Start } from './peer.js';
import { tfjsNet } from './tfjs_net.js';

export const startTfjsWasm: Start = async (net, weights) => {
  const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
  setWasmPaths(folder + sep);
  setThreadsCount(1);
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs-backend-wasm did not start');
  await tf.ready();
  const forward = tfjsNet(tf, net, weights);
  return {
    name: `tfjs-backend-wasm ${tf.version_core}`,
    native: false,
    async forward(pixels, count, height, width) {
      const start = performance.now();
      const logits = forward(pixels, count, height, width);
      return { logits, time: performance.now() - start };
    },
  };
};
