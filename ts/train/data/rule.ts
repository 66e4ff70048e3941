// What stored values are taken for, as it is asked for and as a model's record says it.

import { checkBoolean, checkChoice, checkInteger, checkNumber, wrongValue } from '../../arguments.js';

/** How a grey value becomes one of two levels. */
export interface Binarisation {
  /**
   * `threshold`: 1 from a value on. `static`: 1 with probability value / 255, drawn once, as the usual binarised MNIST.
   * `dynamic`: the same, drawn anew in each epoch of training; validation sees what `static` gives. `none`: the values
   * are levels as they are stored, 0 and 1 or, with `levels`, more. Default: `threshold`.
   */
  readonly binarisation?: (typeof binarisations)[number];
  /** Of `threshold`: the least value, 0 to 256, that is 1. Default: 84.48, as the Keras example. */
  readonly threshold?: number;
  /** Of `static`, and of what validation sees of `dynamic`: seed of the draw, in [0, 2^53). Default: 0. */
  readonly binarisationSeed?: number;
}

/** The ways to binarise. */
export const binarisations = ['threshold', 'static', 'dynamic', 'none'] as const;

/** The threshold of the Keras example: 33 % of 256. */
export const referenceThreshold = 0.33 * 256;

/** How a stored value becomes a level. */
export interface LevelRule extends Binarisation {
  /**
   * How many levels, 2 to 512. Grey values, then in place of a binarisation: of 0 to 255, value v becomes level
   * floor(v * levels / 256), 256 levels at most. Values that are levels as they are stored: all below this. Default: 2, or
   * of nominal values the largest and one more.
   */
  readonly levels?: number;
  /**
   * The values are codes as they are stored, such as those of a VQ-VAE or of tiles: names of things, of which none is more
   * than another. Default: false.
   */
  readonly nominal?: boolean;
}

/** The options of a rule; a record has them too, and so has the command line. */
export const ruleNames = ['binarisation', 'threshold', 'binarisationSeed', 'levels', 'nominal'] as const;

/** How text becomes images of nominal levels: each character is one. */
export interface MapOptions {
  /**
   * The characters, 2 to 512, in the order of their levels. Default: those that there are, in the order of their code
   * points.
   */
  readonly alphabet?: string;
  /** Height and width of the windows that maps are cut into, each an image. Default: maps are images, all of one size. */
  readonly window?: readonly [height: number, width: number];
  /** Rows and columns from one window to the next; the last ends at the edge. Default: `[1, 1]`, every window. */
  readonly stride?: readonly [rows: number, columns: number];
}

/** The options of maps, likewise. */
export const mapNames = ['alphabet', 'window', 'stride'] as const;

/** The most levels that a pixel can have. */
export const mostLevels = 512;

/** A rule, checked and with its defaults. */
export type Rule =
  | ({ readonly kind: 'binarise' } & CheckedBinarisation)
  | { readonly kind: 'quantise'; readonly levels: number }
  | { readonly kind: 'stored'; readonly levels?: number; readonly input: 'ordinal' | 'nominal' };

interface CheckedBinarisation {
  readonly method: (typeof binarisations)[number];
  /** Whether levels are drawn. */
  readonly drawn: boolean;
  readonly threshold: number;
  readonly seed: number;
}

/** Throws RangeError, TypeError. */
export function checkRule(options: LevelRule): Rule {
  const { binarisation, levels, nominal } = options;
  if (nominal !== undefined) checkBoolean('nominal', nominal);
  if (binarisation !== undefined) checkChoice('binarisation', binarisation, binarisations);
  // Of two levels as they are stored there is one name, and one way to say it in a protocol.
  const binary = levels === undefined || (levels === 2 && binarisation === 'none');
  if (nominal !== true && binary) return { kind: 'binarise', ...checkBinarisation(options) };
  const beside = nominal === true ? 'nominal values, which are taken as they are stored' : `${levels} levels`;
  if (binarisation !== undefined && binarisation !== 'none') {
    throw wrongValue('binarisation', `expected it left out beside ${beside}, got ${binarisation}`);
  }
  for (const name of ['threshold', 'binarisationSeed'] as const) {
    if (options[name] === undefined) continue;
    throw wrongValue(name, `expected it left out beside ${beside}, got ${options[name]}`);
  }
  if (levels !== undefined) checkInteger('levels', levels, { min: 2, max: mostLevels });
  if (nominal === true) return { kind: 'stored', input: 'nominal', ...(levels !== undefined && { levels }) };
  if (binarisation === 'none') return { kind: 'stored', input: 'ordinal', levels: levels! };
  if (levels! > 256) {
    const wanted = 'expected 2 to 256 levels of grey values, which have 8 bits';
    throw wrongValue('levels', `${wanted}, got ${levels}; of codes there may be 512 (nominal, --nominal)`);
  }
  return { kind: 'quantise', levels: levels! };
}

/** Throws RangeError, TypeError. */
export function checkBinarisation(options: Binarisation): CheckedBinarisation {
  const method = checkChoice('binarisation', options.binarisation ?? 'threshold', binarisations);
  const threshold = checkNumber('threshold', options.threshold ?? referenceThreshold, { min: 0 });
  if (threshold > 256) throw wrongValue('threshold', `expected a number from 0 to 256, got ${threshold}`);
  const seed = checkInteger('binarisationSeed', options.binarisationSeed ?? 0, {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  });
  const drawn = method === 'static' || method === 'dynamic';
  for (const [option, applies] of [
    ['threshold', method === 'threshold'],
    ['binarisationSeed', drawn],
  ] as const) {
    if (options[option] === undefined || applies) continue;
    throw wrongValue(option, `expected none with binarisation ${method}, got ${options[option]}`);
  }
  return { method, drawn, threshold, seed };
}
