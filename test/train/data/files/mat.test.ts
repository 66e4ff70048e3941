import { deflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { parseMatImages } from '../../../../ts/train/data/files/mat.js';
import { failure } from '../../../failure.js';

const size = { height: 2, width: 3, most: 10_000 };

/** A tag and bytes, filled up to a multiple of 8. */
function element(type: number, bytes: Uint8Array): Buffer {
  const tag = Buffer.alloc(8);
  tag.writeUInt32LE(type, 0);
  tag.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([tag, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
}

const int32 = (...values: number[]): Buffer => Buffer.from(Int32Array.from(values).buffer);

interface Changes {
  shape?: readonly number[];
  values?: Uint8Array;
  valueType?: number;
  version?: string;
}

/** A file of images `[count, 2, 3]`, their columns one behind the other. */
function file({ shape = [70, 6], values, valueType = 2, version = 'MATLAB 5.0 MAT-file' }: Changes = {}): Buffer {
  const [count, columns] = shape as [number, number];
  const all =
    values ?? Uint8Array.from({ length: count * columns }, (_, i) => ((i % count) + 7 * Math.floor(i / count)) & 255);
  const name = Buffer.from([1, 0, 1, 0, 0x58, 0, 0, 0]); // of one byte, within its tag
  const parts = [element(6, int32(6, 0)), element(5, int32(...shape)), name, element(valueType, all)];
  const packed = deflateSync(element(14, Buffer.concat(parts)));
  const tag = Buffer.alloc(8);
  tag.writeUInt32LE(15, 0);
  tag.writeUInt32LE(packed.length, 4);
  return Buffer.concat([Buffer.from(version.padEnd(124)), Buffer.from('\x00\x01IM', 'latin1'), tag, packed]);
}

it('reads images, a row each, from columns', async () => {
  const images = await parseMatImages(file(), 'a.amat', size);
  expect(images).toMatchObject({ count: 70, height: 2, width: 3, type: 'u1' });
  expect([...images.bytes.subarray(6 * 69)]).toEqual([0, 1, 2, 3, 4, 5].map((column) => (69 + 7 * column) & 255));
});

const wanted = 'a.amat: expected a MATLAB file of version 5 with one packed matrix of bytes, 6 columns, got ';

it.each<[name: string, bytes: Uint8Array, got: string]>([
  ['nothing', new Uint8Array(), 'other bytes, or too few'],
  ['version 7.3', file({ version: 'MATLAB 7.3 MAT-file' }), 'other bytes, or too few'],
  ['another width', file({ shape: [70, 5] }), '70 rows and 5 columns in 350 bytes'],
  ['fewer values', file({ values: new Uint8Array(12) }), '70 rows and 6 columns in 12 bytes'],
  ['another type', file({ valueType: 9 }), 'a matrix of other numbers, or of more than two axes'],
  ['three axes', file({ shape: [70, 2, 3] }), 'a matrix of other numbers, or of more than two axes'],
])('refuses %s', async (_, bytes, got) => {
  expect(await failure(() => parseMatImages(bytes, 'a.amat', size))).toMatchObject({
    code: 'INVALID_DATA',
    message: wanted + got,
  });
});

it('refuses a file that is cut off anywhere, and unpacks no more than it may', async () => {
  const whole = file();
  for (let length = 0; length < whole.length; length++) {
    const error = await failure(() => parseMatImages(whole.subarray(0, length), 'a.amat', size));
    expect(error, String(length)).toMatchObject({ code: 'INVALID_DATA' });
  }
  await expect(parseMatImages(whole, 'a.amat', { ...size, most: 100 })).rejects.toThrow('could not be unpacked');
});
