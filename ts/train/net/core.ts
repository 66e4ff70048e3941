/** What training asks of the Rust core: nets from configs, model files from weights, seeded random numbers. */

import { readFileSync } from 'node:fs';
import { checkObject, show, wrongKind, wrongValue } from '../../arguments.js';
import { checkHost, startInstance } from '../../binary.js';
import type { Config, Description } from '../../config.js';
import { PixelCnnError } from '../../error.js';
import {
  enter,
  giveBytes,
  giveDoubles,
  giveFloats,
  giveText,
  hold,
  isStarted,
  read,
  readText,
  start,
} from '../../instance.js';
import { randomPurpose } from './reference.js';

export interface Core {
  /** Expands a config. Throws RangeError, TypeError for one that no net has. */
  describe(config: Config): Description;
  /** The bytes of a model file. `weights` are all tensors, in the order of `Description.tensors`, one after the other. */
  writeModel(config: Config, metadata: Readonly<Record<string, string>>, weights: Float32Array): Uint8Array;
  /** All tensors of a model file of precision `f32`, in the order of `Description.tensors`. */
  weightsOf(model: Uint8Array): Float32Array;
  /**
   * Of -ln p(image | class), in nats, `[classes, images]`: for each image -ln p(image), then p(class | image) of each class,
   * `[images, 1 + classes]`.
   */
  mixture(nats: Float64Array, classes: number): Float64Array;
  /** Word 0 of Philox4x32-10 under `count` counters; purposes: 1 initialise, 2 shuffle, 3 binarise. */
  randomWords(seed: number, purpose: number, epoch: number, item: number, count: number): Uint32Array;
}

/** Starts the core, once. */
export async function loadCore(): Promise<Core> {
  await startInstance();
  return core;
}

/** The same at once, from the file beside this module: only where there are files. */
export function startCore(): Core {
  if (!isStarted()) {
    checkHost();
    const url = new URL('../../wasm/pkg/pixelcnn_bg.wasm', import.meta.url);
    let module: WebAssembly.Module;
    try {
      module = new WebAssembly.Module(readFileSync(url));
    } catch (cause) {
      const message = `expected the WebAssembly binary at ${url}, could not load it; install the package again`;
      throw new PixelCnnError('WASM_LOAD_FAILED', message, { cause });
    }
    start(module);
  }
  return core;
}

const core: Core = {
  describe: (config) => {
    const json = configJson(config);
    return JSON.parse(
      given(() => {
        giveText(json);
        return readText((core) => core.describe(), 'config');
      }),
    ) as Description;
  },
  writeModel: (config, metadata, weights) => {
    const [json, words] = [configJson(config), JSON.stringify(metadata)];
    return given(() => {
      giveText(json);
      giveText(words);
      giveFloats(weights);
      return read(Uint8Array, (core) => core.write_model(), 'metadata').slice();
    });
  },
  weightsOf: (model) => {
    giveBytes(model);
    const sampler = hold(
      enter((core) => core.sampler_new(Number.NaN, Number.NaN), 'model'),
      (core, at) => core.sampler_free(at),
    );
    try {
      return read(Float32Array, (core) => core.sampler_weights(sampler.at)).slice();
    } finally {
      sampler.release();
    }
  },
  mixture: (nats, classes) => {
    giveDoubles(nats);
    return read(Float64Array, (core) => core.mixture(classes)).slice();
  },
  randomWords: (seed, purpose, epoch, item, count) =>
    read(Uint32Array, (core) => core.random_words(seed, purpose, epoch, item, count)).slice(),
};

/** The indices 0 to `count` - 1 in an order of their own: sorted by Philox word, ties by index. */
export function randomOrder(core: Core, seed: number, epoch: number, item: number, count: number): Uint32Array {
  const words = core.randomWords(seed, randomPurpose.shuffle, epoch, item, count);
  return Uint32Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => (words[a] as number) - (words[b] as number) || a - b,
  );
}

/** A config as the core reads it: JSON, which would make null of what is no number. */
function configJson(config: Config): string {
  checkObject('config', config);
  const fields = Object.entries(config).filter(([, value]) => value !== undefined);
  for (const [name, value] of fields) {
    if (typeof value === 'string' || Number.isFinite(value)) continue;
    if (Array.isArray(value)) {
      const at = value.findIndex((part) => !Number.isFinite(part));
      if (at < 0) continue;
      throw wrongKind(`config.${name}`, `expected finite numbers, got ${show(value[at])} at index ${at}`);
    }
    throw wrongKind(`config.${name}`, `expected a finite number or a name, got ${show(value)}`);
  }
  return JSON.stringify(Object.fromEntries(fields));
}

/** A config that is given is an argument; one in a file is a fault of the file. */
function given<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof PixelCnnError) || !['INVALID_CONFIG', 'UNSUPPORTED_MODEL'].includes(error.code)) throw error;
    throw wrongValue('config', error.message.replace(/^config: /, ''), { cause: error });
  }
}
