// The dozen tensor operations that training consists of, behind one interface, because the backends differ in which of
// them they have and which way of computing them is fast.

import type { Tensor1D, Tensor2D, Tensor4D, Tf } from './tf.js';

/**
 * Operations on `[images, height, width, channels]` and on kernels cropped to their causal rows,
 * `[rows, columns, in, out]`: the last row is the pixel's own, the middle column its own.
 * Every result is a new tensor of the caller's; no argument is disposed.
 */
export interface Ops {
  convolve(x: Tensor4D, kernel: Tensor4D): Tensor4D;
  /** Gradient with respect to the kernel, given the gradient `dy` of the output. */
  kernelGradient(x: Tensor4D, dy: Tensor4D, rows: number, columns: number): Tensor4D;
  /** Gradient with respect to the input. */
  inputGradient(dy: Tensor4D, kernel: Tensor4D): Tensor4D;
  addBias(x: Tensor4D, bias: Tensor1D): Tensor4D;
  biasGradient(dy: Tensor4D): Tensor1D;
  relu(x: Tensor4D): Tensor4D;
  /** `dy` where the relu's output `y` is above 0, else 0. */
  reluGradient(dy: Tensor4D, y: Tensor4D): Tensor4D;
}

/** `[images * height * width, channels]`, sharing the data. */
export function asMatrix(tf: Tf, x: Tensor4D): Tensor2D {
  const [images, height, width, channels] = x.shape;
  return tf.reshape(x, [images * height * width, channels]);
}
