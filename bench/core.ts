/** Our own side of the race: the WebAssembly face itself, and a model for it. */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as pkg from '../scripts/core_face.js';
import { forms } from '../scripts/model_list.js';
import { randomWeights } from '../scripts/random_weights.js';
import type { Config, Description } from '../ts/config.js';
import { inTurn } from '../ts/sample_options.js';
import { hasRelaxedSimd } from '../ts/simd.js';
import { referenceConfig } from '../ts/train/net/reference.js';
import type { Element } from './probe.js';

/** The binary that this host is given, or the plain one under `PIXELCNN_BENCH=plain`. */
pkg.startBinary(
  hasRelaxedSimd() && process.env.PIXELCNN_BENCH !== 'plain' ? 'pixelcnn_relaxed_bg.wasm' : 'pixelcnn_bg.wasm',
);
/** What its integers are multiplied by. */
export const integerElement = elementOf(pkg.simd_backend());

function elementOf(backend: string): Element {
  if (backend === 'relaxed') return 'bytes';
  return backend.startsWith('relaxed') ? 'fours' : 'int16';
}

export type Method = 'wavefront' | 'cached' | 'naive';
/** What is left out without changing a bit: nothing, rows that were computed before, or trailing zero channels too. */
export type Skipping = 'none' | 'rows' | 'all';
export type Sampler = pkg.Sampler;
export type Run = pkg.Run;

export type Precision = 'f32' | 'int8';
export const precisions: readonly Precision[] = ['f32', 'int8'];

/** A model to race with, and where it comes from in words. */
export interface Contender {
  readonly file: Uint8Array;
  readonly sampler: Sampler;
  readonly net: Description;
  readonly origin: string;
}

/** The same net in both precisions, its channels ordered: what `optimize` and `quantize` made of the packaged model. */
const files: Record<Precision, string> = {
  f32: 'models/mnist-binary.optimized.safetensors',
  int8: 'models/mnist-binary.int8.safetensors',
};

/** The models in models/, or where they are missing the same net with random weights. */
export function contenders(): Record<Precision, Contender> {
  const packaged = (precision: Precision): Contender | undefined => {
    const path = fileURLToPath(new URL(`../${files[precision]}`, import.meta.url));
    return existsSync(path) ? open(readFileSync(path), files[precision]) : undefined;
  };
  const [f32, int8] = precisions.map(packaged);
  return f32 && int8 ? { f32, int8 } : inBothPrecisions(randomModel({}));
}

/** A model of f32 and its integers, as they are made from some images of its own. */
export function inBothPrecisions(model: Contender, count = 16): Record<Precision, Contender> {
  const labels = inTurn(0, count, model.net);
  const drawing = { method: 'wavefront', skipping: 'none', count, seed: 0, startIndex: 0 } as const;
  const { images } = draw(model.sampler, { ...drawing, ...(labels && { labels }) });
  const optimized = pkg.optimize(model.file, images, '{}', labels);
  return {
    f32: open(optimized, model.origin),
    int8: open(pkg.quantize(optimized, images, '{}', labels), `${model.origin}, in integers`),
  };
}

/** A model of f32, and the integers that lie beside it, or as `pixelcnn quantize` makes them where none do. */
export function bothBeside(path: string): Record<Precision, Contender> {
  const beside = path.replace(/(\.safetensors)?$/, `${forms.integers}.safetensors`);
  const f32 = open(readFileSync(path), path);
  return existsSync(beside) ? { f32, int8: open(readFileSync(beside), beside) } : inBothPrecisions(f32, 300);
}

/** The net that a net of f32 is for a class: one without classes, to whose biases the class's vectors are added. */
export function ofClass({ sampler, net, origin }: Contender, label: number): Contender {
  const [weights, tensors] = [sampler.weights(), new Map<string, Float32Array>()];
  let end = 0;
  for (const { name, shape } of net.tensors) {
    const start = end;
    end += shape.reduce((all, size) => all * size, 1);
    tensors.set(name, weights.slice(start, end));
  }
  for (const { bias, class: vectors, sums } of net.layers) {
    if (bias === null || vectors === null) continue;
    const own = tensors.get(bias)!;
    const vector = tensors.get(vectors)!.subarray(label * sums, (label + 1) * sums);
    own.forEach((value, sum) => {
      own[sum] = value + vector[sum]!;
    });
  }
  const kept = net.tensors.filter(({ role }) => role !== 'class').flatMap(({ name }) => [...tensors.get(name)!]);
  const config = JSON.stringify({ ...net.config, classes: 0 });
  return open(pkg.write_model(config, '{}', Float32Array.from(kept)), `${origin}, class ${label}`);
}

/** The same weights for images of another size. */
export function resized({ file, origin }: Contender, height: number, width: number): Contender {
  const made = withMetadata(file, ({ config }) => ({
    config: JSON.stringify({ ...JSON.parse(config!), height, width }),
  }));
  return open(made, `${origin}, ${height} x ${width}`);
}

/** A model file in whose metadata something else stands, or something more. */
export function withMetadata(
  file: Uint8Array,
  change: (metadata: Readonly<Record<string, string>>) => Record<string, string>,
): Uint8Array {
  // A .safetensors file is the length of its header, the header as JSON, padded with spaces to 8 bytes, and the weights.
  const headerAt = 8;
  const dataAt = headerAt + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(headerAt, dataAt))) as {
    __metadata__: Record<string, string>;
  };
  header.__metadata__ = { ...header.__metadata__, ...change(header.__metadata__) };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const made = new Uint8Array(headerAt + length + file.length - dataAt).fill(0x20, headerAt, headerAt + length);
  new DataView(made.buffer).setBigUint64(0, BigInt(length), true);
  made.set(json, headerAt);
  made.set(file.subarray(dataAt), headerAt + length);
  return made;
}

/** A net with random weights under which logits vary; `changes` are made to the reference's config. */
export function randomModel(changes: Partial<Config>, origin = 'random weights'): Contender {
  const config = JSON.stringify({ ...referenceConfig, ...changes });
  return open(pkg.write_model(config, '{}', randomWeights(JSON.parse(pkg.describe(config)) as Description, 1)), origin);
}

/** A model file, ready to draw. */
export function open(file: Uint8Array, origin: string): Contender {
  const sampler = new pkg.Sampler(file);
  return { file, sampler, net: JSON.parse(sampler.describe()) as Description, origin };
}

/**
 * The same model in a sampler of its own. A sampler keeps the rows that its last run remembered for the next of the same kind; rows
 * of a bench that take turns on one sampler would compute them anew each time, which no user's calls do.
 */
export function reopened({ file }: Contender): Sampler {
  return new pkg.Sampler(file);
}

export interface Drawing {
  readonly method: Method;
  readonly skipping: Skipping;
  readonly count: number;
  readonly seed: number;
  readonly startIndex: number;
  /** The class of each image, of a net with classes. */
  readonly labels?: Uint16Array;
}

/** Levels of images, `[count, height, width, channels]`: bytes where that is enough. */
export type Levels = Uint8Array | Uint16Array;

export interface Drawn {
  readonly images: Levels;
  /** Multiply-adds that were issued. */
  readonly macs: number;
  /** Bytes of activations that were kept for the images, and the most that rows take which are remembered. */
  readonly stateBytes: readonly [images: number, rows: number];
}

/** What draws: our own sampler, or that of an earlier version, whose face may have had less. */
export interface Drawer {
  sample(
    count: number,
    seed: number,
    startIndex: number,
    temperature: number,
    method: string,
    skipping: string,
    labels?: Uint16Array,
  ): Pick<Run, 'finish' | 'pixels' | 'macs' | 'free'> & { state_bytes(): ArrayLike<number> };
}

export function draw(sampler: Drawer, { method, skipping, count, seed, startIndex, labels }: Drawing): Drawn {
  const run = sampler.sample(count, seed, startIndex, 1, method, skipping, labels);
  try {
    run.finish();
    const [images = 0, rows = 0] = Array.from(run.state_bytes());
    return { images: run.pixels(), macs: run.macs(), stateBytes: [images, rows] };
  } finally {
    run.free();
  }
}

/** The logits of every pixel of given images, nothing skipped. */
export function logits(sampler: Sampler, images: Levels, method: Method, labels?: Uint16Array): Float32Array {
  const run = sampler.score(images, method, 'none', labels);
  try {
    run.finish();
    return run.logits();
  } finally {
    run.free();
  }
}

/** Pixels of all images together that are not of level 0. */
export function inkOf(images: Levels): number {
  let ink = 0;
  for (const level of images) if (level > 0) ink++;
  return ink;
}

/** Images as peers take them: levels scaled to 0..1 where they are quantities, else as they are. */
export function scaled(images: Levels, { config }: Description): Float32Array {
  const most = config.input === 'nominal' ? 1 : config.levels - 1;
  return Float32Array.from(images, (level) => level / most);
}

/** All rows draw by this seed. */
export const seed = 1;

/** The fastest way, all that can be left out left out. */
export const everything = { method: 'wavefront', skipping: 'all' } as const;
