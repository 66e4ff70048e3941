/** Loading: a model, wherever it is, into the WebAssembly binary. */

import { abortable } from './abort.js';
import { checkFunction, checkOptions, checkSignal } from './arguments.js';
import { checkWasm, startInstance, type WasmBuilds, type WasmSource } from './binary.js';
import { PixelCnnError } from './error.js';
import { type LoadProgress, type ModelSource, readModel, sourceName } from './model_source.js';
import { openSampler, type Sampler } from './sampler.js';
import { limitChecks, type Sharing } from './sharing.js';

/** Options of `loadSampler`. */
export interface LoadOptions {
  /** Gives up loading; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Bytes that the model, and each call with it, may take: an integer of at least 1. Default: 4 GiB. */
  memoryLimit?: number;
  /** Rows of activations that are remembered from one call to the next. Default: 16 MB of them. */
  sharing?: Sharing;
  /**
   * The WebAssembly binary, where the package's own cannot be found or read: `pixelcnn/pixelcnn.wasm` as its URL, path, bytes,
   * `Response`, or compiled, as edge bundlers import it. One process runs one binary. Default: the package's own.
   */
  wasm?: WasmSource | WasmBuilds;
  /** Told how much of the model is there, at least once, at its end. What it throws, loading rejects with. */
  onProgress?: (progress: LoadProgress) => void;
}

/**
 * Loads a model for sampling. The WebAssembly binary is read and compiled by the first call alone.
 *
 * @param model Path, URL, bytes, `File`, `Blob` or `Response` of a `.safetensors` file that pixelcnn wrote; at most 512 MiB.
 * @returns A {@link Sampler}, synchronous from here on.
 * @throws TypeError for a source of another kind.
 * @throws PixelCnnError `MODEL_NOT_FOUND`, `MODEL_UNREADABLE`, `MODEL_TOO_LARGE`; `FOREIGN_FORMAT` for another program's file; a
 *   code for what is wrong inside the file (`NOT_A_MODEL`, `FORBIDDEN_WEIGHT`, ...); `SIMD_UNSUPPORTED`, `WASM_LOAD_FAILED`.
 *
 * @example
 * const sampler = await loadSampler('models/mnist-binary.safetensors');
 * const images = sampler.sample({ count: 16, seed: 1 }); // { data: Uint8Array, shape: [16, 28, 28, 1], ... }
 */
export async function loadSampler(model: ModelSource, options: LoadOptions = {}): Promise<Sampler> {
  const { signal, wasm, onProgress, ...limits } = checkOptions('options', options, loadChecks);
  const [bytes] = await abortable(signal, (own) =>
    Promise.all([readModel(model, own, onProgress), startInstance(wasm)]),
  );
  try {
    return openSampler(bytes, limits);
  } catch (error) {
    throw namingModel(error, model);
  }
}

/** The options of loading, checked. */
export const loadChecks = { signal: checkSignal, ...limitChecks, wasm: checkWasm, onProgress: checkFunction };

/** An error about what is inside a model file, with the file's name before it. */
export function namingModel(error: unknown, model: ModelSource): unknown {
  const name = sourceName(model);
  if (name === undefined || !(error instanceof PixelCnnError) || error.argument !== 'model') return error;
  return new PixelCnnError(error.code, `${name}: ${error.message}`, { cause: error, argument: 'model' });
}
