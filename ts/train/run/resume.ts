// Whether a run may go on from a checkpoint, and whether it will end as the unbroken one would have.

import { availableParallelism, cpus } from 'node:os';
import { wrongValue } from '../../arguments.js';
import { type Config, completeConfig } from '../../config.js';
import { type DataOrigin, type ImageSet, splitImages } from '../data/image_set.js';
import { referenceConfig } from '../net/reference.js';
import { protocolOf } from '../score/protocol.js';
import type { Backend } from '../tensorflow/backend.js';
import type { CheckpointState, Environment, RunRecord } from './checkpoint.js';
import type { Plan, TrainerOptions } from './plan.js';
import { presets, type Recipe } from './recipe.js';

/** What computes here, as far as it may change the last bits of a sum. */
export function environmentOf(backend: Backend): Environment {
  return {
    backend: backend.name,
    device: backend.device,
    version: backend.version,
    ...(backend.gpu !== undefined && { gpu: backend.gpu.name }),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    threads: threadsOf(process.env.TF_NUM_INTRAOP_THREADS),
    ...(backend.device === 'gpu' && { tf32: backend.tf32, deterministic: backend.deterministic }),
  };
}

/**
 * Threads that an operation is split over, which decides the order of its sums: what TensorFlow is told, or as many as the
 * process may use, which is fewer than the machine has under taskset.
 */
function threadsOf(told: string | undefined): number {
  return told !== undefined && /^[1-9]\d*$/.test(told) ? Number(told) : availableParallelism();
}

/** The options, each that is not given as the run of a checkpoint has it. */
export function optionsOfRun(options: TrainerOptions, state: CheckpointState): TrainerOptions {
  const { recipe, run } = state;
  const own = <K extends keyof Recipe>(field: K) => options[field] ?? recipe[field];
  return {
    ...options,
    // A preset that is named is asked for as a whole.
    ...(options.preset === undefined && {
      ...{ epochs: own('epochs'), batchSize: own('batchSize'), learningRate: own('learningRate') },
      ...{ warmupSteps: own('warmupSteps'), schedule: own('schedule') },
      ...{ clipNorm: own('clipNorm'), emaDecay: own('emaDecay') },
    }),
    config: { ...withoutClasses(options, state.config), ...options.config },
    seed: options.seed ?? state.seed,
    ...ofRun('validationSplit'),
    ...ofRun('patience'),
    ...ofRun('checkpointEvery'),
    ...ofRun('keepCheckpoints'),
    ...ofRun('note'),
  };

  function ofRun<K extends keyof RunRecord & keyof TrainerOptions>(name: K) {
    const value = options[name] ?? run?.[name];
    return value === undefined ? {} : { [name]: value };
  }
}

/** A run's net; whether it has classes is for the options to say, where they say it. */
function withoutClasses({ classes }: TrainerOptions, config: Config): Partial<Config> {
  if (classes === undefined) return config;
  const { classes: _, ...rest } = config;
  return rest;
}

/** Throws RangeError where a run would not be the one that the checkpoint is of. */
export function checkResume(state: CheckpointState, plan: Plan, options: TrainerOptions, folder: string): void {
  const run = `the run in ${folder}`;
  const advice = 'leave it out, or start a new run in another folder';
  const refuse = (name: string, wanted: unknown, got: unknown): never => {
    throw wrongValue(name, `expected ${String(wanted)}, as ${run} has, got ${String(got)}; ${advice}`);
  };
  if (plan.seed !== state.seed) refuse('seed', state.seed, plan.seed);
  const fields = Object.keys(plan.recipe) as (keyof Recipe)[];
  for (const field of [...fields.filter((name) => name !== 'epochs'), 'epochs'] as const) {
    // An older checkpoint has none of what came later, and was trained without.
    const [wanted, got] = [state.recipe[field] ?? presets.reference[field], plan.recipe[field]];
    // More epochs of a constant rate are the same run, longer.
    if (wanted === got || (field === 'epochs' && plan.recipe.schedule === 'constant')) continue;
    if (options[field] === undefined) {
      throw wrongValue(
        'preset',
        `expected one with ${field} ${wanted}, as ${run} has, got ${options.preset}, which has ${got}; ${advice}`,
      );
    }
    if (field === 'epochs' && plan.recipe.schedule === state.recipe.schedule) {
      throw wrongValue(
        'epochs',
        `expected ${wanted}, over which the cosine schedule of ${run} takes the rate to 0, got ${got}; ` +
          'leave it out, or export the run as the model that it is now',
      );
    }
    refuse(field, wanted, got);
  }
  const [before, now] = [completeConfig({ ...referenceConfig, ...state.config }), completeConfig(plan.net.config)];
  for (const field of Object.keys(options.config ?? {}) as (keyof Config)[]) {
    if (String(before[field]) !== String(now[field])) refuse(`config.${field}`, before[field], now[field]);
  }
  if (before.classes !== now.classes) refuse('classes', before.classes > 0, now.classes > 0);
  if (plan.validationImages !== state.validationImages) {
    const got = `${plan.validationSplit}, which leaves ${plan.validationImages}`;
    throw wrongValue(
      'validationSplit',
      `expected one that leaves ${state.validationImages} validation images, as ${run} has, got ${got}`,
    );
  }
  // The greys of both are the same; levels that are drawn of them, as dynamic binarisation does, may not be.
  const measured = state.run?.data.validation.sha256;
  const { validation } = splitImages(options.data, plan.validationSplit);
  if (measured !== undefined && protocolOf(validation).sha256 !== measured) {
    const wanted = `expected validation images with the levels that ${run} has`;
    throw wrongValue('data', `${wanted}, got others of the same images; read them by the same binarisationSeed`);
  }
}

/** Throws RangeError where the images are not those that the checkpoint was trained on. */
export function checkSameData(state: CheckpointState, data: ImageSet, folder: string): void {
  const labels = state.run?.data.labelsSha256;
  const ofClasses = (state.config.classes ?? 0) > 0;
  if (state.data === data.sha256) {
    if (!ofClasses || labels === undefined || labels === data.labelsSha256) return;
    const got = data.labelsSha256 === undefined ? 'the same images without labels' : 'others of the same images';
    throw wrongValue('data', `expected the labels that the run in ${folder} is of, got ${got}`);
  }
  throw wrongValue(
    'data',
    `expected ${describeImages(state)}, which the run in ${folder} is of, got ${data.count.toLocaleString('en-US')} images ` +
      `(${data.source}; sha256 ${data.sha256.slice(0, 12)}...)`,
  );
}

/**
 * What loadData is asked for the images of a run again: without `data` where they were the user's own. Undefined where the
 * checkpoint does not say.
 */
export function dataOptionsOf({ run }: CheckpointState): DataOrigin | undefined {
  if (run?.data.origin === undefined) return undefined;
  const { validationSplit: _, ...options } = run.data.origin;
  return options;
}

/** The images that a run is of, so that a person finds them. */
export function describeImages({ data, run }: CheckpointState): string {
  const hash = `sha256 ${data.slice(0, 12)}... of their values`;
  if (run === undefined) return `the images with ${hash}`;
  const { source, count, split } = run.data;
  const part = split === 'all' ? '' : `${split} of `;
  return `${count.toLocaleString('en-US')} images (${part}${source}; ${hash})`;
}

/** What stands against bit-equality with the unbroken run. */
export function environmentWarnings(before: Environment, now: Environment): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]) as Set<keyof Environment>;
  const told = (value: unknown): string => (value === undefined ? 'none' : String(value));
  const warnings = [...names]
    .filter((name) => before[name] !== now[name])
    .map((name) => `the checkpoint's ${name} was ${told(before[name])} and is now ${told(now[name])}`);
  if (now.device === 'gpu' && now.deterministic !== true) {
    warnings.push('a GPU sums up in another order each time unless it is told to be deterministic');
  }
  return warnings.map((warning) => `${warning}: the resumed run is as good, but not bit-equal to the unbroken one`);
}
