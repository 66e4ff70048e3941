/** How the command line fails: exit codes, and errors as one sentence. */

import { type Command, CommanderError } from 'commander';
import { argumentOf } from '../arguments.js';
import { coreErrorCodes, PixelCnnError, type PixelCnnErrorCode } from '../error.js';
import { reasonOf } from '../node/files.js';
import { messageOf } from './flag.js';
import { helpWidth, rowsOf } from './format.js';

export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  unavailable: 3,
  incomplete: 4,
  interrupted: 130,
  closed: 141,
} as const;

/** What each exit code says, of every command. */
export const exitCodesInWords: readonly (readonly [codes: string, words: string])[] = [
  ['0', 'it is done'],
  ['1', 'it failed on the way: a full disk, no answer from a network, a loss that explodes, a bug'],
  ['2', 'what was given is wrong: an argument, or a file or folder that it names, or what is in it'],
  ['3', 'this machine lacks what that takes: a GPU, TensorFlow, WebAssembly SIMD, a package'],
  ['4', 'merge: parts are missing or damaged; run the shards that the sentence names again, then merge again'],
  ['130', 'stopped by Ctrl-C; 129 by SIGHUP, as of a terminal that closes; 143 by SIGTERM'],
  ['141', 'training stopped with a checkpoint, or work ended, since nobody reads its output any more'],
];

export const exitCodesHelp = `
Exit codes:
${rowsOf(exitCodesInWords, helpWidth())}`;

/** A wrong argument of the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for could not be done, though it was asked for rightly. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;
  /** Whether what was printed for programs says it already. */
  readonly isPrinted: boolean;

  constructor(
    message: string,
    {
      exitCode = exitCodes.failure,
      isPrinted = false,
      ...options
    }: ErrorOptions & { exitCode?: number; isPrinted?: boolean } = {},
  ) {
    super(message, options);
    this.exitCode = exitCode;
    this.isPrinted = isPrinted;
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
  const { code, argument } = error;
  if (lacking.includes(code)) return exitCodes.unavailable;
  return isOfFile(code) || (byArgument.includes(code) && argument !== undefined) ? exitCodes.usage : exitCodes.failure;
}

/** What is wrong with the machine. */
const lacking: readonly PixelCnnErrorCode[] = ['BACKEND_UNAVAILABLE', 'SIMD_UNSUPPORTED', 'MISSING_PACKAGE'];

/** What is wrong with a file that was given, as all that the core says of a model is but that memory is short. */
function isOfFile(code: PixelCnnErrorCode): boolean {
  return ofFiles.includes(code) || (code !== 'OUT_OF_MEMORY' && coreErrorCodes.some((known) => known === code));
}

const ofFiles: readonly PixelCnnErrorCode[] = [
  'FOREIGN_FORMAT',
  'MODEL_TOO_LARGE',
  'INVALID_DATA',
  'INCOMPARABLE',
  'INVALID_CHECKPOINT',
];

/** What is wrong with an argument where it names one: else with a network. */
const byArgument: readonly PixelCnnErrorCode[] = ['MODEL_NOT_FOUND', 'MODEL_UNREADABLE', 'DATA_NOT_FOUND'];

/** What went wrong, for programs: a code of the API, or one of the command line's own. */
export function errorCodeOf(error: unknown): PixelCnnErrorCode | 'INVALID_ARGUMENT' | 'FAILED' | 'INTERRUPTED' {
  if (error instanceof PixelCnnError) return error.code;
  if (error instanceof Interrupted) return 'INTERRUPTED';
  if (error instanceof Failure) return 'FAILED';
  return isForeseen(error) ? 'INVALID_ARGUMENT' : 'INTERNAL';
}

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
  const line = inWords(messageOf(error, command), error)
    .trim()
    .replace(/\s*\n\s*/g, ' ');
  return isForeseen(error) ? line : `${line} (unforeseen: please report it, with what --debug shows)`;
}

/** A sentence in which the code of the system's own error, such as EACCES, is said in words; browsers have no such codes. */
function inWords(sentence: string, error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!('syscall' in cause && 'code' in cause)) continue;
    return sentence.replace(new RegExp(`, got ${String(cause.code)}\\b`), () => `, got: ${reasonOf(cause)}`);
  }
  return sentence;
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
    case 'commander.missingMandatoryOptionValue':
      return new UsageError(`${named}: expected one, as \`${command} --help\` shows, got none`);
    case 'commander.conflictingOption': {
      const [one, other] = [...error.message.matchAll(/'(.*?)'/g)].map(([, option]) => option?.split(' ')[0]);
      return new UsageError(`expected ${one} or ${other}, got both`);
    }
    default:
      return error;
  }
}
