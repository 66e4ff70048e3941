/** How images are drawn: the options, their ranges and defaults. */

import {
  type Checked,
  type Checks,
  checkChoice,
  checkInteger,
  checkNumber,
  checkOptions,
  integerIn,
} from './arguments.js';
import { checkGiven, type GivenPixels } from './given.js';
import { imageSize } from './images.js';
import { checkLabels, type Labelled, type Labels } from './labels.js';

/**
 * How the pixels of an image are walked. All give the same bits, of pixels and logits; they differ in speed alone.
 *
 * - `wavefront`: all pixels whose inputs are known, at once, keeping activations. The fastest.
 * - `cached`: one pixel at a time in raster order, keeping activations.
 * - `naive`: the whole image again for each pixel by the same SIMD code, keeping nothing. A baseline.
 * - `reference`: as naive, by plain loops. The oracle; very slow.
 */
export type Method = 'wavefront' | 'cached' | 'naive' | 'reference';

export const methods: readonly Method[] = ['wavefront', 'cached', 'naive', 'reference'];

/**
 * Which work the methods `wavefront` and `cached` leave out. It never changes a bit.
 *
 * - `none`: nothing; dense arithmetic.
 * - `rows`: rows of activations that were computed before from the same ones, in this image or in another of any call of the sampler.
 *   How much of them it remembers is `sharing` of `loadSampler`.
 * - `all`: these, and the channels of a position after its last one that is not zero. Pays only where a model's channels are
 *   ordered by how often they are on (`pixelcnn optimize`); else the looking costs 1 % more than it finds (`npm run bench`).
 */
export type Skipping = 'none' | 'rows' | 'all';

export const skippings: readonly Skipping[] = ['none', 'rows', 'all'];

/** The most images of one call: 2^20. */
export const maxCount = 2 ** 20;

/** Seeds are below 2^53, the integers that a JavaScript number holds exactly. */
export const maxSeed = Number.MAX_SAFE_INTEGER;

/** How a call walks over the pixels. */
export interface WalkOptions {
  /** How the pixels are walked; changes the speed, never the result. Default: `wavefront`. */
  method?: Method;
  /** Which work is left out; changes the speed, never the result. Default: `all`. */
  skipping?: Skipping;
}

/** Options of `sample` and `sampleSteps`. */
export interface SampleOptions extends WalkOptions {
  /** Images to draw: an integer from 1 to 2^20. Default: 1. */
  count?: number;
  /**
   * Chooses the random numbers: an integer from 0 to 2^53 - 1. Image i of a seed is the same image on every host, by every
   * method and in every batch. Default: drawn by the host inside the call, and reported in the result.
   */
  seed?: number;
  /**
   * Divides the logits: 1 keeps the trained distribution, lower sharpens it, 0 takes the most likely value of each pixel.
   * A finite number of at least 0. Default: 1.
   */
  temperature?: number;
  /** Number of the first image under this seed: an integer from 0 to 2^53 - 1 - `count`. Default: 0. */
  startIndex?: number;
  /**
   * Of a net with classes: the class of all images, or of each, by number or by name. Default: all classes in turn, image i of
   * class i modulo `classes`.
   */
  label?: Labels;
  /**
   * Pixels that are known beforehand, of one image for all or of each: they are taken as they are and the others drawn, each given the
   * pixels before it in raster order. A drawn pixel knows nothing of given ones below it, or to its right in its row, so a hole is
   * filled well whose surroundings lie above it: completing the lower half of an image is exact, the upper half is not. Default: none.
   */
  given?: GivenPixels;
}

/** Options of `logProb`, `logits` and `pixelNats`. */
export interface ScoreOptions extends WalkOptions {
  /** Of a net with classes: the class of all images, or of each, by number or by name. */
  labels?: Labels;
}

/** How images are drawn, checked and with defaults in place. */
export interface SampleRequest extends Required<Omit<SampleOptions, 'label' | 'given'>> {
  /** The class of each image, `[count]`; undefined in a net without classes. */
  readonly label: Uint16Array | undefined;
  /** What is given of one image for all or of each, as the core takes it. */
  readonly given?: Uint16Array;
}

/** How images are scored, checked and with defaults in place. */
export interface ScoreRequest extends Required<WalkOptions> {
  /** The class of each image, `[count]`; undefined where none were given. */
  readonly labels: Uint16Array | undefined;
}

/** Images of one call that are drawn or scored together. */
export interface Part {
  /** Counted from 0 within the call. */
  readonly first: number;
  readonly count: number;
}

/** The range of `count`, with what to do for more. */
export const countRange = {
  min: 1,
  max: maxCount,
  more: 'draw more in several calls, each from where the last one ended',
};

/** The options of a call that walks over pixels, checked. */
const walkChecks = {
  method: (name: string, value: unknown) => checkChoice(name, value, methods),
  skipping: checkSkipping,
};

const usualWalk = { method: 'wavefront', skipping: 'all' } as const;

/**
 * Options, checked, with defaults in place.
 *
 * @param more Checks of options that the call takes besides, and are given with the others.
 */
export function checkSampleOptions<More extends Checks>(
  options: SampleOptions,
  model: Labelled,
  more?: More,
): SampleRequest & Checked<More> {
  let images = 1;
  // In this order: the number of images comes first.
  const asked = checkOptions('options', options, {
    ...more,
    count: (name: string, value: unknown) => (images = checkInteger(name, value, countRange)),
    seed: integerIn({ min: 0, max: maxSeed }),
    temperature: (name: string, value: unknown) => checkNumber(name, value, { min: 0 }),
    startIndex: (name: string, value: unknown) =>
      checkInteger(name, value, { min: 0, max: Number.MAX_SAFE_INTEGER - images }),
    ...walkChecks,
    label: (name: string, value: unknown) => checkLabels(name, value, images, model),
    given: (_: string, value: unknown) => checkGiven(value, images, model.config),
  });
  const { seed = drawSeed(), startIndex = 0, label = inTurn(startIndex, images, model) } = asked;
  return {
    temperature: 1,
    ...usualWalk,
    ...asked,
    count: images,
    seed,
    startIndex,
    label,
  } as SampleRequest & Checked<More>;
}

/** All classes one after the other, by the numbers of images: so neither the call nor the batch matters. */
export function inTurn(first: number, count: number, { config: { classes = 0 } }: Labelled): Uint16Array | undefined {
  return classes === 0 ? undefined : Uint16Array.from({ length: count }, (_, image) => (first + image) % classes);
}

/** The same for some of the images. */
export function sampleOf(request: SampleRequest, { first, count }: Part, model: Labelled): SampleRequest {
  const { startIndex, label, given } = request;
  const size = imageSize(model.config);
  return {
    ...request,
    count,
    startIndex: startIndex + first,
    label: label?.slice(first, first + count),
    given: given?.length === size ? given : given?.slice(first * size, (first + count) * size),
  };
}

/** Options, checked, with defaults in place. `more` as for {@link checkSampleOptions}. */
export function checkScoreOptions<More extends Checks>(
  options: ScoreOptions,
  count: number,
  model: Labelled,
  more?: More,
): ScoreRequest & Checked<More> {
  return checkWalkOptions(options, {
    ...more,
    labels: (name: string, value: unknown) => checkLabels(name, value, count, model),
  }) as ScoreRequest & Checked<More>;
}

/** Options, checked, with defaults in place. */
export function checkWalkOptions<More extends Checks>(
  options: WalkOptions,
  more?: More,
): Required<WalkOptions> & Checked<More> {
  return { ...usualWalk, ...checkOptions('options', options, { ...walkChecks, ...more }) } as Required<WalkOptions> &
    Checked<More>;
}

/** A way of skipping, by its name. */
export function checkSkipping(name: string, value: unknown): Skipping {
  return checkChoice(name, value, skippings, value === 'background' ? ', which "rows" has replaced' : '');
}

/** 53 random bits, drawn in the call because edge hosts allow no randomness before one. */
export function drawSeed(): number {
  return Number(crypto.getRandomValues(new BigUint64Array(1))[0]! >> 11n);
}
