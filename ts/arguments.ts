/** Checks of arguments: each names the argument, what was wanted and what came, in one sentence. */

/** The error of a value of the wrong kind. `sentence` says what was wanted and what came. */
export function wrongKind(argument: string, sentence: string, options?: ErrorOptions): TypeError {
  return naming(argument, new TypeError(`${argument}: ${sentence}`, options));
}

/** The error of a value out of its range. `sentence` says what was wanted and what came. */
export function wrongValue(argument: string, sentence: string, options?: ErrorOptions): RangeError {
  return naming(argument, new RangeError(`${argument}: ${sentence}`, options));
}

/**
 * Puts the name of the argument that is at fault on an error, which tells it from an error of the language. A plain property, so
 * that it can cross threads and realms; not enumerable, so that the error is printed as any other.
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
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return `an object of type ${value.constructor?.name ?? 'Object'}`;
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
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const hint = value > max && more !== undefined ? `; ${more}` : '';
  throw wrongValue(name, `${wanted}, got ${show(value)}${hint}`);
}

/** A finite number of at least `min`. */
export function checkNumber(name: string, value: unknown, { min }: { min: number }): number {
  const wanted = `expected a finite number of at least ${min}`;
  if (typeof value !== 'number') throw wrongKind(name, `${wanted}, got ${show(value)}`);
  if (Number.isFinite(value) && value >= min) return value;
  throw wrongValue(name, `${wanted}, got ${show(value)}`);
}

/** One of a few names. */
export function checkChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  const sentence = `expected one of ${choices.join(', ')}, got ${show(value)}`;
  throw typeof value === 'string' ? wrongValue(name, sentence) : wrongKind(name, sentence);
}

/** A signal that may be left out. */
export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw wrongKind('signal', `expected an AbortSignal, got ${show(value)}`);
}

/** An object that is no array. */
export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongKind(name, `expected an object, got ${show(value)}`);
  }
}

/** An options object without a misspelt name in it, which JavaScript would ignore in silence. */
export function checkOptions(name: string, value: unknown, known: readonly string[]): void {
  checkObject(name, value);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw wrongKind(name, `expected only ${known.join(', ')}, got ${show(unknown)}`);
  }
}
