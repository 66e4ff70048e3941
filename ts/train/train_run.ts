// A run as its caller holds it: events to iterate, or a result to wait for.

import { wrongKind } from '../arguments.js';
import { PixelCnnError } from '../error.js';
import type { ImageSet } from './data/image_set.js';
import type { RunEvent, TrainResult } from './run/event.js';
import type { Backend } from './tensorflow/backend.js';

/** What a run reports, told apart by `type`. */
export type TrainEvent =
  | {
      /** Before the first step. */
      readonly type: 'backend';
      /** What will compute. */
      readonly backend: Backend;
      /** What is trained and validated on. */
      readonly data: ImageSet;
    }
  | RunEvent
  | {
      /** The closing event, unless a limit makes it `pause`. */
      readonly type: 'model';
      /** Where the model file is, when one was asked for. */
      readonly path: string | undefined;
      /** Of the model file. */
      readonly bytes: Uint8Array;
      /** The same, before it became a file. */
      readonly result: TrainResult;
    };

/** What a run ends with. */
export interface TrainedModel extends TrainResult {
  /** Of the model file. */
  readonly bytes: Uint8Array;
  /** Where the file is, when one was asked for. */
  readonly path: string | undefined;
}

/**
 * A run. It begins when it is iterated, or when its result is asked for, and can be iterated once. Leaving the loop early stops
 * it as a signal does: after the update in progress, with a checkpoint where the run has a folder for them.
 */
export interface TrainRun extends AsyncIterable<TrainEvent, void, undefined> {
  /**
   * The model, once the run has reached its end; whether anybody iterates it or not.
   *
   * Rejects with what ended the run, PixelCnnError `STOPPED` where that was a limit or the end of the loop over its events. Who
   * iterates is told by the loop, and need not look here.
   */
  readonly result: Promise<TrainedModel>;
}

/** @param begin Begins the run; it stops, and throws the signal's reason, once the signal aborts. */
export function runOf(begin: (signal: AbortSignal) => AsyncGenerator<TrainEvent, void, undefined>): TrainRun {
  let settle: { resolve: (model: TrainedModel) => void; reject: (reason: unknown) => void };
  const result = new Promise<TrainedModel>((resolve, reject) => {
    settle = { resolve, reject };
  });
  let begun: 'iterated' | 'awaited' | undefined;
  let asked = false;

  function events(): AsyncIterableIterator<TrainEvent, void, undefined> {
    const controller = new AbortController();
    const generator = begin(controller.signal);
    let entered = false;
    let last: TrainEvent | undefined;
    const next = async (): Promise<IteratorResult<TrainEvent, void>> => {
      entered = true;
      try {
        const step = await generator.next();
        if (!step.done) last = step.value;
        else if (last?.type === 'model') settle.resolve({ ...last.result, bytes: last.bytes, path: last.path });
        else settle.reject(stoppedBy(last));
        return step;
      } catch (error) {
        settle.reject(error);
        throw error;
      }
    };
    return {
      next,
      return: async () => {
        const reason = stoppedBy(last);
        controller.abort(reason);
        if (!entered) await generator.return(); // before anything was begun
        try {
          while (!(await next()).done);
        } catch (error) {
          if (error !== reason) throw error;
        }
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async function drain(): Promise<void> {
    if (begun !== undefined) return;
    begun = 'awaited';
    try {
      for await (const _ of events());
    } catch {
      // the result tells
    }
  }

  return {
    get result() {
      // Later, so that who takes the result first and iterates then is not too late.
      if (!asked) setImmediate(() => void drain());
      asked = true;
      return result;
    },
    [Symbol.asyncIterator]() {
      if (begun !== undefined) {
        const wanted = 'expected to be iterated once, and at once where its result is asked for too';
        throw wrongKind('run', `${wanted}, got one that is ${begun} already; call train again for another run`);
      }
      begun = 'iterated';
      result.catch(() => {}); // the loop tells
      return events();
    },
  };
}

function stoppedBy(last: TrainEvent | undefined): PixelCnnError {
  const wanted = 'training: expected to reach the last epoch, got';
  if (last?.type === 'pause') {
    const { limit, epoch, stepInEpoch, checkpoint } = last;
    const place = `epoch ${epoch + 1}, after ${stepInEpoch} ${stepInEpoch === 1 ? 'step' : 'steps'}`;
    return new PixelCnnError(
      'STOPPED',
      `${wanted} stopped by ${limit} in ${place}; ${checkpoint} is where to resume from`,
    );
  }
  return new PixelCnnError(
    'STOPPED',
    `${wanted} left by the loop over its events; resume from its checkpoint, if it has one`,
  );
}
