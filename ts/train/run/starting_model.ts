// A model file whose weights a run begins with.

import { argumentOf, show, wrongKind, wrongValue } from '../../arguments.js';
import { type Config, completeConfig } from '../../config.js';
import { PixelCnnError } from '../../error.js';
import { namingModel } from '../../load.js';
import { type ModelSource, readModel } from '../../model_source.js';
import { sha256 } from '../../node/files.js';
import { openSampler } from '../../sampler.js';
import type { ImageSet } from '../data/image_set.js';
import type { Core } from '../net/core.js';

export interface StartingModel {
  readonly config: Config;
  readonly metadata: Readonly<Record<string, string>>;
  /** All tensors, in the order of `Description.tensors`. */
  readonly weights: Float32Array;
  /** Of the file. */
  readonly sha256: string;
}

/** What a model's record says of the one that its training began with. */
export interface Ancestor {
  /** Of its file. */
  readonly sha256: string;
  /** What it was trained on, as its own record says. */
  readonly data?: string;
  /** Of the levels that it was trained on. */
  readonly dataSha256?: string;
}

/**
 * Reads the model that training is to go on from.
 *
 * @throws As `loadSampler`, and RangeError for a model of integers; all of them name the argument `from`.
 */
export async function readStartingModel(core: Core, source: ModelSource, signal?: AbortSignal): Promise<StartingModel> {
  try {
    const bytes = await readModel(source, signal);
    const { config, metadata } = openedOf(bytes, source);
    if (config.precision !== 'f32') {
      const advice = 'go on from the one that it was made of';
      throw wrongValue('model', `expected one of precision f32, got one of ${config.precision}; ${advice}`);
    }
    return { config, metadata, weights: core.weightsOf(bytes), sha256: sha256(bytes) };
  } catch (error) {
    throw namingFrom(error);
  }
}

function openedOf(bytes: Uint8Array, source: ModelSource): Pick<StartingModel, 'config' | 'metadata'> {
  try {
    const sampler = openSampler(bytes);
    sampler.dispose();
    return sampler;
  } catch (error) {
    throw namingModel(error, source);
  }
}

/** What is wrong with the model is wrong with the argument `from`. */
function namingFrom(error: unknown): unknown {
  if (!(error instanceof Error) || argumentOf(error) !== 'model') return error;
  const sentence = error.message.replace(/^model: /, '');
  if (error instanceof PixelCnnError) {
    return new PixelCnnError(error.code, `from: ${sentence}`, { cause: error, argument: 'from' });
  }
  return (error instanceof TypeError ? wrongKind : wrongValue)('from', sentence, { cause: error });
}

interface NetOptions {
  readonly config?: Partial<Config>;
  readonly classes?: boolean;
}

/**
 * The options of a run that begins with a model: its net, for images of whatever size. Throws RangeError where the options ask
 * for another net, or the images are of another kind than those that it was made for.
 */
export function optionsFrom<Options extends NetOptions>(
  options: Options,
  model: StartingModel,
  data: ImageSet,
): Options & NetOptions {
  const own = completeConfig(model.config);
  const asked = completeConfig({ ...model.config, ...options.config });
  for (const field of Object.keys(options.config ?? {}) as (keyof Config)[]) {
    const [wanted, got] = [own[field], asked[field]].map(String);
    if (wanted === got || field === 'height' || field === 'width') continue;
    throw wrongValue(`config.${field}`, `expected ${wanted}, as the model that training goes on from has, got ${got}`);
  }
  for (const field of ['channels', 'levels', 'input'] as const) {
    const wanted = data[field] ?? 'ordinal';
    if (own[field] === wanted) continue;
    throw wrongValue(
      'from',
      `expected a model for images of ${field} ${wanted}, as the data has, got one of ${own[field]}`,
    );
  }
  const classes = own.classes > 0;
  if ((options.classes ?? classes) !== classes) {
    const [wanted, got] = classes ? ['with', 'without'] : ['without', 'with'];
    throw wrongValue(
      'classes',
      `expected to train ${wanted} classes, as the model that training goes on from was, got ${got}`,
    );
  }
  if (classes && data.classNames !== undefined && data.classNames.length !== own.classes) {
    const wanted = `expected a model of ${data.classNames.length} classes, as the data has`;
    throw wrongValue('from', `${wanted}, got one of ${own.classes}`);
  }
  const named = { class: classes ? data.classNames : undefined, level: data.alphabet };
  for (const [what, here] of Object.entries(named)) {
    const there = namesIn(model.metadata[what === 'class' ? 'classNames' : 'alphabet']);
    const other = here?.findIndex((name, index) => name !== (there[index] ?? name)) ?? -1;
    if (other < 0) continue;
    const wanted = `expected a model whose ${what} ${other} is ${show(here?.[other])}, as the data has it`;
    throw wrongValue('from', `${wanted}, got ${show(there[other])}`);
  }
  const { height: _height, width: _width, ...net } = model.config;
  return { ...options, config: { ...net, ...options.config }, classes };
}

/** The names in a model's metadata; none where there are none, or none that this package writes. */
function namesIn(json: string | undefined): readonly unknown[] {
  try {
    const names: unknown = JSON.parse(json ?? '[]');
    return Array.isArray(names) ? names : [];
  } catch {
    return [];
  }
}

/** What the record of a run that began with a model says of it. */
export function ancestorOf({ sha256, metadata }: StartingModel): Ancestor {
  const [data, dataSha256] = [metadata['training.data'], metadata['training.dataSha256']];
  return { sha256, ...(data !== undefined && { data }), ...(dataSha256 !== undefined && { dataSha256 }) };
}
