// What a run is asked to do, and what follows from it before the first step.

import { checkInteger, checkNumber, show, wrongKind, wrongValue } from '../../arguments.js';
import type { Config, Description } from '../../config.js';
import { drawSeed } from '../../sample_options.js';
import { divideImages, type ImageSet, referenceValidationSplit, splitCounts } from '../data/image_set.js';
import { type Core, randomOrder } from '../net/core.js';
import { type Layout, layoutOf } from '../net/parameters.js';
import { referenceConfig } from '../net/reference.js';
import type { Backend } from '../tensorflow/backend.js';
import { type Recipe, type RecipeOptions, recipeOf } from './recipe.js';
import type { StartingModel } from './starting_model.js';

export interface TrainerOptions extends RecipeOptions {
  readonly data: ImageSet;
  readonly backend: Backend;
  readonly core: Core;
  /** Default: the net of the Keras example, for images such as the data's. */
  readonly config?: Partial<Config>;
  /** Trains p(image | class), by the labels of the data. Default: false, or as the run or the model has it that is gone on with. */
  readonly classes?: boolean;
  /** Whose weights the run begins with, and whose net it has. Default: drawn weights. */
  readonly from?: StartingModel;
  /**
   * The last part of the images, kept for validation, from 0 (none) to below 1. Default: 0.1, or the validation images that
   * come with the data, beside which it may not be given.
   */
  readonly validationSplit?: number;
  /** An integer in [0, 2^53). Default: drawn, and reported. */
  readonly seed?: number;
  /**
   * Where checkpoints go: one after each epoch, and one when the run is stopped. Without `resume` it must hold none.
   * Default: none is written.
   */
  readonly checkpointFolder?: string;
  /** Updates between checkpoints within an epoch. Default: none within an epoch. */
  readonly checkpointEvery?: number;
  /** The newest checkpoints that are kept; the one after the epoch of the least val_loss is kept as well. Default: 2. */
  readonly keepCheckpoints?: number;
  /**
   * Goes on from the newest checkpoint of `checkpointFolder`: every option that is not given is that of the run, and one that
   * would make it another run is refused. Default: false.
   */
  readonly resume?: boolean;
  /** Kept with each checkpoint, for whoever goes on: JSON, and no secret. Default: none, or what the checkpoint has. */
  readonly note?: Readonly<Record<string, unknown>>;
  /**
   * Ends the run once so many epochs have brought no lower val_loss; the weights of the best epoch are then the result,
   * at the last epoch too. Default: all epochs are done, and the last weights are the result.
   */
  readonly patience?: number;
  /** Updates after which this call stops, with a checkpoint; after an epoch's last one, validation is done too. */
  readonly maxSteps?: number;
  /** Minutes after which this call stops, likewise, counted from its first update. */
  readonly maxMinutes?: number;
  /** Stops the run after the update in progress; a checkpoint is written first. */
  readonly signal?: AbortSignal;
}

/** The options, with every default filled in and checked. */
export interface Plan {
  readonly net: Description;
  readonly layout: Layout;
  readonly seed: number;
  readonly recipe: Recipe;
  readonly trainImages: number;
  readonly validationImages: number;
  readonly validationSplit: number;
  /** Updates an epoch. */
  readonly steps: number;
  /** Values an image. */
  readonly dimensions: number;
}

/** What of the options needs no image to be checked. Throws RangeError, TypeError. */
export function checkRunOptions(options: Omit<TrainerOptions, 'data' | 'backend' | 'core' | 'from'>): {
  readonly recipe: Recipe;
  readonly seed: number | undefined;
} {
  const most = Number.MAX_SAFE_INTEGER;
  const recipe = recipeOf(options);
  checkInteger('checkpointEvery', options.checkpointEvery ?? 1, { min: 1, max: most });
  checkInteger('keepCheckpoints', options.keepCheckpoints ?? 2, { min: 1, max: most });
  checkInteger('patience', options.patience ?? 1, { min: 1, max: most });
  checkInteger('maxSteps', options.maxSteps ?? 1, { min: 1, max: most });
  checkNumber('maxMinutes', options.maxMinutes ?? 0, { min: 0 });
  checkInteger('seed', options.seed ?? 0, { min: 0, max: most });
  for (const name of ['maxSteps', 'maxMinutes', 'checkpointEvery', 'resume'] as const) {
    if (options.checkpointFolder !== undefined || (options[name] ?? false) === false) continue;
    throw wrongKind(name, 'expected a checkpointFolder beside it, got none');
  }
  splitCounts(1, options.validationSplit ?? referenceValidationSplit);
  return { recipe, seed: options.seed };
}

/** The net that is asked for, of such images. Throws RangeError where the two do not suit each other. */
export function configOf({ config = {}, classes }: Pick<TrainerOptions, 'config' | 'classes'>, data: ImageSet): Config {
  const { height, width, channels, levels, input = 'ordinal' } = data;
  const ofImages = { height, width, channels, levels, input };
  for (const [field, wanted] of Object.entries(ofImages) as [keyof typeof ofImages, string | number][]) {
    const got = config[field] ?? wanted;
    if (got === wanted) continue;
    throw wrongValue(`config.${field}`, `expected ${wanted}, as the images have, got ${show(got)}`);
  }
  if (input === 'ordinal' && config.embedding !== undefined && config.embedding !== 0) {
    const wanted = 'expected none for levels that are amounts, as the images have';
    throw wrongValue('config.embedding', `${wanted}, got ${show(config.embedding)}`);
  }
  const asked = classes ?? (config.classes !== undefined && config.classes !== 0);
  const count = asked ? classesOf(classes === undefined ? 'config.classes' : 'classes', data) : 0;
  if (config.classes !== undefined && config.classes !== count) {
    const wanted = asked ? `expected ${count}, as the images have` : 'expected none, as classes is false';
    throw wrongValue('config.classes', `${wanted}, got ${show(config.classes)}`);
  }
  const { input: _, ...sizes } = ofImages;
  const more = { ...(input === 'nominal' && { input }), ...(count > 0 && { classes: count }) };
  return { ...referenceConfig, ...config, ...sizes, ...more };
}

/** How many classes the images are of. */
function classesOf(argument: string, { classNames }: ImageSet): number {
  if (classNames !== undefined) return classNames.length;
  throw wrongValue(argument, 'expected images with labels, got images whose classes nobody told');
}

/** How the images are divided. Throws RangeError where the options do not suit them. */
export function checkSplit(
  { patience, validationSplit: asked }: Pick<TrainerOptions, 'patience' | 'validationSplit'>,
  data: ImageSet,
): { readonly trainImages: number; readonly validationImages: number; readonly validationSplit: number } {
  const { trainImages, validationImages, validationSplit } = dividedBy(data, asked);
  if (patience !== undefined && validationImages === 0) {
    throw wrongValue('patience', 'expected images to validate on, got none: all of them train');
  }
  if (trainImages < 1) {
    const all = `${data.count} image${data.count === 1 ? '' : 's'} in all`;
    if (data.count < 2)
      throw wrongValue('data', `expected at least 1 training image beside those that validate, got ${all}`);
    throw wrongValue(
      'validationSplit',
      `expected one that leaves at least 1 training image of ${all}, got ${validationSplit}`,
    );
  }
  return { trainImages, validationImages, validationSplit };
}

/** Fills in and checks the options; throws what is wrong with them. */
export function planOf(options: Omit<TrainerOptions, 'backend'>): Plan {
  const { data, core } = options;
  const { recipe, seed } = checkRunOptions(options);
  const config = configOf(options, data);
  const split = checkSplit(options, data);
  const net = core.describe(config);
  const { height, width, channels } = config;
  return {
    net,
    layout: layoutOf(net),
    seed: seed ?? drawSeed(),
    recipe,
    ...split,
    steps: Math.ceil(split.trainImages / recipe.batchSize),
    dimensions: height * width * channels,
  };
}

function dividedBy(
  data: ImageSet,
  asked: number | undefined,
): Pick<Plan, 'trainImages' | 'validationImages' | 'validationSplit'> {
  const { count, validationImages } = data;
  if (validationImages === undefined) {
    const validationSplit = asked ?? referenceValidationSplit;
    const { train, validation } = divideImages(data, validationSplit);
    return { trainImages: train, validationImages: validation, validationSplit };
  }
  // A run that goes on knows its split as this share.
  if (asked !== undefined && asked !== validationImages / count) {
    const wanted = `expected none for data that has ${validationImages} validation images of its own`;
    throw wrongValue('validationSplit', `${wanted}, got ${asked}`);
  }
  return { trainImages: count - validationImages, validationImages, validationSplit: validationImages / count };
}

/** The order of the training images in an epoch, counted from 1: no other order has those numbers. */
export function epochOrder(core: Core, seed: number, epoch: number, count: number): Uint32Array {
  return randomOrder(core, seed, epoch, 0, count);
}
