/** A model that draws and scores images. */

import { wrongKind, wrongValue } from './arguments.js';
import { room } from './bytes.js';
import type { Config, Description } from './config.js';
import { disposeSymbol } from './dispose.js';
import { PixelCnnError } from './error.js';
import { namingForeign } from './foreign.js';
import { coreGiven } from './given.js';
import {
  checkImages,
  type ImageShape,
  type Images,
  imageShape,
  imageSize,
  type Levels,
  levelsArray,
  type OwnLevels,
} from './images.js';
import { enter, forget, release, whenCollected } from './instance.js';
import { namesOf } from './metadata.js';
import {
  checkSampleOptions,
  checkScoreOptions,
  checkWalkOptions,
  type Part,
  type SampleOptions,
  type SampleRequest,
  type ScoreOptions,
  type ScoreRequest,
  sampleOf,
  type WalkOptions,
} from './sample_options.js';
import { Sampler as CoreSampler, mixture, type Run } from './wasm/pkg/pixelcnn.js';

/** As the core's `seed_contract` says. 0, that of version 0.1.0, drew by 24 bits. */
export const seedContract = 1;

/** Images drawn from a model. */
export interface Samples {
  /** Levels, 0 to `levels - 1`, in the order of `shape`; a `Uint16Array` where there are more than 256. */
  readonly data: OwnLevels;
  /** `[count, height, width, channels]`. */
  readonly shape: ImageShape;
  /** The seed they were drawn by, given or not. */
  readonly seed: number;
  /** Number of the first image under that seed. */
  readonly startIndex: number;
  /** The version of how seeds become images: under one version a seed gives one image of a model, everywhere and for good. */
  readonly seedContract: number;
  /** What each image cost, `[count]`: -ln p(image) in nats, given pixels included, under the model at temperature 1 and its class. */
  readonly nats: Float64Array;
  /** Of a net with classes: that of each image, `[count]`. */
  readonly labels?: Uint16Array;
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

/** The logits of each pixel of some images. */
export interface LogitMap {
  readonly data: Float32Array;
  /**
   * Of two levels `[count, height, width, channels]`, the one logit ln p(1) - ln p(0); of more `[count, height, width, channels,
   * levels]`, where p(k) = e^(logit k) / sum of all e^logit.
   */
  readonly shape: ImageShape | readonly [...ImageShape, levels: number];
}

/** What a net with classes takes images for. */
export interface Classification {
  /** p(class | image), `[count, classes]`; those of an image sum to 1. */
  readonly probabilities: Float64Array;
  /** `[count, classes]`. */
  readonly shape: readonly [count: number, classes: number];
  /** The likeliest class of each image, `[count]`; of several the first. */
  readonly labels: Uint16Array;
  /** ln p(image) in nats, `[count]`: what `logProb` gives without labels. */
  readonly logProb: Float64Array;
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
  /** What each class is called, `[classes]`; undefined where the model file does not say. */
  readonly classNames: readonly string[] | undefined;
  /** The character that each level stands for, `[levels]`, of a model of maps in text. */
  readonly alphabet: readonly string[] | undefined;
  #core: CoreSampler | undefined;

  /** @internal */
  constructor(core: CoreSampler) {
    this.#core = core;
    this.config = Object.freeze(JSON.parse(enter(() => core.config())) as Config);
    this.metadata = Object.freeze(JSON.parse(enter(() => core.metadata())) as Record<string, string>);
    const { classNames, alphabet } = namesOf(this.config, this.metadata);
    this.classNames = classNames;
    this.alphabet = alphabet;
    whenCollected(this, () => release(core));
  }

  /** Draws images, all before it returns. For progress, streaming or a way out, see {@link sampleSteps}. */
  sample(options: SampleOptions = {}): Samples {
    const request = checkSampleOptions(options, this);
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
    const request = checkSampleOptions(options, this);
    this.#live();
    return this.#steps(request);
  }

  *#steps(request: SampleRequest): Generator<Front, Samples, void> {
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
   * The logits of every pixel given the pixels before it and the image's class: `[count, height, width, channels]`, ln p(1) - ln
   * p(0), of two levels; of more with an axis of the levels behind.
   *
   * @param images Whole images of levels.
   * @throws TypeError without `labels`, of a net with classes.
   */
  logits(images: Images, options: ScoreOptions = {}): LogitMap {
    const each = this.#logitsOfPixel;
    const { data, shape } = this.#maps(images, options, each, (run) => run.logits());
    return { data, shape: each === 1 ? shape : [...shape, each] };
  }

  /**
   * What every pixel costs given the pixels before it and the image's class, `[count, height, width, channels]`: -ln p in nats, at
   * least 0.
   *
   * @param images Whole images of levels.
   * @throws TypeError without `labels`, of a net with classes.
   */
  pixelNats(images: Images, options: ScoreOptions = {}): PixelMap {
    return this.#maps(images, options, 1, (run) => run.nats());
  }

  /**
   * The log likelihood of each image, `[count]`: ln p(image) in nats, at most 0. Bits per dimension are
   * `-logProb / (Math.LN2 * height * width * channels)`.
   *
   * Of a net with classes ln p(image | class) by `labels`; without them ln p(image) itself, the mean of p(image | class) over all
   * classes, which takes as long as scoring under each.
   *
   * @param images Whole images of levels.
   */
  logProb(images: Images, options: ScoreOptions = {}): Float64Array {
    return last(this.logProbSteps(images, options));
  }

  /**
   * What a net with classes takes images for, by Bayes' theorem: p(class | image) = p(image | class) / sum of all p(image | class'),
   * no class being likelier than another beforehand. Exact; takes as long as scoring under each class.
   *
   * @param images Whole images of levels.
   * @throws RangeError of a net without classes.
   */
  classify(images: Images, options: WalkOptions = {}): Classification {
    return last(this.classifySteps(images, options));
  }

  /** @internal {@link logProb} step by step; yields the pixels that each has scored, of every class. */
  logProbSteps(images: Images, options: ScoreOptions): Generator<number, Float64Array, void> {
    const levels = checkImages(images, this.config);
    const request = checkScoreOptions(options, levels.length / imageSize(this.config), this);
    this.#live();
    return isMixture(request, this.config) ? this.#logMixture(levels, request) : this.#logProb(levels, request);
  }

  /** @internal {@link classify} likewise. */
  classifySteps(images: Images, options: WalkOptions): Generator<number, Classification, void> {
    const request = checkWalkOptions(options);
    checkHasClasses(this.config);
    const levels = checkImages(images, this.config);
    this.#live();
    return this.#classify(levels, { ...request, labels: undefined });
  }

  /** Everything that follows from the config: layers, tensors, receptive field, wavefront, cost. */
  describe(): Description {
    const core = this.#live();
    return JSON.parse(enter(() => core.describe())) as Description;
  }

  /** Frees the model's memory, as the host does at some time of a sampler that nobody holds any more. Later calls throw `DISPOSED`, and so does the next step of a run that is open. */
  dispose(): void {
    forget(this);
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
   *
   * @param kept Numbers that a run keeps for each pixel.
   */
  *#parts(count: number, kept = 1): Generator<Part> {
    const most = 16 * Math.min(16, Math.max(1, Math.floor(2 ** 16 / (kept * imageSize(this.config)))));
    for (let first = 0; first < count; first += most) yield { first, count: Math.min(most, count - first) };
  }

  #draw(request: SampleRequest, part: Part): Run {
    const core = this.#live();
    const { count, seed, startIndex, temperature, method, skipping, label, given } = sampleOf(request, part, this);
    const known = given && coreGiven(given);
    return enter(() => core.sample(count, seed, startIndex, temperature, method, skipping, label, known));
  }

  /** Starts a walk over given images, each of its class. */
  #walk(levels: Levels, { method, skipping, labels }: ScoreRequest, { first, count }: Part): Run {
    const core = this.#live();
    const size = imageSize(this.config);
    const [some, theirs] = [
      levels.subarray(first * size, (first + count) * size),
      labels?.subarray(first, first + count),
    ];
    return enter(() => core.score(some, method, skipping, theirs));
  }

  get #logitsOfPixel(): number {
    return this.config.levels === 2 ? 1 : this.config.levels;
  }

  /** So many numbers for each pixel, as `read` gives them of a run. */
  #maps(images: Images, options: ScoreOptions, each: number, read: (run: Run) => Float32Array): PixelMap {
    const levels = checkImages(images, this.config);
    const size = imageSize(this.config);
    const count = levels.length / size;
    const request = checkScoreOptions(options, count, this);
    if (isMixture(request, this.config)) {
      const wanted = `expected the class of all images, or of each, since what a pixel costs depends on it`;
      throw wrongKind('labels', `${wanted}, got none; logProb and classify need none`);
    }
    this.#live();
    const data = room(4 * levels.length * each, 'images', () => new Float32Array(levels.length * each));
    for (const part of this.#parts(count, this.#logitsOfPixel)) {
      const run = this.#walk(levels, request, part);
      try {
        enter(() => run.finish());
        data.set(
          enter(() => read(run)),
          part.first * size * each,
        );
      } finally {
        release(run);
      }
    }
    return { data, shape: imageShape(count, this.config) };
  }

  *#logProb(levels: Levels, request: ScoreRequest): Generator<number, Float64Array, void> {
    const size = imageSize(this.config);
    const made = new Float64Array(levels.length / size);
    for (const part of this.#parts(made.length, this.#logitsOfPixel)) {
      const run = this.#walk(levels, request, part);
      try {
        for (;;) {
          this.#live();
          const scored = enter(() => run.step());
          if (scored === 0) break;
          yield scored;
        }
        made.set(logProbOf(run, part, size), part.first);
      } finally {
        release(run);
      }
    }
    return made;
  }

  *#logMixture(levels: Levels, request: ScoreRequest): Generator<number, Float64Array, void> {
    const made = new Float64Array(levels.length / imageSize(this.config));
    for (const { first, count } of this.#parts(made.length)) {
      const rows = yield* this.#mixture(levels, request, { first, count });
      const each = rows.length / count;
      for (let image = 0; image < count; image++) made[first + image] = -rows[image * each]!;
    }
    return made;
  }

  *#classify(levels: Levels, request: ScoreRequest): Generator<number, Classification, void> {
    const made = roomForClasses(levels.length / imageSize(this.config), this.config);
    const [all, classes] = made.shape;
    for (const { first, count } of this.#parts(all)) {
      const rows = yield* this.#mixture(levels, request, { first, count });
      for (let image = 0; image < count; image++) {
        const [nats, ...shares] = rows.subarray(image * (1 + classes), (image + 1) * (1 + classes));
        made.logProb[first + image] = -nats!;
        made.probabilities.set(shares, (first + image) * classes);
        made.labels[first + image] = shares.indexOf(Math.max(...shares));
      }
    }
    return made;
  }

  /** Of some images -ln p(image) and then p(class | image) of every class, `[count, 1 + classes]`. */
  *#mixture(levels: Levels, request: ScoreRequest, { first, count }: Part): Generator<number, Float64Array, void> {
    const classes = this.config.classes!;
    const size = imageSize(this.config);
    const some = levels.subarray(first * size, (first + count) * size);
    const nats = new Float64Array(classes * count);
    for (let label = 0; label < classes; label++) {
      const labels = new Uint16Array(count).fill(label);
      const logProb = yield* this.#logProb(some, { ...request, labels });
      nats.set(
        logProb.map((x) => -x),
        label * count,
      );
    }
    return enter(() => mixture(nats, classes));
  }
}

/** Reads a model file into the instance, which must be started. `rows` are bytes of rows that are remembered. */
export function openSampler(model: Uint8Array, memoryLimit?: number, rows?: number): Sampler {
  try {
    const core = enter(() => new CoreSampler(model, memoryLimit, rows), 'model');
    try {
      return new Sampler(core);
    } catch (error) {
      release(core);
      throw error;
    }
  } catch (error) {
    throw namingForeign(error, model);
  }
}

/** Whether images of a net with classes are scored without theirs. */
function isMixture({ labels }: ScoreRequest, { classes = 0 }: Config): boolean {
  return classes > 0 && labels === undefined;
}

/** Refuses a net that takes images for nothing. Throws RangeError. */
export function checkHasClasses({ classes = 0 }: Config): void {
  if (classes === 0) throw wrongValue('model', 'expected one with classes to classify by, got one without');
}

/** What a generator returns. */
function last<T>(steps: Generator<unknown, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function emptySamples({ count, seed, startIndex, label }: SampleRequest, config: Config): Samples {
  const { data, nats } = roomForSamples(count, config);
  return {
    data,
    shape: imageShape(count, config),
    seed,
    startIndex,
    seedContract,
    nats,
    ...(label && { labels: label }),
  };
}

/** Room for what is drawn, or PixelCnnError `OUT_OF_MEMORY`. */
export function roomForSamples(count: number, config: Config): Pick<Samples, 'data' | 'nats'> {
  const size = imageSize(config);
  const bytes = levelsArray(0, config.levels).BYTES_PER_ELEMENT;
  return room(count * (bytes * size + 8), 'count', () => ({
    data: levelsArray(count * size, config.levels),
    nats: new Float64Array(count),
  }));
}

/** Room for what images are taken for. Throws PixelCnnError `OUT_OF_MEMORY`. */
export function roomForClasses(count: number, { classes = 0 }: Config): Classification {
  return {
    probabilities: room(8 * count * classes, 'images', () => new Float64Array(count * classes)),
    shape: [count, classes],
    labels: new Uint16Array(count),
    logProb: new Float64Array(count),
  };
}

/** Copies what a finished run drew. */
function collect(run: Run, { data, nats }: Samples, part: Part, size: number): void {
  data.set(
    enter(() => run.pixels()),
    part.first * size,
  );
  nats.set(
    logProbOf(run, part, size).map((x) => -x),
    part.first,
  );
}

/** The log likelihood of each image of a finished run: summed in raster order, so that it does not depend on the walk. */
function logProbOf(run: Run, { count }: Part, size: number): Float64Array {
  const values = enter(() => run.nats());
  return Float64Array.from({ length: count }, (_, image) => {
    let sum = 0;
    for (let i = image * size; i < (image + 1) * size; i++) sum += values[i]!;
    return -sum;
  });
}
