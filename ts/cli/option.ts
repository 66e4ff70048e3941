/** Values of options: text to what the API takes, with the API's own checks under the option's name. */

import { checkChoice, checkInteger, checkNumber, type IntegerRange, show } from '../arguments.js';
import { checkMegabytes } from '../sharing.js';
import { UsageError } from './failure.js';

/** An option's text as an integer in a range. */
export function integer(option: string, range: IntegerRange): (text: string) => number {
  const wanted = `an integer from ${range.min} to ${range.max}`;
  return (text) => checkInteger(option, decimal(option, text, wanted), range);
}

/** An option's text as integers in a range, with commas between them. */
export function integers(option: string, range: IntegerRange): (text: string) => number[] {
  return (text) => text.split(',').map((part) => integer(option, range)(part.trim()));
}

/** An option's text as two integers in a range, such as a height and a width: `14x10`, or `14` for both. */
export function pair(option: string, range: IntegerRange): (text: string) => readonly [number, number] {
  return (text) => {
    const [, one, other] = /^([^x]*)(?:x([^x]*))?$/i.exec(text) ?? [];
    if (one === undefined) throw new UsageError(`${option}: expected two integers as 14x10, got ${show(text)}`);
    const parse = integer(option, range);
    return [parse(one), parse(other ?? one)];
  };
}

/** An option's text as a finite number of at least `min`. */
export function number(option: string, range: { min: number }): (text: string) => number {
  const wanted = `a finite number of at least ${range.min}`;
  return (text) => checkNumber(option, decimal(option, text, wanted), range);
}

/** An option's text as megabytes of rows that are remembered. */
export function megabytes(option: string): (text: string) => number {
  return (text) => checkMegabytes(option, decimal(option, text, 'a number of megabytes'));
}

/** An option's text as one of a few names. */
export function choice<T extends string>(option: string, choices: readonly T[]): (text: string) => T {
  return (text) => checkChoice(option, text, choices);
}

/** A number as people write it; not what else JavaScript takes for one, such as '' and '0x10'. */
function decimal(option: string, text: string, wanted: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  throw new UsageError(`${option}: expected ${wanted}, got ${show(text)}`);
}
