// Operations for the backends without a kernel gradient of their own (`wasm`) or with slow convolutions (`cpu`), and for
// windows that a backend's own convolution does not do: every place of a kernel is a slice of the padded input, all places
// together are one matrix, and each product is one matMul.
//
// Transposes are made first: tfjs-backend-wasm has XNNPACK only for products of matrices as they are, and plain loops for
// matMul's own transposing, which take ten times as long.

import { asMatrix, type Ops, type Window } from './ops.js';
import type { Rank, Tensor1D, Tensor2D, Tensor4D, Tf } from './tf.js';

export function tapsOps(tf: Tf): Ops {
  /** `[pixels, places * channels]`: what each output pixel reads, laid out as the rows of the kernel matrix. */
  const patches = (x: Tensor4D, window: Window): Tensor2D => {
    if (isPoint(window)) return asMatrix(tf, x);
    const [images, height, width, channels] = x.shape;
    const { top, bottom, left, right } = window.padding;
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const read = window.offsets.map(([row, column]) =>
      tf.slice(padded, [0, top + row, left + column, 0], [images, height, width, channels]),
    );
    return asMatrix(tf, tf.concat(read, 3));
  };
  const asKernelMatrix = (kernel: Tensor4D): Tensor2D => {
    const [rows, columns, channels, outChannels] = kernel.shape;
    return tf.reshape(kernel, [rows * columns * channels, outChannels]);
  };

  return {
    convolve: (x, kernel, window) =>
      tf.tidy(() => {
        const [images, height, width] = x.shape;
        const product = tf.matMul(patches(x, window), asKernelMatrix(kernel));
        return tf.reshape<Rank.R4>(product, [images, height, width, kernel.shape[3]]);
      }),

    kernelGradient: (x, dy, window) =>
      tf.tidy(() => {
        const product = tf.matMul(tf.transpose(asMatrix(tf, dy)), patches(x, window));
        return tf.reshape<Rank.R4>(tf.transpose(product), [window.rows, window.columns, x.shape[3], dy.shape[3]]);
      }),

    // The transpose of `patches`: each place's share goes back to where it was read. The padding is cut off at the end.
    inputGradient: (dy, kernel, window) =>
      tf.tidy(() => {
        const [images, height, width] = dy.shape;
        const channels = kernel.shape[2];
        const shares = tf.matMul(asMatrix(tf, dy), tf.transpose(asKernelMatrix(kernel)));
        if (isPoint(window)) return tf.reshape<Rank.R4>(shares, [images, height, width, channels]);
        const { top, bottom, left, right } = window.padding;
        let sum: Tensor4D | undefined;
        window.offsets.forEach(([row, column], place) => {
          const start = [0, place * channels];
          const share = tf.reshape<Rank.R4>(tf.slice(shares, start, [images * height * width, channels]), [
            images,
            height,
            width,
            channels,
          ]);
          const placed = tf.pad(share, [
            [0, 0],
            [top + row, bottom - row],
            [left + column, right - column],
            [0, 0],
          ]);
          sum = sum === undefined ? placed : tf.add(sum, placed);
        });
        return tf.slice(sum as unknown as Tensor4D, [0, top, left, 0], [images, height, width, channels]);
      }),

    addBias: (x, bias) => tf.add(x, bias),
    biasGradient: (dy) => tf.tidy(() => tf.sum<Tensor1D>(asMatrix(tf, dy), 0)),
    relu: (x) => tf.relu(x),
    reluGradient: (dy, y) => tf.tidy(() => tf.mul(dy, tf.cast(tf.greater(y, 0), 'float32'))),
    tanhGradient: (dy, y) => tf.tidy(() => tf.mul(dy, tf.sub(1, tf.square(y)))),
    sigmoidGradient: (dy, y) => tf.tidy(() => tf.mul(dy, tf.mul(y, tf.sub(1, y)))),
  };
}

/** Whether all that a window reads is the pixel itself: its products are then products of matrices as they are. */
export function isPoint({ offsets }: Window): boolean {
  return offsets.length === 1 && offsets[0]?.[0] === 0 && offsets[0][1] === 0;
}
