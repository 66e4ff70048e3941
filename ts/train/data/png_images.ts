// A folder of PNG files as images. Each header is looked at before its pixels are decoded, so that no file can make this
// take more memory than its own images need.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { PixelCnnError } from '../../error.js';
import { reasonOf } from './fetch.js';
import { mostPixels, type RawImages } from './raw.js';

/** The longest side that a model can have. */
const mostSide = 4096;

/** No image of that size, however badly compressed, needs more. */
const mostBytes = 64 * 2 ** 20;

/** The paths of all PNG files in and below a folder, sorted by their characters' codes; the images' order. */
export async function listPngs(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory() && /\.png$/i.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort((a, b) => (a < b ? -1 : 1))
    .map((path) => join(folder, path));
}

/** Reads greyscale images of at most 8 bits, all of one size; at least one path. */
export async function readPngs(paths: readonly string[], signal?: AbortSignal): Promise<RawImages> {
  const { PNG } = await import('pngjs');
  let images: { pixels: Uint8Array; height: number; width: number } | undefined;
  for (const [index, path] of paths.entries()) {
    signal?.throwIfAborted();
    const bytes = await readWhole(path);
    const { height, width } = checkHeader(bytes, path);
    if (images === undefined) {
      if (paths.length * height * width > mostPixels) {
        throw invalid(
          path,
          `at most ${mostPixels} pixels in all`,
          `${height}x${width} in each of ${paths.length} files`,
        );
      }
      images = { pixels: new Uint8Array(paths.length * height * width), height, width };
    } else if (images.height !== height || images.width !== width) {
      throw invalid(path, `${images.height}x${images.width} (height x width), as ${paths[0]} is`, `${height}x${width}`);
    }
    let rgba: Uint8Array;
    try {
      rgba = PNG.sync.read(bytes).data;
    } catch (cause) {
      const message = `${path}: expected a whole PNG file, could not decode it (${reasonOf(cause)})`;
      throw new PixelCnnError('INVALID_DATA', message, { cause });
    }
    const size = height * width;
    for (let p = 0; p < size; p++) images.pixels[index * size + p] = rgba[4 * p]!;
  }
  if (images === undefined) throw new RangeError('paths: expected at least one PNG file, got none');
  return { ...images, count: paths.length };
}

async function readWhole(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > mostBytes) throw new Error(`it has ${size} bytes, more than ${mostBytes}`);
    return await readFile(path);
  } catch (cause) {
    throw new PixelCnnError('DATA_NOT_FOUND', `${path}: could not be read (${reasonOf(cause)})`, { cause });
  }
}

const colourTypes: Readonly<Record<number, string>> = {
  2: 'colour (RGB)',
  3: 'a palette',
  4: 'grey with transparency',
  6: 'colour with transparency (RGBA)',
};

/** Width and height, once the header says that this is an image to take. Layout: PNG specification, 11.2.2. */
function checkHeader(bytes: Buffer, path: string): { height: number; width: number } {
  const signature = '89504e470d0a1a0a0000000d49484452'; // and the start of the header chunk, which comes first
  if (bytes.length < 33 || bytes.toString('hex', 0, 16) !== signature) {
    throw invalid(path, 'a PNG file', bytes.length === 0 ? 'an empty one' : 'other bytes');
  }
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const [bits, colourType] = [bytes.readUInt8(24), bytes.readUInt8(25)];
  if (width < 1 || height < 1 || width > mostSide || height > mostSide) {
    throw invalid(path, `sides of 1 to ${mostSide} pixels`, `${height}x${width}`);
  }
  if (colourType !== 0) {
    throw invalid(
      path,
      'a greyscale PNG',
      `${colourTypes[colourType] ?? `colour type ${colourType}`}; convert it to grey`,
    );
  }
  if (bits > 8) throw invalid(path, 'at most 8 bits a pixel', `${bits}; convert it to 8`);
  return { height, width };
}

function invalid(path: string, wanted: string, got: string): PixelCnnError {
  return new PixelCnnError('INVALID_DATA', `${path}: expected ${wanted}, got ${got}`);
}
