/** Checks of arguments: each names the argument, what was wanted and what came, in one sentence. */

import { isKind, kindOf } from './brand.js';
import { PixelCnnError } from './error.js';

/** The error of a value of the wrong kind. `sentence` says what was wanted and what came. */
export function wrongKind(argument: string, sentence: string, options?: ErrorOptions): TypeError {
  return naming(argument, new TypeError(`${argument}: ${sentence}`, options));
}

/** The error of a value out of its range. `sentence` says what was wanted and what came. */
export function wrongValue(argument: string, sentence: string, options?: ErrorOptions): RangeError {
  return naming(argument, new RangeError(`${argument}: ${sentence}`, options));
}

/**
 * Puts the name of the argument that is at fault on an error, which tells it from an error of the language. A plain property,
 * which every realm can read; not enumerable, so that the error is printed as any other.
 */
export function naming<E extends RangeError | TypeError>(argument: string, error: E): E {
  return Object.defineProperty(error, 'argument', { value: argument });
}

/** The argument that an error says is at fault; undefined for any other, such as the language's own. */
export function argumentOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('argument' in error)) return undefined;
  return typeof error.argument === 'string' ? error.argument : undefined;
}

/** How a value is shown in a message: short, and never as something it is not. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return Array.isArray(value) ? `an array of ${Number(value.length)}` : `an object of type ${typeOf(value)}`;
  } catch {
    return 'an object that throws when it is looked at';
  }
}

/** No name of a file or a folder is longer. */
const longestName = 255;

/** A name that a file or a folder brought along, in a line of words: on one line, and cut off where it is longer than those are. */
export function named(name: string): string {
  const shown = name.length > longestName ? `${name.slice(0, longestName)}...` : name;
  return /\p{Cc}/u.test(shown) ? JSON.stringify(shown) : shown;
}

function typeOf(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && /^[\w$]{1,60}$/.test(name) ? name : 'Object';
}

/** The range of an integer argument, and what to do instead where it is too small. */
export interface IntegerRange {
  min: number;
  max: number;
  /** Follows the sentence when the value is over `max`. */
  more?: string;
}

/** An integer in a range. */
export function checkInteger(name: string, value: unknown, { min, max, more }: IntegerRange): number {
  const wanted = `expected an integer from ${min} to ${max}`;
  if (typeof value !== 'number') throw wrongKind(name, `${wanted}, got ${show(value)}`);
  if (Number.isInteger(value) && value >= min && value <= max) return value + 0; // -0 is 0
  const hint = value > max && more !== undefined ? `; ${more}` : '';
  throw wrongValue(name, `${wanted}, got ${show(value)}${hint}`);
}

/** A finite number of at least `min`. */
export function checkNumber(name: string, value: unknown, { min }: { min: number }): number {
  const wanted = `expected a finite number of at least ${min}`;
  if (typeof value !== 'number') throw wrongKind(name, `${wanted}, got ${show(value)}`);
  if (Number.isFinite(value) && value >= min) return value + 0;
  throw wrongValue(name, `${wanted}, got ${show(value)}`);
}

/** A text of at most `max` characters. */
export function checkShortText(name: string, value: unknown, { max }: { max: number }): string {
  const wanted = `expected a text of at most ${max} characters`;
  if (typeof value !== 'string') throw wrongKind(name, `${wanted}, got ${show(value)}`);
  if (value.length > max) throw wrongValue(name, `${wanted}, got ${value.length}`);
  return value;
}

/** One of a few names. */
export function checkChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  const sentence = `expected one of ${choices.join(', ')}, got ${show(value)}`;
  throw typeof value === 'string' ? wrongValue(name, sentence) : wrongKind(name, sentence);
}

/** A limit to memory, in bytes, that may be left out. */
export function checkMemoryLimit(value: unknown): number | undefined {
  return value === undefined ? value : checkInteger('memoryLimit', value, { min: 1, max: Number.MAX_SAFE_INTEGER });
}

/** A signal that may be left out. */
export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || isSignal(value)) return value;
  throw wrongKind('signal', `expected an AbortSignal, got ${show(value)}`);
}

function isSignal(value: unknown): value is AbortSignal {
  const properties = { aborted: 'boolean', addEventListener: 'function', removeEventListener: 'function' };
  return isKind(value, 'AbortSignal', properties);
}

/**
 * What `look` finds in an argument. One that throws when it is looked at (a getter, a proxy, a proxy that is revoked) is an argument
 * of the wrong kind, whatever it throws.
 */
export function lookedAt<T>(name: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    if (argumentOf(cause) !== undefined || cause instanceof PixelCnnError) throw cause;
    throw wrongKind(name, 'expected a value that can be read, got one that throws when it is looked at', { cause });
  }
}

/** An object that is no array. */
export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || lookedAt(name, () => Array.isArray(value))) {
    throw wrongKind(name, `expected an object, got ${show(value)}`);
  }
}

/**
 * An options object without a misspelt name in it, which JavaScript would ignore in silence.
 *
 * @param elsewhere What to write instead of names that a user may well think are among the known.
 * @returns What it holds, each property read once: what is checked is what is used, whatever a getter or a later change says.
 */
export function checkOptions<Name extends string>(
  name: string,
  value: unknown,
  known: readonly Name[],
  elsewhere: Readonly<Record<string, string>> = {},
): { readonly [Key in Name]?: unknown } {
  checkObject(name, value);
  // A URL, a Promise, a Map has no names of its own either; an object of a user's class may be one of options.
  if (!['Object', 'Module'].includes(kindOf(value))) {
    throw wrongKind(name, `expected a plain object, got ${show(value)}`);
  }
  const names = lookedAt(name, () => Object.keys(value));
  const unknown = names.find((key) => !(known as readonly string[]).includes(key));
  if (unknown !== undefined) {
    const meant = Object.hasOwn(elsewhere, unknown) ? elsewhere[unknown] : nearest(unknown, known);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    throw wrongKind(name, `expected only ${known.join(', ')}, got ${show(unknown)}${hint}`);
  }
  const given = value as { readonly [Key in Name]?: unknown };
  const read = known.map((key) => [key, lookedAt(key, () => given[key])]);
  return Object.fromEntries(read) as { readonly [Key in Name]?: unknown };
}

/**
 * As {@link checkOptions}, without the names that were not given, which a spread would put in the place of defaults: the options
 * from there on.
 */
export function ownOptions<Options extends object>(
  name: string,
  value: Options,
  known: readonly string[],
  elsewhere?: Readonly<Record<string, string>>,
): Options {
  const read = Object.entries(checkOptions(name, value, known, elsewhere));
  return Object.fromEntries(read.filter(([, given]) => given !== undefined)) as Options;
}

/** The known name that another is a misspelling of; undefined where it is like none. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const distances = known.map((candidate) => distance(name.toLowerCase(), candidate.toLowerCase()));
  const least = Math.min(...distances);
  return least <= Math.max(1, name.length / 4) ? known[distances.indexOf(least)] : undefined;
}

/** Letters to add, drop, change, or swap with their neighbour, to make one word of another. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= b.length; j++) rows[0]!.push(j);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const [above, here] = [rows[i - 1]!, rows[i]!];
      const changed = above[j - 1]! + Number(a[i - 1] !== b[j - 1]);
      const swapped = i > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2]![j - 2]! + 1 : changed;
      here.push(Math.min(changed, swapped, above[j]! + 1, here[j - 1]! + 1));
    }
  }
  return rows[a.length]![b.length]!;
}

/** True or false. */
export function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw wrongKind(name, `expected true or false, got ${show(value)}`);
}

/** A function that is told of progress, which may be left out. */
export function checkListener(value: unknown): ((progress: never) => void) | undefined {
  if (value === undefined || typeof value === 'function') return value as ((progress: never) => void) | undefined;
  throw wrongKind('onProgress', `expected a function, got ${show(value)}`);
}

/** A function that is called back. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongKind(name, `expected a function, got ${show(value)}`);
}

/** A text that is not empty, such as a path. */
export function checkText(name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return;
  const sentence = `expected a text that is not empty and holds no zero byte, got ${show(value)}`;
  throw typeof value === 'string' ? wrongValue(name, sentence) : wrongKind(name, sentence);
}
