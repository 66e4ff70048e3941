// Images as files hold them, and as 8-bit values, before a rule makes levels of these.

import { setImmediate } from 'node:timers/promises';
import { PixelCnnError } from '../../error.js';

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

/** More than this many pixels, 1 GiB, is no data set that this package trains on. */
export const mostPixels = 2 ** 30;

/** The parts of a data set, in the order in which they are put one behind the other. */
export const partNames = ['train', 'validation', 'test'] as const;
export type PartName = (typeof partNames)[number];

/** Something for each part that there is; whatever is not divided is all `train`. */
export type Parts<T> = { readonly train: T } & { readonly [part in PartName]?: T };

/** A number of a file, as numpy names its type. */
export interface NumberType {
  /** Bytes of one. */
  readonly size: number;
  readonly read: (view: DataView, at: number, littleEndian: boolean) => number;
}

/** Integers of 64 bits beyond 2^53 lose their last bits here, and are refused for their size anyway. */
const wide = (view: DataView, at: number, little: boolean, signed: boolean): number => {
  const [low, high] = little ? [at, at + 4] : [at + 4, at];
  return (signed ? view.getInt32(high, little) : view.getUint32(high, little)) * 2 ** 32 + view.getUint32(low, little);
};

const half = (bits: number): number => {
  const [sign, exponent, fraction] = [bits >> 15 === 1 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
};

/** The types that are read. */
export const numberTypes: Readonly<Record<string, NumberType>> = {
  b1: { size: 1, read: (view, at) => Math.min(1, view.getUint8(at)) },
  u1: { size: 1, read: (view, at) => view.getUint8(at) },
  i1: { size: 1, read: (view, at) => view.getInt8(at) },
  u2: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
  i2: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
  u4: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
  i4: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
  u8: { size: 8, read: (view, at, little) => wide(view, at, little, false) },
  i8: { size: 8, read: (view, at, little) => wide(view, at, little, true) },
  f2: { size: 2, read: (view, at, little) => half(view.getUint16(at, little)) },
  f4: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
};

/** What the header of a file of numbers says. */
export interface ArrayHeader {
  readonly format: 'IDX' | '.npy';
  /** One of {@link numberTypes}. */
  readonly type: string;
  readonly littleEndian: boolean;
  readonly shape: readonly number[];
  /** Where the values begin. */
  readonly start: number;
}

/** Images as a file of numbers holds them. */
export interface StoredImages extends Omit<RawImages, 'pixels' | 'reading'> {
  readonly format: 'IDX' | '.npy';
  readonly path: string;
  readonly type: string;
  readonly littleEndian: boolean;
  /** The values alone. */
  readonly bytes: Uint8Array;
}

/** Bytes of a whole file with such a header. */
export function fileLength({ type, shape, start }: ArrayHeader): number {
  return start + shape.reduce((product, length) => product * length, numberTypes[type]!.size);
}

/** An array's shape as people write it. */
export const shapeText = (shape: readonly number[]): string => `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;

/**
 * An array as images: `[count, height, width]`, also with an axis of one channel behind or before height and width.
 *
 * @throws PixelCnnError `INVALID_DATA` for another shape, another length of the file, or more than {@link mostPixels}.
 */
export function imagesOf(header: ArrayHeader, bytes: Uint8Array, path: string): StoredImages {
  const { format, shape, start } = header;
  const got = shapeText(shape);
  const [count, height, width] = checkImageShape(header, path);
  const size = count! * height! * width!;
  if (size === 0) throw invalid(path, 'at least one image of at least one pixel', `shape ${got}`);
  if (size > mostPixels) throw invalid(path, `at most ${mostPixels} pixels`, `shape ${got}`);
  const { type, littleEndian } = header;
  const wanted = size * numberTypes[type]!.size;
  if (bytes.length - start !== wanted) {
    throw invalid(path, `${wanted} bytes of values for shape ${got}`, String(bytes.length - start));
  }
  const images = { count: count!, height: height!, width: width!, bytes: bytes.subarray(start) };
  return { format, path, type, littleEndian, ...images };
}

/** Count, height and width. */
function checkImageShape({ shape, type }: ArrayHeader, path: string): readonly number[] {
  if (shape.length === 3) return shape;
  const wanted =
    'shape (count, height, width), or with one channel (count, height, width, 1) or (count, 1, height, width)';
  const got = shapeText(shape);
  if (shape.length === 1) throw invalid(path, wanted, `${got}; is it a file of labels?`);
  if (shape.length === 2) {
    const side = Math.sqrt(shape[1]!);
    const example = Number.isInteger(side) && side > 1 ? `(-1, ${side}, ${side})` : '(-1, height, width)';
    throw invalid(path, wanted, `${got}; write it again after x.reshape${example}`);
  }
  if (shape.length === 4 && shape[3] === 1) return shape.slice(0, 3);
  if (shape.length === 4 && shape[1] === 1) return [shape[0]!, shape[2]!, shape[3]!];
  const axis = shape.length === 4 ? [3, 1].find((at) => shape[at] === 3 || shape[at] === 4) : undefined;
  if (axis === undefined) throw invalid(path, wanted, got);
  const mean = `x.mean(${axis})${type.startsWith('f') ? '' : '.round()'}`;
  throw invalid(path, wanted, `${got}, colours; write them again in grey, as by ${mean}`);
}

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

/** Values between two looks at the signal. */
const valuesAtOnce = 2 ** 22;

async function eachNumber(
  { type, littleEndian, bytes }: StoredImages,
  signal: AbortSignal | undefined,
  visit: (value: number, index: number) => void,
): Promise<void> {
  const { size, read } = numberTypes[type]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.length / size);
  for (let start = 0; start < count; start += valuesAtOnce) {
    await letIn(signal);
    const end = Math.min(count, start + valuesAtOnce);
    // As most files are, and several times as fast.
    if (type === 'u1') for (let index = start; index < end; index++) visit(bytes[index]!, index);
    else for (let index = start; index < end; index++) visit(read(view, index * size, littleEndian), index);
  }
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

/**
 * Between two of the times that millions of values are gone over: lets signals and timers in; throws the reason of a signal
 * that has aborted.
 */
export async function letIn(signal?: AbortSignal): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

/** What is wrong with a file. */
export function invalid(path: string, wanted: string, got: string): PixelCnnError {
  return new PixelCnnError('INVALID_DATA', `${path}: expected ${wanted}, got ${got}`);
}
