/** Making a sampler from parts that the caller has loaded: for edge workers, which can fetch or compile nothing. */

import { anything, checkOptions, unlike } from './arguments.js';
import { isArrayBuffer, isBytes, isModule } from './brand.js';
import { start } from './instance.js';
import { takeModel } from './model_source.js';
import { openSampler, type Sampler } from './sampler.js';
import { limitChecks, type Sharing } from './sharing.js';

/** What `createSampler` makes a sampler of. */
export interface SamplerParts {
  /** `pixelcnn/pixelcnn.wasm`, compiled: what importing a `.wasm` file gives on workerd. */
  module: WebAssembly.Module;
  /** The bytes of a `.safetensors` file that pixelcnn wrote; at most 512 MiB. They are copied. */
  model: Uint8Array | ArrayBuffer;
  /** Bytes that the model, and each call with it, may take: an integer of at least 1. Default: 4 GiB. */
  memoryLimit?: number;
  /** Rows of activations that are remembered from one call to the next. Default: 16 MB of them. */
  sharing?: Sharing;
}

/**
 * Makes a sampler at once, without files, network, `eval` or `import.meta.url`.
 *
 * @throws TypeError for parts of the wrong kind.
 * @throws PixelCnnError `MODEL_TOO_LARGE`; a code for what is wrong inside the model; `WASM_LOAD_FAILED`.
 *
 * @example
 * import module from 'pixelcnn/pixelcnn.wasm';
 * const sampler = createSampler({ module, model: new Uint8Array(bytes) });
 */
export function createSampler(parts: SamplerParts): Sampler {
  const { module, model, ...limits } = checkOptions('createSampler', parts, partChecks);
  if (!isModule(module)) throw unlike('module', 'a WebAssembly.Module', module);
  if (!isBytes(model) && !isArrayBuffer(model)) {
    throw unlike('model', 'a Uint8Array or an ArrayBuffer', model);
  }
  const bytes = takeModel(model);
  start(module, 'module');
  return openSampler(bytes, limits);
}

/** The first two may not be left out. */
const partChecks = { module: anything, model: anything, ...limitChecks };
