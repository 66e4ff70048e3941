import { readFileSync } from 'node:fs';
import { randomWeights } from '../scripts/random_weights.js';
import type { Config, Description } from '../ts/config.js';
import { hasRelaxedSimd } from '../ts/simd.js';
import { referenceConfig } from '../ts/train/net/reference.js';
import * as pkg from '../ts/wasm/pkg/pixelcnn.js';

/** The WebAssembly face itself, below the public API; loaded once. */
export function loadWasm(): typeof pkg {
  pkg.initSync({ module: readFileSync(new URL('../ts/wasm/pkg/pixelcnn_bg.wasm', import.meta.url)) });
  return pkg;
}

/** The binary that the package takes on this host. */
export const binaryAddress = new URL(
  hasRelaxedSimd() ? '../ts/wasm/pkg/pixelcnn_relaxed_bg.wasm' : '../ts/wasm/pkg/pixelcnn_bg.wasm',
  import.meta.url,
);

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
