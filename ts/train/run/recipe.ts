// How parameters move: what differs between the reference's training and a faster one, as data.

import { checkChoice, checkInteger, checkNumber, wrongValue } from '../../arguments.js';

/** How the learning rate goes on after the warm-up: as it is, or to 0 at the last update by half a cosine. */
export type ScheduleName = 'constant' | 'cosine';
export const schedules: readonly ScheduleName[] = ['constant', 'cosine'];

/** Everything that decides how a run's parameters move. */
export interface Recipe {
  /** How often all training images are seen, at least 1. */
  readonly epochs: number;
  /** Images an update, at least 1. */
  readonly batchSize: number;
  /** Adam's, at its peak; at least 0. */
  readonly learningRate: number;
  /** Updates over which the rate rises to its peak in equal steps; 0 for none. */
  readonly warmupSteps: number;
  /** Of the rate, after the warm-up. */
  readonly schedule: ScheduleName;
  /** The most that the gradient's norm over all parameters may be; longer ones are scaled down. 0 for no limit. */
  readonly clipNorm: number;
  /**
   * Decay of a moving average of the parameters, which is what is validated and written, 0 (none) to below 1. Update t has
   * min(decay, (1 + t) / (10 + t)): with a fixed decay the average would hold on to the first weights for an epoch.
   */
  readonly emaDecay: number;
}

/** The recipes that have names. */
export type PresetName =
  /** The Keras example's, number for number. */
  | 'reference'
  /**
   * The least arithmetic we know for the reference's loss: 8 epochs took the packaged model to a val_loss of 0.0830. The Keras
   * example is first at 0.0830 after 47 epochs.
   */
  | 'fast';

/** What the names of recipes stand for. */
export const presets: Readonly<Record<PresetName, Recipe>> = {
  reference: {
    epochs: 50,
    batchSize: 128,
    learningRate: 0.0005,
    warmupSteps: 0,
    schedule: 'constant',
    clipNorm: 0,
    emaDecay: 0,
  },
  fast: {
    epochs: 8,
    batchSize: 32,
    learningRate: 0.001,
    warmupSteps: 600,
    schedule: 'cosine',
    clipNorm: 1,
    emaDecay: 0.999,
  },
};
export const presetNames = Object.keys(presets) as PresetName[];

/** A preset with some of it changed. */
export type RecipeOptions = { readonly [K in keyof Recipe]?: Recipe[K] | undefined } & {
  /** What is not said otherwise. Default: `reference`. */
  readonly preset?: PresetName | undefined;
};

/** Fills in and checks a recipe. Throws RangeError, TypeError. */
export function recipeOf(options: RecipeOptions): Recipe {
  const base: Recipe = presets[checkChoice('preset', options.preset ?? 'reference', presetNames)];
  const most = Number.MAX_SAFE_INTEGER;
  const emaDecay = checkNumber('emaDecay', options.emaDecay ?? base.emaDecay, { min: 0 });
  if (emaDecay >= 1) throw wrongValue('emaDecay', `expected a number from 0 to below 1, got ${emaDecay}`);
  return {
    epochs: checkInteger('epochs', options.epochs ?? base.epochs, { min: 1, max: most }),
    batchSize: checkInteger('batchSize', options.batchSize ?? base.batchSize, { min: 1, max: most }),
    learningRate: checkNumber('learningRate', options.learningRate ?? base.learningRate, { min: 0 }),
    warmupSteps: checkInteger('warmupSteps', options.warmupSteps ?? base.warmupSteps, { min: 0, max: most }),
    schedule: checkChoice('schedule', options.schedule ?? base.schedule, schedules),
    clipNorm: checkNumber('clipNorm', options.clipNorm ?? base.clipNorm, { min: 0 }),
    emaDecay,
  };
}

/** The learning rate of an update, counted from 1, of a run of `total`. */
export function learningRateAt(recipe: Recipe, update: number, total: number): number {
  const { learningRate, warmupSteps, schedule } = recipe;
  if (update <= warmupSteps) return (learningRate * update) / warmupSteps;
  if (schedule === 'constant') return learningRate;
  const done = (update - warmupSteps) / (total - warmupSteps);
  return (learningRate * (1 + Math.cos(Math.PI * Math.min(1, done)))) / 2;
}

/** The decay of the moving average at an update, counted from 1. */
export function emaDecayAt({ emaDecay }: Recipe, update: number): number {
  return Math.min(emaDecay, (1 + update) / (10 + update));
}

/** A recipe in words, for the record. */
export function describeRecipe(recipe: Recipe): string {
  const { learningRate, warmupSteps, schedule, clipNorm, emaDecay } = recipe;
  const parts = [`Adam as Keras computes it, learning rate ${learningRate}`];
  if (warmupSteps > 0) parts.push(`warmed up over ${warmupSteps} updates`);
  if (schedule === 'cosine') parts.push('cosine to 0 at the end');
  if (clipNorm > 0) parts.push(`gradients clipped to norm ${clipNorm}`);
  if (emaDecay > 0) parts.push(`moving average of the weights with decay ${emaDecay}`);
  return parts.join(', ');
}
