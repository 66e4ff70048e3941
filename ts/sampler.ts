/** A model that draws and scores images. */

import { room } from './bytes.js';
import type { Config, Description } from './config.js';
import { PixelCnnError } from './error.js';
import { namingForeign } from './foreign.js';
import { checkImages, type ImageShape, type Images, imageShape, imageSize } from './images.js';
import { enter, release } from './instance.js';
import { checkSampleOptions, checkScoreOptions, type SampleOptions, type ScoreOptions } from './sample_options.js';
import { Sampler as CoreSampler, type Run } from './wasm/pkg/pixelcnn.js';

/** `Symbol.dispose`, or a stand-in where the host is older than it. */
const disposeSymbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

/** Images drawn from a model. */
export interface Samples {
  /** Levels, 0 to `levels - 1`, in the order of `shape`. */
  readonly data: Uint8Array;
  /** `[count, height, width, channels]`. */
  readonly shape: ImageShape;
  /** The seed they were drawn by, given or not. */
  readonly seed: number;
  /** Number of the first image under that seed. */
  readonly startIndex: number;
  /** What each image cost, `[count]`: -ln p(image) in nats, under the model at temperature 1. */
  readonly nats: Float64Array;
}

/** The pixels that one step of a walk gave their values. */
export interface Front {
  /** Pixels drawn so far, those of this front included. */
  readonly done: number;
  /** Pixels in all: count x height x width x channels. */
  readonly total: number;
  /** Image (from 0 within the call), raster index of the pixel, level; one pixel after the other. */
  readonly pixels: Uint32Array;
}

/** One number for each pixel of some images. */
export interface PixelMap {
  readonly data: Float32Array;
  /** `[count, height, width, channels]`. */
  readonly shape: ImageShape;
}

/**
 * A PixelCNN (van den Oord et al. 2016, arXiv:1601.06759 and arXiv:1606.05328), ready to run. Made by `loadSampler` or
 * `createSampler`.
 *
 * It draws an image pixel by pixel, each from its distribution given the pixels before it, keeps the activations of
 * earlier pixels and computes only what is new. The same seed gives the same image on every host.
 *
 * Every call owns its state: any number of `sampleSteps` may be open at once. A wrong argument is a `RangeError` or a
 * `TypeError`; anything else is a `PixelCnnError`: `DISPOSED`, `NON_FINITE_LOGIT` (weights too large to compute with),
 * `OUT_OF_MEMORY`, `INTERNAL`.
 */
export class Sampler {
  /** The blueprint of the net. */
  readonly config: Config;
  /** What the model file says about itself, by name: format, config, and the record of its training. */
  readonly metadata: Readonly<Record<string, string>>;
  #core: CoreSampler | undefined;

  /** @internal */
  constructor(core: CoreSampler) {
    this.#core = core;
    this.config = Object.freeze(JSON.parse(enter(() => core.config())) as Config);
    this.metadata = Object.freeze(JSON.parse(enter(() => core.metadata())) as Record<string, string>);
  }

  /** Draws images, all before it returns. For progress, streaming or a way out, see {@link sampleSteps}. */
  sample(options: SampleOptions = {}): Samples {
    const request = checkSampleOptions(options);
    this.#live();
    const samples = emptySamples(request, this.config);
    for (const part of this.#parts(request.count)) {
      const run = this.#draw(request, part);
      try {
        enter(() => run.finish());
        collect(run, samples, part, imageSize(this.config));
      } finally {
        release(run);
      }
    }
    return samples;
  }

  /**
   * Draws images step by step: yields each front of pixels as it is drawn, and returns what {@link sample} would.
   *
   * Nothing is computed between steps. Leaving the loop early (`break`, `return()`) frees the run; so does losing it to
   * garbage collection. Images of one call are drawn in groups, so that the memory of a long call stays bounded.
   *
   * @example
   * for (const { done, total } of sampler.sampleSteps({ count: 4 })) console.log(`${done} of ${total} pixels`);
   */
  sampleSteps(options: SampleOptions = {}): Generator<Front, Samples, void> {
    // Checked here and not in the generator, which would tell of a wrong argument only at its first step.
    const request = checkSampleOptions(options);
    this.#live();
    return this.#steps(request);
  }

  *#steps(request: Required<SampleOptions>): Generator<Front, Samples, void> {
    const samples = emptySamples(request, this.config);
    const size = imageSize(this.config);
    const total = samples.data.length;
    let done = 0;
    for (const part of this.#parts(request.count)) {
      const run = this.#draw(request, part);
      try {
        for (;;) {
          this.#live();
          const drawn = enter(() => run.step());
          if (drawn === 0) break;
          const pixels = enter(() => run.front());
          for (let i = 0; i < pixels.length; i += 3) pixels[i]! += part.first;
          done += drawn;
          yield { done, total, pixels };
        }
        collect(run, samples, part, size);
      } finally {
        release(run);
      }
    }
    return samples;
  }

  /**
   * The logit of every pixel given the pixels before it, `[count, height, width, channels]`: ln p(1) - ln p(0).
   *
   * @param images Whole images of levels.
   */
  logits(images: Images, options: ScoreOptions = {}): PixelMap {
    return this.#score(images, options, (run) => run.logits());
  }

  /**
   * What every pixel costs given the pixels before it, `[count, height, width, channels]`: -ln p in nats, at least 0.
   *
   * @param images Whole images of levels.
   */
  pixelNats(images: Images, options: ScoreOptions = {}): PixelMap {
    return this.#score(images, options, (run) => run.nats());
  }

  /**
   * The log likelihood of each image, `[count]`: ln p(image) in nats, at most 0. Bits per dimension are
   * `-logProb / (Math.LN2 * height * width * channels)`.
   *
   * @param images Whole images of levels.
   */
  logProb(images: Images, options: ScoreOptions = {}): Float64Array {
    const { data, shape } = this.pixelNats(images, options);
    return sums(data, imageSize(this.config), shape[0]).map((nats) => -nats);
  }

  /** Everything that follows from the config: layers, tensors, receptive field, wavefront, cost. */
  describe(): Description {
    const core = this.#live();
    return JSON.parse(enter(() => core.describe())) as Description;
  }

  /** Frees the model's memory. Later calls throw `DISPOSED`, and so does the next step of a run that is open. */
  dispose(): void {
    release(this.#core);
    this.#core = undefined;
  }

  /** {@link dispose}, for `using`. */
  [disposeSymbol](): void {
    this.dispose();
  }

  #live(): CoreSampler {
    if (this.#core === undefined) {
      throw new PixelCnnError('DISPOSED', 'expected a sampler in use, got one after dispose(); load the model again');
    }
    return this.#core;
  }

  /**
   * Splits a call into runs: bounded memory inside WebAssembly, which never gives memory back. The core computes groups of
   * 16 images in step, hence a multiple of that.
   */
  *#parts(count: number): Generator<Part> {
    const most = 16 * Math.min(16, Math.max(1, Math.floor(2 ** 16 / imageSize(this.config))));
    for (let first = 0; first < count; first += most) yield { first, count: Math.min(most, count - first) };
  }

  #draw({ seed, startIndex, temperature, method, skipping }: Required<SampleOptions>, { first, count }: Part): Run {
    const core = this.#live();
    return enter(() => core.sample(count, seed, startIndex + first, temperature, method, skipping));
  }

  #score(images: Images, options: ScoreOptions, read: (run: Run) => Float32Array): PixelMap {
    const { method, skipping } = checkScoreOptions(options);
    const levels = checkImages(images, this.config);
    const core = this.#live();
    const size = imageSize(this.config);
    const data = room(4 * levels.length, 'images', () => new Float32Array(levels.length));
    for (const { first, count } of this.#parts(levels.length / size)) {
      const run = enter(() => core.score(levels.subarray(first * size, (first + count) * size), method, skipping));
      try {
        enter(() => run.finish());
        data.set(
          enter(() => read(run)),
          first * size,
        );
      } finally {
        release(run);
      }
    }
    return { data, shape: imageShape(levels.length / size, this.config) };
  }
}

/** Reads a model file into the instance, which must be started. */
export function openSampler(model: Uint8Array, memoryLimit?: number): Sampler {
  try {
    return new Sampler(enter(() => new CoreSampler(model, memoryLimit), 'model'));
  } catch (error) {
    throw namingForeign(error, model);
  }
}

/** Images of one call that make one run. */
interface Part {
  /** Counted from 0 within the call. */
  first: number;
  count: number;
}

function emptySamples({ count, seed, startIndex }: Required<SampleOptions>, config: Config): Samples {
  const { data, nats } = roomForSamples(count, imageSize(config));
  return { data, shape: imageShape(count, config), seed, startIndex, nats };
}

/** Room for what is drawn, or PixelCnnError `OUT_OF_MEMORY`. */
export function roomForSamples(count: number, size: number): Pick<Samples, 'data' | 'nats'> {
  return room(count * (size + 8), 'count', () => ({
    data: new Uint8Array(count * size),
    nats: new Float64Array(count),
  }));
}

/** Copies what a finished run drew. */
function collect(run: Run, { data, nats }: Samples, { first, count }: Part, size: number): void {
  data.set(
    enter(() => run.pixels()),
    first * size,
  );
  nats.set(
    sums(
      enter(() => run.nats()),
      size,
      count,
    ),
    first,
  );
}

/** The sum over each image, in raster order, so that it does not depend on the walk. */
function sums(values: Float32Array, size: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, image) => {
    let sum = 0;
    for (let i = image * size; i < (image + 1) * size; i++) sum += values[i]!;
    return sum;
  });
}
