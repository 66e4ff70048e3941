/** Loading: finds the WebAssembly binary beside this module and a model wherever it is. */

import { checkMemoryLimit, checkOptions, checkSignal } from './arguments.js';
import { coreErrorCode, PixelCnnError } from './error.js';
import { abortable, builtin } from './host.js';
import { checkHost, isStarted, start } from './instance.js';
import { type ModelSource, readModel, sourceName } from './model_source.js';
import { openSampler, type Sampler } from './sampler.js';

export interface LoadOptions {
  /** Gives up loading; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Bytes that the model, and each call with it, may take: an integer of at least 1. Default: 4 GiB. */
  memoryLimit?: number;
}

/**
 * Loads a model for sampling. The WebAssembly binary is read and compiled by the first call alone.
 *
 * @param model Path, URL, bytes or `Response` of a `.safetensors` file that pixelcnn wrote; at most 512 MiB.
 * @returns A {@link Sampler}, synchronous from here on.
 * @throws TypeError for a source of another kind.
 * @throws PixelCnnError `MODEL_NOT_FOUND`, `MODEL_UNREADABLE`, `MODEL_TOO_LARGE`; a code for what is wrong inside the file
 *   (`NOT_A_MODEL`, `FORBIDDEN_WEIGHT`, ...); `SIMD_UNSUPPORTED`, `WASM_LOAD_FAILED`.
 *
 * @example
 * const sampler = await loadSampler('models/mnist-binary.safetensors');
 * const images = sampler.sample({ count: 16, seed: 1 }); // { data: Uint8Array, shape: [16, 28, 28, 1], ... }
 */
export async function loadSampler(model: ModelSource, options: LoadOptions = {}): Promise<Sampler> {
  checkOptions('options', options, ['signal', 'memoryLimit']);
  const memoryLimit = checkMemoryLimit(options.memoryLimit);
  const signal = checkSignal(options.signal);
  signal?.throwIfAborted();
  const [bytes] = await Promise.all([readModel(model, signal), abortable(startInstance(), signal)]);
  signal?.throwIfAborted();
  try {
    return openSampler(bytes, memoryLimit);
  } catch (error) {
    throw namingModel(error, model);
  }
}

/** An error about what is inside a model file, with the file's name before it. */
export function namingModel(error: unknown, model: ModelSource): unknown {
  const name = sourceName(model);
  if (name === undefined || coreErrorCode(error) === undefined || !(error instanceof PixelCnnError)) return error;
  return new PixelCnnError(error.code, `${name}: ${error.message}`, { cause: error });
}

/** Compiles and starts the binary, once. */
export async function startInstance(): Promise<void> {
  if (isStarted()) return;
  start(await compileBinary());
}

let compiling: Promise<WebAssembly.Module> | undefined;

/** Compiles the binary, once; a failure is forgotten, so that a later call tries again. */
export function compileBinary(): Promise<WebAssembly.Module> {
  compiling ??= findAndCompile().catch((error: unknown) => {
    compiling = undefined;
    throw error;
  });
  return compiling;
}

async function findAndCompile(): Promise<WebAssembly.Module> {
  checkHost();
  // Written out in this form, which bundlers know and replace by the address of the file they emit.
  const url = new URL('./wasm/pkg/pixelcnn_bg.wasm', import.meta.url);
  try {
    return await compile(url);
  } catch (cause) {
    throw new PixelCnnError(
      'WASM_LOAD_FAILED',
      `expected the WebAssembly binary at ${url}, could not load it; where files are served elsewhere, compile ` +
        'pixelcnn/pixelcnn.wasm yourself and use createSampler({ module, model })',
      { cause },
    );
  }
}

async function compile(url: URL): Promise<WebAssembly.Module> {
  const files = url.protocol === 'file:' ? builtin('node:fs/promises') : undefined;
  if (files !== undefined) return WebAssembly.compile(new Uint8Array(await files.readFile(url)));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`expected HTTP status 200 from ${url}, got ${response.status}`);
  // Not compileStreaming, which refuses what a server sends as another type than application/wasm. The binary is small.
  return WebAssembly.compile(await response.arrayBuffer());
}
