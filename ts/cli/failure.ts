/** How the command line fails: exit codes, and errors as one sentence. */

import { type Command, CommanderError } from 'commander';
import { argumentOf } from '../arguments.js';
import { PixelCnnError, type PixelCnnErrorCode } from '../error.js';
import { messageOf } from './flag.js';

export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  unavailable: 3,
  incomplete: 4,
  interrupted: 130,
  closed: 141,
} as const;

export const exitCodesHelp = `
Exit codes:
  0    done
  1    it failed
  2    wrong arguments: a value out of range, an unknown flag, a missing file, a folder that cannot be written
  3    training: this machine lacks the device or TensorFlow that was asked for, such as a GPU
  4    merge: parts are missing or damaged; run the shards that the sentence names again, then merge again
  130  interrupted; so are 129 (SIGHUP), 143 (SIGTERM) and, of training and of work, 141 (standard output was closed)`;

/** A wrong argument of the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for could not be done, though it was asked for rightly. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;

  constructor(
    message: string,
    { exitCode = exitCodes.failure, ...options }: ErrorOptions & { exitCode?: number } = {},
  ) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Something from outside stopped it; `message` says how far it came. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** Default: that of `cause` where it is such an error too, else that of Ctrl-C. */
  readonly exitCode: number;

  constructor(message: string, { exitCode, ...options }: ErrorOptions & { exitCode?: number } = {}) {
    super(message, options);
    const { cause } = options;
    this.exitCode = exitCode ?? (cause instanceof Interrupted ? cause.exitCode : exitCodes.interrupted);
  }
}

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof Interrupted || error instanceof Failure) return error.exitCode;
  if (error instanceof UsageError || isArgumentError(error)) return exitCodes.usage;
  if (!(error instanceof PixelCnnError)) return exitCodes.failure;
  if (error.code === 'BACKEND_UNAVAILABLE') return exitCodes.unavailable;
  return error.argument !== undefined && byArgument.includes(error.code) ? exitCodes.usage : exitCodes.failure;
}

/**
 * An argument that names what is not there is a wrong one, and so is one that does not suit the data; what is wrong inside a file
 * is not the argument's fault.
 */
const byArgument: readonly PixelCnnErrorCode[] = [
  'MODEL_NOT_FOUND',
  'MODEL_UNREADABLE',
  'DATA_NOT_FOUND',
  'INVALID_DATA',
];

/** The API's form for a wrong argument; not an error of the language, which is a bug. */
function isArgumentError(error: unknown): boolean {
  return (error instanceof RangeError || error instanceof TypeError) && argumentOf(error) !== undefined;
}

/** Whether an error is one that the program foresees; any other is a bug. */
function isForeseen(error: unknown): boolean {
  const kinds = [CommanderError, UsageError, Interrupted, PixelCnnError, Failure];
  return isArgumentError(error) || kinds.some((kind) => error instanceof kind);
}

/** One sentence, on one line, under the names that `command` has for the API's arguments. */
export function sentenceOf(error: unknown, command?: Command): string {
  const line = messageOf(error, command)
    .trim()
    .replace(/\s*\n\s*/g, ' ');
  return isForeseen(error) ? line : `${line} (unforeseen: please report it, with what --debug shows)`;
}

/** What commander says of wrong arguments, in this project's form: wanted, got, what to do. */
export function usageErrorOf(error: CommanderError, command: string): Error {
  const [, named = ''] = /'(.*?)'/.exec(error.message) ?? [];
  const suggestion = /Did you mean (.*?)\?/.exec(error.message)?.[1];
  const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
  switch (error.code) {
    case 'commander.unknownOption':
      return new UsageError(`expected an option that \`${command} --help\` lists, got ${named}${hint}`);
    case 'commander.unknownCommand':
      return new UsageError(`expected a command that \`${command} --help\` lists, got ${named}${hint}`);
    case 'commander.optionMissingArgument':
      return new UsageError(`${named}: expected a value, got none`);
    case 'commander.excessArguments': {
      const [, most, got] = /Expected (\d+).* got (\d+)/.exec(error.message) ?? [];
      const wanted = most === '0' ? 'no argument' : `at most ${most} argument${most === '1' ? '' : 's'}`;
      return new UsageError(`expected ${wanted} beside the options, as \`${command} --help\` shows, got ${got}`);
    }
    case 'commander.missingArgument':
      return new UsageError(`${named}: expected one, as \`${command} --help\` shows, got none`);
    case 'commander.conflictingOption': {
      const [one, other] = [...error.message.matchAll(/'(.*?)'/g)].map(([, option]) => option?.split(' ')[0]);
      return new UsageError(`expected ${one} or ${other}, got both`);
    }
    default:
      return error;
  }
}
