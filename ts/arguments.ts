/** Checks of arguments: each names the argument, what was wanted and what came, in one sentence. */

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
  const wanted = `${name}: expected an integer from ${min} to ${max}`;
  if (typeof value !== 'number') throw new TypeError(`${wanted}, got ${show(value)}`);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const hint = value > max && more !== undefined ? `; ${more}` : '';
  throw new RangeError(`${wanted}, got ${show(value)}${hint}`);
}

/** A finite number of at least `min`. */
export function checkNumber(name: string, value: unknown, { min }: { min: number }): number {
  const wanted = `${name}: expected a finite number of at least ${min}`;
  if (typeof value !== 'number') throw new TypeError(`${wanted}, got ${show(value)}`);
  if (Number.isFinite(value) && value >= min) return value;
  throw new RangeError(`${wanted}, got ${show(value)}`);
}

/** One of a few names. */
export function checkChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  const message = `${name}: expected one of ${choices.join(', ')}, got ${show(value)}`;
  throw typeof value === 'string' ? new RangeError(message) : new TypeError(message);
}

/** A limit to memory, in bytes, that may be left out. */
export function checkMemoryLimit(value: unknown): number | undefined {
  return value === undefined ? value : checkInteger('memoryLimit', value, { min: 1, max: Number.MAX_SAFE_INTEGER });
}

/** A signal that may be left out. */
export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw new TypeError(`signal: expected an AbortSignal, got ${show(value)}`);
}

/** An object that is no array. */
export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${name}: expected an object, got ${show(value)}`);
  }
}

/** An options object without a misspelt name in it, which JavaScript would ignore in silence. */
export function checkOptions(name: string, value: unknown, known: readonly string[]): void {
  checkObject(name, value);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(`${name}: expected only ${known.join(', ')}, got ${show(unknown)}`);
  }
}
