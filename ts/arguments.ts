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

/** The error of a value of the wrong kind: what was wanted, what came, and what else there is to say. */
export function unlike(argument: string, wanted: string, value: unknown, more = ''): TypeError {
  return wrongKind(argument, `expected ${wanted}, got ${show(value)}${more}`);
}

/** As {@link unlike}, of a value that may be of the right kind, and is then out of its range. */
export function unfit(isKind: boolean, argument: string, wanted: string, value: unknown, more = ''): Error {
  return (isKind ? wrongValue : wrongKind)(argument, `expected ${wanted}, got ${show(value)}${more}`);
}

/**
 * Puts the name of the argument that is at fault on an error, which tells it from an error of the language. A plain property,
 * which every realm can read; not enumerable, so that the error is printed as any other.
 */
export function naming<E extends RangeError | TypeError>(argument: string | undefined, error: E): E {
  return Object.defineProperty(error, 'argument', { value: argument });
}

/** The argument that an error says is at fault; undefined for any other, such as the language's own. */
export function argumentOf(error: unknown): string | undefined {
  const { argument } = Object(error) as { argument?: unknown };
  return typeof argument === 'string' ? argument : undefined;
}

/** How a value is shown in a message: short, and never as something it is not. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return Array.isArray(value)
      ? `an array of ${Number(value.length)}`
      : `an object of type ${show(String(value.constructor?.name || 'Object')).replaceAll('"', '')}`;
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

/** The range of an integer argument, and what to do instead where it is too small. */
export interface IntegerRange {
  min: number;
  max: number;
  /** Follows the sentence when the value is over `max`. */
  more?: string;
}

/** An integer in a range. */
export function checkInteger(name: string, value: unknown, { min, max, more }: IntegerRange): number {
  const isNumber = typeof value === 'number';
  if (isNumber && Number.isInteger(value) && value >= min && value <= max) return value + 0; // -0 is 0
  const hint = isNumber && value > max && more ? `; ${more}` : '';
  throw unfit(isNumber, name, `an integer from ${min} to ${max}`, value, hint);
}

/** The check of an integer in a range. */
export function integerIn(range: IntegerRange): (name: string, value: unknown) => number {
  return (name, value) => checkInteger(name, value, range);
}

/** A finite number of at least `min`, and at most `max`, where there is one. */
export function checkNumber(name: string, value: unknown, { min, max }: { min: number; max?: number }): number {
  const isNumber = typeof value === 'number';
  if (isNumber && value >= min && value <= (max ?? Number.MAX_VALUE)) return value + 0;
  throw unfit(isNumber, name, max ? `a number from ${min} to ${max}` : `a finite number of at least ${min}`, value);
}

/** A text of at most `max` characters. */
export function checkShortText(name: string, value: unknown, { max }: { max: number }): string {
  const wanted = `expected a text of at most ${max} characters`;
  if (typeof value !== 'string') throw wrongKind(name, `${wanted}, got ${show(value)}`);
  if (value.length > max) throw wrongValue(name, `${wanted}, got ${value.length}`);
  return value;
}

/** One of a few names. */
export function checkChoice<T extends string>(name: string, value: unknown, choices: readonly T[], more = ''): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw unfit(typeof value === 'string', name, `one of ${choices.join(', ')}`, value, more);
}

/** A signal to give up by. */
export function checkSignal(name: string, value: unknown): AbortSignal {
  const properties = { aborted: 'boolean', addEventListener: 'function', removeEventListener: 'function' };
  if (isKind<AbortSignal>(value, 'AbortSignal', properties)) return value;
  throw unlike(name, 'an AbortSignal', value);
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
  if (typeof value !== 'object' || value === null || kindOf(value) === 'Array') throw unlike(name, 'an object', value);
}

/** Throws for a value that an option cannot have; gives what is then used. */
export type Check = (name: string, value: unknown) => unknown;

/** Checks of options, by name. */
export type Checks = Readonly<Record<string, Check>>;

/** An option that may be anything, or is looked at elsewhere. */
export const anything: Check = (_, value) => value;

/** What checks give of options, of which each may be left out. */
export type Checked<Names> = {
  readonly [Name in keyof Names]?: Names[Name] extends (name: string, value: unknown) => infer Value ? Value : never;
};

/**
 * An options object without a misspelt name in it, which JavaScript would ignore in silence.
 *
 * @param checks For each name that is known; made in this order.
 * @param hint What may have been meant by a name that is not known, as {@link didYouMean} says it.
 * @returns What they give, without the options that were not given, which a spread would put in the place of defaults. Each property
 *   is read once, all before the first is checked: what is checked is what is used, whatever a getter or a later change says.
 */
export function checkOptions<Names extends Checks>(
  name: string,
  value: unknown,
  checks: Names,
  hint = didYouMean,
): Checked<Names> {
  // A URL, a Promise, a Map has no names of its own either; an object of a user's class may be one of options.
  if (!['Object', 'Module'].includes(kindOf(value))) throw unlike(name, 'a plain object', value);
  const given = value as Readonly<Record<string, unknown>>;
  const known = Object.keys(checks);
  const unknown = lookedAt(name, () => Object.keys(given)).find((key) => !known.includes(key));
  if (unknown !== undefined) throw unlike(name, `only ${known.join(', ')}`, unknown, hint(unknown, known));
  const read = known.map((key) => [key, lookedAt(key, () => given[key])] as const);
  const found = read.filter(([, one]) => one !== undefined);
  return Object.fromEntries(found.map(([key, one]) => [key, checks[key]!(key, one)])) as Checked<Names>;
}

/** As {@link checkOptions}, of options that are not checked one by one. */
export function ownOptions<Options extends object>(
  name: string,
  value: Options,
  known: readonly string[],
  hint?: typeof didYouMean,
): Options {
  const checks = Object.fromEntries(known.map((key) => [key, anything]));
  return checkOptions(name, value, checks, hint) as Options;
}

/** The end of a sentence about a name: the known one that it is a misspelling of; nothing where it is like none. */
export function didYouMean(name: string, known: readonly string[]): string {
  const asked = name.slice(0, 60).toLowerCase(); // nobody's name is longer
  // Letters that one has and the other has not: one that is changed counts twice, letters in another order do not count.
  const far = (one: string) => without(asked, one.toLowerCase()).length + without(one.toLowerCase(), asked).length;
  const [nearest] = [...known].sort((one, other) => far(one) - far(other));
  // Of a letter or two every other is a misspelling.
  const isLike = nearest !== undefined && asked.length > 2 && far(nearest) <= 2;
  return isLike ? `; did you mean ${nearest}?` : '';
}

/** What is left of a word without the letters of another. */
function without(word: string, other: string): string {
  let rest = word;
  for (const letter of other) rest = rest.replace(letter, '');
  return rest;
}

/** True or false. */
export function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw unlike(name, 'true or false', value);
}

/** A function that is called back. */
export function checkFunction(name: string, value: unknown): (told: unknown) => unknown {
  if (typeof value === 'function') return value as (told: unknown) => unknown;
  throw unlike(name, 'a function', value);
}

/** A text that is not empty, such as a path. */
export function checkText(name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return;
  throw unfit(typeof value === 'string', name, 'a text that is not empty and holds no zero byte', value);
}
