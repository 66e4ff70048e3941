// The one place that loads TensorFlow.js. Everything else takes the `Backend` it returns, so a process holds one copy.

import { createRequire } from 'node:module';
import util from 'node:util';
import { checkBoolean, checkChoice, checkObject, lookedAt, ownOptions, show, wrongKind } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import type { Ops } from '../net/ops.js';
import { tapsOps } from '../net/ops_taps.js';
import { type TensorflowBackend, tensorflowOps } from '../net/ops_tensorflow.js';
import type { Tf } from '../net/tf.js';
import { findTensorflow, type NativeTensorflow } from './find.js';
import { chosenGpu, type Gpu, hasNvidiaDriver, inspectNvidia, type NvidiaHost, obstacle } from './nvidia.js';
import { checkSetupOptions, type SetupOptions, setUpTensorflow, setupNames, unavailable } from './setup.js';
import { unusedReason } from './unused_gpu.js';
import type { Variant } from './wheels.js';

/** What may be asked for; `javascript` is tfjs's plain `cpu` backend, for tests and the last resort. */
export type Device = 'auto' | 'gpu' | 'cpu' | 'wasm' | 'javascript';
export const devices: readonly Device[] = ['auto', 'gpu', 'cpu', 'wasm', 'javascript'];

/** What computes a training run. */
export interface Backend {
  /** TensorFlow.js's name of it; `tensorflow` is the native one. */
  readonly name: 'tensorflow' | 'wasm' | 'cpu';
  /** What computes, as it is printed and stored with a model. */
  readonly device: 'gpu' | 'cpu';
  /** Version of TensorFlow, or of TensorFlow.js where that computes itself. */
  readonly version: string;
  /** The GPU, where it computes and can be told. */
  readonly gpu?: Gpu;
  /** Whether the GPU may round factors to TensorFloat-32. */
  readonly tf32: boolean;
  /** Whether TensorFlow was told to sum up in the same order each time. */
  readonly deterministic: boolean;
  /** The copy of TensorFlow.js that it belongs to. */
  readonly tf: Tf;
  /** @internal */
  readonly ops: Ops;
  /** Images of the reference's net that a forward and backward pass holds at once; larger batches are summed up from several. */
  readonly microBatch: number;
}

/** What TensorFlow is told before it is loaded, which happens once in a process. */
export interface TensorflowSettings {
  /**
   * Lets a GPU of compute capability 8.0 or more round the factors of convolutions and matrix products to 10 bits of
   * mantissa, several times as fast; NVIDIA_TF32_OVERRIDE=0 in the environment forbids it too. Default: true.
   */
  readonly tf32?: boolean;
  /** Has a GPU sum up in the same order each time, so that a run can be repeated bit for bit. Default: false. */
  readonly deterministic?: boolean;
}

/** Options of `openBackend`. */
export interface BackendOptions extends Omit<SetupOptions, 'variant'>, TensorflowSettings {}

/**
 * Opens a backend.
 *
 * - `auto`: native TensorFlow, set up on first use, on a GPU where it can use one; where native TensorFlow cannot be
 *   had, says why and takes `wasm`.
 * - `gpu`: native TensorFlow; an error unless it uses a GPU.
 * - `cpu`: native TensorFlow, its GPUs hidden.
 * - `wasm`: `@tensorflow/tfjs-backend-wasm`.
 * - `javascript`: `@tensorflow/tfjs-backend-cpu`, about 50 times slower than `wasm`.
 *
 * @throws PixelCnnError `BACKEND_UNAVAILABLE`, its message naming what is missing.
 */
export async function openBackend(device: Device = 'auto', options: BackendOptions = {}): Promise<Backend> {
  checkChoice('device', device, devices);
  const asked = ownOptions('options', options, ['tf32', 'deterministic', ...setupNames]);
  const { tf32, deterministic, ...setup } = asked;
  checkSetupOptions(setup);
  for (const [name, value] of Object.entries({ tf32, deterministic }))
    if (value !== undefined) checkBoolean(name, value);
  if (device === 'wasm' || device === 'javascript') return openPortable(device);
  if (device === 'cpu') {
    return openTensorflow(await setUpTensorflow({ ...setup, variant: 'cpu' }), { tf32, deterministic, hideGpu: true });
  }
  const host = await inspectNvidia();
  const against = hidden
    ? 'found every GPU hidden by device cpu, which was opened in this process before; open this one in a process of its own'
    : obstacle(host);
  if (device === 'gpu') {
    if (against !== undefined) {
      const build = findTensorflow(['cuda']) === undefined ? 'pixelcnn setup --cuda will set up' : 'there already';
      throw noGpu(`${against} (TensorFlow's build for CUDA: ${build})`);
    }
    const native = await setUpTensorflow({ ...setup, variant: 'cuda' });
    const backend = openTensorflow(native, { tf32, deterministic, host });
    if (backend.device !== 'gpu') throw noGpu(unusedReason(native, backend.version));
    return backend;
  }
  const say = asked.say ?? (() => undefined);
  const withoutGpu = (why: string): void => {
    if (host.driver !== undefined) say(`The GPU is not used: ${why}. Training on the CPU.`);
  };
  if (against !== undefined) withoutGpu(against);
  for (const variant of against === undefined ? (['cuda', 'cpu'] as const) : (['cpu'] as const)) {
    const native = await tryToSetUp(variant, setup);
    if (native === undefined) continue;
    const backend = openTensorflow(native, { tf32, deterministic, host });
    if (backend.device !== 'gpu' && against === undefined) withoutGpu(unusedReason(native, backend.version));
    return backend;
  }
  say('Training with TensorFlow.js in WebAssembly instead, which is many times slower.');
  return openPortable('wasm');
}

/** Refuses what `openBackend` has not opened. Throws TypeError. */
export function checkBackend(name: string, value: unknown): asserts value is Backend {
  checkObject(name, value);
  const isOurs = lookedAt(name, () => {
    const { tf, ops, microBatch } = value as Partial<Backend>;
    return typeof tf?.tidy === 'function' && typeof ops?.convolve === 'function' && Number.isInteger(microBatch);
  });
  if (isOurs) return;
  throw wrongKind(name, `expected what openBackend gives, got ${show(value)}`);
}

/** What `--device gpu` fails with; `why` says what was found instead, and what to do. */
function noGpu(why: string): PixelCnnError {
  return unavailable(`device gpu: expected an NVIDIA GPU, ${why}; or take --device auto or cpu`);
}

async function tryToSetUp(variant: Variant, options: SetupOptions): Promise<NativeTensorflow | undefined> {
  try {
    return await setUpTensorflow({ ...options, variant });
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    options.say?.(`No native TensorFlow for ${variant === 'cuda' ? 'CUDA' : 'the CPU'}: ${error.message}`);
    return undefined;
  }
}

function isUnavailable(error: unknown): error is PixelCnnError {
  return error instanceof PixelCnnError && error.code === 'BACKEND_UNAVAILABLE';
}

interface LoadOptions extends TensorflowSettings {
  /** Leaves the GPU to others. Default: false. */
  readonly hideGpu?: boolean;
  /** What the machine has; default: nothing. */
  readonly host?: NvidiaHost;
}

let loadedWith: string | undefined;
/** Whether GPUs are hidden from this process by us. */
let hidden = false;

/** Loads the native binding. */
export function openTensorflow({ packageName, from, variant }: NativeTensorflow, options: LoadOptions = {}): Backend {
  const { tf32 = true, deterministic = false, hideGpu = false, host } = options;
  // TensorFlow reads these when it is loaded. It greets on stderr with what it was built for; warnings stay, but for an
  // error of its build for CUDA where there is no driver, or its GPUs are hidden: that is no fault there. Two lines come all
  // the same: what is said of oneDNN while the library loads is said before its logging reads any setting, and turning oneDNN
  // off would change numbers.
  const { env } = process;
  const hasDriver = host === undefined ? hasNvidiaDriver() : host.driver !== undefined;
  env.TF_CPP_MIN_LOG_LEVEL ??= variant === 'cuda' && (hideGpu || !hasDriver) ? '3' : '1';
  env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true'; // else it takes all memory of all GPUs at once
  if (!tf32) env.NVIDIA_TF32_OVERRIDE = '0';
  if (deterministic) env.TF_DETERMINISTIC_OPS = '1';
  const gpu = host && chosenGpu(host, env.CUDA_VISIBLE_DEVICES);
  // One GPU is enough for this, and it is known which. nvidia-smi counts by bus, and CUDA does too when it is told to.
  env.CUDA_DEVICE_ORDER ??= 'PCI_BUS_ID';
  if (hideGpu) [hidden, env.CUDA_VISIBLE_DEVICES] = [true, '-1'];
  else if (gpu !== undefined) env.CUDA_VISIBLE_DEVICES ??= String(host?.gpus?.indexOf(gpu));
  restoreUtil();
  const tf = createRequire(from)(packageName) as Tf;
  // Not the one that computes: who has loaded it before may have gone back to another since.
  const backend = tf.findBackend('tensorflow') as unknown as TensorflowBackend;
  const usesGpu = backend.isUsingGpuDevice;
  const settings = JSON.stringify([env.CUDA_VISIBLE_DEVICES, env.NVIDIA_TF32_OVERRIDE, env.TF_DETERMINISTIC_OPS]);
  loadedWith ??= settings;
  if (usesGpu && loadedWith !== settings) {
    throw unavailable(
      'backend: expected the device, tf32 and deterministic that TensorFlow was loaded with in this process, got others; ' +
        'it takes them once: open the other backend in a process of its own',
    );
  }
  return {
    name: 'tensorflow',
    device: usesGpu ? 'gpu' : 'cpu',
    version: backend.binding.TF_Version,
    ...(usesGpu && gpu !== undefined && { gpu }),
    tf32: usesGpu && env.NVIDIA_TF32_OVERRIDE !== '0' && (gpu?.capability ?? 8) >= 8,
    deterministic: env.TF_DETERMINISTIC_OPS === '1',
    tf,
    ops: tensorflowOps(tf, backend),
    // On a CPU, activations of 16 images (6 MB a layer) stay below malloc's mmap threshold, so that their pages are not
    // faulted in anew by each operation; a GPU wants large batches instead.
    microBatch: usesGpu ? 256 : 16,
  };
}

/**
 * What tfjs-node calls of Node's `util`: one function that Node 23 took away, and one that it warns of on stderr, in every run,
 * before it goes too.
 */
function restoreUtil(): void {
  const target = util as unknown as Record<string, unknown>;
  target.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  target.isArray = Array.isArray;
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
    deterministic: false,
    tf,
    ops: tapsOps(tf),
    microBatch: 8,
  };
}
