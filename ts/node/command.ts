// Running other programs.

import { spawn } from 'node:child_process';

/**
 * What python3 is told, so that it runs the pip that was installed with it: without `-I` it looks for one in the current folder
 * first, and wherever PYTHONPATH leads.
 */
export const pip = ['-I', '-m', 'pip'] as const;

export interface CommandResult {
  /** undefined where the program does not exist or was killed. */
  readonly status: number | undefined;
  readonly missing: boolean;
  /** What it wrote, both streams, in order. */
  readonly output: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds that a program has to end by itself, and until it is waited for no longer, though even that does not end it. */
const grace = { end: 400, leave: 800 };

/**
 * Runs a program to its end. Never throws for a failing one; throws the signal's reason when aborted, and ends the program, with
 * those that it runs itself, which are a group of their own.
 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const result = await new Promise<CommandResult>((resolve) => {
    const { signal, ...rest } = options;
    const grouped = process.platform !== 'win32';
    const child = spawn(program, args, { ...rest, detached: grouped, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const end = (by: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(grouped ? -child.pid : child.pid, by);
      } catch {
        // it has ended
      }
    };
    const timers: NodeJS.Timeout[] = [];
    const stop = (): void => {
      end('SIGTERM');
      timers.push(
        setTimeout(() => end('SIGKILL'), grace.end),
        setTimeout(() => done(undefined, false), grace.leave),
      );
    };
    const kill = (): void => end('SIGKILL');
    process.once('exit', kill);
    signal?.addEventListener('abort', stop, { once: true });
    const done = (status: number | undefined, missing: boolean): void => {
      process.off('exit', kill);
      signal?.removeEventListener('abort', stop);
      for (const timer of timers) clearTimeout(timer);
      resolve({ status, missing, output });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', () => done(undefined, true));
    child.on('close', (status) => done(status ?? undefined, false));
  });
  options.signal?.throwIfAborted();
  return result;
}

/** The end of what a failed program wrote, which is where the reason stands. */
export function lastLines(output: string, count = 6): string {
  return output.trim().split('\n').slice(-count).join('\n');
}
