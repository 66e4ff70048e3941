// What a run begins with: drawn weights, or all that a checkpoint holds.

import { wrongValue } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import { tryFolder } from '../../node/files.js';
import { initialParameters } from '../net/parameters.js';
import { type CheckpointState, type Found, holdsCheckpoints, readCheckpoint } from './checkpoint.js';
import type { Best } from './ending.js';
import { type Plan, planOf, type TrainerOptions } from './plan.js';
import { checkResume, environmentOf, environmentWarnings } from './resume.js';

/** Where a run stands; part of a checkpoint. */
export type Progress = Pick<CheckpointState, 'epoch' | 'stepInEpoch' | 'lossSum' | 'secondsInEpoch' | 'history'>;

/** A checkpoint that was written or read, and how many updates it holds. */
export interface Saved {
  readonly path: string;
  readonly step: number;
}

export interface Beginning {
  readonly plan: Plan;
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
  readonly saved: Saved | undefined;
  /** What the user should know of the checkpoint. */
  readonly warnings: readonly string[];
}

/**
 * Checks the options and finds what the run begins with.
 *
 * @throws RangeError, TypeError for options that are wrong or not those of the run to go on with; PixelCnnError
 *   `INVALID_CHECKPOINT` where there is none to go on from, `WRITE_FAILED` where none could be written.
 */
export async function beginningOf(options: TrainerOptions): Promise<Beginning> {
  const { checkpointFolder, resume = false } = options;
  const plan = planOf(options);
  if (checkpointFolder === undefined) return newRun(options, plan);
  await tryFolder(checkpointFolder);
  if (!resume) {
    if (!(await holdsCheckpoints(checkpointFolder))) return newRun(options, plan);
    throw wrongValue(
      'checkpointFolder',
      `expected one without checkpoints, got ${checkpointFolder}, which holds a run; resume it`,
    );
  }
  const found = await readCheckpoint(checkpointFolder);
  if (found !== undefined) return goOn(options, plan, checkpointFolder, found);
  throw new PixelCnnError(
    'INVALID_CHECKPOINT',
    `resume: expected a checkpoint in ${checkpointFolder}, found none; start a new run without resume`,
    { argument: 'resume' },
  );
}

function newRun({ core }: TrainerOptions, plan: Plan): Beginning {
  const parameters = initialParameters(plan.net, plan.layout, core, plan.seed);
  return {
    plan,
    progress: { epoch: 0, stepInEpoch: 0, lossSum: 0, secondsInEpoch: 0, history: [] },
    step: 0,
    arrays: { parameters, ...(plan.recipe.emaDecay > 0 && { ema: parameters }) },
    best: undefined,
    saved: undefined,
    warnings: [],
  };
}

function goOn(
  options: TrainerOptions,
  asked: Plan,
  folder: string,
  { state, arrays, path, skipped }: Found,
): Beginning {
  const plan = { ...asked, seed: options.seed ?? state.seed };
  checkResume(state, plan, options.data, folder);
  const array = (name: string): Float32Array => {
    const values = arrays[name];
    if (values?.length === plan.layout.size) return values;
    throw new PixelCnnError(
      'INVALID_CHECKPOINT',
      `${path}: expected ${plan.layout.size} numbers in ${name}, got ${values?.length ?? 'none'}`,
    );
  };
  const { epoch, stepInEpoch, lossSum, secondsInEpoch, history, step, bestEpoch } = state;
  const warnings = [...skipped, ...environmentWarnings(state.environment, environmentOf(options.backend))];
  const patient = options.patience !== undefined;
  if (patient && bestEpoch === undefined && epoch > 0) {
    warnings.push('patience was not asked for before, so the epochs done so far do not count for it');
  }
  return {
    plan,
    progress: { epoch, stepInEpoch, lossSum, secondsInEpoch, history },
    step,
    arrays: {
      ...{ parameters: array('parameters'), m: array('m'), v: array('v') },
      ...(plan.recipe.emaDecay > 0 && { ema: array('ema') }),
    },
    best: patient && bestEpoch !== undefined ? { epoch: bestEpoch, weights: array('best') } : undefined,
    saved: { path, step },
    warnings,
  };
}
