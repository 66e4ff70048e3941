/** Signals as something that work can look at, so that it ends between two steps and leaves nothing half-written. */

import { constants } from 'node:os';
import { Interrupted } from './failure.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let first: (typeof signals)[number] = 'SIGINT';

/**
 * Runs `work` with a signal that aborts at the first Ctrl-C, SIGTERM or SIGHUP; another one ends the process at once. But for
 * SIGHUP: where a terminal closes, its shell and the system send one each.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (name: (typeof signals)[number]) => {
    if (!controller.signal.aborted) {
      first = name;
      controller.abort(new Interrupted('interrupted'));
    } else if (name !== 'SIGHUP') process.exit(interruptedCode());
  };
  for (const name of signals) process.on(name, stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}

/** The exit code that a shell gives a program which the first signal ended: 130 for Ctrl-C. */
export function interruptedCode(): number {
  return 128 + constants.signals[first];
}
