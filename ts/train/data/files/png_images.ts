// PNG files as images. Each header is looked at before its pixels are decoded, so that no file can make this
// take more memory than its own images need.

import { basename, dirname, join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { PixelCnnError } from '../../../error.js';
import type { RawImages } from '../raw.js';
import { readDataFile, readHead } from './data_file.js';
import { formatOf } from './data_format.js';
import { invalid, mostPixels } from './numbers.js';

/** The longest side that a model can have. */
const mostSide = 4096;

/** No image of that size, however badly compressed, needs more. */
const mostBytes = 64 * 2 ** 20;

export interface PngOptions {
  /** Which of the paths is the first image, the second, and so on. Default: their own order. */
  readonly order?: Uint32Array;
  /** Their values are codes, which those of fewer bits keep; grey values are brought to 8 bits. Default: false. */
  readonly codes?: boolean;
  readonly signal?: AbortSignal;
}

/** Reads grey images of at most 8 bits a value, all of one size, stored as grey or as colours that are all greys; at least one path. */
export async function readPngs(
  paths: readonly string[],
  { order, codes = false, signal }: PngOptions = {},
): Promise<RawImages> {
  const { PNG } = await import('pngjs');
  const places = Uint32Array.from(paths, (_, index) => index);
  order?.forEach((path, place) => {
    places[path] = place;
  });
  let images: { pixels: Uint8Array; height: number; width: number } | undefined;
  for (const [index, path] of paths.entries()) {
    signal?.throwIfAborted();
    const bytes = await readDataFile(path, mostBytes, signal);
    const header = checkHeader(bytes, path, codes);
    const { height, width } = header;
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
      if (header.interlaced) checkInterlaced(bytes, header, path);
      rgba = PNG.sync.read(bytes, { skipRescale: codes }).data;
    } catch (cause) {
      if (cause instanceof PixelCnnError) throw cause;
      // The decoder's own words speak of its insides.
      const message = `${path}: expected a whole PNG file, got one that is cut off or damaged`;
      throw new PixelCnnError('INVALID_DATA', message, { cause });
    }
    const size = height * width;
    if (header.colourType !== 0) checkGrey(rgba, width, path);
    const start = places[index]! * size;
    for (let p = 0; p < size; p++) images.pixels[start + p] = rgba[4 * p]!;
  }
  if (images === undefined) throw new RangeError('paths: expected at least one PNG file, got none');
  return { ...images, count: paths.length };
}

/** What a file may hold, by the number that its header has for it, and values of a pixel. */
const colourTypes: Readonly<Record<number, { readonly name: string; readonly values: number }>> = {
  0: { name: 'grey', values: 1 },
  2: { name: 'colour (RGB)', values: 3 },
  3: { name: 'a palette', values: 1 },
  4: { name: 'grey with transparency', values: 2 },
  6: { name: 'colour with transparency (RGBA)', values: 4 },
};

interface Header {
  readonly height: number;
  readonly width: number;
  readonly colourType: number;
  /** Of a pixel. */
  readonly bits: number;
  readonly interlaced: boolean;
}

/** The signature, and the start of the header chunk, which comes first. */
const signature = '89504e470d0a1a0a0000000d49484452';

/** What the header says, once it says that this is an image to take. Layout: PNG specification, 11.2.2. */
function checkHeader(bytes: Buffer, path: string, codes: boolean): Header {
  if (bytes.length < 33 || bytes.toString('hex', 0, 16) !== signature) {
    const { name, reader } = formatOf(bytes.subarray(0, 4096), path);
    throw invalid(path, 'a PNG file', reader === 'PNG' ? 'the beginning of one' : name);
  }
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const [bits, colourType] = [bytes.readUInt8(24), bytes.readUInt8(25)];
  if (width < 1 || height < 1 || width > mostSide || height > mostSide) {
    throw invalid(path, `sides of 1 to ${mostSide} pixels`, `${height}x${width}`);
  }
  const type = colourTypes[colourType];
  if (type === undefined || (codes && colourType !== 0)) {
    const advice = codes ? 'write its codes by numpy.save' : 'convert it to grey';
    throw invalid(path, 'a greyscale PNG', `${type?.name ?? `colour type ${colourType}`}; ${advice}`);
  }
  if (bits > 8) throw invalid(path, 'at most 8 bits a pixel', `${bits}; convert it to 8`);
  return { height, width, colourType, bits: bits * type.values, interlaced: bytes.readUInt8(28) !== 0 };
}

/** Programs store grey images as colours, too: refuses what is none. `rgba`: `[height, width, 4]`. */
function checkGrey(rgba: Uint8Array, width: number, path: string): void {
  for (let at = 0; at < rgba.length; at += 4) {
    const [red, green, blue, opacity] = rgba.subarray(at, at + 4);
    if (red === green && red === blue && opacity === 255) continue;
    const place = `row ${Math.floor(at / 4 / width) + 1}, column ${((at / 4) % width) + 1}`;
    if (opacity !== 255) {
      throw invalid(path, 'opaque pixels', `an opacity of ${opacity} of 255 at ${place}; lay it on a background`);
    }
    throw invalid(path, 'grey pixels', `red ${red}, green ${green}, blue ${blue} at ${place}; convert it to grey`);
  }
}

/** The passes of an interlaced image: first row and column, steps between. Layout: PNG specification, 8.2. */
const passes = [
  [0, 0, 8, 8],
  [0, 4, 8, 8],
  [4, 0, 8, 4],
  [0, 2, 4, 4],
  [2, 0, 4, 2],
  [0, 1, 2, 2],
  [1, 0, 2, 1],
] as const;

/** Unpacks an interlaced image no further than its size asks for; the decoder would follow it without end. */
function checkInterlaced(bytes: Buffer, { height, width, bits }: Header, path: string): void {
  let length = 0;
  for (const [top, left, down, right] of passes) {
    const [rows, columns] = [Math.ceil((height - top) / down), Math.ceil((width - left) / right)];
    if (rows > 0 && columns > 0) length += rows * (1 + Math.ceil((columns * bits) / 8));
  }
  const parts: Buffer[] = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const end = at + 8 + bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(bytes.subarray(at + 8, end));
  }
  try {
    inflateSync(Buffer.concat(parts), { maxOutputLength: length });
  } catch (cause) {
    const tooLong = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    if (!tooLong) throw cause;
    throw invalid(path, 'a whole PNG file', `one that unpacks to more than the ${length} bytes of its size`);
  }
}

/** What `pixelcnn sample` calls the picture of an image. */
const numberedName = /^\d{6,}\.png$/;

/**
 * Whether a PNG file is the picture that `pixelcnn sample` writes beside a map in text: of the same number, and as wide as the map
 * has characters in a row. The path is relative to `folder`.
 */
export function isPictureOfMap(folder: string, file: string): boolean {
  if (!numberedName.test(basename(file))) return false;
  const [picture, map] = [file, file.replace(/png$/, 'txt')].map((one) => readHead(join(folder, one)));
  if (picture === undefined || picture.length < 24 || map === undefined) return false;
  const [row = ''] = map.toString('utf8').split('\n', 1);
  return [...row].length === picture.readUInt32BE(16);
}

/**
 * Whether a PNG file is the picture of all images that `pixelcnn sample` writes beside them: called `grid.png`, of another
 * size than the numbered ones. Paths are relative to `folder`.
 */
export function isGridOfSamples(folder: string, file: string, files: readonly string[]): boolean {
  if (basename(file) !== 'grid.png') return false;
  const numbered = files.find((other) => dirname(other) === dirname(file) && numberedName.test(basename(other)));
  if (numbered === undefined) return false;
  const size = (of: string): string | undefined => readHead(join(folder, of))?.toString('hex', 16, 24);
  return size(file) !== size(numbered);
}
