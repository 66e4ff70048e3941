import { readFileSync } from 'node:fs';
import type { Config, Description } from '../ts/config.js';
import { referenceConfig } from '../ts/train/net/reference.js';
import * as pkg from '../ts/wasm/pkg/pixelcnn.js';

/** The WebAssembly face itself, below the public API; loaded once. */
export function loadWasm(): typeof pkg {
  pkg.initSync({ module: readFileSync(new URL('../ts/wasm/pkg/pixelcnn_bg.wasm', import.meta.url)) });
  return pkg;
}

/** The binary, compiled. */
export function wasmModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(new URL('../ts/wasm/pkg/pixelcnn_bg.wasm', import.meta.url)));
}

/** A config of the plain net as the WebAssembly face takes it; the reference's numbers unless given. */
export function configJson(changes: Partial<Config> = {}): string {
  return JSON.stringify({ ...referenceConfig, ...changes });
}

/** A model file with random weights, large enough that logits vary and forbidden taps stay 0. */
export function randomModel(config: string, seed: number, metadata: Record<string, string> = {}): Uint8Array {
  const { describe, random_words, write_model } = loadWasm();
  const values: number[] = [];
  const { layers } = JSON.parse(describe(config)) as Description;
  layers.forEach(({ inputs, outChannels }, item) => {
    const size = inputs.reduce((sum, i) => sum + i.kernelSize ** 2 * i.channels * outChannels, outChannels);
    const words = random_words(seed, 1, 0, item, size);
    let next = 0;
    const uniform = () => 2 * ((words[next++] as number) >>> 8) * 2 ** -24 - 1;
    for (const { kernelSize, channels, taps } of inputs) {
      const scale = Math.sqrt(3 / (taps.length * channels));
      const allowed = new Set(taps.map(([dy, dx]) => (dy + (kernelSize >> 1)) * kernelSize + dx + (kernelSize >> 1)));
      for (let place = 0; place < kernelSize ** 2; place++) {
        for (let i = 0; i < channels * outChannels; i++) values.push(allowed.has(place) ? scale * uniform() : 0);
      }
    }
    for (let i = 0; i < outChannels; i++) values.push(0.3 * uniform());
  });
  return write_model(config, JSON.stringify(metadata), Float32Array.from(values));
}
