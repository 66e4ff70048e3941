// Operations on native TensorFlow, CPU and GPU. Some ops are called by their public TensorFlow names because tfjs's own
// route to the same arithmetic is slower: its relu gradient makes a step function and a product (5 to 10 times the time
// of ReluGrad), and its Conv2DBackpropFilter cannot pad one side only.

import { asMatrix, type Ops } from './ops.js';
import type { Rank, Tensor, Tensor1D, Tensor4D, TensorInfo, Tf } from './tf.js';

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** What tfjs-node's backend offers beyond tfjs's own interface. */
export interface TensorflowBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: {
    readonly TF_Version: string;
    readonly TF_ATTR_TYPE: number;
    readonly TF_ATTR_STRING: number;
    readonly TF_ATTR_INT: number;
    readonly TF_ATTR_BOOL: number;
    readonly TF_FLOAT: number;
  };
  executeSingleOutput(name: string, attributes: Attribute[], inputs: TensorInfo[]): Tensor;
}

type Padding = [[number, number], [number, number], [number, number], [number, number]];

export function tensorflowOps(tf: Tf, backend: TensorflowBackend): Ops {
  const { TF_ATTR_BOOL, TF_ATTR_INT, TF_ATTR_STRING, TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  const float: Attribute = { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT };
  const nhwc: Attribute = { name: 'data_format', type: TF_ATTR_STRING, value: 'NHWC' };
  const run = <T extends Tensor>(name: string, attributes: Attribute[], inputs: TensorInfo[]): T =>
    backend.executeSingleOutput(name, [float, ...attributes], inputs) as T;

  return {
    // A 1x1 convolution is a matrix product, and runs as one up to 1.8 times as fast (CPUs without AVX-512; bench train).
    convolve: (x, kernel) =>
      tf.tidy(() => {
        const [rows, columns, channels, outChannels] = kernel.shape;
        if (rows === 1 && columns === 1) {
          const [images, height, width] = x.shape;
          const product = tf.matMul(asMatrix(tf, x), tf.reshape(kernel, [channels, outChannels]));
          return tf.reshape<Rank.R4>(product, [images, height, width, outChannels]);
        }
        return tf.conv2d(x, kernel, 1, paddingBefore(rows, columns));
      }),

    kernelGradient: (x, dy, rows, columns) =>
      tf.tidy(() => {
        const channels = x.shape[3];
        const outChannels = dy.shape[3];
        if (rows === 1 && columns === 1) {
          const product = tf.matMul(asMatrix(tf, x), asMatrix(tf, dy), true, false);
          return tf.reshape<Rank.R4>(product, [1, 1, channels, outChannels]);
        }
        return run<Tensor4D>(
          'Conv2DBackpropFilter',
          [
            { name: 'strides', type: TF_ATTR_INT, value: [1, 1, 1, 1] },
            { name: 'padding', type: TF_ATTR_STRING, value: 'EXPLICIT' },
            { name: 'explicit_paddings', type: TF_ATTR_INT, value: paddingBefore(rows, columns).flat() },
            nhwc,
            { name: 'use_cudnn_on_gpu', type: TF_ATTR_BOOL, value: true },
            { name: 'dilations', type: TF_ATTR_INT, value: [1, 1, 1, 1] },
          ],
          [x, tf.tensor1d([rows, columns, channels, outChannels], 'int32'), dy],
        );
      }),

    // The gradient is itself a convolution, of dy with the turned kernel; as a forward convolution it is 1.3 to 1.8
    // times as fast as Conv2DBackpropInput.
    inputGradient: (dy, kernel) =>
      tf.tidy(() => {
        const [rows, columns, channels, outChannels] = kernel.shape;
        if (rows === 1 && columns === 1) {
          const [images, height, width] = dy.shape;
          const product = tf.matMul(asMatrix(tf, dy), tf.reshape(kernel, [channels, outChannels]), false, true);
          return tf.reshape<Rank.R4>(product, [images, height, width, channels]);
        }
        const turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2]);
        return tf.conv2d(dy, turned, 1, paddingAfter(rows, columns));
      }),

    addBias: (x, bias) => run('BiasAdd', [nhwc], [x, bias]),
    biasGradient: (dy) => run<Tensor1D>('BiasAddGrad', [nhwc], [dy]),
    relu: (x) => tf.relu(x),
    reluGradient: (dy, y) => run('ReluGrad', [], [dy, y]),
  };
}

/** Zeros above and at both sides, none below: the last row of a cropped kernel is the pixel's own. */
function paddingBefore(rows: number, columns: number): Padding {
  const side = (columns - 1) / 2;
  return [
    [0, 0],
    [rows - 1, 0],
    [side, side],
    [0, 0],
  ];
}

function paddingAfter(rows: number, columns: number): Padding {
  const side = (columns - 1) / 2;
  return [
    [0, 0],
    [0, rows - 1],
    [side, side],
    [0, 0],
  ];
}
