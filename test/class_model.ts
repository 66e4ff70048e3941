import { randomWeights } from '../scripts/random_weights.js';
import type { Description } from '../ts/config.js';
import { loadWasm } from './wasm.js';

/** A model with random weights whose classes differ so much that images tell them. */
export function classModel(config: string, seed: number, metadata: Record<string, string> = {}): Uint8Array {
  const { describe, write_model } = loadWasm();
  const net = JSON.parse(describe(config)) as Description;
  const weights = randomWeights(net, seed);
  let at = 0;
  for (const { role, shape } of net.tensors) {
    const end = at + shape.reduce((a, b) => a * b, 1);
    if (role === 'class') for (; at < end; at++) weights[at]! *= 40;
    at = end;
  }
  return write_model(config, JSON.stringify(metadata), weights);
}
