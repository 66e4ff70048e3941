/** Loading: finds the WebAssembly binary beside this module and a model wherever it is. */

import { abortable } from './abort.js';
import { checkMemoryLimit, checkOptions, checkSignal } from './arguments.js';
import { messageOf } from './brand.js';
import { coreErrorCode, PixelCnnError } from './error.js';
import { foreignFormat } from './foreign.js';
import { builtin } from './host.js';
import { checkHost, isStarted, start } from './instance.js';
import { type ModelSource, readModel, sourceName } from './model_source.js';
import { openSampler, type Sampler } from './sampler.js';
import { checkSharing, type Sharing } from './sharing.js';

export interface LoadOptions {
  /** Gives up loading; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Bytes that the model, and each call with it, may take: an integer of at least 1. Default: 4 GiB. */
  memoryLimit?: number;
  /** Rows of activations that are remembered from one call to the next. Default: 16 MB of them. */
  sharing?: Sharing;
}

/**
 * Loads a model for sampling. The WebAssembly binary is read and compiled by the first call alone.
 *
 * @param model Path, URL, bytes or `Response` of a `.safetensors` file that pixelcnn wrote; at most 512 MiB.
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
  const given = checkOptions('options', options, ['signal', 'memoryLimit', 'sharing']);
  const [signal, memoryLimit] = [checkSignal(given.signal), checkMemoryLimit(given.memoryLimit)];
  const rows = checkSharing(given.sharing);
  const [bytes] = await abortable(signal, (own) => Promise.all([readModel(model, own), startInstance()]));
  try {
    return openSampler(bytes, memoryLimit, rows);
  } catch (error) {
    throw namingModel(error, model);
  }
}

/** An error about what is inside a model file, with the file's name before it. */
export function namingModel(error: unknown, model: ModelSource): unknown {
  const name = sourceName(model);
  if (name === undefined || !(error instanceof PixelCnnError)) return error;
  if (coreErrorCode(error) === undefined && error.code !== 'FOREIGN_FORMAT') return error;
  return new PixelCnnError(error.code, `${name}: ${error.message}`, { cause: error, argument: error.argument });
}

/** What a WebAssembly binary begins with. */
const magic = [0x00, 0x61, 0x73, 0x6d];

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
  let url: URL;
  try {
    // Written out in this form, which bundlers know and replace by the address of the file they emit.
    url = new URL('./wasm/pkg/pixelcnn_bg.wasm', import.meta.url);
  } catch (cause) {
    throw loadError('this module to know its address, got none (as in a CommonJS bundle, or at the edge)', cause);
  }
  const wanted = `the WebAssembly binary at ${url}`;
  const files = url.protocol === 'file:' ? builtin('node:fs/promises') : undefined;
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = files === undefined ? await fetchBytes(url) : new Uint8Array(await files.readFile(url));
  } catch (cause) {
    throw loadError(`${wanted}, could not read it (${messageOf(cause)})`, cause);
  }
  if (!magic.every((byte, at) => bytes[at] === byte)) {
    const got = foreignFormat(bytes)?.what ?? 'other bytes';
    // What single-page applications and development servers send, with status 200, for a file that they do not have.
    const why =
      ', as a server may answer for a file that it does not have; in Vite name pixelcnn in optimizeDeps.exclude';
    throw loadError(`${wanted}, got ${got}${files === undefined ? why : ''}`);
  }
  try {
    // Not compileStreaming, which refuses what a server sends as another type than application/wasm. The binary is small.
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw loadError(`${wanted}, the host did not compile it (${messageOf(cause)})`, cause);
  }
}

async function fetchBytes(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`expected HTTP status 200 from ${url}, got ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

function loadError(wantedAndGot: string, cause?: unknown): PixelCnnError {
  const todo = 'import or compile pixelcnn/pixelcnn.wasm yourself and use createSampler({ module, model })';
  const message = `expected ${wantedAndGot}; ${todo}`;
  return new PixelCnnError('WASM_LOAD_FAILED', message, cause === undefined ? {} : { cause });
}
