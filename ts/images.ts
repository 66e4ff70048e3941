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

/** The kind of array that holds levels of so many. */
export function levelsKind(levels: number): typeof Uint8Array | typeof Uint16Array {
  return levels > 256 ? Uint16Array : Uint8Array;
}

/** Room for so many pixels of levels. */
export function levelsArray(length: number, levels: number): OwnLevels {
  return new (levelsKind(levels))(length);
}

export function isLevels(value: unknown): value is Levels {
  return isBytes(value) || isArrayOf('Uint16Array', value);
}

/** Images that are ours: nobody else can change them. */
export interface OwnImages<Shape = string> {
  readonly data: Levels;
  /** What was given as their shape, in words; none where the levels came bare. */
  readonly shape?: Shape;
}

/** Copies images, and of their shape what is to be known of it. Whether they fit a model, {@link fitImages} tells. */
export function takeImages(images: unknown): OwnImages;
export function takeImages<Shape>(images: unknown, known: (shape: unknown) => Shape): OwnImages<Shape>;
export function takeImages(images: unknown, known: (shape: unknown) => unknown = listed): OwnImages<unknown> {
  if (isLevels(images)) return { data: ownNumbers('images', images) };
  return lookedAt('images', () => {
    const { data, shape } = Object(images) as { data?: unknown; shape?: unknown };
    if (!isLevels(data)) {
      const wanted = 'a Uint8Array or a Uint16Array of levels, or { data, shape } with such data';
      throw unlike('images', wanted, data ?? images);
    }
    return { data: ownNumbers('images', data), shape: known(shape) };
  });
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
  const fourOf = (shape: unknown) =>
    Array.isArray(shape) && shape.length === 4 ? [0, 1, 2, 3].map((axis): unknown => shape[axis]) : [];
  const { data, shape: axes = [] } = takeImages(images, fourOf);
  const isSide = (axis: unknown): axis is number => Number.isInteger(axis) && (axis as number) > 0;
  const [count = 0, height = 0, width = 0, channels] = axes.filter(isSide);
  if (channels === 1 && count * height * width === data.length) return { data, count, height, width };
  const got = axes.length === 0 ? 'none of four axes' : listed(axes);
  throw wrongValue('images', `expected a shape [count, height, width, 1] for ${data.length} pixels, got ${got}`);
}

/** The levels of images that fit the model, checked one by one: a copy. */
export function checkImages(images: Images, config: Config): Levels {
  return fitImages(takeImages(images), config);
}

/** The levels of images that fit the model, checked one by one. */
export function fitImages(images: OwnImages, config: Config): Levels {
  const { data } = images;
  const size = imageSize(config);
  const count = data.length / size;
  const wanted = imageShape(count, config);
  if (count === 0 || !Number.isInteger(count)) {
    const image = listed(wanted.slice(1));
    throw wrongValue('images', `expected whole images of ${image}, ${size} pixels each, got ${data.length} pixels`);
  }
  // Two shapes that are shown alike are the same.
  const shown = listed(wanted);
  const got = images.shape ?? shown;
  if (got !== shown) throw wrongValue('images', `expected shape ${shown} for ${data.length} pixels, got ${got}`);
  checkEvery('images', data, `levels from 0 to ${config.levels - 1}`, (level) => level < config.levels);
  return data;
}

/** Refuses the first number that does not fit. */
export function checkEvery(
  argument: string,
  numbers: Levels,
  wanted: string,
  fits: (number: number, at: number) => boolean,
): void {
  const at = numbers.findIndex((number, at) => !fits(number, at));
  if (at >= 0) throw wrongValue(argument, `expected ${wanted}, got ${numbers[at]} at index ${at}`);
}

/** A shape in words, of a longer list the first four axes. */
function listed(shape: unknown): string {
  if (!Array.isArray(shape)) return show(shape);
  const axes = Array.from({ length: Math.min(shape.length, 5) }, (_, at) => (at < 4 ? show(shape[at]) : '...'));
  return `[${axes.join(', ')}]`;
}
