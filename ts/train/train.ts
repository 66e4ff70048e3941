// Training from options to a model file.

import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ownSignal } from '../abort.js';
import { wrongKind, wrongValue } from '../arguments.js';
import { codeOf } from '../brand.js';
import { PixelCnnError } from '../error.js';
import { makeFolder, reasonOf, replaceDurably, tryFolder, writeThough } from '../node/files.js';
import type { ImageSet } from './data/image_set.js';
import { loadData } from './data/load_data.js';
import { type Core, startCore } from './net/core.js';
import { checkImages, checkTrainOptions, isImageSet, type TrainOptions } from './options.js';
import { readCheckpoint } from './run/checkpoint.js';
import { describeData, modelFile } from './run/record.js';
import { dataOptionsOf, describeImages } from './run/resume.js';
import { optionsFrom, readStartingModel } from './run/starting_model.js';
import { trainSteps } from './run/trainer.js';
import { openBackend } from './tensorflow/backend.js';
import { keepCallersBackend } from './tensorflow/callers_backend.js';
import { runOf, type TrainEvent, type TrainRun } from './train_run.js';

export type { TrainOptions } from './options.js';
export type { TrainEvent, TrainRun } from './train_run.js';

/**
 * Trains a PixelCNN, by default the reference's net on the reference's data with its recipe.
 *
 * @returns A run, which begins when it is iterated or its `result` is asked for. TensorFlow.js, where the caller uses it too, has
 *   its backend again when the run ends, however it ends.
 *
 * @example
 * const { bytes } = await train({ epochs: 3 }).result;
 *
 * @example
 * for await (const event of train({ epochs: 3, out: 'model.safetensors' })) {
 *   if (event.type === 'epoch') console.log(event.epoch, event.loss, event.valLoss);
 * }
 *
 * @throws RangeError, TypeError for a wrong option, at the call. The run throws PixelCnnError `BACKEND_UNAVAILABLE`,
 *   `DATA_NOT_FOUND`, `INVALID_DATA`, `INVALID_CHECKPOINT`, `WRITE_FAILED`, `DIVERGED`; RangeError for options that do not suit
 *   the images or the checkpoint that it finds; the signal's reason once it aborts.
 */
export function train(options: TrainOptions = {}): TrainRun {
  const core = startCore();
  const asked = checkTrainOptions(core, options);
  return runOf((stop) => stoppableEvents(core, asked, stop));
}

async function* stoppableEvents(
  core: Core,
  asked: TrainOptions,
  stop: AbortSignal,
): AsyncGenerator<TrainEvent, void, undefined> {
  const { own, leave } = ownSignal(asked.signal === undefined ? [stop] : [asked.signal, stop]);
  try {
    yield* trainEvents(core, { ...asked, signal: own });
  } catch (error) {
    // Who leaves the loop is not told of a signal besides.
    throw stop.aborted && error === own.reason ? stop.reason : error;
  } finally {
    leave();
  }
}

async function* trainEvents(
  core: Core,
  asked: TrainOptions & { readonly signal: AbortSignal },
): AsyncGenerator<TrainEvent, void, undefined> {
  const { signal, offline, say, progress, tf32, deterministic } = asked;
  signal.throwIfAborted();
  const from = asked.from === undefined ? undefined : await readStartingModel(core, asked.from, signal);
  const data = isImageSet(asked.data) ? asked.data : await namedData(asked);
  const { from: _source, ...options } = from === undefined ? asked : optionsFrom(asked, from, data);
  checkImages(core, options, data); // told before a backend is set up, which may take minutes
  if (options.out !== undefined) await tryOut(options.out);
  const putBack = await keepCallersBackend();
  try {
    const backend =
      options.backend ?? (await openBackend(options.device, { offline, signal, say, progress, tf32, deterministic }));
    await backend.tf.setBackend(backend.name);
    yield { type: 'backend', backend, data };
    for await (const event of trainSteps({ ...options, ...(from && { from }), data, backend, core })) {
      if (event.type !== 'end') {
        yield event;
        continue;
      }
      const bytes = modelFile(core, describeData(data, event.result.validationSplit), backend, event.result);
      if (options.out !== undefined) await writeModel(options.out, bytes, options.checkpointFolder);
      yield { type: 'model', path: options.out, bytes, result: event.result };
    }
  } finally {
    await putBack();
  }
}

/** The images that are named: by the caller, else by the run that is to go on, else the reference's. */
async function namedData(options: TrainOptions): Promise<ImageSet> {
  const { data, offline, signal, say, resume, checkpointFolder, classes } = options;
  const from = { offline, signal, say, ...(classes && { classes }) };
  if (data !== undefined && !isImageSet(data)) return loadData({ data, ...from });
  const found = resume && checkpointFolder !== undefined ? await readCheckpoint(checkpointFolder) : undefined;
  const origin = found && dataOptionsOf(found.state);
  if (found?.state.run !== undefined && origin?.data === undefined) {
    const wanted = `${describeImages(found.state)}, which the run in ${checkpointFolder} is of`;
    throw wrongKind('data', `expected ${wanted}, got none; they have no name by which to find them`);
  }
  return loadData({ ...origin, ...from });
}

/** Finds out before the first update whether a model can be written. */
async function tryOut(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw wrongValue('out', `expected the name of a file, got the folder ${path}`);
  await tryFolder(dirname(path));
}

async function writeModel(path: string, bytes: Uint8Array, checkpointFolder: string | undefined): Promise<void> {
  try {
    await writeThough(
      (error) => codeOf(error) === 'ENOENT',
      async () => {
        await makeFolder(dirname(path)); // it may have been removed, and the checkpoints with it
        await replaceDurably(path, bytes);
      },
    );
  } catch (cause) {
    const advice =
      checkpointFolder === undefined
        ? 'the bytes were lost: give a checkpointFolder to the next run'
        : `the last checkpoint in ${checkpointFolder} holds it: put that right, and resume`;
    throw new PixelCnnError(
      'WRITE_FAILED',
      `expected to write the model to ${path}, got: ${reasonOf(cause)}; ${advice}`,
      { cause },
    );
  }
}
