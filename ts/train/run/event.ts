// What a run reports, and what it ends with.

import type { Description } from '../../config.js';
import type { EpochRecord } from './checkpoint.js';
import type { Limit } from './ending.js';
import type { Recipe } from './recipe.js';
import type { Ancestor } from './starting_model.js';

export type TrainerEvent =
  | {
      readonly type: 'start';
      readonly net: Description;
      readonly seed: number;
      readonly recipe: Recipe;
      readonly epochs: number;
      readonly stepsPerEpoch: number;
      readonly trainImages: number;
      readonly validationImages: number;
      /** Finished epochs, and updates of the one begun, that a checkpoint brought. */
      readonly epoch: number;
      readonly stepInEpoch: number;
      /** What the finished epochs reported. */
      readonly history: readonly EpochRecord[];
      readonly warnings: readonly string[];
    }
  /** `step` counts from 1 within `epoch`, which counts from 1; `loss` is the mean over the epoch so far. */
  | {
      readonly type: 'step';
      readonly epoch: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      /** Mean over this update's batch. */
      readonly batchLoss: number;
      /** Of this update. */
      readonly learningRate: number;
      /** Euclidean, over all parameters, before it is clipped. */
      readonly gradientNorm: number;
      readonly seconds: number;
    }
  | { readonly type: 'validate'; readonly epoch: number; readonly done: number; readonly total: number }
  | ({
      readonly type: 'epoch';
      readonly epochs: number;
      /**
       * The model file as it would be written now: the weights that were just validated, with their record. Only before
       * the next event is asked for; throws PixelCnnError `DISPOSED` afterwards, when the weights have moved on.
       */
      readonly model: () => Promise<Uint8Array>;
    } & EpochRecord)
  | { readonly type: 'checkpoint'; readonly path: string }
  /** Something that the user should know, and that stops nothing. */
  | { readonly type: 'warning'; readonly message: string }
  /** The last event of a call that reached a limit of its own: `checkpoint` is where to go on from, by `resume`. */
  | {
      readonly type: 'pause';
      readonly limit: Limit;
      /** Finished epochs, and updates of the one begun. */
      readonly epoch: number;
      readonly stepInEpoch: number;
      readonly checkpoint: string;
    }
  | { readonly type: 'end'; readonly result: TrainResult };

export interface TrainResult {
  readonly net: Description;
  readonly seed: number;
  /** The model that training began with, where it began with one. */
  readonly from?: Ancestor;
  readonly recipe: Recipe;
  readonly trainImages: number;
  readonly validationImages: number;
  readonly validationSplit: number;
  readonly history: readonly EpochRecord[];
  /** Updates that the weights have seen. */
  readonly updates: number;
  /** The epoch after which the weights were these: the last one, or the best one of a run with `patience`. */
  readonly epoch: number;
  /** All tensors, uncropped, in the order of `net.tensors`. */
  readonly weights: Float32Array;
}
