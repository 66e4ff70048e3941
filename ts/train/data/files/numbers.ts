// Arrays as files hold them: a shape, a type, and the bytes of their numbers.

import { setImmediate } from 'node:timers/promises';
import { PixelCnnError } from '../../../error.js';

/** More than this many pixels, 1 GiB, is no data set that this package trains on. */
export const mostPixels = 2 ** 30;

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
export interface StoredImages {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly format: 'IDX' | '.npy' | 'MATLAB';
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

/** Values between two looks at the signal. */
const valuesAtOnce = 2 ** 22;

export async function eachNumber(
  { type, littleEndian, bytes }: Pick<StoredImages, 'type' | 'littleEndian' | 'bytes'>,
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

/**
 * Between two of the times that millions of values are gone over: lets signals and timers in; throws the reason of a signal
 * that has aborted.
 */
export async function letIn(signal?: AbortSignal): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

/** What is wrong with a file. `argument`: what was asked for that does not suit it, where it was that. */
export function invalid(path: string, wanted: string, got: string, argument?: string): PixelCnnError {
  const options = argument === undefined ? {} : { argument };
  return new PixelCnnError('INVALID_DATA', `${path}: expected ${wanted}, got ${got}`, options);
}
