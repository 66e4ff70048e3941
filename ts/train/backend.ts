// The one place that loads TensorFlow.js. Everything else takes the `Backend` it returns, so a process holds one copy.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import util from 'node:util';
import type { Ops } from './ops.js';
import { tapsOps } from './ops_taps.js';
import { type TensorflowBackend, tensorflowOps } from './ops_tensorflow.js';
import type { Tf } from './tf.js';

export interface Backend {
  readonly name: 'tensorflow' | 'wasm' | 'cpu';
  /** What computes, as it is printed and stored with a model. */
  readonly device: 'gpu' | 'cpu';
  /** Version of TensorFlow, or of TensorFlow.js where that computes itself. */
  readonly version: string;
  readonly tf: Tf;
  readonly ops: Ops;
  /** Images a forward and backward pass holds at once; larger batches are summed up from several. */
  readonly microBatch: number;
}

/** Loads the native binding found under `folder` (a folder with `node_modules` in it). */
export function openTensorflow(folder: string, packageName = '@tensorflow/tfjs-node-gpu'): Backend {
  // TensorFlow greets on stderr with the instructions it was built for; warnings and errors stay.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  restoreIsNullOrUndefined();
  const require = createRequire(join(folder, 'package.json'));
  const tf = require(packageName) as Tf;
  const backend = tf.backend() as unknown as TensorflowBackend;
  const gpu = backend.isUsingGpuDevice;
  return {
    name: 'tensorflow',
    device: gpu ? 'gpu' : 'cpu',
    version: backend.binding.TF_Version,
    tf,
    ops: tensorflowOps(tf, backend),
    // Activations of 16 images (6 MB a layer) stay below malloc's mmap threshold, so their pages are not faulted in
    // anew by each operation; a GPU wants large batches instead.
    microBatch: gpu ? 256 : 16,
  };
}

/** Node 23 took `util.isNullOrUndefined` away, which tfjs-node calls. */
function restoreIsNullOrUndefined(): void {
  const target = util as unknown as Record<string, unknown>;
  target.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
}
