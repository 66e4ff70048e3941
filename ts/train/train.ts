// Training from options to a model file.

import { wrongKind } from '../arguments.js';
import { PixelCnnError } from '../error.js';
import { reasonOf, replaceDurably } from '../node/files.js';
import type { ImageSet } from './data/image_set.js';
import { loadData } from './data/load_data.js';
import { loadCore } from './net/core.js';
import { readCheckpoint } from './run/checkpoint.js';
import type { TrainerEvent, TrainResult } from './run/event.js';
import { planOf, type TrainerOptions } from './run/plan.js';
import { describeData, modelFile } from './run/record.js';
import { dataOptionsOf, describeImages } from './run/resume.js';
import { trainSteps } from './run/trainer.js';
import {
  type Backend,
  type BackendOptions,
  type Device,
  openBackend,
  type TensorflowSettings,
} from './tensorflow/backend.js';

export interface TrainOptions extends Omit<TrainerOptions, 'data' | 'backend' | 'core'>, TensorflowSettings {
  /** Default: all of MNIST, binarised as the Keras example does; at a `resume`, the named images of that run. */
  readonly data?: ImageSet;
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

export type TrainEvent =
  /** What will compute, before the first step. */
  | { readonly type: 'backend'; readonly backend: Backend; readonly data: ImageSet }
  | TrainerEvent
  /** The end: the model file's bytes, also at `path` when one was asked for. */
  | {
      readonly type: 'model';
      readonly path: string | undefined;
      readonly bytes: Uint8Array;
      readonly result: TrainResult;
    };

/**
 * Trains a PixelCNN, by default the reference's net on the reference's data with its recipe.
 *
 * @example
 * for await (const event of train({ epochs: 3, out: 'model.safetensors' })) {
 *   if (event.type === 'epoch') console.log(event.epoch, event.loss, event.valLoss);
 * }
 *
 * @throws RangeError, TypeError for a wrong option; PixelCnnError `BACKEND_UNAVAILABLE`, `DATA_NOT_FOUND`, `INVALID_DATA`,
 *   `INVALID_CHECKPOINT`, `WRITE_FAILED`, `DIVERGED`; the signal's reason once it aborts.
 */
export async function* train(options: TrainOptions = {}): AsyncGenerator<TrainEvent, void, undefined> {
  const core = await loadCore();
  const data = options.data ?? (await namedData(options));
  planOf({ ...options, data, core }); // a wrong option is told before a backend is set up, which may take minutes
  const backend = options.backend ?? (await openBackend(options.device, backendOptions(options)));
  yield { type: 'backend', backend, data };
  for await (const event of trainSteps({ ...options, data, backend, core })) {
    yield event;
    if (event.type !== 'end') continue;
    const bytes = modelFile(core, describeData(data, event.result.validationSplit), backend, event.result);
    if (options.out !== undefined) await writeModel(options.out, bytes, options.checkpointFolder);
    yield { type: 'model', path: options.out, bytes, result: event.result };
  }
}

/** The images of the run that is to go on, where they have a name; else the reference's. */
async function namedData({ offline, signal, say, resume, checkpointFolder }: TrainOptions): Promise<ImageSet> {
  const found = resume && checkpointFolder !== undefined ? await readCheckpoint(checkpointFolder) : undefined;
  const origin = found && dataOptionsOf(found.state);
  if (found?.state.run !== undefined && origin?.data === undefined) {
    const wanted = `${describeImages(found.state)}, which the run in ${checkpointFolder} is of`;
    throw wrongKind('data', `expected ${wanted}, got none; they have no name by which to find them`);
  }
  return loadData({
    ...origin,
    ...(offline !== undefined && { offline }),
    ...(signal !== undefined && { signal }),
    ...(say !== undefined && { say }),
  });
}

function backendOptions({ offline, signal, say, progress, tf32, deterministic }: TrainOptions): BackendOptions {
  return {
    ...(tf32 !== undefined && { tf32 }),
    ...(deterministic !== undefined && { deterministic }),
    ...(offline !== undefined && { offline }),
    ...(signal !== undefined && { signal }),
    ...(say !== undefined && { say }),
    ...(progress !== undefined && { progress }),
  };
}

async function writeModel(path: string, bytes: Uint8Array, checkpointFolder: string | undefined): Promise<void> {
  await replaceDurably(path, bytes).catch((cause: unknown) => {
    const advice =
      checkpointFolder === undefined
        ? 'the bytes were lost: give a checkpointFolder to the next run'
        : `the last checkpoint in ${checkpointFolder} holds it: put that right, and resume`;
    throw new PixelCnnError(
      'WRITE_FAILED',
      `expected to write the model to ${path}, got: ${reasonOf(cause)}; ${advice}`,
      {
        cause,
      },
    );
  });
}
