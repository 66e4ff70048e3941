/** A model that draws and scores images. */

import { unlike, wrongValue } from './arguments.js';
import { room } from './bytes.js';
import type { Config, Description } from './config.js';
import { disposeSymbol } from './dispose.js';
import { failure } from './error.js';
import {
  checkImages,
  type ImageShape,
  type Images,
  imageShape,
  imageSize,
  type Levels,
  levelsKind,
  type OwnLevels,
} from './images.js';
import { enter, giveBytes, giveDoubles, giveLevels, type Held, hold, read, readJson } from './instance.js';
import { anyClass } from './labels.js';
import { modelOf } from './metadata.js';
import {
  checkSampleOptions,
  checkScoreOptions,
  checkWalkOptions,
  methods,
  type Part,
  type SampleOptions,
  type SampleRequest,
  type ScoreOptions,
  type ScoreRequest,
  sampleOf,
  skippings,
  type WalkOptions,
} from './sample_options.js';
import type { Limits } from './sharing.js';

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
  /** The numbers, in the order of `shape`. */
  readonly data: Float32Array;
  /** `[count, height, width, channels]`. */
  readonly shape: ImageShape;
}

/** The logits of each pixel of some images. */
export interface LogitMap {
  /** The logits, in the order of `shape`. */
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
  declare readonly config: Config;
  /** What the model file says about itself, by name: format, config, and the record of its training. */
  declare readonly metadata: Readonly<Record<string, string>>;
  /** What each class is called, `[classes]`; undefined where the model file does not say. */
  declare readonly classNames: readonly string[] | undefined;
  /** The character that each level stands for, `[levels]`, of a model of maps in text. */
  declare readonly alphabet: readonly string[] | undefined;
  #core: Held | undefined;

  /** @internal */
  constructor(core: Held) {
    this.#core = core;
    const { at } = core;
    const config = readJson<Config>((core) => core.sampler_config(at));
    const metadata = readJson<Record<string, string>>((core) => core.sampler_metadata(at));
    Object.assign(this, modelOf(config, metadata));
  }

  /** Draws images, all before it returns. For progress, streaming or a way out, see {@link sampleSteps}. */
  sample(options: SampleOptions = {}): Samples {
    const request = checkSampleOptions(options, this);
    return last(this.#draw(request, 'run_finish'));
  }

  /**
   * Draws images step by step: yields each front of pixels as it is drawn, and returns what {@link sample} would.
   *
   * Nothing is computed between steps. Leaving the loop early (`break`, `return()`) frees the run. One that is begun and only
   * forgotten is freed by garbage collection, which may come after many of them have filled the memory (`OUT_OF_MEMORY`): end it with
   * `return()`. Images of one call are drawn in groups, so that the memory of a long call stays bounded.
   *
   * @example
   * for (const { done, total } of sampler.sampleSteps({ count: 4 })) console.log(`${done} of ${total} pixels`);
   */
  sampleSteps(options: SampleOptions = {}): Generator<Front, Samples, void> {
    return this.drawSteps(checkSampleOptions(options, this));
  }

  /** @internal {@link sampleSteps} of options that are checked. */
  drawSteps(request: SampleRequest): Generator<Front, Samples, void> {
    // Here and not in the generator, which would tell of it only at its first step.
    this.#live();
    return this.#draw(request, 'run_step');
  }

  /**
   * The logits of every pixel given the pixels before it and the image's class: `[count, height, width, channels]`, ln p(1) - ln
   * p(0), of two levels; of more with an axis of the levels behind.
   *
   * @param images Whole images of levels.
   * @throws TypeError without `labels`, of a net with classes.
   */
  logits(images: Images, options: ScoreOptions = {}): LogitMap {
    const each = logitsOfPixel(this.config);
    const map = this.#maps(images, options, each, (run) => read(Float32Array, (core) => core.run_logits(run)));
    return each === 1 ? map : { ...map, shape: [...map.shape, each] };
  }

  /**
   * What every pixel costs given the pixels before it and the image's class, `[count, height, width, channels]`: -ln p in nats, at
   * least 0.
   *
   * @param images Whole images of levels.
   * @throws TypeError without `labels`, of a net with classes.
   */
  pixelNats(images: Images, options: ScoreOptions = {}): PixelMap {
    return this.#maps(images, options, 1, pixelNats);
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
    return this.#logProb(levels, request);
  }

  /** @internal {@link classify} likewise. */
  classifySteps(images: Images, options: WalkOptions): Generator<number, Classification, void> {
    const request = checkWalkOptions(options);
    checkHasClasses(this.config);
    const levels = checkImages(images, this.config);
    this.#live();
    return this.#classify(levels, request);
  }

  /** Everything that follows from the config: layers, tensors, receptive field, wavefront, cost. */
  describe(): Description {
    const model = this.#live();
    return readJson((core) => core.sampler_describe(model));
  }

  /** Frees the model's memory, as the host does at some time of a sampler that nobody holds any more. Later calls throw `DISPOSED`, and so does the next step of a run that is open. */
  dispose(): void {
    this.#core?.release();
    this.#core = undefined;
  }

  /** {@link dispose}, for `using`. */
  [disposeSymbol](): void {
    this.dispose();
  }

  /** The core's number of the model. */
  #live(): number {
    if (this.#core !== undefined) return this.#core.at;
    throw failure('DISPOSED', 'expected a sampler in use, got one after dispose(); load the model again');
  }

  /**
   * Goes over images in walks: bounded memory inside WebAssembly, which never gives memory back. The core computes groups of
   * 16 images in step, hence a multiple of that.
   *
   * @param kept Numbers that a walk keeps for each pixel.
   * @param advance The call that goes on, by a front or to the end.
   * @param begin Starts the walk over some.
   */
  *#walks(
    count: number,
    kept: number,
    advance: Advance,
    begin: (part: Part, model: number) => number,
  ): Generator<Advanced, void, void> {
    const most = 16 * Math.min(16, Math.max(1, Math.floor(2 ** 16 / (kept * imageSize(this.config)))));
    for (let first = 0; first < count; first += most) {
      const walk = hold(begin({ first, count: Math.min(most, count - first) }, this.#live()), (core, at) =>
        core.run_free(at),
      );
      const run = walk.at;
      try {
        let pixels: number;
        do {
          this.#live();
          pixels = enter((core) => core[advance](run));
          yield [pixels, run, first];
        } while (pixels > 0);
      } finally {
        walk.release();
      }
    }
  }

  *#draw(request: SampleRequest, advance: Advance): Generator<Front, Samples, void> {
    const samples = emptySamples(request, this.config);
    const { data, nats } = samples;
    const size = imageSize(this.config);
    const total = data.length;
    let done = 0;
    const begin = (part: Part, model: number) => {
      const { count, seed, startIndex, temperature, label, given, ...walk } = sampleOf(request, part, this);
      giveLevels(label, given);
      return enter((core) => core.sampler_sample(model, count, seed, startIndex, temperature, ...wayOf(walk)));
    };
    for (const [drawn, run, first] of this.#walks(request.count, 1, advance, begin)) {
      if (drawn > 0) {
        const pixels = read(Uint32Array, (core) => core.run_front(run)).slice();
        for (let i = 0; i < pixels.length; i += 3) pixels[i]! += first;
        done += drawn;
        yield { done, total, pixels };
      } else {
        const levels = read(Uint16Array, (core) => core.run_pixels(run));
        data.set(levels, first * size);
        addNats(nats, run, first, size);
      }
    }
    return samples;
  }

  /** Walks over images that are there, each of its class. */
  #score(levels: Levels, request: ScoreRequest, advance: Advance): Generator<Advanced, void, void> {
    const size = imageSize(this.config);
    return this.#walks(levels.length / size, logitsOfPixel(this.config), advance, ({ first, count }, model) => {
      giveLevels(levels.subarray(first * size, (first + count) * size), request.labels?.subarray(first, first + count));
      return enter((core) => core.sampler_score(model, ...wayOf(request)));
    });
  }

  /** So many numbers for each pixel, as `numbers` gives them of a run. */
  #maps(images: Images, options: ScoreOptions, each: number, numbers: (run: number) => Float32Array): PixelMap {
    const levels = checkImages(images, this.config);
    const size = imageSize(this.config);
    const count = levels.length / size;
    const request = checkScoreOptions(options, count, this);
    if (isMixture(request, this.config)) {
      throw unlike('labels', anyClass(this), undefined, '; logProb and classify need none');
    }
    const data = room(Float32Array, levels.length * each, 'images');
    for (const [, run, first] of this.#score(levels, request, 'run_finish'))
      data.set(numbers(run), first * size * each);
    return { data, shape: imageShape(count, this.config) };
  }

  *#logProb(levels: Levels, request: ScoreRequest): Generator<number, Float64Array, void> {
    if (isMixture(request, this.config)) return (yield* this.#classify(levels, request)).logProb;
    return (yield* this.#nats(levels, request)).map(negative);
  }

  /** What each image costs, of its class. */
  *#nats(levels: Levels, request: ScoreRequest): Generator<number, Float64Array, void> {
    const size = imageSize(this.config);
    const made = new Float64Array(levels.length / size);
    for (const [pixels, run, first] of this.#score(levels, request, 'run_step')) {
      if (pixels === 0) addNats(made, run, first, size);
      yield pixels;
    }
    return made;
  }

  *#classify(levels: Levels, walk: WalkOptions): Generator<number, Classification, void> {
    const size = imageSize(this.config);
    const made = roomForClasses(levels.length / size, this.config);
    const [all, classes] = made.shape;
    // Some at a time under each class in turn, so that what is asked for first is there first.
    for (let first = 0; first < all; first += 256) {
      const some = levels.subarray(first * size, (first + 256) * size);
      const count = some.length / size;
      const nats = new Float64Array(classes * count);
      for (let label = 0; label < classes; label++) {
        const labels = new Uint16Array(count).fill(label);
        nats.set(yield* this.#nats(some, { ...walk, labels } as ScoreRequest), label * count);
      }
      giveDoubles(nats);
      const rows = read(Float64Array, (core) => core.mixture(classes));
      for (let image = 0; image < count; image++) {
        const [nats, ...shares] = rows.subarray(image * (1 + classes), (image + 1) * (1 + classes));
        made.logProb[first + image] = -nats!;
        made.probabilities.set(shares, (first + image) * classes);
        made.labels[first + image] = shares.indexOf(Math.max(...shares));
      }
    }
    return made;
  }
}

/** A call that goes on with a walk; gives 0 at its end. */
type Advance = 'run_step' | 'run_finish';

/** How far a walk has come. */
type Advanced = readonly [pixels: number, run: number, first: number];

function logitsOfPixel({ levels }: Config): number {
  return levels === 2 ? 1 : levels;
}

/** Reads a model file into the instance, which must be started. */
export function openSampler(model: Uint8Array, { memoryLimit = Number.NaN, sharing = {} }: Limits = {}): Sampler {
  const { megabytes = Number.NaN } = sharing;
  giveBytes(model);
  const core = hold(
    enter((core) => core.sampler_new(memoryLimit, Math.floor(megabytes * 1e6)), 'model'),
    (core, at) => core.sampler_free(at),
  );
  try {
    return new Sampler(core);
  } catch (error) {
    core.release();
    throw error;
  }
}

/** How to walk, as the core is told: places in the lists of names. */
function wayOf({ method, skipping }: WalkOptions): [method: number, skipping: number] {
  return [methods.indexOf(method!), skippings.indexOf(skipping!)];
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

/** Room for what is drawn, and what is known of it before. Throws PixelCnnError `OUT_OF_MEMORY`. */
export function emptySamples({ count, seed, startIndex, label }: SampleRequest, config: Config): Samples {
  const shape = imageShape(count, config);
  return {
    data: room<OwnLevels>(levelsKind(config.levels), count * imageSize(config), 'count'),
    shape,
    seed,
    startIndex,
    seedContract,
    nats: room(Float64Array, count, 'count'),
    ...(label && { labels: label }),
  };
}

/** Room for what images are taken for. Throws PixelCnnError `OUT_OF_MEMORY`. */
export function roomForClasses(count: number, { classes = 0 }: Config): Classification {
  return {
    probabilities: room(Float64Array, count * classes, 'images'),
    shape: [count, classes],
    labels: new Uint16Array(count),
    logProb: new Float64Array(count),
  };
}

function pixelNats(run: number): Float32Array {
  return read(Float32Array, (core) => core.run_nats(run));
}

/** Adds what each image of a finished run cost, in raster order, so that it does not depend on the walk. */
function addNats(sums: Float64Array, run: number, first: number, size: number): void {
  pixelNats(run).forEach((nats, at) => {
    sums[first + Math.floor(at / size)]! += nats;
  });
}

function negative(x: number): number {
  return -x;
}
