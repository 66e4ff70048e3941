// IDX, the file format of MNIST: two zero bytes, a type code, the number of dimensions, each dimension as a big-endian
// 32-bit integer, then the values.

import { PixelCnnError } from '../../error.js';
import type { RawImages } from './raw.js';

/** Reads a file of 8-bit images; `name` is what an error calls it. */
export function parseIdxImages(bytes: Uint8Array, name: string): RawImages {
  const headerLength = 16;
  if (bytes.length < headerLength) {
    throw new PixelCnnError(
      'INVALID_DATA',
      `${name}: expected an IDX file of at least ${headerLength} bytes, got ${bytes.length}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic !== 0x0803) {
    const got = `0x${magic.toString(16).padStart(8, '0')}`;
    throw new PixelCnnError(
      'INVALID_DATA',
      `${name}: expected IDX images (magic number 0x00000803), got ${got}; is it a file of labels?`,
    );
  }
  const [count, height, width] = [view.getUint32(4), view.getUint32(8), view.getUint32(12)];
  if (count * height * width === 0) {
    throw new PixelCnnError(
      'INVALID_DATA',
      `${name}: expected at least one image of at least one pixel, got ${count} of ${height}x${width}`,
    );
  }
  const expected = headerLength + count * height * width;
  if (bytes.length !== expected) {
    throw new PixelCnnError(
      'INVALID_DATA',
      `${name}: expected ${expected} bytes for ${count} images of ${height}x${width}, got ${bytes.length}`,
    );
  }
  return { count, height, width, pixels: bytes.subarray(headerLength) };
}
