/** Images as PNG files: one by one, and many in a grid. */

import { PNG } from 'pngjs';
import { type Colour, levelColours } from '../colours.js';
import type { ImageShape, Levels } from '../images.js';

/** An 8-bit image, grey or in colours. */
interface Picture {
  width: number;
  height: number;
  /** 1, 0 black to 255 white, or 3, red, green and blue. */
  parts: 1 | 3;
  /** `[height, width, parts]`. */
  pixels: Uint8Array;
}

/** The bytes of a PNG file. */
function encode({ width, height, parts, pixels }: Picture): Buffer {
  const colorType = parts === 1 ? 0 : 2;
  const png = new PNG({ width, height, colorType, inputColorType: colorType, inputHasAlpha: false, bitDepth: 8 });
  png.data = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.length);
  return PNG.sync.write(png, { colorType, inputColorType: colorType, inputHasAlpha: false, bitDepth: 8 });
}

/** An empty picture for such colours, of one of them. */
function blank(width: number, height: number, colours: readonly Colour[], colour: Colour): Picture {
  const parts = [...colours, colour].every(([red, green, blue]) => red === green && red === blue) ? 1 : 3;
  const pixels = new Uint8Array(width * height * parts);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colour[i % parts]!;
  return { width, height, parts, pixels };
}

function paint({ width, parts, pixels }: Picture, y: number, x: number, colour: Colour): void {
  for (let part = 0; part < parts; part++) pixels[(y * width + x) * parts + part] = colour[part]!;
}

/**
 * One image, pixel for pixel: ordinal levels in grey, so that it can be read back as data, nominal ones in colours.
 *
 * @param input Of the model: `ordinal` or `nominal`.
 */
export function imagePng(data: Levels, [, height, width]: ImageShape, levels: number, input?: string): Buffer {
  const colours = levelColours(levels, input);
  const picture = blank(width, height, colours, colours[0]!);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) paint(picture, y, x, colours[data[y * width + x]!]!);
  }
  return encode(picture);
}

/** The lines between images, which must differ from the levels. */
const margin = { pixels: 2, colour: [64, 64, 64] } as const;

/** What a grid's longer side is enlarged to at most, in pixels, if it is smaller. */
const viewerSize = 1024;

export interface GridOptions {
  /** Of the model. Default: `ordinal`. */
  input?: string | undefined;
  /** Images in a row. Default: so many that there are about as many rows. */
  columns?: number;
}

/** Images in rows and columns with a margin of two pixels, enlarged by a whole number for the eye. */
export function gridPng(
  data: Levels,
  [count, height, width]: ImageShape,
  levels: number,
  { input, columns = Math.ceil(Math.sqrt(count)) }: GridOptions = {},
): Buffer {
  const rows = Math.ceil(count / columns);
  const colours = levelColours(levels, input);
  const [cellHeight, cellWidth] = [height + margin.pixels, width + margin.pixels];
  const small = blank(columns * cellWidth + margin.pixels, rows * cellHeight + margin.pixels, colours, margin.colour);
  for (let image = 0; image < count; image++) {
    const top = margin.pixels + Math.floor(image / columns) * cellHeight;
    const left = margin.pixels + (image % columns) * cellWidth;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const level = data[(image * height + y) * width + x]!;
        paint(small, top + y, left + x, colours[level]!);
      }
    }
  }
  return encode(enlarge(small, Math.max(1, Math.floor(viewerSize / Math.max(small.width, small.height)))));
}

function enlarge({ width, height, parts, pixels }: Picture, factor: number): Picture {
  const large = { width: width * factor, height: height * factor, parts };
  const out = new Uint8Array(large.width * large.height * parts);
  for (let y = 0; y < large.height; y++) {
    const row = Math.floor(y / factor) * width;
    for (let x = 0; x < large.width; x++) {
      const from = (row + Math.floor(x / factor)) * parts;
      for (let part = 0; part < parts; part++) out[(y * large.width + x) * parts + part] = pixels[from + part]!;
    }
  }
  return { ...large, pixels: out };
}
