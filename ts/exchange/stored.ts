/** What the readers of other programs' files have in common: variables by layer, and how a file is refused. */

import { argumentOf, show, wrongValue } from '../arguments.js';
import { PixelCnnError } from '../error.js';

/** Numbers of a layer that are still in the file. */
export interface Variable {
  /** As the file calls it: `layers/conv2d/vars/0`, `stem/kernel`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** All of it, `shape` after `shape`; throws what {@link refused} makes where the file does not hold it. */
  read(): Float32Array;
}

/** A model as another program wrote it. */
export interface StoredModel {
  /** What it is, in words: `a .keras file of Keras 3.15.1`. */
  readonly what: string;
  /** The net as its program describes it, parsed JSON that nobody has looked at; undefined in files of weights alone. */
  readonly topology: unknown;
  /** The variables of each layer. */
  readonly groups: ReadonlyMap<string, readonly Variable[]>;
  /** What groups are called by: a layer's own name, or that of its class in snake case with a number. */
  readonly groupedBy: 'layer' | 'class';
  /** Whether groups stand in the order of layers; a Sequential model's input has none. */
  readonly ordered: boolean;
  /** What this package has written beside a net that it exported, not looked at. */
  readonly own?: unknown;
  /** sha256 of the weights, where they are in files of their own. */
  readonly weightsSha256?: string;
  /** Gives back what reading took. */
  close(): void;
}

/** A model file that cannot be taken over. `sentence` says what was wanted and what came. */
export function refused(sentence: string, cause?: unknown): RangeError {
  return wrongValue('model', sentence, cause === undefined ? undefined : { cause });
}

/** Whether it says already what is wrong with the file. */
export function isRefusal(error: unknown): boolean {
  return error instanceof PixelCnnError || argumentOf(error) !== undefined;
}

/** An optional package that a kind of file takes; `names` are all that it takes. */
export function missingPackage(what: string, names: string): (cause: unknown) => never {
  return (cause) => {
    throw new PixelCnnError(
      'MISSING_PACKAGE',
      `import: expected the package that reads ${what}, found it missing; npm i ${names}`,
      { cause },
    );
  };
}

/** The most bytes of anything that is read. */
const most = 2 ** 31 - 1;
/** What even a small file may unpack to, in bytes, and what any file may times its own size: weights hardly shrink. */
const [always, times] = [2 ** 26, 20];

/** Most bytes that may come out of `packed` bytes; a file that promises more was made to fill memory. */
export function mostUnpacked(packed: number): number {
  return Math.min(most, Math.max(always, times * packed));
}

export const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const thousands = (n: number): string => n.toLocaleString('en-US');

/** `[3, 3, 8, 4]`, as messages have it. */
export const shapeText = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** A value of a file's JSON in a message: as it is written where that is short, and never walked into. */
export function written(value: unknown): string {
  const isFlat = Array.isArray(value) && value.length <= 4 && value.every((part) => typeof part !== 'object');
  return isFlat ? `[${value.map((part) => show(part)).join(', ')}]` : show(value);
}

/** Adds to the list under a key. */
export function addTo<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** JSON of a file; `what` names it where it is none. */
export function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refused(`expected ${what} in JSON, got other text; the file may be damaged`, cause);
  }
}

/** A property of a value that may be anything. */
export function at(value: unknown, ...names: readonly string[]): unknown {
  let found = value;
  for (const name of names) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}
