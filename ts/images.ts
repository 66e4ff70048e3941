/** Images as arguments. */

import { show } from './arguments.js';
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
    throw new TypeError(
      `images: expected a Uint8Array, or { data: Uint8Array, shape }, got ${show(bare ? data : images)}`,
    );
  }
  const size = imageSize(config);
  const [, ...wanted] = imageShape(0, config);
  if (!bare) {
    const { shape } = images;
    const fits =
      Array.isArray(shape) &&
      shape.length === 4 &&
      wanted.every((n, i) => n === shape[i + 1]) &&
      shape[0] * size === data.length;
    if (!fits) {
      const got = Array.isArray(shape) ? `[${shape}]` : show(shape);
      throw new RangeError(
        `images: expected shape [${data.length / size}, ${wanted}] for ${data.length} pixels, got ${got}`,
      );
    }
  }
  if (data.length === 0 || data.length % size !== 0) {
    throw new RangeError(
      `images: expected whole images of [${wanted}], ${size} pixels each, got ${data.length} pixels`,
    );
  }
  const at = data.findIndex((level) => level >= config.levels);
  if (at >= 0) {
    throw new RangeError(`images: expected levels from 0 to ${config.levels - 1}, got ${data[at]} at index ${at}`);
  }
  return data;
}
