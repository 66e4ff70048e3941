/** Images as PNG files: one by one, and many in a grid. */

import { PNG } from 'pngjs';
import type { ImageShape } from '../images.js';

/** An 8-bit grey image. */
interface Grey {
  width: number;
  height: number;
  /** `[height, width]`, 0 black to 255 white. */
  pixels: Uint8Array;
}

/** The bytes of a PNG file. */
function encode({ width, height, pixels }: Grey): Buffer {
  const png = new PNG({ width, height, colorType: 0, inputColorType: 0, inputHasAlpha: false, bitDepth: 8 });
  png.data = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.length);
  return PNG.sync.write(png, { colorType: 0, inputColorType: 0, inputHasAlpha: false, bitDepth: 8 });
}

/** Levels as grey: 0 is black, the highest white. */
function greyOf(level: number, levels: number): number {
  return Math.round((255 * level) / (levels - 1));
}

/** One image, pixel for pixel, so that it can be read back as data. */
export function imagePng(data: Uint8Array, [, height, width]: ImageShape, levels: number): Buffer {
  return encode({ width, height, pixels: data.map((level) => greyOf(level, levels)) });
}

/** Grey of the lines between images, which must differ from both black and white. */
const marginGrey = 64;

/** What a grid's longer side is enlarged to at most, in pixels, if it is smaller. */
const viewerSize = 1024;

/** Images in rows and columns with a margin of two pixels, enlarged by a whole number for the eye. */
export function gridPng(data: Uint8Array, [count, height, width]: ImageShape, levels: number): Buffer {
  const margin = 2;
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  const small: Grey = {
    width: columns * (width + margin) + margin,
    height: rows * (height + margin) + margin,
    pixels: new Uint8Array(),
  };
  small.pixels = new Uint8Array(small.width * small.height).fill(marginGrey);
  for (let image = 0; image < count; image++) {
    const top = margin + Math.floor(image / columns) * (height + margin);
    const left = margin + (image % columns) * (width + margin);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const level = data[(image * height + y) * width + x]!;
        small.pixels[(top + y) * small.width + left + x] = greyOf(level, levels);
      }
    }
  }
  return encode(enlarge(small, Math.max(1, Math.floor(viewerSize / Math.max(small.width, small.height)))));
}

function enlarge({ width, height, pixels }: Grey, factor: number): Grey {
  const large = { width: width * factor, height: height * factor };
  const out = new Uint8Array(large.width * large.height);
  for (let y = 0; y < large.height; y++) {
    const row = Math.floor(y / factor) * width;
    for (let x = 0; x < large.width; x++) out[y * large.width + x] = pixels[row + Math.floor(x / factor)]!;
  }
  return { ...large, pixels: out };
}
