/** Running other programs from the scripts of this folder: one way to run, one way to fail. */

import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository's root folder, without a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** What a program printed to standard output, or `undefined` if it is not there or failed. */
export function output(command: string, args: string[], options: RunOptions = {}): string | undefined {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
    ...options,
  });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Runs a program in the foreground; throws if it fails. */
export function run(command: string, args: string[], options: RunOptions = {}): void {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (result.error) throw new Error(`could not run ${command}: ${result.error.message}`);
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} failed (${result.status ?? result.signal})`);
}

/** Runs a program, showing what it prints and keeping it too, without colours: [exit status, text]. */
export function tee(command: string, args: string[], options: RunOptions = {}): Promise<[number, string]> {
  const color = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: '1', CARGO_TERM_COLOR: 'always' } : {};
  const env = { ...process.env, ...color, ...options.env };
  const child = spawn(command, args, { cwd: options.cwd ?? root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    text += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    text += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`could not run ${command}: ${error.message}`)));
    child.on('close', (status) => resolve([status ?? 1, withoutColor(text)]));
  });
}

/** Runs a script's `main`; an error becomes one sentence on standard error and exit status 1. */
export async function runMain(name: string, main: () => void | Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

function withoutColor(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what starts a colour.
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
