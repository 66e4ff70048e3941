import { readFileSync } from 'node:fs';
import * as pkg from '../scripts/core_face.js';
import { randomWeights } from '../scripts/random_weights.js';
import type { Config, Description } from '../ts/config.js';
import { hasRelaxedSimd } from '../ts/simd.js';
import { referenceConfig } from '../ts/train/net/reference.js';

/** The WebAssembly face itself, below the public API; loaded once. */
export function loadWasm(): typeof pkg {
  pkg.startBinary(binaryName);
  return pkg;
}

const binaryName = hasRelaxedSimd() ? 'pixelcnn_relaxed_bg.wasm' : 'pixelcnn_bg.wasm';

/** The binary that the package takes on this host. */
export const binaryAddress = new URL(`../ts/wasm/pkg/${binaryName}`, import.meta.url);

/** The same, compiled. */
export function wasmModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(binaryAddress));
}

/** A config of the plain net as the WebAssembly face takes it; the reference's numbers unless given. */
export function configJson(changes: Partial<Config> = {}): string {
  return JSON.stringify({ ...referenceConfig, ...changes });
}

/** A model file with random weights, large enough that logits vary. */
export function randomModel(config: string, seed: number, metadata: Record<string, string> = {}): Uint8Array {
  const { describe, write_model } = loadWasm();
  return write_model(
    config,
    JSON.stringify(metadata),
    randomWeights(JSON.parse(describe(config)) as Description, seed),
  );
}
