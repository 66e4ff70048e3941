// Watchers look at the events of a run, one event after the other, and leave something behind: figures, a curve, samples.

import { checkFunction, checkObject, lookedAt, show, wrongKind } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import { reasonOf } from '../../node/files.js';
import type { TrainEvent } from '../train_run.js';

/**
 * Told of every event before the run goes on.
 *
 * @example
 * const watch = watchRun('runs/mine');
 * for await (const event of train({ epochs: 3 })) await watch(event);
 */
export type Watcher = (event: TrainEvent) => Promise<void>;

/**
 * Several watchers as one, in their order. A night of training is worth more than a picture of it: where a watcher fails,
 * `warn` is told why, once for each reason, and the run goes on.
 */
export function watchers(all: readonly Watcher[], warn: (line: string) => void): Watcher {
  const own = lookedAt('all', () => Array.isArray(all) && Array.from<Watcher>(all));
  if (own === false) throw wrongKind('all', `expected an array of watchers, got ${show(all)}`);
  for (const [i, watch] of own.entries()) checkFunction(`all[${i}]`, watch);
  checkFunction('warn', warn);
  const told = new Set<string>();
  return async (event) => {
    for (const watch of own) {
      try {
        await watch(event);
      } catch (error) {
        const reason = sentenceOf(error);
        if (!told.has(reason)) warn(reason);
        told.add(reason);
      }
    }
  };
}

/** A watcher that, where the system does not let it write, throws PixelCnnError `WRITE_FAILED`. */
export function writing(watch: Watcher): Watcher {
  return async (event) => {
    checkObject('event', event);
    try {
      await watch(event);
    } catch (cause) {
      if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
      throw new PixelCnnError('WRITE_FAILED', sentenceOf(cause), { cause });
    }
  };
}

/** Of an error of the system, its reason in words; where a write fails for want of space, it names no path. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!('syscall' in error)) return error.message;
  return `expected to write ${'path' in error ? error.path : 'what shows the run'}, got: ${reasonOf(error)}`;
}
