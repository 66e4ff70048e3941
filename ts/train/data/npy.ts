// .npy, the array file of NumPy: a magic string, a version, the length of a header, the header as a Python dict, the
// values (numpy.lib.format). Read strictly: 8-bit values in C order, `[count, height, width]` or with one channel behind.

import { PixelCnnError } from '../../error.js';
import { mostPixels, type RawImages } from './raw.js';

const magic = '\x93NUMPY';

/** Reads images of 8-bit values; `name` is what an error calls the file. */
export function parseNpyImages(bytes: Uint8Array, name: string): RawImages {
  const wrong = (wanted: string, got: string): never => {
    throw new PixelCnnError('INVALID_DATA', `${name}: expected ${wanted}, got ${got}`);
  };
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (!start.startsWith(magic) || bytes.length < 12) {
    return wrong('a .npy file', start.startsWith('PK') ? 'a ZIP archive such as .npz; unpack it first' : 'other bytes');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(6);
  if (version < 1 || version > 3) return wrong('version 1, 2 or 3 of the .npy format', String(version));
  const headerStart = version === 1 ? 10 : 12;
  const dataStart = headerStart + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < dataStart) return wrong(`a header of ${dataStart} bytes`, `a file of ${bytes.length}`);
  const header = Buffer.from(bytes.subarray(headerStart, dataStart)).toString('latin1');

  const dtype = /'descr'\s*:\s*('[ -&(-~]*'|\[[ -~]*\])/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const shapeText = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (dtype === undefined || order === undefined || shapeText === undefined) {
    return wrong("a header with 'descr', 'fortran_order' and 'shape'", JSON.stringify(header.trim().slice(0, 60)));
  }
  if (dtype !== "'|u1'") return wrong("dtype '|u1'", `${dtype}; convert it by .astype(numpy.uint8)`);
  if (order === 'True') return wrong('C order', 'Fortran order; convert it by numpy.ascontiguousarray');
  const shape = shapeText.split(',').flatMap((length) => (length.trim() === '' ? [] : [Number(length)]));
  const [count = 0, height = 0, width = 0, channels = 1] = shape;
  if ((shape.length !== 3 && shape.length !== 4) || channels !== 1) {
    return wrong('shape (count, height, width) or (count, height, width, 1)', `(${shape.join(', ')})`);
  }
  const size = count * height * width;
  if (size === 0) return wrong('at least one image of at least one pixel', `shape (${shape.join(', ')})`);
  if (size > mostPixels) return wrong(`at most ${mostPixels} pixels`, `shape (${shape.join(', ')})`);
  if (bytes.length - dataStart !== size) {
    return wrong(`${size} bytes of values for shape (${shape.join(', ')})`, String(bytes.length - dataStart));
  }
  return { pixels: bytes.subarray(dataStart), count, height, width };
}
