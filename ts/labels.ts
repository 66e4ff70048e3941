/** Classes of images as arguments, by number or by name. */

import { didYouMean, lookedAt, show, unfit, wrongValue } from './arguments.js';
import type { Config } from './config.js';
import { isLevels } from './images.js';

/** A class: its number, 0 to `classes - 1`, or its name, where the model file names its classes. */
export type Label = number | string;

/** The class of all images, or of each, `[count]`. */
export type Labels = Label | readonly Label[] | Uint8Array | Uint16Array;

/** What of a model tells its classes. */
export interface Labelled {
  readonly config: Config;
  readonly classNames?: readonly string[] | undefined;
}

/** The class of each of `count` images, `[count]`: ours, and checked. */
export function checkLabels(argument: string, value: unknown, count: number, model: Labelled): Uint16Array {
  const { classes = 0 } = model.config;
  if (classes === 0) throw unfit(true, argument, 'none for a model without classes', value);
  const numbers = new Map(model.classNames?.map((name, number) => [name, number]));
  const classOf = (label: unknown, where = ''): number => {
    const isName = typeof label === 'string';
    const found = (isName ? numbers.get(label) : label) as number;
    if (Number.isInteger(found) && found >= 0 && found < classes) return found;
    const hint = isName ? didYouMean(label, model.classNames ?? []) : '';
    throw unfit(isName || typeof label === 'number', argument, anyClass(model), label, where + hint);
  };
  return lookedAt(argument, () => {
    if (!Array.isArray(value) && !isLevels(value)) return new Uint16Array(count).fill(classOf(value));
    const each: ArrayLike<unknown> = value;
    const length = Number(each.length);
    if (length === count) return Uint16Array.from({ length }, (_, i) => classOf(each[i], ` at index ${i}`));
    throw wrongValue(argument, `expected one class for all, or ${count}, one for each image, got ${length}`);
  });
}

/** Names that a message lists. */
const mostListed = 12;

/** What a class may be, in words. */
export function anyClass({ config, classNames }: Labelled): string {
  const numbers = `a class from 0 to ${config.classes! - 1}`;
  if (classNames === undefined) return `${numbers}, of a model that does not name them`;
  const more = classNames.length > mostListed ? ', ...' : '';
  return `${numbers}, or its name (${classNames.slice(0, mostListed).map(show).join(', ')}${more})`;
}
