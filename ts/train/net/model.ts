// Forward and backward pass over the list of layers. The backward pass is written out by hand: the tape of tfjs keeps
// every intermediate alive and takes its relu gradient the slow way. test/train/model_cases.ts holds it against autodiff.

import type { Description, Layer } from '../../config.js';
import type { Ops } from './ops.js';
import type { Layout } from './parameters.js';
import type { Rank, Scalar, Tensor, Tensor1D, Tensor4D, Tf } from './tf.js';

/** Tensors by name, as slices of the flat parameters. */
export type Weights = ReadonlyMap<string, Tensor>;

export interface Model {
  /** Splits the masked flat parameters into tensors; the caller disposes them with `release`. */
  weights(flat: Tensor1D): Weights;
  /** Logits `[images, height, width, outputs]` of pixels scaled to 0..1. */
  logits(weights: Weights, pixels: Tensor4D): Tensor4D;
  /** Summed negative log likelihood, in nats, of the images. */
  loss(weights: Weights, pixels: Tensor4D): Scalar;
  /** The same sum, and `scale` times its gradient, flat and masked. */
  lossAndGradient(weights: Weights, pixels: Tensor4D, scale: number): { loss: Scalar; gradient: Tensor1D };
}

export function release(weights: Weights): void {
  for (const tensor of weights.values()) tensor.dispose();
}

/** What the forward pass keeps for the backward pass. */
interface Activations {
  /** After the activation, before the residual is added. */
  readonly activated: Map<string, Tensor4D>;
  readonly outputs: Map<string, Tensor4D>;
}

export function createModel(tf: Tf, ops: Ops, net: Description, layout: Layout, mask: Tensor1D): Model {
  const { layers } = net;
  const last = layers.at(-1);
  if (last === undefined) throw new Error('the net has no layer');
  if (net.config.levels !== 2 || net.config.channels !== 1) {
    throw new RangeError(
      `training: expected a net of 1 channel and 2 levels, got ${net.config.channels} and ${net.config.levels}`,
    );
  }
  const lastUse = new Map<string, number>();
  layers.forEach((layer, index) => {
    for (const { source } of layer.inputs) lastUse.set(source, index);
    if (layer.residual !== null) lastUse.set(layer.residual, index);
  });

  const weights = (flat: Tensor1D): Weights => {
    const tensors = tf.tidy(() => {
      const masked = tf.mul(flat, mask);
      const parts = tf.split(
        masked,
        layout.slots.map(({ size }) => size),
      );
      return layout.slots.map(({ shape }, i) => tf.reshape(parts[i] as Tensor, [...shape]));
    });
    return new Map(layout.slots.map(({ name }, i) => [name, tensors[i] as Tensor]));
  };

  const get = <T extends Tensor>(map: ReadonlyMap<string, Tensor>, name: string): T => {
    const tensor = map.get(name);
    if (tensor === undefined) throw new Error(`the net names ${name} before it is computed`);
    return tensor as T;
  };

  const applyLayer = (layer: Layer, values: Weights, outputs: ReadonlyMap<string, Tensor4D>): Tensor4D =>
    tf.tidy(() => {
      const parts = layer.inputs.map((input) => ops.convolve(get(outputs, input.source), get(values, input.kernel)));
      const sum = parts.length === 1 ? (parts[0] as Tensor4D) : tf.addN(parts);
      const biased = ops.addBias(sum, get(values, layer.bias ?? ''));
      return layer.cell === 'relu' ? ops.relu(biased) : biased;
    });

  /** With `keep`, everything the backward pass reads stays alive; else each output goes after its last use. */
  const forward = (values: Weights, pixels: Tensor4D, keep: boolean): Activations => {
    const activated = new Map<string, Tensor4D>();
    const outputs = new Map<string, Tensor4D>([['pixels', pixels]]);
    layers.forEach((layer, index) => {
      const y = applyLayer(layer, values, outputs);
      if (layer.residual === null) {
        outputs.set(layer.name, y);
      } else {
        outputs.set(layer.name, tf.add(y, get<Tensor4D>(outputs, layer.residual)));
        if (!keep) y.dispose();
      }
      if (keep) activated.set(layer.name, y);
      else {
        for (const [name, tensor] of outputs) {
          if (name === 'pixels' || name === last.name || lastUse.get(name) !== index) continue;
          tensor.dispose();
          outputs.delete(name);
        }
      }
    });
    return { activated, outputs };
  };

  // Binary cross entropy from logits: relu(z) - z x + log(1 + exp(-|z|)), which cannot overflow.
  const bernoulli = (z: Tensor4D, x: Tensor4D): Scalar =>
    tf.tidy(() => {
      const tail = tf.log(tf.add(tf.exp(tf.neg(tf.abs(z))), 1));
      const nats = tf.add(tf.sub(tf.relu(z), tf.mul(z, x)), tail);
      // Image by image first: tfjs's WebAssembly backend adds one number after the other in f32, and was off by 2e-4 over 30
      // images at once.
      return tf.sum(tf.sum(nats, [1, 2, 3]));
    });

  /** Walks the layers backwards; takes over `gradient`, that of the logits, and frees what the forward pass kept. */
  const backward = (values: Weights, kept: Activations, gradient: Tensor4D): Tensor1D => {
    const gradients = new Map<string, Tensor4D>([[last.name, gradient]]);
    const parts = new Map<string, Tensor>();
    const add = (name: string, more: Tensor4D): void => {
      const sofar = gradients.get(name);
      if (sofar === undefined) {
        gradients.set(name, more);
        return;
      }
      gradients.set(name, tf.add<Tensor4D>(sofar, more));
      sofar.dispose();
      more.dispose();
    };
    for (const layer of [...layers].reverse()) {
      const dOutput = gradients.get(layer.name);
      const y = get<Tensor4D>(kept.activated, layer.name);
      if (dOutput === undefined) throw new Error(`nothing reads layer ${layer.name}`);
      gradients.delete(layer.name);
      const dy = layer.cell === 'relu' ? ops.reluGradient(dOutput, y) : dOutput;
      parts.set(layer.bias ?? '', ops.biasGradient(dy));
      for (const input of layer.inputs) {
        const [rows = 1, columns = 1] = layout.slot(input.kernel).shape;
        parts.set(input.kernel, ops.kernelGradient(get<Tensor4D>(kept.outputs, input.source), dy, rows, columns));
        if (input.source !== 'pixels') add(input.source, ops.inputGradient(dy, get(values, input.kernel)));
      }
      if (dy !== dOutput) dy.dispose();
      if (layer.residual === null) dOutput.dispose();
      else add(layer.residual, dOutput);
      y.dispose();
      get<Tensor4D>(kept.outputs, layer.name).dispose(); // disposing twice is harmless: without a residual it is y
    }
    return tf.tidy(() => {
      const flat = tf.concat1d(layout.slots.map(({ name }) => tf.reshape<Rank.R1>(get(parts, name), [-1])));
      for (const part of parts.values()) part.dispose();
      return tf.mul(flat, mask);
    });
  };

  return {
    weights,
    logits: (values, pixels) => get(forward(values, pixels, false).outputs, last.name),
    loss: (values, pixels) => {
      const z = get<Tensor4D>(forward(values, pixels, false).outputs, last.name);
      const loss = bernoulli(z, pixels);
      z.dispose();
      return loss;
    },
    lossAndGradient: (values, pixels, scale) => {
      const kept = forward(values, pixels, true);
      const z = get<Tensor4D>(kept.outputs, last.name);
      const loss = bernoulli(z, pixels);
      const dz = tf.tidy(() => tf.mul<Tensor4D>(tf.sub(tf.sigmoid(z), pixels), scale));
      return { loss, gradient: backward(values, kept, dz) };
    },
  };
}
