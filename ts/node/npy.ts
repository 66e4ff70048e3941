/** Arrays of levels and of other numbers as .npy files (numpy.lib.format, version 1.0). */

import { room } from '../bytes.js';
import type { Levels } from '../images.js';

/** What such files hold here: bytes, 16-bit integers, doubles. */
export type NpyType = '|u1' | '<u2' | '<f8';

/** The bytes of a file of such numbers, in C order. Throws PixelCnnError `OUT_OF_MEMORY`. */
export function npyBytes(data: Levels | Float64Array, shape: readonly number[]): Buffer {
  const type = data instanceof Float64Array ? '<f8' : data.BYTES_PER_ELEMENT === 1 ? '|u1' : '<u2';
  const head = npyHead(type, shape);
  const file = Buffer.from(room(Uint8Array, head.length + data.byteLength, 'count').buffer);
  file.set(head);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), head.length);
  if (isBigEndian) swap(file.subarray(head.length), data.BYTES_PER_ELEMENT);
  return file;
}

/** What stands before the numbers. */
export function npyHead(type: NpyType, shape: readonly number[]): Buffer {
  const dict = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  // Values begin at a multiple of 64 bytes, behind 10 of the magic string, version and length.
  const header = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11)}\n`;
  const start = Buffer.alloc(10);
  start.write('\x93NUMPY\x01\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header, 'latin1')]);
}

/** Doubles as a file holds them. */
export function readDoubles(bytes: Buffer): Float64Array {
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
}

const isBigEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;

function swap(numbers: Buffer, bytes: number): void {
  if (bytes === 2) numbers.swap16();
  if (bytes === 8) numbers.swap64();
}
