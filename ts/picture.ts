/** Images as pictures: RGBA for a canvas, PNG for a file or an answer. On any host. */

import { abortable } from './abort.js';
import {
  anything,
  checkChoice,
  checkInteger,
  checkObject,
  checkOptions,
  checkSignal,
  lookedAt,
  show,
  wrongKind,
  wrongValue,
} from './arguments.js';
import { room } from './bytes.js';
import { type Colour, levelColours } from './colours.js';
import { type Images, type Levels, takeMaps } from './images.js';
import { encode } from './png.js';

/** What colours depend on: `sampler.config`, or as much of it. */
export interface PictureConfig {
  /** 2 to 512. */
  readonly levels: number;
  /** `ordinal`: level 0 is black, the highest white, in even steps of grey. `nominal`: colours that can be told apart. Default: `ordinal`. */
  readonly input?: string | undefined;
}

/** How images are laid out in a picture. */
export interface PictureOptions {
  /** Images in a row, 1 to 65,536. Cells that are left over are of the colour of level 0. Default: so many that there are about as many rows. */
  columns?: number;
  /** Side of the square that each pixel becomes, 1 to 256. Default: 1. */
  scale?: number;
  /** The colour of each level, red, green and blue, each 0 to 255, instead of those of the config. */
  palette?: readonly (readonly [red: number, green: number, blue: number])[];
}

/** Options of `encodePng`. */
export interface PngOptions extends PictureOptions {
  /** Gives encoding up; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A picture as canvases take it: `new ImageData(data, width, height)`. */
export interface Rgba {
  /** Red, green, blue and opacity of each pixel, `[height, width, 4]`; all is opaque. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  /** Pixels in a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/**
 * Images as one picture, side by side in rows.
 *
 * @param images With their shape, of one channel, such as what `sample` returns.
 * @param config `sampler.config`.
 * @throws TypeError, RangeError; PixelCnnError `OUT_OF_MEMORY`.
 *
 * @example
 * const { data, width, height } = toRgba(sampler.sample({ count: 16 }), sampler.config);
 * context.putImageData(new ImageData(data, width, height), 0, 0);
 */
export function toRgba(
  images: Exclude<Images, ArrayBufferView>,
  config: PictureConfig,
  options: PictureOptions = {},
): Rgba {
  const { columns, scale, palette } = checkOptions('options', options, pictureChecks);
  const { levels, width, height, colours, side } = layOut(images, config, { columns, scale, palette });
  const words = Uint32Array.from(
    colours,
    ([red, green, blue]) => new Uint32Array(Uint8Array.of(red, green, blue, 255).buffer)[0]!,
  );
  const length = width * height * side ** 2;
  const pixels = room(Uint32Array, length, 'images');
  for (let y = 0, at = 0; y < height * side; y++) {
    const row = Math.floor(y / side) * width;
    for (let x = 0; x < width; x++, at += side) pixels.fill(words[levels[row + x]!]!, at, at + side);
  }
  return { data: new Uint8ClampedArray(pixels.buffer), width: width * side, height: height * side };
}

/**
 * Images as the bytes of a PNG file, side by side in rows: of one bit a pixel where there are two levels of black and white, in greys
 * or with a palette of as many bits as they need, else in true colour. Hosts compress in their own ways: pixels are the same on each,
 * bytes need not be.
 *
 * @param images With their shape, of one channel, such as what `sample` returns.
 * @param config `sampler.config`.
 * @throws As {@link toRgba}.
 *
 * @example
 * const png = await encodePng(sampler.sample({ count: 16, seed: 1 }), sampler.config, { scale: 4 });
 * return new Response(png, { headers: { 'content-type': 'image/png' } });
 */
export async function encodePng(
  images: Exclude<Images, ArrayBufferView>,
  config: PictureConfig,
  options: PngOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal, ...given } = checkOptions('options', options, { ...pictureChecks, signal: checkSignal });
  const { side, ...picture } = layOut(images, config, given);
  return abortable(signal, () => encode(picture, side));
}

/** They depend on each other, and are looked at together. */
const pictureChecks = { columns: anything, scale: anything, palette: anything };

/** One level for each pixel of a picture before it is enlarged, and the colour of each level. */
export interface LevelPicture {
  /** `[height, width]`. */
  readonly levels: Levels;
  readonly width: number;
  readonly height: number;
  readonly colours: readonly Colour[];
}

function layOut(
  images: unknown,
  config: unknown,
  options: { columns?: unknown; scale?: unknown; palette?: unknown },
): LevelPicture & { side: number } {
  const { data, count, height, width } = takeMaps(images);
  const colours = coloursOf(config, options.palette);
  const at = data.findIndex((level) => level >= colours.length);
  if (at >= 0) {
    throw wrongValue('images', `expected levels from 0 to ${colours.length - 1}, got ${data[at]} at index ${at}`);
  }
  const given = options.columns ?? Math.ceil(Math.sqrt(count));
  const columns = Math.min(count, checkInteger('columns', given, { min: 1, max: 65_536 }));
  const side = checkInteger('scale', options.scale ?? 1, { min: 1, max: 256 });
  const [fullWidth, fullHeight] = [columns * width, Math.ceil(count / columns) * height];
  const Numbers = data instanceof Uint16Array ? Uint16Array : Uint8Array;
  const levels = room<Uint8Array | Uint16Array>(Numbers, fullWidth * fullHeight, 'images');
  for (let row = 0; row < count * height; row++) {
    const image = Math.floor(row / height);
    const y = Math.floor(image / columns) * height + (row % height);
    levels.set(data.subarray(row * width, (row + 1) * width), y * fullWidth + (image % columns) * width);
  }
  return { levels, width: fullWidth, height: fullHeight, colours, side };
}

function coloursOf(config: unknown, palette: unknown): readonly Colour[] {
  checkObject('config', config);
  const { levels, input } = lookedAt('config', () => ({ ...(config as { levels?: unknown; input?: unknown }) }));
  const count = checkInteger('levels', levels, { min: 2, max: 512 });
  const kind = input === undefined ? input : checkChoice('input', input, ['ordinal', 'nominal']);
  if (palette === undefined) return levelColours(count, kind);
  const wanted = `expected an array of ${count} colours, [red, green, blue] of integers from 0 to 255`;
  return lookedAt('palette', () => {
    if (!Array.isArray(palette)) throw wrongKind('palette', `${wanted}, got ${show(palette)}`);
    if (palette.length < count) throw wrongValue('palette', `${wanted}, got ${palette.length}`);
    return Array.from({ length: count }, (_, level): Colour => {
      const colour: unknown = palette[level];
      const parts = Array.isArray(colour) ? Array.from({ length: 3 }, (_, part): unknown => colour[part]) : [];
      const right =
        parts.length === 3 && parts.every((part) => Number.isInteger(part) && Number(part) >= 0 && Number(part) < 256);
      if (!right) throw wrongValue('palette', `${wanted}, got ${show(colour)} at index ${level}`);
      return parts as unknown as Colour;
    });
  });
}
