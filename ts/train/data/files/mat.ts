// MATLAB's files of version 5 (MAT-File Format, The MathWorks), as far as published sets are in them: one packed matrix of real
// numbers that is stored as bytes, a row an image.

import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { reasonOf } from '../../../node/files.js';
import { invalid, type StoredImages } from './numbers.js';

/** Types of an element, as its tag has them. */
const element = { int8: 1, uint8: 2, int32: 5, uint32: 6, matrix: 14, packed: 15 };
/** The file's own header; a version and `IM`, which is how little-endian machines wrote `MI`, end it. */
const fileHeader = 128;

interface Element {
  readonly type: number;
  readonly bytes: Uint8Array;
  /** Where the next one begins. */
  readonly next: number;
}

/** The element at a place: a tag of type and length, then its bytes, up to the next multiple of 8. */
function elementAt(bytes: Uint8Array, at: number): Element | undefined {
  if (at + 8 > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint32(at, true);
  // Up to four bytes stand within the tag, whose upper half then is their number.
  const short = first >>> 16;
  if (short > 4) return undefined;
  if (short > 0) return { type: first & 0xffff, bytes: bytes.subarray(at + 4, at + 4 + short), next: at + 8 };
  const length = view.getUint32(at + 4, true);
  const end = at + 8 + length;
  if (end > bytes.length) return undefined;
  return { type: first, bytes: bytes.subarray(at + 8, end), next: Math.ceil(end / 8) * 8 };
}

/**
 * Images of `height` x `width` bytes of such a file; columns lie one behind the other there.
 *
 * @param most Bytes that are unpacked at most.
 * @throws PixelCnnError `INVALID_DATA` for another file, `path` being what it is called.
 */
export async function parseMatImages(
  bytes: Uint8Array,
  path: string,
  { height, width, most }: { readonly height: number; readonly width: number; readonly most: number },
): Promise<StoredImages> {
  const size = height * width;
  const wanted = `a MATLAB file of version 5 with one packed matrix of bytes, ${size} columns`;
  const wrong = (got: string) => invalid(path, wanted, got);
  const text = Buffer.from(bytes.subarray(0, fileHeader)).toString('latin1');
  if (!text.startsWith('MATLAB 5.0') || !text.endsWith('\x00\x01IM')) throw wrong('other bytes, or too few');
  const packed = elementAt(bytes, fileHeader);
  if (packed?.type !== element.packed) throw wrong('one whose first element is none, or cut off');
  const unpacked = await promisify(inflate)(packed.bytes, { maxOutputLength: most }).catch((cause: unknown) => {
    throw wrong(`one that could not be unpacked (${reasonOf(cause)})`);
  });
  const matrix = elementAt(unpacked, 0);
  if (matrix?.type !== element.matrix) throw wrong('another element in it');
  const parts: Element[] = [];
  for (let at = 0; parts.length < 4; at = parts.at(-1)!.next) {
    const part = elementAt(matrix.bytes, at);
    if (part === undefined) throw wrong('a matrix that is cut off');
    parts.push(part);
  }
  const [flags, shape, name, values] = parts as [Element, Element, Element, Element];
  const types = [element.uint32, element.int32, element.int8, element.uint8];
  const isOther = [flags, shape, name, values].some(({ type }, i) => type !== types[i]);
  if (isOther || shape.bytes.length !== 8) throw wrong('a matrix of other numbers, or of more than two axes');
  const view = new DataView(shape.bytes.buffer, shape.bytes.byteOffset, 8);
  const [count, columns] = [view.getInt32(0, true), view.getInt32(4, true)];
  if (count < 1 || columns !== size || values.bytes.length !== count * size) {
    throw wrong(`${count} rows and ${columns} columns in ${values.bytes.length} bytes`);
  }
  const rows = new Uint8Array(count * size);
  // A few images at a time, so that what is written stays near.
  for (let first = 0; first < count; first += 64) {
    const end = Math.min(first + 64, count);
    for (let column = 0; column < size; column++) {
      for (let image = first; image < end; image++) rows[image * size + column] = values.bytes[column * count + image]!;
    }
  }
  return { count, height, width, format: 'MATLAB', path, type: 'u1', littleEndian: true, bytes: rows };
}
