// When a run stops before its last epoch.

import type { EpochRecord } from './checkpoint.js';
import type { TrainerOptions } from './plan.js';

/** What a call may be given, so that it stops with a checkpoint. */
export type Limit = 'maxSteps' | 'maxMinutes';

/** Tells which limit is reached, counting minutes from now and updates from `first`. */
export function limitsOf(options: TrainerOptions, first: number): (step: number) => Limit | undefined {
  const { maxSteps = Number.POSITIVE_INFINITY, maxMinutes = Number.POSITIVE_INFINITY } = options;
  const started = performance.now();
  return (step) => {
    if (step - first >= maxSteps) return 'maxSteps';
    return (performance.now() - started) / 60_000 >= maxMinutes ? 'maxMinutes' : undefined;
  };
}

/** The weights after the epoch of the least val_loss, flat. */
export interface Best {
  readonly epoch: number;
  readonly weights: Float32Array;
}

/** Whether `patience` epochs have passed since the best one; `epoch` is that, or where counting began. */
export function isOutOfPatience(history: readonly EpochRecord[], epoch: number, patience: number | undefined): boolean {
  return patience !== undefined && history.length - epoch >= patience;
}

/** A mean loss a value, in nats, that no run comes back from: a hundred times a guess's, and the first one's. */
export function lossBound(levels: number, first: number): number {
  return Math.min(100 * Math.max(Math.log(levels), first), Number.MAX_VALUE);
}
