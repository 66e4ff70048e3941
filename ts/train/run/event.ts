// What a run reports, and what it ends with.

import type { Description } from '../../config.js';
import type { EpochRecord } from './checkpoint.js';
import type { Recipe } from './recipe.js';
import type { Ancestor } from './starting_model.js';

/** What happens between a run's beginning and its end, told apart by `type`. */
export type RunEvent =
  | {
      /** The run begins, or goes on. */
      readonly type: 'start';
      /** What is trained. */
      readonly net: Description;
      /** Of all random numbers. */
      readonly seed: number;
      /** How parameters move. */
      readonly recipe: Recipe;
      /** Of the whole run. */
      readonly epochs: number;
      /** Updates of an epoch. */
      readonly stepsPerEpoch: number;
      /** Images that are trained on. */
      readonly trainImages: number;
      /** Images that are validated on. */
      readonly validationImages: number;
      /** Finished epochs that a checkpoint brought. */
      readonly epoch: number;
      /** Updates of the epoch begun that it brought. */
      readonly stepInEpoch: number;
      /** What the finished epochs reported. */
      readonly history: readonly EpochRecord[];
      /** What the user should know before it begins. */
      readonly warnings: readonly string[];
    }
  | {
      /** After an update. */
      readonly type: 'step';
      /** Counted from 1. */
      readonly epoch: number;
      /** Counted from 1 within the epoch. */
      readonly step: number;
      /** Of the epoch. */
      readonly steps: number;
      /** Mean over the epoch so far, in nats a value. */
      readonly loss: number;
      /** Mean over this update's batch. */
      readonly batchLoss: number;
      /** Of this update. */
      readonly learningRate: number;
      /** Euclidean, over all parameters, before it is clipped. */
      readonly gradientNorm: number;
      /** Since the epoch began. */
      readonly seconds: number;
    }
  | {
      /** While validation images are scored. */
      readonly type: 'validate';
      /** Counted from 1. */
      readonly epoch: number;
      /** Images scored. */
      readonly done: number;
      /** Images in all. */
      readonly total: number;
    }
  | ({
      /** After an epoch. */
      readonly type: 'epoch';
      /** Of the whole run. */
      readonly epochs: number;
      /**
       * The model file as it would be written now: the weights that were just validated, with their record. Only before
       * the next event is asked for; throws PixelCnnError `DISPOSED` afterwards, when the weights have moved on.
       */
      readonly model: () => Promise<Uint8Array>;
      /** Aborts once the run is to stop: who takes long over this event looks at it. */
      readonly signal?: AbortSignal;
    } & EpochRecord)
  | {
      /** A checkpoint is written. */
      readonly type: 'checkpoint';
      /** Its folder. */
      readonly path: string;
    }
  | {
      /** Something that the user should know, and that stops nothing. */
      readonly type: 'warning';
      /** A sentence. */
      readonly message: string;
    }
  | {
      /** The last event of a call that reached a limit of its own. */
      readonly type: 'pause';
      /** Which. */
      readonly limit: 'maxSteps' | 'maxMinutes';
      /** Finished epochs. */
      readonly epoch: number;
      /** Updates of the epoch begun. */
      readonly stepInEpoch: number;
      /** Where to go on from, by `resume`. */
      readonly checkpoint: string;
    };

export type TrainerEvent = RunEvent | { readonly type: 'end'; readonly result: TrainResult };

/** What a run has made, and how. */
export interface TrainResult {
  /** What was trained. */
  readonly net: Description;
  /** Of all random numbers. */
  readonly seed: number;
  /** The model that training began with, where it began with one. */
  readonly from?: Ancestor;
  /** How parameters moved. */
  readonly recipe: Recipe;
  /** Images that were trained on. */
  readonly trainImages: number;
  /** Images that were validated on. */
  readonly validationImages: number;
  /** The part of the images that validated, 0 to below 1. */
  readonly validationSplit: number;
  /** What each epoch reported. */
  readonly history: readonly EpochRecord[];
  /** Updates that the weights have seen. */
  readonly updates: number;
  /** The epoch after which the weights were these: the last one, or the best one of a run with `patience`. */
  readonly epoch: number;
  /** All tensors, uncropped, in the order of `net.tensors`. */
  readonly weights: Float32Array;
}
