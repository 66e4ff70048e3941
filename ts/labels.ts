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
    const found = typeof label === 'string' ? numbers.get(label) : label;
    if (typeof found === 'number' && Number.isInteger(found) && found >= 0 && found < classes) return found;
    throw unfit(/string|number/.test(typeof label), argument, wanted(model), label, where + hint(label, model));
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

function wanted({ config, classNames }: Labelled): string {
  const numbers = `a class from 0 to ${config.classes! - 1}`;
  if (classNames === undefined) return `${numbers}, of a model that does not name them`;
  const more = classNames.length > mostListed ? ', ...' : '';
  return `${numbers}, or its name (${classNames.slice(0, mostListed).map(show).join(', ')}${more})`;
}

function hint(label: unknown, { classNames = [] }: Labelled): string {
  // Of a letter or two every other is a misspelling; what is long is no name.
  return typeof label === 'string' && /^.{3,60}$/s.test(label) ? didYouMean(label, classNames) : '';
}
