/** Arrays of levels and of other numbers as .npy files (numpy.lib.format, version 1.0). */

import type { Levels } from '../images.js';

/** What such files hold here: bytes, 16-bit integers, doubles. */
export type NpyType = '|u1' | '<u2' | '<f8';

/** The bytes of a file of such numbers, in C order. */
export function npyBytes(data: Levels | Float64Array, shape: readonly number[]): Buffer {
  const type = data instanceof Float64Array ? '<f8' : data.BYTES_PER_ELEMENT === 1 ? '|u1' : '<u2';
  return Buffer.concat([npyHead(type, shape), littleEndian(data)]);
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

function littleEndian(data: Levels | Float64Array): Buffer {
  const bytes = Buffer.from(data.slice().buffer);
  if (!isBigEndian || data.BYTES_PER_ELEMENT === 1) return bytes;
  return data.BYTES_PER_ELEMENT === 2 ? bytes.swap16() : bytes.swap64();
}
