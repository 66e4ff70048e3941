/**
 * The net in TensorFlow.js, whatever computes it: the full masked kernels, as a converted Keras model has them; bias and
 * relu are fused into the convolutions, which is faster than the layers API.
 */

import type * as TfCore from '@tensorflow/tfjs-core';
import type { Description } from '../ts/config.js';

/** TensorFlow.js, the core alone or with a native backend. */
export type Tf = typeof TfCore;

/** Logits of pixels that are scaled to 0..1: `[count, height, width]`, read back. */
export type TfjsForward = (pixels: Float32Array, count: number, height: number, width: number) => Float32Array;

/** `weights` are all tensors, in the order of `net.tensors`. */
export function tfjsNet(tf: Tf, net: Description, weights: Float32Array): TfjsForward {
  const tensors = new Map<string, TfCore.Tensor>();
  let at = 0;
  for (const { name, shape } of net.tensors) {
    const size = shape.reduce((a, b) => a * b, 1);
    tensors.set(name, tf.tensor(weights.slice(at, at + size), [...shape]));
    at += size;
  }
  const tensor = <T extends TfCore.Tensor>(name: string, from: ReadonlyMap<string, TfCore.Tensor>): T => {
    const found = from.get(name);
    if (!found) throw new Error(`the net has no tensor "${name}"`);
    return found as T;
  };
  const forward = (pixels: TfCore.Tensor4D): TfCore.Tensor => {
    const outputs = new Map<string, TfCore.Tensor>([['pixels', pixels]]);
    for (const { name, inputs, start, bias, cell, residual } of net.layers) {
      const [input, ...more] = inputs;
      if (!input || more.length > 0 || start !== null || bias === null || (cell !== 'relu' && cell !== 'linear')) {
        throw new Error(`layer "${name}": expected one input, a bias and a relu or none, as plain nets have`);
      }
      let y: TfCore.Tensor4D = tf.fused.conv2d({
        x: tensor<TfCore.Tensor4D>(input.source, outputs),
        filter: tensor<TfCore.Tensor4D>(input.kernel, tensors),
        strides: 1,
        pad: 'same',
        bias: tensor<TfCore.Tensor1D>(bias, tensors),
        activation: cell,
      });
      if (residual !== null) y = tf.add(y, tensor<TfCore.Tensor4D>(residual, outputs));
      outputs.set(name, y);
    }
    return tensor(net.layers.at(-1)?.name ?? '', outputs);
  };
  const { channels } = net.config;
  return (pixels, count, height, width) =>
    tf.tidy(() => forward(tf.tensor4d(pixels, [count, height, width, channels])).dataSync<'float32'>());
}
