// The dozen tensor operations that training consists of, behind one interface, because the backends differ in which of
// them they have and which way of computing them is fast.

import type { Tensor1D, Tensor2D, Tensor4D, Tf } from './tf.js';

/**
 * Operations on `[images, height, width, channels]` and on kernels `[rows, columns, in, out]`, whose places read where their
 * window says; what lies outside an image is 0.
 * Every result is a new tensor of the caller's; no argument is disposed.
 */
export interface Ops {
  convolve(x: Tensor4D, kernel: Tensor4D, window: Window): Tensor4D;
  /** Gradient with respect to the kernel, given the gradient `dy` of the output. */
  kernelGradient(x: Tensor4D, dy: Tensor4D, window: Window): Tensor4D;
  /** Gradient with respect to the input. */
  inputGradient(dy: Tensor4D, kernel: Tensor4D, window: Window): Tensor4D;
  addBias(x: Tensor4D, bias: Tensor1D): Tensor4D;
  biasGradient(dy: Tensor4D): Tensor1D;
  relu(x: Tensor4D): Tensor4D;
  /** `dy` where the relu's output `y` is above 0, else 0. */
  reluGradient(dy: Tensor4D, y: Tensor4D): Tensor4D;
  /** `dy` times the slope where a tanh, or a sigmoid, has put out `y`. */
  tanhGradient(dy: Tensor4D, y: Tensor4D): Tensor4D;
  sigmoidGradient(dy: Tensor4D, y: Tensor4D): Tensor4D;
}

/** Where the places of a kernel read. */
export interface Window {
  readonly rows: number;
  readonly columns: number;
  /** Of each place, row by row: `[dy, dx]` from the pixel that is being computed. */
  readonly offsets: readonly Offset[];
  /** Rows and columns of zeros around an image so that every place reads something. */
  readonly padding: { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number };
  /** Rows and columns between two places, where all of them lie in an even grid; then padding and grid fit each other. */
  readonly dilation?: readonly [number, number];
}

export type Offset = readonly [dy: number, dx: number];

/**
 * The window of a kernel with these taps: the grid that holds them and the pixel itself, or, where that would be more than
 * twice as many places, as for kernels that lean far, the taps alone in one row.
 */
export function windowOf(taps: readonly Offset[]): Window {
  const [rows, columns] = [axisOf(taps.map(([dy]) => dy)), axisOf(taps.map(([, dx]) => dx))];
  const padding = { top: rows.before, bottom: rows.after, left: columns.before, right: columns.after };
  if (rows.places.length * columns.places.length > 2 * taps.length) {
    return { rows: 1, columns: taps.length, offsets: taps, padding };
  }
  return {
    rows: rows.places.length,
    columns: columns.places.length,
    offsets: rows.places.flatMap((dy) => columns.places.map((dx): Offset => [dy, dx])),
    padding,
    dilation: [rows.step, columns.step],
  };
}

/** The even places that hold all offsets along one axis, and 0. */
function axisOf(offsets: readonly number[]) {
  const step = offsets.reduce((divisor, offset) => commonDivisor(divisor, Math.abs(offset)), 0) || 1;
  const before = Math.max(0, ...offsets.map((offset) => -offset));
  const after = Math.max(0, ...offsets);
  const places = Array.from({ length: (before + after) / step + 1 }, (_, place) => place * step - before);
  return { step, before, after, places };
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** `[images * height * width, channels]`, sharing the data. */
export function asMatrix(tf: Tf, x: Tensor4D): Tensor2D {
  const [images, height, width, channels] = x.shape;
  return tf.reshape(x, [images * height * width, channels]);
}
