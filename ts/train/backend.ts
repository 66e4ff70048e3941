// The one place that loads TensorFlow.js. Everything else takes the `Backend` it returns, so a process holds one copy.

import { createRequire } from 'node:module';
import util from 'node:util';
import { checkChoice } from '../arguments.js';
import { PixelCnnError } from '../error.js';
import { findTensorflow, hasNvidiaDriver, type NativeTensorflow } from './native_find.js';
import { type SetupOptions, setUpTensorflow, unavailable } from './native_setup.js';
import type { Ops } from './ops.js';
import { tapsOps } from './ops_taps.js';
import { type TensorflowBackend, tensorflowOps } from './ops_tensorflow.js';
import type { Tf } from './tf.js';

/** What may be asked for; `javascript` is tfjs's plain `cpu` backend, for tests and the last resort. */
export type Device = 'auto' | 'gpu' | 'cpu' | 'wasm' | 'javascript';
export const devices: readonly Device[] = ['auto', 'gpu', 'cpu', 'wasm', 'javascript'];

export interface Backend {
  readonly name: 'tensorflow' | 'wasm' | 'cpu';
  /** What computes, as it is printed and stored with a model. */
  readonly device: 'gpu' | 'cpu';
  /** Version of TensorFlow, or of TensorFlow.js where that computes itself. */
  readonly version: string;
  /** Whether a GPU may round products to TensorFloat-32. */
  readonly tf32: boolean;
  readonly tf: Tf;
  readonly ops: Ops;
  /** Images a forward and backward pass holds at once; larger batches are summed up from several. */
  readonly microBatch: number;
}

/**
 * Opens a backend.
 *
 * - `auto`: native TensorFlow, set up on first use, on a GPU where it can use one; where native TensorFlow cannot be
 *   had, says why and takes `wasm`.
 * - `gpu`: native TensorFlow; an error unless it uses a GPU.
 * - `cpu`: native TensorFlow, its GPUs hidden.
 * - `wasm`: `@tensorflow/tfjs-backend-wasm`.
 * - `javascript`: `@tensorflow/tfjs-backend-cpu`, about 50 times slower than `wasm`.
 */
export async function openBackend(device: Device = 'auto', options: SetupOptions = {}): Promise<Backend> {
  checkChoice('device', device, devices);
  if (device === 'wasm' || device === 'javascript') return openPortable(device);
  if (device === 'gpu' && !hasNvidiaDriver() && findTensorflow()?.origin !== 'project') {
    throw unavailable(
      'device: expected a GPU, found no NVIDIA driver on this machine; install one, or use --device auto or cpu',
    );
  }
  let native: NativeTensorflow;
  try {
    native = await setUpTensorflow(options);
  } catch (error) {
    if (device !== 'auto' || !isUnavailable(error)) throw error;
    options.say?.(`No native TensorFlow: ${error.message}`);
    options.say?.('Training with TensorFlow.js in WebAssembly instead, which is many times slower.');
    return openPortable('wasm');
  }
  const backend = openTensorflow(native, device === 'cpu');
  if (backend.device === 'cpu' && device !== 'cpu' && hasNvidiaDriver()) {
    const message =
      'TensorFlow does not use the GPU of this machine: it misses CUDA libraries or the driver is too old for them; ' +
      'run `pixelcnn doctor`';
    if (device === 'gpu') throw unavailable(message);
    options.say?.(`${message}. Training on the CPU.`);
  } else if (device === 'gpu' && backend.device !== 'gpu') {
    throw unavailable('device: expected a GPU, but TensorFlow found none it can use; run `pixelcnn doctor`');
  }
  return backend;
}

function isUnavailable(error: unknown): error is PixelCnnError {
  return error instanceof PixelCnnError && error.code === 'BACKEND_UNAVAILABLE';
}

/** Loads the native binding. */
export function openTensorflow({ packageName, from }: NativeTensorflow, hideGpu = false): Backend {
  // TensorFlow reads these when it is loaded. It greets on stderr with what it was built for; warnings stay.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  if (hideGpu) process.env.CUDA_VISIBLE_DEVICES = '-1';
  restoreIsNullOrUndefined();
  const tf = createRequire(from)(packageName) as Tf;
  const backend = tf.backend() as unknown as TensorflowBackend;
  const gpu = backend.isUsingGpuDevice;
  return {
    name: 'tensorflow',
    device: gpu ? 'gpu' : 'cpu',
    version: backend.binding.TF_Version,
    tf32: gpu && process.env.NVIDIA_TF32_OVERRIDE !== '0',
    tf,
    ops: tensorflowOps(tf, backend),
    // On a CPU, activations of 16 images (6 MB a layer) stay below malloc's mmap threshold, so that their pages are not
    // faulted in anew by each operation; a GPU wants large batches instead.
    microBatch: gpu ? 256 : 16,
  };
}

/** Node 23 took `util.isNullOrUndefined` away, which tfjs-node calls. */
function restoreIsNullOrUndefined(): void {
  const target = util as unknown as Record<string, unknown>;
  target.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
}

/** Loads TensorFlow.js with a backend that needs no native code. */
async function openPortable(device: 'wasm' | 'javascript'): Promise<Backend> {
  const require = createRequire(import.meta.url);
  const load = <T>(name: string): T => {
    try {
      return require(name) as T;
    } catch (cause) {
      throw unavailable(`device ${device}: found no ${name}; npm i @tensorflow/tfjs-core ${name}`, { cause });
    }
  };
  const tf = load<Tf>('@tensorflow/tfjs-core');
  tf.enableProdMode(); // else it advertises tfjs-node on stderr
  load(device === 'wasm' ? '@tensorflow/tfjs-backend-wasm' : '@tensorflow/tfjs-backend-cpu');
  const name = device === 'wasm' ? 'wasm' : 'cpu';
  await tf.setBackend(name);
  await tf.ready();
  return {
    name,
    device: 'cpu',
    version: tf.version_core,
    tf32: false,
    tf,
    ops: tapsOps(tf),
    microBatch: 8,
  };
}
