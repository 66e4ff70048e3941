// A model file of a run as it is on disk: stopped, going on, or ended.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PixelCnnError } from '../../error.js';
import { loadCore } from '../net/core.js';
import { layoutOf, toFull } from '../net/parameters.js';
import {
  bestEpochOf,
  type Found,
  readCheckpoint,
  readCheckpointAt,
  readOneCheckpoint,
  updatesOf,
} from './checkpoint.js';
import type { TrainResult } from './event.js';
import { modelFile } from './record.js';

export interface ExportOptions {
  /** The weights of the epoch with the least val_loss, not the newest. Default: false. */
  readonly best?: boolean;
}

export interface ExportedModel {
  /** The model file, as training would have written it with these weights. */
  readonly bytes: Uint8Array;
  /** The checkpoint that it was made of. */
  readonly checkpoint: string;
  readonly result: TrainResult;
  /** What is wrong with checkpoints that would have gone first, a sentence each. */
  readonly skipped: readonly string[];
}

/**
 * Makes a model file of a checkpoint.
 *
 * @param path A run's folder, its folder of checkpoints, or one checkpoint.
 * @throws PixelCnnError `INVALID_CHECKPOINT` where there is none that is whole, or none of the best epoch.
 */
export async function exportModel(path: string, { best = false }: ExportOptions = {}): Promise<ExportedModel> {
  const one = existsSync(join(path, 'checkpoint.json'));
  const below = join(path, 'checkpoints');
  const folder = one ? dirname(path) : existsSync(below) ? below : path;
  const newest = one ? await readOneCheckpoint(path) : await readCheckpoint(folder);
  if (newest === undefined) {
    throw new PixelCnnError(
      'INVALID_CHECKPOINT',
      `run: expected the folder of a run or a checkpoint, found no checkpoint in ${path}`,
      { argument: 'run' },
    );
  }
  const { found, epoch, array } = best ? await bestOf(newest, folder) : newestOf(newest);
  const { config, seed, recipe, validationImages, history, run } = found.state;
  if (run === undefined) {
    throw new PixelCnnError(
      'INVALID_CHECKPOINT',
      `${found.path}: expected a checkpoint that tells of its data, got one of version 0.1.0; resume the run once, with ` +
        'maxSteps 1, and export the checkpoint that this writes',
    );
  }
  const core = await loadCore();
  const net = core.describe(config);
  const layout = layoutOf(net);
  const weights = found.arrays[array];
  if (weights?.length !== layout.size) {
    const got = weights?.length ?? 'none';
    throw new PixelCnnError(
      'INVALID_CHECKPOINT',
      `${found.path}: expected ${layout.size} numbers in ${array}, got ${got}`,
    );
  }
  const result: TrainResult = {
    ...{ net, seed, recipe, history, epoch, validationImages, validationSplit: run.validationSplit },
    trainImages: run.data.count - validationImages,
    ...(run.from !== undefined && { from: run.from }),
    updates: array === 'best' ? updatesOf(history, epoch) : found.state.step,
    weights: toFull(layout, weights),
  };
  const bytes = modelFile(core, run.data, run.backend, result);
  return { bytes, checkpoint: found.path, result, skipped: newest.skipped };
}

/** Which array of which checkpoint holds the weights, and after which epoch they were those. */
interface Choice {
  readonly found: Found;
  readonly epoch: number;
  readonly array: 'parameters' | 'ema' | 'best';
}

function newestOf(found: Found): Choice {
  const { recipe, epoch } = found.state;
  return { found, epoch, array: recipe.emaDecay > 0 ? 'ema' : 'parameters' };
}

async function bestOf(newest: Found, folder: string): Promise<Choice> {
  const { history, bestEpoch } = newest.state;
  const epoch = bestEpochOf(history);
  if (epoch === undefined) {
    throw new PixelCnnError(
      'INVALID_CHECKPOINT',
      `best: expected a run with a validated epoch, got none in ${newest.path}; without best, the newest weights serve`,
      { argument: 'best' },
    );
  }
  if (bestEpoch === epoch) return { found: newest, epoch, array: 'best' };
  const found = await readCheckpointAt(folder, updatesOf(history, epoch));
  if (found !== undefined) return newestOf(found);
  throw new PixelCnnError(
    'INVALID_CHECKPOINT',
    `best: expected the checkpoint after epoch ${epoch} in ${folder}, found none; without best, the newest weights serve`,
    { argument: 'best' },
  );
}
