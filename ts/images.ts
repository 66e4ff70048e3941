/** Images as arguments. */

import { lookedAt, show, unlike, wrongValue } from './arguments.js';
import { isArrayOf, isBytes } from './brand.js';
import { ownNumbers } from './bytes.js';
import type { Config } from './config.js';

/** `[count, height, width, channels]`. */
export type ImageShape = readonly [count: number, height: number, width: number, channels: number];

/** Levels of pixels, 0 to `levels - 1`. What this package makes is a `Uint8Array` of up to 256 levels; either is taken. */
export type Levels = Uint8Array | Uint16Array;

/** Levels in memory of their own, which canvases, files and answers of servers take as it is. */
export type OwnLevels = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/**
 * Whole images of levels, 0 to `levels - 1`, in the order `[count, height, width, channels]`: the numbers alone, or with
 * their shape, such as what `sample` returns.
 */
export type Images =
  | Levels
  | {
      /** The levels, in that order. */
      readonly data: Levels;
      /** `[count, height, width, channels]`. */
      readonly shape: readonly number[];
    };

/** Pixels in one image. */
export function imageSize({ height, width, channels }: Config): number {
  return height * width * channels;
}

export function imageShape(count: number, { height, width, channels }: Config): ImageShape {
  return [count, height, width, channels];
}

/** Room for so many pixels of levels. */
export function levelsArray(length: number, levels: number): OwnLevels {
  return levels > 256 ? new Uint16Array(length) : new Uint8Array(length);
}

export function isLevels(value: unknown): value is Levels {
  return isBytes(value) || isArrayOf('Uint16Array', value);
}

/** Images that are ours: nobody else can change them. */
export interface OwnImages {
  readonly data: Levels;
  /** Their shape in words, and its axes if there are four; none where the levels came bare. */
  readonly shape?: { readonly shown: string; readonly axes: readonly unknown[] };
}

/** Copies images. Whether they fit a model, {@link fitImages} tells. */
export function takeImages(images: unknown): OwnImages {
  if (isLevels(images)) return { data: ownNumbers('images', images) };
  const given = (images ?? {}) as { data?: unknown; shape?: unknown };
  const { data, shape } = lookedAt('images', () => ({ data: given.data, shape: given.shape }));
  if (!isLevels(data)) {
    throw unlike(
      'images',
      'a Uint8Array or a Uint16Array of levels, or { data, shape } with such data',
      data ?? images,
    );
  }
  return { data: ownNumbers('images', data), shape: lookedAt('images', () => takeShape(shape)) };
}

function takeShape(shape: unknown): OwnImages['shape'] {
  if (!Array.isArray(shape)) return { shown: show(shape), axes: [] };
  const rank = Number(shape.length);
  const axes = Array.from({ length: Math.min(rank, 4) }, (_, axis): unknown => shape[axis]);
  return { shown: listed(axes.map(show), rank), axes: rank === 4 ? axes : [] };
}

/** Images of one channel that bring their shape. */
export interface Maps {
  /** `[count, height, width]`. */
  readonly data: Levels;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** Copies images of one channel, whatever model they are of. Throws RangeError, TypeError. */
export function takeMaps(images: unknown): Maps {
  const { data, shape } = takeImages(images);
  const axes = shape?.axes ?? [];
  const isSide = (axis: unknown): axis is number => Number.isInteger(axis) && (axis as number) > 0;
  const [count = 0, height = 0, width = 0, channels] = axes.filter(isSide);
  if (channels === 1 && count * height * width === data.length) return { data, count, height, width };
  const got = axes.length === 0 ? 'none of four axes' : `[${axes.map(show).join(', ')}]`;
  throw wrongValue('images', `expected a shape [count, height, width, 1] for ${data.length} pixels, got ${got}`);
}

/** The levels of images that fit the model, checked one by one: a copy. */
export function checkImages(images: Images, config: Config): Levels {
  return fitImages(takeImages(images), config);
}

/** The levels of images that fit the model, checked one by one. */
export function fitImages({ data, shape }: OwnImages, config: Config): Levels {
  const size = imageSize(config);
  const count = data.length / size;
  const wanted = imageShape(count, config);
  const shown = listed(wanted);
  if (count === 0 || !Number.isInteger(count)) {
    const image = listed(wanted.slice(1));
    throw wrongValue('images', `expected whole images of ${image}, ${size} pixels each, got ${data.length} pixels`);
  }
  // Two shapes that are shown alike are the same.
  if (shape !== undefined && shape.shown !== shown) {
    throw wrongValue('images', `expected shape ${shown} for ${data.length} pixels, got ${shape.shown}`);
  }
  const at = data.findIndex((level) => level >= config.levels);
  if (at >= 0) {
    throw wrongValue('images', `expected levels from 0 to ${config.levels - 1}, got ${data[at]} at index ${at}`);
  }
  return data;
}

function listed(values: readonly unknown[], count = values.length): string {
  return `[${values.join(', ')}${count > values.length ? ', ...' : ''}]`;
}
