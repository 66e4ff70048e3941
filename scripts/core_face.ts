/**
 * The whole of the core's face, below the public API, for tests and benches: the package itself takes of it what it calls. Arrays
 * that are given back are copies.
 */

import { readFileSync } from 'node:fs';
import type { Config } from '../ts/config.js';
import {
  enter,
  giveBytes,
  giveDoubles,
  giveFloats,
  giveLevels,
  giveText,
  type Held,
  hold,
  imports,
  read,
  readText,
  start,
} from '../ts/instance.js';
import { methods, skippings } from '../ts/sample_options.js';

type Levels = Uint8Array | Uint16Array;

let afterLayer: (layer: number) => void = () => {};
imports.host.after_layer = (layer) => afterLayer(layer);

/** Makes the instance of a binary in ts/wasm/pkg, unless there is one. */
export function startBinary(name: string): void {
  start(new WebAssembly.Module(readFileSync(new URL(`../ts/wasm/pkg/${name}`, import.meta.url))));
}

/** Bytes of the instance's memory. */
export function memoryBytes(): number {
  let bytes = 0;
  enter((core) => {
    bytes = core.memory.buffer.byteLength;
    return 0;
  });
  return bytes;
}

/** A model, ready to run. */
export class Sampler {
  readonly #held: Held;
  readonly #levels: number;

  constructor(model: Uint8Array, memoryLimit = Number.NaN, rows = Number.NaN) {
    giveBytes(model);
    this.#held = hold(
      enter((core) => core.sampler_new(memoryLimit, rows)),
      (core, at) => core.sampler_free(at),
    );
    this.#levels = (JSON.parse(this.config()) as Config).levels;
  }

  free(): void {
    this.#held.release();
  }

  config(): string {
    return readText((core) => core.sampler_config(this.#held.at));
  }

  metadata(): string {
    return readText((core) => core.sampler_metadata(this.#held.at));
  }

  describe(): string {
    return readText((core) => core.sampler_describe(this.#held.at));
  }

  weights(): Float32Array {
    return read(Float32Array, (core) => core.sampler_weights(this.#held.at)).slice();
  }

  /** `given`: levels of one image for all, or of each, 65535 where one is to be drawn. */
  sample(
    count: number,
    seed: number,
    startIndex: number,
    temperature: number,
    method: string,
    skipping = 'all',
    labels?: Levels,
    given?: Levels,
  ): Run {
    giveLevels(labels);
    giveLevels(given);
    const { at } = this.#held;
    const way = wayOf(method, skipping);
    return new Run(
      enter((core) => core.sampler_sample(at, count, seed, startIndex, temperature, ...way)),
      this.#levels,
    );
  }

  score(levels: Levels, method: string, skipping = 'all', labels?: Levels): Run {
    giveLevels(levels);
    giveLevels(labels);
    return new Run(
      enter((core) => core.sampler_score(this.#held.at, ...wayOf(method, skipping))),
      this.#levels,
    );
  }
}

function wayOf(method: string, skipping: string): [number, number] {
  const [names, ways]: [readonly string[], readonly string[]] = [methods, skippings];
  return [names.indexOf(method), ways.indexOf(skipping)];
}

/** One walk over some images. */
export class Run {
  readonly #held: Held;
  readonly #levels: number;

  constructor(at: number, levels: number) {
    this.#levels = levels;
    this.#held = hold(at, (core, at) => core.run_free(at));
  }

  free(): void {
    this.#held.release();
  }

  /** Computes the next front; how many pixels it held, 0 once all is done. */
  step(): number {
    return enter((core) => core.run_step(this.#held.at));
  }

  /** As `step`; calls `after` with the index of each layer once it is computed. */
  step_layers(after: (layer: number) => void): number {
    afterLayer = after;
    return enter((core) => core.run_step_layers(this.#held.at));
  }

  finish(): void {
    enter((core) => core.run_finish(this.#held.at));
  }

  /** Of each pixel of the last front its image, its raster index and its level. */
  front(): Uint32Array {
    return read(Uint32Array, (core) => core.run_front(this.#held.at)).slice();
  }

  front_logits(): Float32Array {
    return read(Float32Array, (core) => core.run_front_logits(this.#held.at)).slice();
  }

  pixels(): Levels {
    const pixels = read(Uint16Array, (core) => core.run_pixels(this.#held.at));
    return this.#levels > 256 ? pixels.slice() : Uint8Array.from(pixels);
  }

  nats(): Float32Array {
    return read(Float32Array, (core) => core.run_nats(this.#held.at)).slice();
  }

  logits(): Float32Array {
    return read(Float32Array, (core) => core.run_logits(this.#held.at)).slice();
  }

  macs(): number {
    return enter((core) => core.run_macs(this.#held.at));
  }

  layer_macs(): Float64Array {
    return read(Float64Array, (core) => core.run_layer_macs(this.#held.at)).slice();
  }

  layer_rows(): Float64Array {
    return read(Float64Array, (core) => core.run_layer_rows(this.#held.at)).slice();
  }

  state_bytes(): Float64Array {
    return read(Float64Array, (core) => core.run_state_bytes(this.#held.at)).slice();
  }
}

export function describe(config: string): string {
  giveText(config);
  return readText((core) => core.describe());
}

export function write_model(config: string, metadata: string, weights: Float32Array): Uint8Array<ArrayBuffer> {
  giveText(config);
  giveText(metadata);
  giveFloats(weights);
  return read(Uint8Array, (core) => core.write_model()).slice();
}

export function optimize(
  model: Uint8Array,
  images: Levels,
  metadata: string,
  labels?: Levels,
): Uint8Array<ArrayBuffer> {
  return convert('optimize', model, images, metadata, labels);
}

export function quantize(
  model: Uint8Array,
  images: Levels,
  metadata: string,
  labels?: Levels,
): Uint8Array<ArrayBuffer> {
  return convert('quantize', model, images, metadata, labels);
}

function convert(by: 'optimize' | 'quantize', model: Uint8Array, images: Levels, metadata: string, labels?: Levels) {
  giveBytes(model);
  giveText(metadata);
  giveLevels(images);
  giveLevels(labels);
  return read(Uint8Array, (core) => core[by](Number.NaN)).slice();
}

export function mixture(nats: Float64Array, classes: number): Float64Array {
  giveDoubles(nats);
  return read(Float64Array, (core) => core.mixture(classes)).slice();
}

export function random_words(seed: number, purpose: number, epoch: number, item: number, count: number): Uint32Array {
  return read(Uint32Array, (core) => core.random_words(seed, purpose, epoch, item, count)).slice();
}

/** Has models of integers that are read from now on multiplied by fours, or by pairs, whatever is faster here. */
export function add_by_fours(fours: boolean): void {
  enter((core) => {
    core.add_by_fours(Number(fours));
    return 0;
  });
}

/** `simd128`, `relaxed` or `relaxed, by fours`; `scalar` where the build lost its flag. */
export function simd_backend(): string {
  return readText((core) => core.simd_backend());
}

export function seed_contract(): number {
  return enter((core) => core.seed_contract());
}
