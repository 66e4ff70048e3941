// Images as files hold them, and as 8-bit values, before a rule makes levels of these.

import { type Levels, levelsArray } from '../../images.js';
import { eachNumber, invalid, type StoredImages } from './files/numbers.js';
import { mostLevels } from './rule.js';

/** Images of one channel, `[count, height, width]`: grey values of 8 bits, or values that are levels. */
export interface RawImages<Pixels extends Levels = Uint8Array> {
  /** The values, one image after the other. */
  readonly pixels: Pixels;
  /** Images. */
  readonly count: number;
  /** Rows of an image. */
  readonly height: number;
  /** Columns of an image. */
  readonly width: number;
  /** How stored values became these, where they were scaled: `floats 0 to 1 read as value x 255`. */
  readonly reading?: string;
}

/** The images of one part, with what else is known of each. */
export interface PartImages<Pixels extends Levels = Uint8Array> extends RawImages<Pixels> {
  /** What an error calls them. */
  readonly path: string;
  /** The class of each, `[count]`. */
  readonly labels?: Uint16Array;
  /** Which of them are parts of one whole, `[count]`: equal numbers, side by side. */
  readonly wholes?: Uint32Array;
}

/** All images of a data set, with what it is: training images, then those of validation, then those of the test. */
export interface NamedImages<Pixels extends Levels = Uint8Array> extends RawImages<Pixels> {
  /** `MNIST, 60,000 training then 10,000 test images`. */
  readonly source: string;
  /** How many, the last ones, are test images; 0 where the set is not divided so. */
  readonly testImages: number;
  /** How many, those before the test images, are validation images of the set's own; 0 where it has none. */
  readonly validationImages: number;
  /** The class of each, {@link unlabelled} in a part whose classes nothing tells; none where no part has any. */
  readonly labels?: Uint16Array;
  readonly wholes?: Uint32Array;
}

/** The label of an image whose class nothing tells. */
export const unlabelled = 2 ** 16 - 1;

/** The data sets that are known by name. */
export type PublishedSet = 'mnist' | 'fashion-mnist' | 'static-mnist';

/** The parts of a data set, in the order in which they are put one behind the other. */
export const partNames = ['train', 'validation', 'test'] as const;
export type PartName = (typeof partNames)[number];

/** Something for each part that there is; whatever is not divided is all `train`. */
export type Parts<T> = { readonly train: T } & { readonly [part in PartName]?: T };

/**
 * Files of one data set as 8-bit values. What all of them hold together decides how they are read: whole numbers from 0 to
 * 255 as they are, fractions from 0 to 1 times 255, rounded.
 *
 * @throws PixelCnnError `INVALID_DATA` for values of any other range, with the range found.
 */
export async function readValues(stored: Parts<StoredImages>, signal?: AbortSignal): Promise<Parts<PartImages>> {
  const files = partNames.flatMap((part) => stored[part] ?? []);
  const ranges: Range[] = [];
  for (const file of files) ranges.push(await rangeOf(file, signal));
  const scaled = ranges.some(({ whole }) => !whole);
  const fits = ({ min, max, whole }: Range): boolean => min >= 0 && max <= (scaled ? 1 : 255) && (scaled || whole);
  const wrong = ranges.findIndex((range) => !fits(range));
  if (wrong >= 0) {
    const { path } = files[wrong]!;
    const other = ranges.findIndex(({ min, max, whole }) => !whole && min >= 0 && max <= 1);
    if (other >= 0) {
      const got = `${rangeText(ranges[wrong]!)}; write both in one range`;
      throw invalid(path, `fractions from 0 to 1, as ${files[other]!.path} has`, got);
    }
    throw invalid(path, 'whole numbers from 0 to 255, or fractions from 0 to 1', withAdvice(ranges[wrong]!));
  }
  const reading = 'floats 0 to 1 read as value x 255';
  const read = async (file: StoredImages): Promise<PartImages> => {
    const { count, height, width, path, type, bytes } = file;
    const shape = { count, height, width, path };
    if (type === 'u1' && !scaled) return { ...shape, pixels: bytes };
    const pixels = new Uint8Array(count * height * width);
    await eachNumber(file, signal, (value, index) => {
      pixels[index] = scaled ? Math.round(value * 255) : value;
    });
    return { ...shape, pixels, ...(scaled && { reading }) };
  };
  return eachPart(stored, read);
}

/**
 * Files of one data set whose values are levels as they are stored, from 0 to 511.
 *
 * @param of What the values are, in an error: `codes`.
 * @throws PixelCnnError `INVALID_DATA` for any other value.
 */
export async function readStored(
  stored: Parts<StoredImages>,
  of: string,
  signal?: AbortSignal,
): Promise<Parts<PartImages<Levels>>> {
  const ranges = await eachPart(stored, (file) => storedRange(file, of, signal));
  const levels = Math.max(...partNames.map((part) => ranges[part] ?? 0)) + 1;
  return eachPart(stored, async (file) => {
    const { count, height, width, path, type, bytes } = file;
    const pixels = type === 'u1' && levels <= 256 ? bytes : levelsArray(count * height * width, levels);
    if (pixels !== bytes) {
      await eachNumber(file, signal, (value, index) => {
        pixels[index] = value;
      });
    }
    return { count, height, width, path, pixels };
  });
}

/** The largest of values that are levels. */
async function storedRange(file: StoredImages, of: string, signal: AbortSignal | undefined): Promise<number> {
  let most = 0;
  await eachNumber(file, signal, (value, index) => {
    if (Number.isInteger(value) && value >= 0 && value < mostLevels) {
      if (value > most) most = value;
      return;
    }
    const at = `in image ${Math.floor(index / (file.height * file.width))}`;
    if (Number.isInteger(value)) throw invalid(file.path, `${of} from 0 to ${mostLevels - 1}`, `${value} ${at}`);
    const hint = value > 0 && value < 1 ? '; grey values become levels by levels (--levels)' : '';
    throw invalid(file.path, `whole numbers, as ${of} are`, `${Number(value.toPrecision(6))} ${at}${hint}`);
  });
  return most;
}

/** Changes each part that there is, one after the other. */
export async function eachPart<T, U>(
  parts: Parts<T>,
  change: (value: T, part: PartName) => U | Promise<U>,
): Promise<Parts<U>> {
  const { train, validation, test } = parts;
  return {
    train: await change(train, 'train'),
    ...(validation !== undefined && { validation: await change(validation, 'validation') }),
    ...(test !== undefined && { test: await change(test, 'test') }),
  };
}

interface Range {
  readonly min: number;
  readonly max: number;
  /** Holds no fraction. */
  readonly whole: boolean;
}

function rangeText({ min, max, whole }: Range): string {
  const [low, high] = [min, max].map((value) => Number(value.toPrecision(6)));
  return `${whole ? 'whole numbers' : 'fractions'} from ${low} to ${high}`;
}

function withAdvice(range: Range): string {
  const { min, max, whole } = range;
  if (whole && min >= 0 && max < mostLevels) return `${rangeText(range)}; nominal takes codes as they are (--nominal)`;
  // Rounded, values of a narrow range would be left with a few levels.
  if (min >= 0 && max > 128 && max <= 255) return `${rangeText(range)}; round them, by x.round().astype(numpy.uint8)`;
  if (min >= 0 && max <= 128) return `${rangeText(range)}; bring white to 1, as by x / x.max()`;
  return `${rangeText(range)}; bring black to 0 and white to 1, as by (x - x.min()) / (x.max() - x.min())`;
}

async function rangeOf(file: StoredImages, signal: AbortSignal | undefined): Promise<Range> {
  let [min, max, whole] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true];
  await eachNumber(file, signal, (value, index) => {
    if (!Number.isFinite(value)) {
      throw invalid(file.path, 'finite numbers', `${value} in image ${Math.floor(index / (file.height * file.width))}`);
    }
    if (value < min) min = value;
    if (value > max) max = value;
    if (!Number.isInteger(value)) whole = false;
  });
  return { min, max, whole };
}

/** Parts as one set, under one name; all of them have images of one size. */
export function joinImages<Pixels extends Levels>(name: string, parts: Parts<PartImages<Pixels>>): NamedImages<Pixels> {
  const { train, validation, test } = parts;
  const all = partNames.flatMap((part) => parts[part] ?? []);
  const odd = all.find(({ height, width }) => height !== train.height || width !== train.width);
  if (odd !== undefined) {
    const wanted = `images of ${train.height}x${train.width}, as ${train.path} has`;
    throw invalid(odd.path, wanted, `${odd.height}x${odd.width}`);
  }
  const number = (of: RawImages<Levels>, kind: string): string => `${of.count.toLocaleString('en-US')}${kind}`;
  const images = train.count === 1 && all.length === 1 ? 'image' : 'images';
  const counted = [
    number(train, all.length > 1 ? ' training' : ''),
    ...(validation === undefined ? [] : [number(validation, ' validation')]),
    ...(test === undefined ? [] : [number(test, ' test')]),
  ].join(' then ');
  const { height, width, reading } = train;
  const none = (count: number): Uint16Array => new Uint16Array(count).fill(unlabelled);
  // A number of one part is another whole than the same number of the next.
  let wholesBefore = 0;
  const wholesOf = ({ wholes, count }: PartImages<Pixels>): Uint32Array => {
    const numbered = Uint32Array.from({ length: count }, (_, image) => wholesBefore + (wholes?.[image] ?? image));
    wholesBefore = numbered[count - 1]! + 1;
    return numbered;
  };
  return {
    ...{ pixels: joined(all.map(({ pixels }) => pixels)), height, width },
    count: all.reduce((sum, { count }) => sum + count, 0),
    ...(reading !== undefined && { reading }),
    source: `${name}, ${counted} ${images}${reading === undefined ? '' : `, ${reading}`}`,
    validationImages: validation?.count ?? 0,
    testImages: test?.count ?? 0,
    ...(all.some(({ labels }) => labels) && { labels: joined(all.map(({ labels, count }) => labels ?? none(count))) }),
    ...(all.some(({ wholes }) => wholes) && { wholes: joined(all.map(wholesOf)) }),
  };
}

/** Arrays of one kind, one behind the other; one alone is not copied. */
function joined<Numbers extends Levels | Uint32Array>(arrays: readonly Numbers[]): Numbers {
  const [first] = arrays as readonly [Numbers];
  if (arrays.length === 1) return first;
  const length = arrays.reduce((sum, array) => sum + array.length, 0);
  // What comes of a file is a Buffer, of which none are made.
  const kind = [Uint32Array, Uint16Array].find((kind) => first instanceof kind) ?? Uint8Array;
  const all = new kind(length) as Numbers;
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
