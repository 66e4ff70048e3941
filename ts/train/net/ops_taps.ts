// Operations for the backends without a kernel gradient of their own (`wasm`) or with slow convolutions (`cpu`): every
// causal tap is a slice of the padded input, all taps together are one matrix, and each product is one matMul.
//
// Transposes are made first: tfjs-backend-wasm has XNNPACK only for products of matrices as they are, and plain loops for
// matMul's own transposing, which take ten times as long.

import { asMatrix, type Ops } from './ops.js';
import type { Rank, Tensor1D, Tensor2D, Tensor4D, Tf } from './tf.js';

export function tapsOps(tf: Tf): Ops {
  /** `[pixels, rows * columns * channels]`: what each output pixel reads, laid out as the rows of the kernel matrix. */
  const patches = (x: Tensor4D, rows: number, columns: number): Tensor2D => {
    if (rows === 1 && columns === 1) return asMatrix(tf, x);
    const [images, height, width, channels] = x.shape;
    const side = (columns - 1) / 2;
    const padded = tf.pad(x, [
      [0, 0],
      [rows - 1, 0],
      [side, side],
      [0, 0],
    ]);
    const taps: Tensor4D[] = [];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        taps.push(tf.slice(padded, [0, row, column, 0], [images, height, width, channels]));
      }
    }
    return asMatrix(tf, tf.concat(taps, 3));
  };
  const asKernelMatrix = (kernel: Tensor4D): Tensor2D => {
    const [rows, columns, channels, outChannels] = kernel.shape;
    return tf.reshape(kernel, [rows * columns * channels, outChannels]);
  };

  return {
    convolve: (x, kernel) =>
      tf.tidy(() => {
        const [images, height, width] = x.shape;
        const [rows, columns, , outChannels] = kernel.shape;
        const product = tf.matMul(patches(x, rows, columns), asKernelMatrix(kernel));
        return tf.reshape<Rank.R4>(product, [images, height, width, outChannels]);
      }),

    kernelGradient: (x, dy, rows, columns) =>
      tf.tidy(() => {
        const product = tf.matMul(tf.transpose(asMatrix(tf, dy)), patches(x, rows, columns));
        return tf.reshape<Rank.R4>(tf.transpose(product), [rows, columns, x.shape[3], dy.shape[3]]);
      }),

    // The transpose of `patches`: each tap's share goes back to where it was read. The padding is cut off at the end.
    inputGradient: (dy, kernel) =>
      tf.tidy(() => {
        const [images, height, width] = dy.shape;
        const [rows, columns, channels] = kernel.shape;
        const shares = tf.matMul(asMatrix(tf, dy), tf.transpose(asKernelMatrix(kernel)));
        if (rows === 1 && columns === 1) return tf.reshape<Rank.R4>(shares, [images, height, width, channels]);
        const side = (columns - 1) / 2;
        let sum: Tensor4D | undefined;
        for (let row = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++) {
            const start = [0, (row * columns + column) * channels];
            const share = tf.reshape<Rank.R4>(tf.slice(shares, start, [images * height * width, channels]), [
              images,
              height,
              width,
              channels,
            ]);
            const placed = tf.pad(share, [
              [0, 0],
              [row, rows - 1 - row],
              [column, columns - 1 - column],
              [0, 0],
            ]);
            sum = sum === undefined ? placed : tf.add(sum, placed);
          }
        }
        return tf.slice(sum as Tensor4D, [0, rows - 1, side, 0], [images, height, width, channels]);
      }),

    addBias: (x, bias) => tf.add(x, bias),
    biasGradient: (dy) => tf.tidy(() => tf.sum<Tensor1D>(asMatrix(tf, dy), 0)),
    relu: (x) => tf.relu(x),
    reluGradient: (dy, y) => tf.tidy(() => tf.mul(dy, tf.cast(tf.greater(y, 0), 'float32'))),
  };
}
