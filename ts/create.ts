/** Making a sampler from parts that the caller has loaded: for edge workers, which can fetch or compile nothing. */

import { checkMemoryLimit, checkOptions, show } from './arguments.js';
import { start } from './instance.js';
import { openSampler, type Sampler } from './sampler.js';

export interface SamplerParts {
  /** `pixelcnn/pixelcnn.wasm`, compiled: what importing a `.wasm` file gives on workerd. */
  module: WebAssembly.Module;
  /** The bytes of a `.safetensors` file that pixelcnn wrote. */
  model: Uint8Array;
  /** Bytes that the model, and each call with it, may take: an integer of at least 1. Default: 4 GiB. */
  memoryLimit?: number;
}

/**
 * Makes a sampler at once, without files, network, `eval` or `import.meta.url`.
 *
 * @throws TypeError for parts of the wrong kind.
 * @throws PixelCnnError a code for what is wrong inside the model; `SIMD_UNSUPPORTED`, `WASM_LOAD_FAILED`.
 *
 * @example
 * import module from 'pixelcnn/pixelcnn.wasm';
 * const sampler = createSampler({ module, model: new Uint8Array(bytes) });
 */
export function createSampler(parts: SamplerParts): Sampler {
  checkOptions('createSampler', parts, ['module', 'model', 'memoryLimit']);
  const { module, model } = parts;
  const memoryLimit = checkMemoryLimit(parts.memoryLimit);
  if (!(module instanceof WebAssembly.Module)) {
    throw new TypeError(`module: expected a WebAssembly.Module, got ${show(module)}`);
  }
  if (!(model instanceof Uint8Array)) throw new TypeError(`model: expected a Uint8Array, got ${show(model)}`);
  start(module);
  return openSampler(model, memoryLimit);
}
