/** A small convolutional net that tells digits, trained here on real images alone: who judges those that are drawn. */

import { type Core, randomOrder } from '../ts/train/net/core.js';
import type { Tf } from '../ts/train/net/tf.js';

/** Images of two levels with their labels: `[count, 28, 28]` and `[count]`. */
export interface LabelledImages {
  readonly pixels: Uint8Array | Uint16Array;
  readonly labels: Uint16Array;
  readonly count: number;
}

export interface Classifier {
  /** p(class | image), `[count, 10]`. */
  classify(pixels: LabelledImages['pixels'], count: number): Float32Array;
  dispose(): void;
}

const side = 28;
const classes = 10;
const batch = 64;

/** Kernels and biases of the layers: two of 3x3 at each size, then two that see everything. */
const shapes = {
  conv1: [3, 3, 1, 16],
  conv2: [3, 3, 16, 16],
  conv3: [3, 3, 16, 32],
  conv4: [3, 3, 32, 32],
  dense1: [7 * 7 * 32, 128],
  dense2: [128, classes],
} as const;
type LayerName = keyof typeof shapes;

/**
 * Trains for some epochs, Adam from 0.002 down to 0 along half a cosine, images moved by up to a pixel, half of the last hidden layer
 * dropped out. Initial weights and order are the seed's.
 *
 * @param say Told of each epoch.
 */
export function trainClassifier(
  tf: Tf,
  core: Core,
  { pixels, labels, count }: LabelledImages,
  { epochs, seed, say }: { readonly epochs: number; readonly seed: number; readonly say: (line: string) => void },
): Classifier {
  const names = Object.keys(shapes) as LayerName[];
  const kernels = {} as Record<LayerName, ReturnType<Tf['variable']>>;
  const biases = {} as Record<LayerName, ReturnType<Tf['variable']>>;
  for (const [i, name] of names.entries()) {
    const shape = [...shapes[name]];
    const fanIn = shape.slice(0, -1).reduce((product, length) => product * length, 1);
    kernels[name] = tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, Math.sqrt(2 / fanIn), 'float32', seed + i)));
    biases[name] = tf.tidy(() => tf.variable(tf.zeros([shape.at(-1)!])));
  }
  /** Logits of images `[n, 28, 28, 1]`; `dropout` is a seed while training. */
  const logitsOf = (images: ReturnType<Tf['tensor4d']>, dropout?: number) => {
    const conv = (x: typeof images, name: LayerName) =>
      tf.relu(
        tf.add(tf.conv2d(x, kernels[name] as unknown as typeof images, 1, 'same'), biases[name]),
      ) as typeof images;
    const half = (x: typeof images) => tf.maxPool(x, 2, 2, 'same') as typeof images;
    const seen = half(conv(conv(half(conv(conv(images, 'conv1'), 'conv2')), 'conv3'), 'conv4'));
    const flat = tf.reshape(seen, [-1, 7 * 7 * 32]);
    const hidden = tf.relu(tf.add(tf.matMul(flat, kernels.dense1), biases.dense1));
    const kept = dropout === undefined ? hidden : tf.dropout(hidden, 0.5, undefined, dropout);
    return tf.add(tf.matMul(kept, kernels.dense2), biases.dense2);
  };
  /** Some images, moved by what `moves` says of each. */
  const gather = (order: Uint32Array, moves?: Uint32Array) => {
    const values = new Float32Array(order.length * side * side);
    for (const [at, image] of order.entries()) {
      const move = moves === undefined ? 4 : moves[image]! % 9;
      const [down, right] = [Math.floor(move / 3) - 1, (move % 3) - 1];
      for (let y = Math.max(0, down); y < side + Math.min(0, down); y++) {
        for (let x = Math.max(0, right); x < side + Math.min(0, right); x++) {
          values[(at * side + y) * side + x] = pixels[(image * side + y - down) * side + x - right]!;
        }
      }
    }
    return tf.tensor4d(values, [order.length, side, side, 1]);
  };
  const updates = epochs * Math.ceil(count / batch);
  const optimizer = tf.train.adam(0.002);
  let update = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = randomOrder(core, seed, epoch, 0, count);
    const moves = randomOrder(core, seed, epoch, 1, count);
    let loss = 0;
    for (let start = 0; start < count; start += batch) {
      const some = order.subarray(start, start + batch);
      // Adam's rate is fixed for its users; its own field is what a schedule of TensorFlow.js has to change.
      (optimizer as unknown as { learningRate: number }).learningRate =
        0.001 * (1 + Math.cos((Math.PI * update) / updates));
      const cost = tf.tidy(() => {
        const images = gather(some, moves);
        const wanted = tf.oneHot(
          tf.tensor1d(
            Int32Array.from(some, (image) => labels[image]!),
            'int32',
          ),
          classes,
        );
        const of = () =>
          tf.losses.softmaxCrossEntropy(wanted, logitsOf(images, seed + update)) as ReturnType<Tf['scalar']>;
        return optimizer.minimize(of, true)!;
      });
      loss += cost.dataSync()[0]! * some.length;
      cost.dispose();
      update++;
    }
    say(`judge: epoch ${epoch + 1} of ${epochs}, loss ${(loss / count).toFixed(4)}`);
  }
  optimizer.dispose();
  return {
    classify(of, total) {
      const all = new Float32Array(total * classes);
      const step = 500;
      for (let start = 0; start < total; start += step) {
        const n = Math.min(step, total - start);
        const part = tf.tidy(() => {
          const values = Float32Array.from(of.subarray(start * side * side, (start + n) * side * side));
          return tf.softmax(logitsOf(tf.tensor4d(values, [n, side, side, 1]))).dataSync();
        });
        all.set(part as Float32Array, start * classes);
      }
      return all;
    },
    dispose() {
      for (const name of names) {
        kernels[name].dispose();
        biases[name].dispose();
      }
    },
  };
}

/** The likeliest class of each image, and how sure the classifier is of it. */
export function verdicts(probabilities: Float32Array): { readonly label: number; readonly p: number }[] {
  return Array.from({ length: probabilities.length / classes }, (_, image) => {
    const of = probabilities.subarray(image * classes, (image + 1) * classes);
    const p = Math.max(...of);
    return { label: of.indexOf(p), p };
  });
}
