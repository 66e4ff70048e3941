// Forward and backward pass over the list of layers. The backward pass is written out by hand: the tape of tfjs keeps
// every intermediate alive and takes its relu gradient the slow way. test/train/net/model_cases.ts holds it against autodiff.

import type { Description, Layer } from '../../config.js';
import { cellsOf } from './cell.js';
import { headOf, oneHotOf } from './head.js';
import { asMatrix, type Ops } from './ops.js';
import type { Layout } from './parameters.js';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D, Tf } from './tf.js';

/** Tensors by name, as slices of the flat parameters. */
export type Weights = ReadonlyMap<string, Tensor>;

/** Images as a net takes them. */
export interface Batch {
  /** int32 `[images, height, width, 1]`, 0 to levels - 1, whatever the net makes of them. */
  readonly levels: Tensor4D;
  /** The class of each image, int32 `[images]`; of nets with classes. */
  readonly labels?: Tensor1D;
}

export interface Model {
  /** Splits the masked flat parameters into tensors; the caller disposes them with `release`. */
  weights(flat: Tensor1D): Weights;
  /** Logits `[images, height, width, outputs]`. */
  logits(weights: Weights, batch: Batch): Tensor4D;
  /** Summed negative log likelihood, in nats, of the images. */
  loss(weights: Weights, batch: Batch): Scalar;
  /** The same sum, and `scale` times its gradient, flat and masked. */
  lossAndGradient(weights: Weights, batch: Batch, scale: number): { loss: Scalar; gradient: Tensor1D };
}

export function release(weights: Weights): void {
  for (const tensor of weights.values()) tensor.dispose();
}

/** What the forward pass keeps for the backward pass. */
interface Activations {
  /** What the cells keep, by layer. */
  readonly kept: Map<string, readonly Tensor4D[]>;
  /** By layer; `pixels` is what the first of them read. */
  readonly outputs: Map<string, Tensor4D>;
}

export function createModel(tf: Tf, ops: Ops, net: Description, layout: Layout, mask: Tensor1D): Model {
  const { layers, config } = net;
  const last = layers.at(-1);
  if (last === undefined) throw new Error('the net has no layer');
  const cells = cellsOf(tf, ops);
  const head = headOf(tf, config);
  const embedding = net.tensors.find(({ role }) => role === 'embedding')?.name;
  const lastUse = new Map<string, number>();
  layers.forEach(({ inputs, start, residual }, index) => {
    for (const name of [...inputs.map(({ source }) => source), start, residual]) {
      if (name !== null) lastUse.set(name, index);
    }
  });

  /** A tensor in a shape; itself where it has as many axes, since to reshape is an operation, too. */
  const shaped = <T extends Tensor>(tensor: Tensor, shape: readonly number[]): T =>
    (tensor.rank === shape.length ? tensor : tf.reshape(tensor, [...shape])) as T;

  const weights = (flat: Tensor1D): Weights => {
    const tensors = tf.tidy(() => {
      const masked = tf.mul(flat, mask);
      const parts = tf.split(
        masked,
        layout.slots.map(({ size }) => size),
      );
      return layout.slots.map(({ shape }, i) => shaped(parts[i] as Tensor, shape));
    });
    return new Map(layout.slots.map(({ name }, i) => [name, tensors[i] as Tensor]));
  };

  const get = <T extends Tensor>(map: ReadonlyMap<string, Tensor>, name: string): T => {
    const tensor = map.get(name);
    if (tensor === undefined) throw new Error(`the net names ${name} before it is computed`);
    return tensor as T;
  };

  /** A tensor that may be what was given, as one that can be disposed by itself. */
  const own = (made: Tensor4D, given: Tensor4D | undefined): Tensor4D => (made === given ? tf.clone(made) : made);

  /** What the first layers read: quantities from 0 to 1, or vectors for kinds. */
  const pixelsOf = (values: Weights, levels: Tensor4D): Tensor4D =>
    tf.tidy(() => {
      if (config.input !== 'nominal') return tf.div(tf.cast(levels, 'float32'), config.levels - 1);
      if (embedding === undefined) return oneHotOf(tf, levels, config.levels);
      const [images, height, width] = levels.shape;
      return tf.gather<Tensor4D>(get(values, embedding), tf.reshape(levels, [images, height, width]));
    });

  const labelsOf = ({ labels }: Batch): Tensor1D => {
    if (labels === undefined) throw new Error('a net with classes is given labels');
    return labels;
  };

  const sumsOf = (layer: Layer, values: Weights, outputs: ReadonlyMap<string, Tensor4D>, batch: Batch): Tensor4D => {
    const start = layer.start === null ? [] : [get<Tensor4D>(outputs, layer.start)];
    const parts = layer.inputs.map(({ source, kernel }) =>
      ops.convolve(get(outputs, source), get(values, kernel), layout.window(kernel)),
    );
    const [one, ...more] = [...start, ...parts] as [Tensor4D, ...Tensor4D[]];
    const sums = more.length === 0 ? one : tf.addN([one, ...more]);
    const biased = layer.bias === null ? sums : ops.addBias(sums, get(values, layer.bias));
    if (layer.class === null) return biased;
    const vectors = tf.gather(get<Tensor2D>(values, layer.class), labelsOf(batch));
    return tf.add(biased, tf.reshape(vectors, [-1, 1, 1, layer.sums]));
  };

  /** With `keep`, everything the backward pass reads stays alive; else each output goes after its last use. */
  const forward = (values: Weights, batch: Batch, keep: boolean): Activations => {
    const kept = new Map<string, readonly Tensor4D[]>();
    const outputs = new Map<string, Tensor4D>([['pixels', pixelsOf(values, batch.levels)]]);
    layers.forEach((layer, index) => {
      const fired = tf.tidy(() => {
        const cell = cells[layer.cell].fire(sumsOf(layer, values, outputs, batch));
        const { residual } = layer;
        const output: Tensor4D =
          residual === null ? cell.outputs : tf.add(cell.outputs, get<Tensor4D>(outputs, residual));
        return { output: own(output, outputs.get(layer.start ?? '')), kept: keep ? [...cell.kept] : [] };
      });
      outputs.set(layer.name, fired.output);
      kept.set(layer.name, fired.kept);
      if (keep) return;
      for (const [name, tensor] of outputs) {
        if (name === last.name || lastUse.get(name) !== index) continue;
        tensor.dispose();
        outputs.delete(name);
      }
    });
    return { kept, outputs };
  };

  /** Walks the layers backwards; takes over `gradient`, that of the logits, and frees what the forward pass kept. */
  const backward = (values: Weights, { kept, outputs }: Activations, batch: Batch, gradient: Tensor4D): Tensor1D => {
    const gradients = new Map<string, Tensor4D>([[last.name, gradient]]);
    const parts = new Map<string, Tensor>();
    const chosen = (config.classes ?? 0) > 0 ? chosenOf(batch) : undefined;
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
      if (dOutput === undefined) throw new Error(`nothing reads layer ${layer.name}`);
      gradients.delete(layer.name);
      const ofCell = kept.get(layer.name) ?? [];
      const dSums = tf.tidy(() => own(cells[layer.cell].gradient(dOutput, ofCell), dOutput));
      if (layer.bias !== null) parts.set(layer.bias, ops.biasGradient(dSums));
      if (layer.class !== null && chosen !== undefined) parts.set(layer.class, classGradient(dSums, chosen));
      for (const { source, kernel } of layer.inputs) {
        const window = layout.window(kernel);
        parts.set(kernel, ops.kernelGradient(get(outputs, source), dSums, window));
        if (source === 'pixels' && embedding === undefined) continue;
        add(source, ops.inputGradient(dSums, get(values, kernel), window));
      }
      if (layer.start === null) dSums.dispose();
      else add(layer.start, dSums);
      if (layer.residual === null) dOutput.dispose();
      else add(layer.residual, dOutput);
      tf.dispose([...ofCell, get(outputs, layer.name)]);
    }
    get(outputs, 'pixels').dispose();
    chosen?.dispose();
    if (embedding !== undefined) {
      const dPixels = get<Tensor4D>(gradients, 'pixels');
      parts.set(embedding, embeddingGradient(dPixels, batch.levels));
      dPixels.dispose();
    }
    return tf.tidy(() => {
      const flat = tf.concat1d(layout.slots.map(({ name, size }) => shaped<Tensor1D>(get(parts, name), [size])));
      for (const part of parts.values()) part.dispose();
      return tf.mul(flat, mask);
    });
  };

  /** 1 where an image is of a class, `[classes, images]`; made once for all layers, since a GPU waits for it (3 ms beside other work). */
  const chosenOf = (batch: Batch): Tensor2D =>
    tf.tidy(() => tf.transpose(tf.cast(tf.oneHot(labelsOf(batch), config.classes ?? 0), 'float32') as Tensor2D));

  /** Each class has the sum over its images, at all positions: `[classes, sums]`. */
  const classGradient = (dSums: Tensor4D, chosen: Tensor2D): Tensor2D =>
    tf.tidy(() => tf.matMul(chosen, tf.sum<Tensor2D>(dSums, [1, 2])));

  /** Each level has the sum over the pixels that are of it: `[levels, channels]`. */
  const embeddingGradient = (dPixels: Tensor4D, levels: Tensor4D): Tensor2D =>
    tf.tidy(() => {
      const mine = asMatrix(tf, oneHotOf(tf, levels, config.levels));
      return tf.matMul(tf.transpose(mine), asMatrix(tf, dPixels));
    });

  return {
    weights,
    logits: (values, batch) => get(forward(values, batch, false).outputs, last.name),
    loss: (values, batch) => {
      const z = get<Tensor4D>(forward(values, batch, false).outputs, last.name);
      const loss = head.nats(z, batch.levels);
      z.dispose();
      return loss;
    },
    lossAndGradient: (values, batch, scale) => {
      const kept = forward(values, batch, true);
      const z = get<Tensor4D>(kept.outputs, last.name);
      const loss = head.nats(z, batch.levels);
      const dz = tf.tidy(() => tf.mul<Tensor4D>(head.gradient(z, batch.levels), scale));
      return { loss, gradient: backward(values, kept, batch, dz) };
    },
  };
}
