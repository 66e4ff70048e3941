/** TensorFlow.js: its own WebAssembly backend (SIMD, one thread), and native TensorFlow where it is set up. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { findTensorflow } from '../ts/train/native_find.js';
import type { Answer, Start } from './peer.js';
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

/** What tfjs_node_child.ts is sent first; then it is sent pixels, and answers each time. */
export interface Opening {
  readonly net: Parameters<Start>[0];
  readonly weights: Float32Array;
}

/** A request to tfjs_node_child.ts. */
export interface Question {
  readonly pixels: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** In a process of its own: all copies of TensorFlow.js in a process share one engine, which has one backend at a time. */
export const startTfjsNode: Start = async (net, weights) => {
  if (!findTensorflow()) return 'tfjs-node: no native TensorFlow; npm run setup';
  const child = fork(fileURLToPath(new URL('tfjs_node_child.ts', import.meta.url)), {
    serialization: 'advanced',
    // TensorFlow reads these when it is loaded.
    env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', OMP_NUM_THREADS: '1' },
  });
  const ended = once(child, 'exit').then(([status]) => {
    throw new Error(`tfjs-node ended with status ${status} before it answered; its own words are above`);
  });
  ended.catch(() => undefined); // whoever waits for an answer hears of it
  const answer = async <T>(request: Opening | Question): Promise<T> => {
    child.send(request);
    const answered = once(child, 'message') as Promise<[T]>;
    const [made] = await Promise.race([answered, ended]);
    return made;
  };
  const version = await answer<string>({ net, weights } satisfies Opening);
  child.unref(); // a bench that fails must not wait for it
  child.channel?.unref();
  return {
    name: `tfjs-node (TensorFlow ${version})`,
    native: true,
    async forward(pixels, count, height, width) {
      child.channel?.ref();
      try {
        return await answer<Answer>({ pixels, count, height, width } satisfies Question);
      } finally {
        child.channel?.unref();
      }
    },
    end: () => child.disconnect(),
  };
};
