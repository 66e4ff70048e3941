/**
 * What this net costs without us, in JavaScript: the whole image again for each pixel, on TensorFlow.js's own WebAssembly
 * backend (SIMD, one thread). The kernels are the full masked ones, as a converted Keras model has them; bias and relu are
 * fused into the convolutions, which is faster than the layers API.
 */

import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { Description } from '../ts/config.js';

export interface Peer {
  readonly name: string;
  /** Multiply-adds of the forward pass of one image. */
  readonly macsPerForward: number;
  /** The forward pass of images of levels, read back: a logit for each pixel. */
  logits(images: Uint8Array): Float32Array;
}

/** Starts the backend and hands it the weights: all tensors, in the order of `net.tensors`. */
export async function startTfjs(net: Description, weights: Float32Array): Promise<Peer> {
  const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
  setWasmPaths(folder + sep);
  setThreadsCount(1);
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs-backend-wasm did not start');
  await tf.ready();

  const tensors = new Map<string, tf.Tensor>();
  let at = 0;
  for (const { name, shape } of net.tensors) {
    const size = shape.reduce((a, b) => a * b, 1);
    tensors.set(name, tf.tensor(weights.slice(at, at + size), [...shape]));
    at += size;
  }
  const { height, width, channels, levels } = net.config;
  const tensor = <T extends tf.Tensor>(name: string, from: ReadonlyMap<string, tf.Tensor>): T => {
    const found = from.get(name);
    if (!found) throw new Error(`the net has no tensor "${name}"`);
    return found as T;
  };

  const forward = (pixels: tf.Tensor4D): tf.Tensor => {
    const outputs = new Map<string, tf.Tensor>([['pixels', pixels]]);
    for (const { name, inputs, bias, activation, residual } of net.layers) {
      const [input, ...more] = inputs;
      if (!input || more.length > 0) throw new Error(`layer "${name}": expected one input, got ${inputs.length}`);
      let y: tf.Tensor4D = tf.fused.conv2d({
        x: tensor<tf.Tensor4D>(input.source, outputs),
        filter: tensor<tf.Tensor4D>(input.kernel, tensors),
        strides: 1,
        pad: 'same',
        bias: tensor<tf.Tensor1D>(bias, tensors),
        activation: activation === 'relu' ? 'relu' : 'linear',
      });
      if (residual !== null) y = tf.add(y, tensor<tf.Tensor4D>(residual, outputs));
      outputs.set(name, y);
    }
    return tensor(net.layers.at(-1)?.name ?? '', outputs);
  };

  const macs = net.tensors
    .filter(({ shape }) => shape.length === 4)
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return {
    name: `tfjs-backend-wasm ${tf.version_core}`,
    macsPerForward: macs * height * width,
    logits(images) {
      const count = images.length / (height * width * channels);
      const values = Float32Array.from(images, (level) => level / (levels - 1));
      return tf.tidy(() => forward(tf.tensor4d(values, [count, height, width, channels])).dataSync<'float32'>());
    },
  };
}
