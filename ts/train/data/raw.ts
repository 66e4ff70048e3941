// Images as files hold them, and as 8-bit values, before a rule makes levels of these.

import { eachNumber, invalid, type StoredImages } from './files/numbers.js';

/** Greyscale images of 8-bit values, `[count, height, width]`. */
export interface RawImages {
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** How stored values became these, where they were scaled: `floats 0 to 1 read as value x 255`. */
  readonly reading?: string;
}

/** All images of a data set, with what it is: training images, then those of validation, then those of the test. */
export interface NamedImages extends RawImages {
  /** `MNIST, 60,000 training then 10,000 test images`. */
  readonly source: string;
  /** How many, the last ones, are test images; 0 where the set is not divided so. */
  readonly testImages: number;
  /** How many, those before the test images, are validation images of the set's own; 0 where it has none. */
  readonly validationImages: number;
}

export type PublishedSet = 'mnist' | 'fashion-mnist';

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
export async function readValues(
  stored: Parts<StoredImages>,
  signal?: AbortSignal,
): Promise<Parts<RawImages & { path: string }>> {
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
  const read = async (file: StoredImages): Promise<RawImages & { path: string }> => {
    const { count, height, width, path, type, bytes } = file;
    const shape = { count, height, width, path };
    if (type === 'u1' && !scaled) return { ...shape, pixels: bytes };
    const pixels = new Uint8Array(count * height * width);
    await eachNumber(file, signal, (value, index) => {
      pixels[index] = scaled ? Math.round(value * 255) : value;
    });
    return { ...shape, pixels, ...(scaled && { reading }) };
  };
  const { train, validation, test } = stored;
  return {
    train: await read(train),
    ...(validation !== undefined && { validation: await read(validation) }),
    ...(test !== undefined && { test: await read(test) }),
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
  const { min, max } = range;
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
export function joinImages(name: string, parts: Parts<RawImages & { path: string }>): NamedImages {
  const { train, validation, test } = parts;
  const all = partNames.flatMap((part) => parts[part] ?? []);
  const odd = all.find(({ height, width }) => height !== train.height || width !== train.width);
  if (odd !== undefined) {
    const wanted = `images of ${train.height}x${train.width}, as ${train.path} has`;
    throw invalid(odd.path, wanted, `${odd.height}x${odd.width}`);
  }
  const pixels =
    all.length === 1 ? train.pixels : new Uint8Array(all.reduce((sum, part) => sum + part.pixels.length, 0));
  if (all.length > 1) {
    let at = 0;
    for (const part of all) {
      pixels.set(part.pixels, at);
      at += part.pixels.length;
    }
  }
  const number = (of: RawImages, kind: string): string => `${of.count.toLocaleString('en-US')}${kind}`;
  const images = train.count === 1 && all.length === 1 ? 'image' : 'images';
  const counted = [
    number(train, all.length > 1 ? ' training' : ''),
    ...(validation === undefined ? [] : [number(validation, ' validation')]),
    ...(test === undefined ? [] : [number(test, ' test')]),
  ].join(' then ');
  const { height, width, reading } = train;
  return {
    ...{ pixels, height, width },
    count: all.reduce((sum, { count }) => sum + count, 0),
    ...(reading !== undefined && { reading }),
    source: `${name}, ${counted} ${images}${reading === undefined ? '' : `, ${reading}`}`,
    validationImages: validation?.count ?? 0,
    testImages: test?.count ?? 0,
  };
}
