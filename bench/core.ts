/** Our own side of the race: the WebAssembly face itself, and a model for it. */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Config, Description } from '../ts/config.js';
import { referenceConfig } from '../ts/train/net.js';
import * as pkg from '../ts/wasm/pkg/pixelcnn.js';

pkg.initSync({ module: readFileSync(new URL('../ts/wasm/pkg/pixelcnn_bg.wasm', import.meta.url)) });

export type Method = 'wavefront' | 'cached' | 'naive';
/** What is left out without changing a bit: nothing, what sees only background, or trailing zero channels too. */
export type Skipping = 'none' | 'background' | 'all';
export type Sampler = pkg.Sampler;
export type Run = pkg.Run;

/** A model to race with, and where it comes from in words. */
export interface Contender {
  readonly sampler: Sampler;
  readonly net: Description;
  readonly origin: string;
}

/** The model in models/, or where there is none the same net with random weights. */
export function defaultModel(): Contender {
  const path = 'models/mnist-binary.safetensors';
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  return existsSync(file) ? open(readFileSync(file), path) : randomModel({}, 'random weights (models/ holds no model)');
}

/** A net with random weights under which logits vary; `changes` are made to the reference's config. */
export function randomModel(changes: Partial<Config>, origin = 'random weights'): Contender {
  const config = JSON.stringify({ ...referenceConfig, ...changes });
  const { layers } = JSON.parse(pkg.describe(config)) as Description;
  const parts = layers.flatMap((layer, index) => {
    const size = layer.inputs.reduce((sum, i) => sum + i.kernelSize ** 2 * i.channels * layer.outChannels, 0);
    const words = pkg.random_words(1, 1, 0, index, size + layer.outChannels);
    const uniform = (i: number) => 2 * (words[i]! >>> 8) * 2 ** -24 - 1;
    let next = 0;
    const kernels = layer.inputs.map(({ kernelSize, channels, taps }) => {
      const tap = channels * layer.outChannels;
      const kernel = new Float32Array(kernelSize ** 2 * tap);
      const scale = Math.sqrt(3 / (taps.length * channels));
      for (const [dy, dx] of taps) {
        const from = ((dy + (kernelSize >> 1)) * kernelSize + dx + (kernelSize >> 1)) * tap;
        for (let i = from; i < from + tap; i++) kernel[i] = scale * uniform(next++);
      }
      return kernel;
    });
    return [...kernels, Float32Array.from({ length: layer.outChannels }, () => 0.3 * uniform(next++))];
  });
  const weights = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    weights.set(part, at);
    at += part.length;
  }
  return open(pkg.write_model(config, '{}', weights), origin);
}

function open(file: Uint8Array, origin: string): Contender {
  const sampler = new pkg.Sampler(file);
  return { sampler, net: JSON.parse(sampler.describe()) as Description, origin };
}

export interface Drawing {
  readonly method: Method;
  readonly skipping: Skipping;
  readonly count: number;
  readonly seed: number;
  readonly startIndex: number;
}

export interface Drawn {
  /** Levels, `[count, height, width, channels]`. */
  readonly images: Uint8Array;
  /** Multiply-adds that were issued. */
  readonly macs: number;
}

export function draw(sampler: Sampler, { method, skipping, count, seed, startIndex }: Drawing): Drawn {
  const run = sampler.sample(count, seed, startIndex, 1, method, skipping);
  try {
    run.finish();
    return { images: run.pixels(), macs: run.macs() };
  } finally {
    run.free();
  }
}

/** The logits of every pixel of given images, nothing skipped. */
export function logits(sampler: Sampler, images: Uint8Array, method: Method): Float32Array {
  const run = sampler.score(images, method, 'none');
  try {
    run.finish();
    return run.logits();
  } finally {
    run.free();
  }
}
