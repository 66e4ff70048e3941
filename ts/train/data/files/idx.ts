// IDX, the file format of MNIST: two zero bytes, a type code, the number of dimensions, each dimension as a big-endian
// 32-bit integer, then the values, big-endian too.

import { type ArrayHeader, imagesOf, invalid, type StoredImages } from './numbers.js';

const types: Readonly<Record<number, string>> = { 8: 'u1', 9: 'i1', 11: 'i2', 12: 'i4', 13: 'f4', 14: 'f8' };

/** The header that a file's first bytes are; undefined where they are those of another format. */
export function idxHeader(head: Uint8Array): ArrayHeader | undefined {
  if (head.length < 4 || head[0] !== 0 || head[1] !== 0) return undefined;
  const [type, dimensions] = [types[head[2]!], head[3]!];
  const start = 4 + 4 * dimensions;
  if (type === undefined || dimensions < 1 || dimensions > 4 || head.length < start) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  return { format: 'IDX', type, littleEndian: false, shape, start };
}

/** Reads a file of images; `path` is what an error calls it. */
export function parseIdxImages(bytes: Uint8Array, path: string): StoredImages {
  const header = idxHeader(bytes);
  if (header === undefined) {
    const got = bytes.length === 0 ? 'an empty file' : 'other bytes, or too few';
    throw invalid(path, 'an IDX file', got);
  }
  return imagesOf(header, bytes, path);
}

/** The header of an IDX file of 8-bit images. */
export const idxImagesHeader = (count: number, height: number, width: number): Uint8Array =>
  header8Bit([count, height, width]);

/** The header of an IDX file of 8-bit labels. */
export const idxLabelsHeader = (count: number): Uint8Array => header8Bit([count]);

function header8Bit(shape: readonly number[]): Uint8Array {
  const header = new Uint8Array(4 + 4 * shape.length);
  const view = new DataView(header.buffer);
  [0x0800 + shape.length, ...shape].forEach((value, i) => {
    view.setUint32(4 * i, value);
  });
  return header;
}
