// Operations on native TensorFlow, CPU and GPU. Some ops are called by their public TensorFlow names because tfjs's own
// route to the same arithmetic is slower: its relu gradient makes a step function and a product (5 to 10 times the time
// of ReluGrad), and its Conv2DBackpropFilter cannot pad one side only.

import { asMatrix, type Ops, type Window } from './ops.js';
import { isPoint, tapsOps } from './ops_taps.js';
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

/**
 * The operations of a copy of TensorFlow. What a GPU is given are as few as there can be, since asking takes longer than computing: 20 us and
 * more for each, and a reshaping is one as well, of which a matrix product had five. A CPU is given what it computes fastest.
 */
export function tensorflowOps(tf: Tf, backend: TensorflowBackend, onGpu: boolean = backend.isUsingGpuDevice): Ops {
  const { TF_ATTR_BOOL, TF_ATTR_INT, TF_ATTR_STRING, TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  const float: Attribute = { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT };
  const nhwc: Attribute = { name: 'data_format', type: TF_ATTR_STRING, value: 'NHWC' };
  const run = <T extends Tensor>(name: string, attributes: Attribute[], inputs: TensorInfo[]): T =>
    backend.executeSingleOutput(name, [float, ...attributes], inputs) as T;

  /** A gradient of a convolution without dilation, of this shape. */
  const convolutionGradient = (
    of: 'Filter' | 'Input',
    shape: readonly number[],
    window: Window,
    inputs: (shape: Tensor1D) => Tensor[],
  ): Tensor4D =>
    tf.tidy(() =>
      run<Tensor4D>(
        `Conv2DBackprop${of}`,
        [
          { name: 'strides', type: TF_ATTR_INT, value: [1, 1, 1, 1] },
          { name: 'padding', type: TF_ATTR_STRING, value: 'EXPLICIT' },
          { name: 'explicit_paddings', type: TF_ATTR_INT, value: paddingOf(window).flat() },
          nhwc,
          { name: 'use_cudnn_on_gpu', type: TF_ATTR_BOOL, value: true },
          { name: 'dilations', type: TF_ATTR_INT, value: [1, 1, 1, 1] },
        ],
        inputs(tf.tensor1d([...shape], 'int32')),
      ),
    );

  /** What no convolution of TensorFlow's own does. */
  const taps = tapsOps(tf);
  // A 1x1 convolution is a matrix product, and on a CPU it runs as one up to 1.8 times as fast (CPUs without AVX-512; bench train).
  const isProduct = (window: Window): boolean => !onGpu && isPoint(window);

  return {
    convolve: (x, kernel, window) => {
      const { dilation } = window;
      if (dilation === undefined) return taps.convolve(x, kernel, window);
      if (!isProduct(window)) return tf.conv2d(x, kernel, 1, paddingOf(window), 'NHWC', [...dilation]);
      return tf.tidy(() => {
        const [, , channels, outChannels] = kernel.shape;
        const [images, height, width] = x.shape;
        const product = tf.matMul(asMatrix(tf, x), tf.reshape(kernel, [channels, outChannels]));
        return tf.reshape<Rank.R4>(product, [images, height, width, outChannels]);
      });
    },

    kernelGradient: (x, dy, window) => {
      // On a CPU, Conv2DBackpropFilter takes no dilation.
      if (!isDense(window)) return taps.kernelGradient(x, dy, window);
      const { rows, columns } = window;
      const channels = x.shape[3];
      const outChannels = dy.shape[3];
      if (!isProduct(window)) {
        return convolutionGradient('Filter', [rows, columns, channels, outChannels], window, (shape) => [x, shape, dy]);
      }
      return tf.tidy(() => {
        const product = tf.matMul(asMatrix(tf, x), asMatrix(tf, dy), true, false);
        return tf.reshape<Rank.R4>(product, [1, 1, channels, outChannels]);
      });
    },

    inputGradient: (dy, kernel, window) => {
      const { dilation } = window;
      if (dilation === undefined) return taps.inputGradient(dy, kernel, window);
      const [images, height, width] = dy.shape;
      const [, , channels, outChannels] = kernel.shape;
      if (onGpu && isDense(window)) {
        return convolutionGradient('Input', [images, height, width, channels], window, (shape) => [shape, kernel, dy]);
      }
      return tf.tidy(() => {
        if (isProduct(window)) {
          const product = tf.matMul(asMatrix(tf, dy), tf.reshape(kernel, [channels, outChannels]), false, true);
          return tf.reshape<Rank.R4>(product, [images, height, width, channels]);
        }
        // Itself a convolution, of dy with the turned kernel: on a CPU 1.3 to 1.8 times as fast as Conv2DBackpropInput.
        const turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2]);
        return tf.conv2d(dy, turned, 1, turnedPaddingOf(window), 'NHWC', [...dilation]);
      });
    },

    addBias: (x, bias) => run('BiasAdd', [nhwc], [x, bias]),
    biasGradient: (dy) => run<Tensor1D>('BiasAddGrad', [nhwc], [dy]),
    relu: (x) => tf.relu(x),
    reluGradient: (dy, y) => run('ReluGrad', [], [dy, y]),
    tanhGradient: (dy, y) => run('TanhGrad', [], [y, dy]),
    sigmoidGradient: (dy, y) => run('SigmoidGrad', [], [y, dy]),
  };
}

/** Whether the places of a kernel lie side by side. */
const isDense = ({ dilation }: Window): boolean => dilation !== undefined && dilation[0] === 1 && dilation[1] === 1;

function paddingOf({ padding: { top, bottom, left, right } }: Window): Padding {
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

function turnedPaddingOf({ padding: { top, bottom, left, right } }: Window): Padding {
  return [
    [0, 0],
    [bottom, top],
    [right, left],
    [0, 0],
  ];
}
