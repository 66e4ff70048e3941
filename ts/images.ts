/** Images as arguments. */

import { lookedAt, show, wrongKind, wrongValue } from './arguments.js';
import { isBytes } from './brand.js';
import { ownBytes } from './bytes.js';
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

/** Images that are ours: nobody else can change them. */
export interface OwnImages {
  readonly data: Uint8Array;
  /** Its first axes, and how many there are; none where the levels came bare; else what was there instead. */
  readonly shape?: { axes: readonly unknown[]; rank: number } | { not: unknown };
}

/** Copies images. Whether they fit a model, {@link fitImages} tells. */
export function takeImages(images: unknown): OwnImages {
  if (isBytes(images)) return { data: ownBytes('images', images) };
  const given = (images ?? {}) as { data?: unknown; shape?: unknown };
  const { data, shape } = lookedAt('images', () => ({ data: given.data, shape: given.shape }));
  if (!isBytes(data)) {
    const got = show(data ?? images);
    throw wrongKind('images', `expected a Uint8Array of levels, or { data: Uint8Array, shape }, got ${got}`);
  }
  return { data: ownBytes('images', data), shape: lookedAt('images', () => takeShape(shape)) };
}

function takeShape(shape: unknown): OwnImages['shape'] {
  if (!Array.isArray(shape)) return { not: shape };
  const rank = Number(shape.length);
  return { axes: Array.from({ length: Math.min(rank, 4) }, (_, axis): unknown => shape[axis]), rank };
}

/** The levels of images that fit the model, checked one by one: a copy. */
export function checkImages(images: Images, config: Config): Uint8Array {
  return fitImages(takeImages(images), config);
}

/** The levels of images that fit the model, checked one by one. */
export function fitImages({ data, shape }: OwnImages, config: Config): Uint8Array {
  const size = imageSize(config);
  const count = data.length / size;
  const wanted = imageShape(count, config);
  if (count === 0 || !Number.isInteger(count)) {
    const image = listed(wanted.slice(1));
    throw wrongValue('images', `expected whole images of ${image}, ${size} pixels each, got ${data.length} pixels`);
  }
  if (shape !== undefined && !isShape(shape, wanted)) {
    const got = 'not' in shape ? show(shape.not) : listed(shape.axes.map(show), shape.rank);
    throw wrongValue('images', `expected shape ${listed(wanted)} for ${data.length} pixels, got ${got}`);
  }
  const at = data.findIndex((level) => level >= config.levels);
  if (at >= 0) {
    throw wrongValue('images', `expected levels from 0 to ${config.levels - 1}, got ${data[at]} at index ${at}`);
  }
  return data;
}

function isShape(shape: NonNullable<OwnImages['shape']>, wanted: ImageShape): boolean {
  return 'axes' in shape && shape.rank === 4 && wanted.every((length, axis) => length === shape.axes[axis]);
}

function listed(values: readonly unknown[], count = values.length): string {
  return `[${values.join(', ')}${count > values.length ? ', ...' : ''}]`;
}
