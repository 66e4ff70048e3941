/** Images as arguments. */

import { show, wrongKind, wrongValue } from './arguments.js';
import type { Config } from './config.js';

/** `[count, height, width, channels]`. */
export type ImageShape = readonly [count: number, height: number, width: number, channels: number];

/**
 * Whole images of levels, 0 to `levels - 1`, in the order `[count, height, width, channels]`: the numbers alone, or with
 * their shape, such as what `sample` returns.
 */
export type Images = Uint8Array | { readonly data: Uint8Array; readonly shape: readonly number[] };

/** Pixels in one image. */
export function imageSize({ height, width, channels }: Config): number {
  return height * width * channels;
}

export function imageShape(count: number, { height, width, channels }: Config): ImageShape {
  return [count, height, width, channels];
}

/** The levels of images that fit the model, checked one by one. */
export function checkImages(images: Images, config: Config): Uint8Array {
  const bare = images instanceof Uint8Array;
  const data: unknown = bare ? images : images?.data;
  if (!(data instanceof Uint8Array)) {
    const got = show(data ?? images);
    throw wrongKind('images', `expected a Uint8Array of levels, or { data: Uint8Array, shape }, got ${got}`);
  }
  const size = imageSize(config);
  const count = data.length / size;
  const wanted = imageShape(count, config);
  if (count === 0 || !Number.isInteger(count)) {
    const image = listed(wanted.slice(1));
    throw wrongValue('images', `expected whole images of ${image}, ${size} pixels each, got ${data.length} pixels`);
  }
  if (!bare) {
    const { shape } = images;
    if (!Array.isArray(shape) || shape.length !== 4 || wanted.some((length, axis) => length !== shape[axis])) {
      const got = Array.isArray(shape) ? listed(shape) : show(shape);
      throw wrongValue('images', `expected shape ${listed(wanted)} for ${data.length} pixels, got ${got}`);
    }
  }
  const at = data.findIndex((level) => level >= config.levels);
  if (at >= 0) {
    throw wrongValue('images', `expected levels from 0 to ${config.levels - 1}, got ${data[at]} at index ${at}`);
  }
  return data;
}

function listed(values: readonly unknown[]): string {
  return `[${values.join(', ')}]`;
}
