// What a run begins with: drawn weights, or all that a checkpoint holds.

import { join } from 'node:path';
import { wrongValue } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import { makeFolder, reasonOf, tryFolder } from '../../node/files.js';
import { Lock } from '../../node/lock.js';
import { trainingBinarisation } from '../data/binarisation.js';
import { fromFull, initialParameters } from '../net/parameters.js';
import { type CheckpointState, type Found, holdsCheckpoints, readCheckpoint } from './checkpoint.js';
import type { Best } from './ending.js';
import { type Plan, planOf, type TrainerOptions } from './plan.js';
import { checkResume, checkSameData, environmentOf, environmentWarnings, optionsOfRun } from './resume.js';
import { type Ancestor, ancestorOf } from './starting_model.js';

/** Where a run stands; part of a checkpoint. */
export type Progress = Pick<CheckpointState, 'epoch' | 'stepInEpoch' | 'lossSum' | 'secondsInEpoch' | 'history'>;

/** A checkpoint that was written or read, and how many updates it holds. */
export interface Saved {
  readonly path: string;
  readonly step: number;
}

export interface Beginning {
  /** With what a checkpoint's run has, where the caller did not say. */
  readonly options: TrainerOptions;
  readonly plan: Plan;
  /** On the folder of checkpoints, where there is one: to be released at the end. */
  readonly lock: Lock | undefined;
  readonly progress: Progress;
  /** Updates done. */
  readonly step: number;
  /** Flat, as in a checkpoint; moments that are not there are zeros, and `ema` is there where the recipe has one. */
  readonly arrays: {
    readonly parameters: Float32Array;
    readonly m?: Float32Array;
    readonly v?: Float32Array;
    readonly ema?: Float32Array;
  };
  readonly best: Best | undefined;
  /** The model that the run began with, where it began with one. */
  readonly from: Ancestor | undefined;
  readonly saved: Saved | undefined;
  /** What the user should know of the checkpoint. */
  readonly warnings: readonly string[];
}

/**
 * Checks the options and finds what the run begins with; locks the folder of checkpoints.
 *
 * @throws RangeError, TypeError for options that are wrong or not those of the run to go on with; PixelCnnError
 *   `INVALID_CHECKPOINT` where there is none to go on from, `WRITE_FAILED` where none could be written, `LOCKED` where another
 *   run is at work in the folder.
 */
export async function beginningOf(options: TrainerOptions): Promise<Beginning> {
  const { checkpointFolder } = options;
  if (checkpointFolder === undefined) return newRun(options, planOf(options), undefined);
  const plan = options.resume ? undefined : planOf(options); // what is wrong is told before a folder is made
  await tryFolder(checkpointFolder);
  const lock = await lockFolder(checkpointFolder);
  try {
    return await beginIn(checkpointFolder, options, plan, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** @param plan Of a new run; one that goes on is planned as its checkpoint says. */
async function beginIn(
  folder: string,
  options: TrainerOptions,
  plan: Plan | undefined,
  lock: Lock,
): Promise<Beginning> {
  if (plan !== undefined) {
    if (!(await holdsCheckpoints(folder))) return newRun(options, plan, lock);
    throw wrongValue(
      'checkpointFolder',
      `expected one without checkpoints, got ${folder}, which holds a run; resume it`,
    );
  }
  const found = await readCheckpoint(folder);
  if (found !== undefined) return goOn(options, folder, found, lock);
  throw new PixelCnnError(
    'INVALID_CHECKPOINT',
    `resume: expected a checkpoint in ${folder}, found none; start a new run without resume`,
    { argument: 'resume' },
  );
}

/** The lock on a folder of checkpoints; throws `LOCKED` where another run has it. */
async function lockFolder(folder: string): Promise<Lock> {
  const lock = await Lock.take(join(folder, '.lock')).catch((cause: unknown) => {
    throw new PixelCnnError('WRITE_FAILED', `expected to lock ${folder}, got: ${reasonOf(cause)}`, { cause });
  });
  if (lock instanceof Lock) return lock;
  throw new PixelCnnError(
    'LOCKED',
    `expected a folder without another run at work, got ${folder}, held by ${lock.words}; wait for it, stop it, or take ` +
      'another folder',
  );
}

/**
 * Finds out before a checkpoint is written whether the folder still is this run's, and makes it again where it is gone.
 *
 * @throws PixelCnnError `LOCKED` where another run has taken it.
 */
export async function checkLock(lock: Lock | undefined, folder: string): Promise<void> {
  // What is wrong with the folder itself, the writing of the checkpoint will tell.
  const state = await makeFolder(folder)
    .then(() => lock?.check())
    .catch(() => undefined);
  if (state !== 'lost') return;
  throw new PixelCnnError(
    'LOCKED',
    `expected ${folder} to be this run's, got another run's, which took the lock; this run has ended so as not to spoil it`,
  );
}

function newRun(options: TrainerOptions, plan: Plan, lock: Lock | undefined): Beginning {
  const { from, core } = options;
  const { net, layout, seed } = plan;
  const parameters = from === undefined ? initialParameters(net, layout, core, seed) : fromFull(layout, from.weights);
  return {
    ...{ options, plan, lock },
    progress: { epoch: 0, stepInEpoch: 0, lossSum: 0, secondsInEpoch: 0, history: [] },
    step: 0,
    arrays: { parameters, ...(plan.recipe.emaDecay > 0 && { ema: parameters }) },
    best: undefined,
    from: from && ancestorOf(from),
    saved: undefined,
    warnings: [...takenOver(lock), ...longWarmup(plan), ...readOtherwise(options)],
  };
}

/** What there is to say of images that are read by another rule than those that the model was trained on. */
function readOtherwise({ from, data }: TrainerOptions): string[] {
  const [was, is] = [from?.metadata['training.binarisation'], trainingBinarisation(data)];
  if (was === undefined || was === is) return [];
  return [`the model that training begins with has seen images by another rule, ${was}; these are read as ${is}`];
}

/** What there is to say of a learning rate that is on its way for most of a run, as a preset's is of few images. */
function longWarmup({ recipe: { warmupSteps, epochs }, steps }: Plan): string[] {
  const updates = epochs * steps;
  if (2 * warmupSteps < updates || warmupSteps === 0) return [];
  const [rises, all] = [warmupSteps, updates].map((count) => count.toLocaleString('en-US'));
  const fewer = Math.floor(updates / 10);
  return [
    `the learning rate rises for ${rises} updates, and the run has ${all}; ${fewer} warm-up steps would leave it time at its peak`,
  ];
}

function goOn(given: TrainerOptions, folder: string, found: Found, lock: Lock): Beginning {
  const { state, arrays, path, skipped } = found;
  checkSameData(state, given.data, folder);
  const options = optionsOfRun(given, state);
  const plan = planOf(options);
  checkResume(state, plan, given, folder);
  const array = (name: string): Float32Array => {
    const values = arrays[name];
    if (values?.length === plan.layout.size) return values;
    throw new PixelCnnError(
      'INVALID_CHECKPOINT',
      `${path}: expected ${plan.layout.size} numbers in ${name}, got ${values?.length ?? 'none'}`,
    );
  };
  const { epoch, stepInEpoch, lossSum, secondsInEpoch, history, step, bestEpoch } = state;
  const environment = environmentWarnings(state.environment, environmentOf(options.backend));
  const warnings = [...takenOver(lock), ...skipped, ...environment];
  const patient = options.patience !== undefined;
  if (patient && bestEpoch === undefined && epoch > 0) {
    warnings.push('patience was not asked for before, so the epochs done so far do not count for it');
  }
  return {
    ...{ options, plan, lock },
    progress: { epoch, stepInEpoch, lossSum, secondsInEpoch, history },
    step,
    arrays: {
      ...{ parameters: array('parameters'), m: array('m'), v: array('v') },
      ...(plan.recipe.emaDecay > 0 && { ema: array('ema') }),
    },
    best: patient && bestEpoch !== undefined ? { epoch: bestEpoch, weights: array('best') } : undefined,
    from: state.run?.from,
    saved: { path, step },
    warnings,
  };
}

function takenOver(lock: Lock | undefined): string[] {
  if (lock?.takenOver === undefined) return [];
  return [`a run that has ended without a word held the lock of this folder (${lock.takenOver}); it is this run's now`];
}
