/** Arrays of levels as .npy files (numpy.lib.format, version 1.0). */

import type { Levels } from '../images.js';

/** The bytes of a file of such numbers, in C order. */
export function npyBytes(data: Levels, shape: readonly number[]): Buffer {
  const descr = data.BYTES_PER_ELEMENT === 1 ? '|u1' : '<u2';
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  // Values begin at a multiple of 64 bytes, behind 10 of the magic string, version and length.
  const header = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11)}\n`;
  const start = Buffer.alloc(10);
  start.write('\x93NUMPY\x01\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), littleEndian(data)]);
}

function littleEndian(data: Levels): Buffer {
  const bytes = Buffer.from(data.slice().buffer);
  const isBig = data.BYTES_PER_ELEMENT === 2 && new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;
  return isBig ? bytes.swap16() : bytes;
}
