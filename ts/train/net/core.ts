/** What training asks of the Rust core: nets from configs, model files from weights, seeded random numbers. */

import type { Config, Description } from '../../config.js';
import { enter } from '../../instance.js';
import { startInstance } from '../../load.js';
import { describe, random_words, write_model } from '../../wasm/pkg/pixelcnn.js';
import { randomPurpose } from './reference.js';

export interface Core {
  /** Expands a config. */
  describe(config: Config): Description;
  /** The bytes of a model file. `weights` are all tensors, in the order of `Description.tensors`, one after the other. */
  writeModel(config: Config, metadata: Readonly<Record<string, string>>, weights: Float32Array): Uint8Array;
  /** Word 0 of Philox4x32-10 under `count` counters; purposes: 1 initialise, 2 shuffle, 3 binarise. */
  randomWords(seed: number, purpose: number, epoch: number, item: number, count: number): Uint32Array;
}

/** Starts the core, once. */
export async function loadCore(): Promise<Core> {
  await startInstance();
  return {
    describe: (config) => JSON.parse(enter(() => describe(JSON.stringify(config)))) as Description,
    writeModel: (config, metadata, weights) =>
      enter(() => write_model(JSON.stringify(config), JSON.stringify(metadata), weights)),
    randomWords: (seed, purpose, epoch, item, count) => enter(() => random_words(seed, purpose, epoch, item, count)),
  };
}

/** The indices 0 to `count` - 1 in an order of their own: sorted by Philox word, ties by index. */
export function randomOrder(core: Core, seed: number, epoch: number, item: number, count: number): Uint32Array {
  const words = core.randomWords(seed, randomPurpose.shuffle, epoch, item, count);
  return Uint32Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => (words[a] as number) - (words[b] as number) || a - b,
  );
}
