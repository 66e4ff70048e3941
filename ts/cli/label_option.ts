/** Classes as they are typed: by name, by number, or several of them. */

import { named } from '../arguments.js';
import { checkLabels } from '../labels.js';
import type { Sampler } from '../sampler.js';
import { UsageError } from './failure.js';

/** The number of a class. A name goes before a number, since names may be numbers. */
export function labelOf(option: string, text: string, sampler: Sampler): number {
  const isName = sampler.classNames?.includes(text) ?? false;
  const label = !isName && /^\d{1,9}$/.test(text) ? Number(text) : text;
  return checkLabels(option, label, 1, sampler)[0]!;
}

/** The numbers of several, such as `0-9` or `3,5,shoe`, in the order in which they were typed. */
export function labelsOf(option: string, text: string, sampler: Sampler): number[] {
  const isName = (part: string) => sampler.classNames?.includes(part) ?? false;
  if (isName(text)) return [labelOf(option, text, sampler)];
  return text.split(',').flatMap((typed) => {
    const part = isName(typed) ? typed : typed.trim(); // names may begin and end with spaces
    const [, from, to] = (!isName(part) && /^(\d{1,9})-(\d{1,9})$/.exec(part)) || [];
    if (from === undefined || to === undefined) return [labelOf(option, part, sampler)];
    // From one name to another, or from one number to another.
    const ends = isName(from) && isName(to) ? [from, to] : [Number(from), Number(to)];
    const [first, last] = ends.map((end) => checkLabels(option, end, 1, sampler)[0]!) as [number, number];
    if (first > last) throw new UsageError(`${option}: expected a range with its lower end first, got ${part}`);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** What a class is called, in a line of words: its number where nobody named it. */
export function nameOfClass(label: number, { classNames }: Pick<Sampler, 'classNames'>): string {
  return named(classNames?.[label] ?? String(label));
}
