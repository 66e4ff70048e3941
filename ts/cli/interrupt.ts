/** Ctrl-C as a signal that work can look at, so that it ends between two steps and leaves nothing half-written. */

import { exitCodes, Interrupted } from './failure.js';

/** Runs `work` with a signal that aborts at the first Ctrl-C (or SIGTERM); the second ends the process at once. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort(new Interrupted('interrupted'));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
