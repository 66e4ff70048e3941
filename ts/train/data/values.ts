// Values as they are stored: their range, and what that says of what they are.

import { checkInteger, checkObject, lookedAt, show, wrongKind, wrongValue } from '../../arguments.js';
import { byteLengthOf, isArrayOf, plainArray } from '../../brand.js';
import type { PixelCnnError } from '../../error.js';
import type { Levels } from '../../images.js';
import { invalid } from './files/numbers.js';
import type { RawImages } from './raw.js';
import { referenceThreshold } from './rule.js';

/** Images whose parts go together, each read once. `kinds`: the arrays that their values may stand in. */
export function checkRawImages<Pixels extends Levels>(
  given: RawImages<Pixels>,
  kinds: readonly ('Uint8Array' | 'Uint16Array')[],
  of: string,
): RawImages<Pixels> {
  checkObject('images', given);
  const images = lookedAt('images', () => ({
    pixels: given.pixels,
    count: given.count,
    height: given.height,
    width: given.width,
    ...(given.reading !== undefined && { reading: given.reading }),
  }));
  const { pixels, count, height, width } = images;
  for (const [name, value] of Object.entries({ count, height, width })) {
    checkInteger(`images.${name}`, value, { min: 1, max: Number.MAX_SAFE_INTEGER });
  }
  if (!kinds.some((kind) => isArrayOf(kind, pixels))) {
    throw wrongKind('images.pixels', `expected a ${kinds.join(' or ')} of ${of}, got ${show(pixels)}`);
  }
  const length = byteLengthOf(pixels) / pixels.BYTES_PER_ELEMENT;
  if (length === count * height * width) return { ...images, pixels: plainArray(pixels) };
  const wanted = `expected ${count * height * width} values, as [${count}, ${height}, ${width}] has`;
  throw wrongValue('images.pixels', `${wanted}, got ${length}`);
}

/** Images that are the same everywhere, from which nothing can be learnt. */
export function nothingIn(name: string, value: number): PixelCnnError {
  return invalid(name, 'images with something in them', `the same value, ${value}, in every pixel`);
}

/** A range that values come in, told by the greatest of them. */
interface ValueRange {
  readonly most: number;
  readonly name: string;
  /** Whether the rules for grey values of 0 to 255 mean anything here. */
  readonly grey: boolean;
}

const ranges: readonly ValueRange[] = [
  { most: 1, name: '0 and 1, as levels are', grey: false },
  { most: 16, name: "0 to 16, as scikit-learn's digits have", grey: false },
  { most: 255, name: '0 to 255, as 8-bit grey has', grey: true },
];

/** What values there are. */
export interface Values {
  readonly least: number;
  readonly most: number;
  readonly range: ValueRange;
}

export function valuesOf(pixels: Uint8Array): Values {
  let [least, most] = [255, 0];
  for (const value of pixels) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { least, most, range: ranges.find((range) => most <= range.most)! };
}

/** Values in words: `0 to 255, as 8-bit grey has`, and which of them there are. */
export function valuesInWords({ least, most, range }: Values): string {
  const all = most <= 1 || (least === 0 && most === range.most);
  return all ? range.name : `${range.name}, here ${least} to ${most}`;
}

/** Rules for values that are levels as they are stored, as advice. */
export function storedAdvice(most: number): string {
  if (most < 2) return 'binarisation none would fit (--binarisation none)';
  const amounts = `--binarisation none --levels ${most + 1}`;
  return `nominal would fit codes (--nominal), binarisation none levels in an order (${amounts})`;
}

/**
 * Refuses integers that may be codes rather than grey values, where nothing says which: those of more than 8 bits, as codes are
 * mostly stored and grey values hardly ever, and those that are all in the lower half of 8 bits. A threshold would make nonsense
 * of codes, and nobody would see it. Values of 0 and 1 are refused without it.
 *
 * @param type What NumPy calls theirs.
 * @param levels How many are to be made of them, if not two by a default: those that are all below it are levels already.
 */
export function checkNotCodes(name: string, type: string, pixels: Uint8Array, levels?: number): void {
  const { least, most } = valuesOf(pixels);
  if (most < 2 || least === most) return;
  if (levels !== undefined) {
    if (most >= levels || levels === 256) return;
    const got = `${type} from ${least} to ${most}, which seem to be levels already; ${storedAdvice(most)}`;
    throw invalid(name, `grey values from 0 to 255, of which to make ${levels} levels`, got, 'levels');
  }
  if (most >= 128 && type.endsWith('int8')) return;
  const middle = Math.ceil((least + most) / 2);
  const straddles = most > 16 && least < referenceThreshold && most >= referenceThreshold;
  const [grey, flag] = straddles
    ? ['binarisation threshold', '--binarisation threshold']
    : [`threshold ${middle}`, `--threshold ${middle}`];
  const wanted = 'grey values from 0 to 255, or a word on what else these are';
  const got = `${type} from ${least} to ${most}; for codes nominal would fit (--nominal), for grey values ${grey} (${flag})`;
  throw invalid(name, wanted, got, 'data');
}
