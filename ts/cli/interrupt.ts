/**
 * What ends a command from outside: signals, and an output that nobody takes any more. Work sees either as a signal that it
 * looks at between two steps, so that it leaves nothing half-written.
 */

import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { reasonOf } from '../node/files.js';
import { exitCodes, Interrupted } from './failure.js';
import { onOutputLost, tell } from './terminal.js';

/** Exit codes as a shell gives them to what a signal ended, and what is said. */
const stops = {
  SIGINT: { exitCode: exitCodes.interrupted, message: 'interrupted' },
  SIGTERM: { exitCode: 143, message: 'stopped by SIGTERM' },
  SIGHUP: { exitCode: 129, message: 'stopped by SIGHUP, as when a terminal closes' },
} as const;
type Stop = keyof typeof stops;

/** npm passes Ctrl-C on to what the terminal has told already: so close together, two are one. In milliseconds. */
const sameKeystroke = 500;

/** Where a command would lose something with its output, what stops it. */
let stopWork: ((reason: Interrupted) => void) | undefined;

export interface InterruptibleOptions {
  /**
   * Whether a lost standard output stops the work as Ctrl-C does, because it would lose something if the process ended
   * there and then. Default: false.
   */
  stopsWithOutput?: boolean;
}

/**
 * Runs `work` with a signal that aborts at the first SIGINT, SIGTERM or SIGHUP. Another Ctrl-C ends the process at once;
 * SIGHUP and SIGTERM may well come twice, from a shell and from the system.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { stopsWithOutput = false }: InterruptibleOptions = {},
): Promise<T> {
  const controller = new AbortController();
  let since = 0;
  const stop = (reason: Interrupted): void => {
    since = performance.now();
    controller.abort(reason);
  };
  const onSignal = (name: Stop): void => {
    const { message, exitCode } = stops[name];
    if (!controller.signal.aborted) stop(new Interrupted(message, { exitCode }));
    else if (name === 'SIGINT' && performance.now() - since > sameKeystroke) process.exit(exitCode);
  };
  const names = Object.keys(stops) as Stop[];
  for (const name of names) process.on(name, onSignal);
  if (stopsWithOutput) stopWork = stop;
  try {
    return await work(controller.signal);
  } finally {
    // Once stopped, the process is about to end: a signal that comes again must not do that its own way.
    if (!controller.signal.aborted) for (const name of names) process.off(name, onSignal);
    stopWork = undefined;
  }
}

/**
 * Sees to it that what standard output does not take is noticed. `pixelcnn sample | head` closes the pipe early, which is no
 * failure; a full disk under `> file` is one.
 */
export function watchOutput(): void {
  onOutputLost((error) => {
    const { code } = error as NodeJS.ErrnoException;
    const closed = code === 'EPIPE' || (code === 'EIO' && process.stdout.isTTY);
    const reason = closed
      ? new Interrupted('standard output was closed', { exitCode: exitCodes.closed })
      : new Interrupted(`expected to write to standard output, got: ${reasonOf(error)}`, {
          exitCode: exitCodes.failure,
        });
    if (stopWork !== undefined) return stopWork(reason);
    if (!closed) tell(`pixelcnn: ${reason.message}`);
    process.exit(closed ? exitCodes.ok : exitCodes.failure);
  });
  // Node aborts at its end where it cannot restore a terminal, as one that is gone. What is closed it leaves alone.
  const terminals = [0, 1, 2].filter(isatty);
  process.on('exit', () => {
    for (const fd of terminals) if (!isatty(fd)) closeSync(fd);
  });
}
