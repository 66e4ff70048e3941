// What train() is asked for, checked at its call: a run that is refused after minutes of loading was started in vain.

import {
  argumentOf,
  type Check,
  checkBoolean,
  checkChoice,
  checkFunction,
  checkObject,
  checkSignal,
  checkText,
  didYouMean,
  lookedAt,
  ownOptions,
  show,
  wrongKind,
  wrongValue,
} from '../arguments.js';
import { isArrayBuffer, isBlob, isBytes, isKind, isUrl } from '../brand.js';
import { ownNumbers } from '../bytes.js';
import { type Config, completeConfig } from '../config.js';
import type { ModelSource } from '../model_source.js';
import { sha256 } from '../node/files.js';
import { checkImageSet, type ImageSet } from './data/image_set.js';
import { checkData } from './data/load_data.js';
import type { Core } from './net/core.js';
import { configNames, type NetName, netNames, nets, referenceConfig } from './net/reference.js';
import { checkRunOptions, checkSplit, configOf, type TrainerOptions } from './run/plan.js';
import { type Backend, checkBackend, type Device, devices, type TensorflowSettings } from './tensorflow/backend.js';

/** What `train` is asked for. */
export interface TrainOptions extends Omit<TrainerOptions, 'data' | 'backend' | 'core' | 'from'>, TensorflowSettings {
  /**
   * What `loadData` or `binariseImages` gave, or a name or path, which is loaded by the defaults of
   * `loadData`. Default: `mnist`; at a `resume`, the named images of that run.
   */
  readonly data?: ImageSet | string | URL;
  /** A net that has a name; what is in `config` besides changes it. Default: `reference`. */
  readonly net?: NetName;
  /**
   * A model file that the run begins with: its path, its URL, or its bytes. The net is the model's, and what is asked for of one
   * must be as the model has it; images may be of another size than its own. Default: drawn weights.
   */
  readonly from?: ModelSource;
  /** What computes; see `openBackend`. Default: `auto`. */
  readonly device?: Device;
  /** One that is open already, instead of `device`. */
  readonly backend?: Backend;
  /** Where the model file goes; it appears there whole, or not at all. Default: nowhere, the last event has its bytes. */
  readonly out?: string;
  /** Never fetches data or libraries. Default: false. */
  readonly offline?: boolean;
  /** Told what is being set up, a line at a time. */
  readonly say?: (line: string) => void;
  /** Told how much of a download is there, in bytes. */
  readonly progress?: (done: number, total: number) => void;
}

/** Looked at by `checkRunOptions`, which knows its range. */
const byPlan: Check = () => undefined;

/** A check for each option: the list of their names too. */
const checks: { readonly [Name in keyof Required<TrainOptions>]: Check } = {
  data: (name, value) => {
    if (typeof value === 'string' || isUrl(value)) checkData(name, value);
    else checkOwnImages(name, value);
  },
  config: (name, value) => {
    const { precision = 'f32' } = ownOptions(name, value as Partial<Config>, configNames);
    checkChoice(`${name}.precision`, precision, ['f32']); // integers are made of a trained model
  },
  net: (name, value) => checkChoice(name, value, netNames),
  classes: checkBoolean,
  from: checkModelSource,
  device: (name, value) => checkChoice(name, value, devices),
  backend: checkBackend,
  tf32: checkBoolean,
  deterministic: checkBoolean,
  out: checkText,
  checkpointFolder: checkText,
  resume: checkBoolean,
  note: checkNote,
  offline: checkBoolean,
  signal: checkSignal,
  say: checkFunction,
  progress: checkFunction,
  preset: byPlan,
  epochs: byPlan,
  batchSize: byPlan,
  learningRate: byPlan,
  warmupSteps: byPlan,
  schedule: byPlan,
  clipNorm: byPlan,
  emaDecay: byPlan,
  validationSplit: byPlan,
  seed: byPlan,
  checkpointEvery: byPlan,
  keepCheckpoints: byPlan,
  patience: byPlan,
  maxSteps: byPlan,
  maxMinutes: byPlan,
};

/** The parts of a net stand elsewhere. */
const hint: typeof didYouMean = (name, known) =>
  configNames.some((part) => part === name) ? `; did you mean config: { ${name} }?` : didYouMean(name, known);

/**
 * Refuses, before anything is begun, all that can be known to be wrong. Returns what it checked: each option read once, whatever the
 * caller's object says later. Throws RangeError, TypeError.
 */
export function checkTrainOptions(core: Core, value: TrainOptions): TrainOptions {
  const given = ownOptions('options', value, Object.keys(checks), hint);
  const { config, data, from } = given;
  const options: TrainOptions = {
    ...given,
    ...(config && { config: ownConfig(config) }),
    ...((isBytes(from) || isArrayBuffer(from)) && { from: ownNumbers('from', from) }),
    ...(data !== null && isImageSet(data) && { data: checkImageSet('data', data) }),
  };
  for (const [name, check] of Object.entries(checks)) {
    const value = options[name as keyof TrainOptions];
    if (value === null) throw wrongKind(name, 'expected a value, or nothing at all, got null');
    if (value !== undefined) check(name, value);
  }
  for (const name of ['device', 'tf32', 'deterministic'] as const) {
    if (options.backend === undefined || options[name] === undefined) continue;
    throw wrongValue(name, `expected none beside a backend, which is open already, got ${show(options[name])}`);
  }
  if (options.from !== undefined && options.resume) {
    throw wrongValue(
      'from',
      'expected none at a resume, which goes on from the weights of its checkpoint, got a model',
    );
  }
  checkRunOptions(options);
  const { net, ...named } = options;
  const asked = net === undefined ? options : { ...named, config: { ...partsOf(net, options), ...options.config } };
  checkConfig(core, asked.config ?? {});
  if (isImageSet(asked.data) && asked.from === undefined) checkImages(core, asked, asked.data);
  return asked;
}

/** What a net's name asks for: of a model that training goes on from its kind alone, since the sizes are the model's own. */
function partsOf(name: NetName, { from }: TrainOptions): Partial<Config> {
  return from === undefined ? nets[name] : { architecture: nets[name].architecture };
}

/** A config of our own, its list too: what is checked is what is used. */
function ownConfig(given: Partial<Config>): Partial<Config> {
  const config = ownOptions('config', given, configNames);
  const { dilations } = config;
  if (dilations === undefined) return config;
  if (!lookedAt('config.dilations', () => Array.isArray(dilations))) {
    throw wrongKind('config.dilations', `expected a list of integers, got ${show(dilations)}`);
  }
  return { ...config, dilations: lookedAt('config.dilations', () => [...dilations]) };
}

/** Whether it can be a model at all; which one, reading it tells. */
function checkModelSource(name: string, value: unknown): void {
  if ((typeof value === 'string' && value !== '') || isUrl(value) || isBytes(value) || isArrayBuffer(value)) return;
  if (isBlob(value) || isKind(value, 'Response', {})) return;
  const wanted = 'expected a path, a URL, a Uint8Array, an ArrayBuffer, a Blob or a Response';
  throw wrongKind(name, `${wanted}, got ${show(value)}`);
}

/** What JSON makes of a note is what a checkpoint holds: one that it refuses would end the run at its first checkpoint. */
function checkNote(name: string, value: unknown): void {
  checkObject(name, value);
  lookedAt(name, () => {
    try {
      if (JSON.stringify(value) !== undefined) return;
    } catch (cause) {
      throw wrongKind(name, `expected what JSON can hold, got ${show(value)} that it cannot`, { cause });
    }
    throw wrongKind(name, `expected what JSON can hold, got ${show(value)} that says it is nothing`);
  });
}

/** Refuses images that do not suit the options, or any net. At a resume, the checkpoint has a say in it. */
export function checkImages(core: Core, options: Pick<TrainOptions, CheckedWithImages>, data: ImageSet): void {
  if (options.resume) return;
  const config = configOf(options, data);
  checkSplit(options, data);
  try {
    core.describe(config);
  } catch (error) {
    if (argumentOf(error) !== 'config' || !(error instanceof Error)) throw error;
    throw wrongValue('data', error.message.replace(/^config: /, ''), { cause: error });
  }
}

type CheckedWithImages = 'config' | 'classes' | 'resume' | 'patience' | 'validationSplit';

/** Whether the images are given, not named. */
export function isImageSet(data: TrainOptions['data']): data is ImageSet {
  return data !== undefined && typeof data !== 'string' && !isUrl(data);
}

function checkOwnImages(name: string, set: unknown): void {
  const value = checkImageSet(name, set);
  const wanted = sha256(value.greys ?? value.pixels);
  if (value.sha256 === wanted) return;
  const sentence = `expected that of the images, ${wanted}, got ${show(value.sha256)}; a model's record would tell of others`;
  throw wrongValue(`${name}.sha256`, sentence);
}

/** Refuses parts of a net that none has; the error names the part. What the images decide is as it must be for the rest. */
export function checkConfig(core: Core, asked: Partial<Config>): void {
  const config: Partial<Config> = { ...(asked.embedding !== undefined && { input: 'nominal' }), ...asked };
  const isNet = (changes: Partial<Config>): boolean => {
    try {
      return core.describe({ ...referenceConfig, ...changes }) !== undefined;
    } catch (error) {
      if (argumentOf(error) === undefined) throw error;
      return false;
    }
  };
  try {
    core.describe({ ...referenceConfig, ...config });
  } catch (error) {
    if (argumentOf(error) !== 'config' || !(error instanceof Error)) throw error;
    // The part at fault is the one that is told of; where another is, the one without which all is well.
    const names = Object.keys(config) as (keyof Config)[];
    const defaults = completeConfig(referenceConfig);
    const told = error.message.replace(/^config: /, '');
    const fault =
      names.find((name) => told.startsWith(`${name} `)) ??
      names.find((name) => isNet({ ...config, [name]: defaults[name] }));
    if (fault === undefined) throw error;
    const sentence = told.replace(`${fault} `, '');
    throw wrongValue(`config.${fault}`, sentence, { cause: error });
  }
}
