import type { TestContext } from 'vitest';
import type { CellName, Config, Description } from '../../ts/config.js';
import { binarise } from '../../ts/train/data/binarisation.js';
import type { ImageSet } from '../../ts/train/data/image_set.js';
import type { Batch } from '../../ts/train/net/model.js';
import { referenceConfig } from '../../ts/train/net/reference.js';
import type { Rank, Scalar, Tensor, Tensor2D, Tensor4D, Tf } from '../../ts/train/net/tf.js';
import { type Backend, openBackend, openTensorflow } from '../../ts/train/tensorflow/backend.js';
import { findTensorflow } from '../../ts/train/tensorflow/find.js';

/** A net of the plain architecture with small kernels of two sizes: 5x5 (cropped to 3x5) and 3x3 (to 2x3). */
export const smallConfig: Config = {
  ...referenceConfig,
  height: 7,
  width: 6,
  filters: 8,
  blocks: 2,
  firstKernel: 5,
  headLayers: 1,
};

export type BackendName = 'javascript' | 'wasm' | 'tensorflow';

/** Opens a backend; undefined where native TensorFlow was asked for and is not set up. */
export async function openTestBackend(name: BackendName): Promise<Backend | undefined> {
  if (name !== 'tensorflow') return openBackend(name);
  const native = findTensorflow();
  return native === undefined ? undefined : openTensorflow(native, { hideGpu: true });
}

/** The backend, or a skip that says what is missing. */
export function present(backend: Backend | undefined, context: TestContext): Backend {
  if (backend === undefined) context.skip('native TensorFlow is not set up; run npm run setup');
  return backend as Backend;
}

/** Images with some structure: blobs whose place depends on the index. */
export function blobs(count: number, { height, width }: Pick<Config, 'height' | 'width'>): ImageSet<Uint8Array> {
  const pixels = new Uint8Array(count * height * width);
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const distance = Math.hypot(y - (n % height), x - ((n * 5) % width));
        pixels[(n * height + y) * width + x] = distance < 2 ? 255 : 0;
      }
    }
  }
  return binarise({ pixels, count, height, width }, 'blobs');
}

/** Numbers that look random and are the same everywhere. */
export function noise(length: number, scale: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * scale;
  });
}

/** Some images for a model: levels, and labels where the net has classes. */
export function batchOf(tf: Tf, { config }: Pick<Description, 'config'>, levels: ArrayLike<number>): Batch {
  const { height, width, classes = 0 } = config;
  const count = levels.length / (height * width);
  const labels = Int32Array.from({ length: count }, (_, image) => (image * 2 + 1) % Math.max(1, classes));
  return {
    levels: tf.tensor4d(Int32Array.from(levels), [count, height, width, 1], 'int32'),
    ...(classes > 0 && { labels: tf.tensor1d(labels, 'int32') }),
  };
}

/** Levels that look random and are the same everywhere. */
export function anyLevels(count: number, { height, width, levels }: Config): Int32Array {
  return Int32Array.from(noise(count * height * width, 1), (value) => Math.floor(((value + 1) / 2) * levels));
}

/** The net, computed the slow way from what describe() says: a product for each tap, and each cell as it is defined. */
export function plainForward(
  tf: Tf,
  net: Description,
  tensors: ReadonlyMap<string, Tensor>,
  { levels, labels }: Batch,
): Tensor4D {
  const { config } = net;
  const [images, height, width] = levels.shape;
  const get = <T extends Tensor>(name: string): T => tensors.get(name)! as T;
  const product = (x: Tensor4D, matrix: Tensor2D): Tensor4D => {
    const rows = tf.reshape<Rank.R2>(x, [images * height * width, matrix.shape[0]]);
    return tf.reshape(tf.matMul(rows, matrix), [images, height, width, matrix.shape[1]]);
  };
  const oneHot = (indices: Tensor, count: number): Tensor =>
    tf.cast(tf.oneHot(tf.cast(indices, 'int32'), count), 'float32');
  const kinds = (): Tensor4D =>
    tf.reshape(oneHot(tf.reshape(levels, [-1]), config.levels), [images, height, width, config.levels]);
  const embedding = net.tensors.find(({ role }) => role === 'embedding');
  const pixels: Tensor4D =
    config.input !== 'nominal'
      ? tf.mul(tf.cast(levels, 'float32'), 1 / (config.levels - 1))
      : embedding === undefined
        ? kinds()
        : product(kinds(), get<Tensor2D>(embedding.name));
  const outputs = new Map<string, Tensor4D>([['pixels', pixels]]);
  let last = pixels;
  for (const layer of net.layers) {
    let sums: Tensor4D =
      layer.start === null ? tf.zeros([images, height, width, layer.sums]) : outputs.get(layer.start)!;
    if (layer.bias !== null) sums = tf.add(sums, get(layer.bias));
    if (layer.class !== null) {
      const vectors = tf.matMul(oneHot(labels!, config.classes!) as Tensor2D, get<Tensor2D>(layer.class));
      sums = tf.add(sums, tf.reshape(vectors, [images, 1, 1, layer.sums]));
    }
    for (const { source, kernel, shape, taps, places } of layer.inputs) {
      const [rows, columns, channels, outs] = shape;
      const places2d = tf.reshape<Rank.R3>(get(kernel), [rows * columns, channels, outs]);
      taps.forEach(([dy, dx], tap) => {
        const [down, across] = [Math.abs(dy), Math.abs(dx)];
        const framed = tf.pad(outputs.get(source)!, [
          [0, 0],
          [down, down],
          [across, across],
          [0, 0],
        ]);
        const read = tf.slice(framed, [0, down + dy, across + dx, 0], [images, height, width, channels]);
        const matrix = tf.slice(places2d, [places[tap]!, 0, 0], [1, channels, outs]);
        sums = tf.add(sums, product(read, tf.reshape<Rank.R2>(matrix, [channels, outs])));
      });
    }
    const half = (part: 0 | 1): Tensor4D =>
      tf.slice(sums, [0, 0, 0, part * layer.outChannels], [images, height, width, layer.outChannels]);
    const sigmoid = (x: Tensor4D): Tensor4D => tf.div(1, tf.add(1, tf.exp(tf.neg(x))));
    const cells: Record<CellName, () => Tensor4D> = {
      linear: () => sums,
      relu: () => tf.relu(sums),
      tanh: () => tf.tanh(sums),
      sigmoid: () => sigmoid(sums),
      gate: () => tf.mul(tf.tanh(half(0)), sigmoid(half(1))),
      hardGate: () => tf.mul(tf.relu(half(0)), tf.minimum(1, tf.maximum(0, tf.add(tf.div(half(1), 4), 0.5)))),
    };
    last = cells[layer.cell]();
    if (layer.residual !== null) last = tf.add(last, outputs.get(layer.residual)!);
    outputs.set(layer.name, last);
  }
  return last;
}

/** What the levels cost given the logits, from the definition: -ln of the probability, in nats, summed. */
export function plainNats(tf: Tf, logits: Tensor4D, levels: Tensor4D): Scalar {
  if (logits.shape[3] === 1) {
    const x = tf.cast(levels, 'float32');
    const p = tf.div(1, tf.add(1, tf.exp(tf.neg(logits))));
    return tf.neg(tf.sum(tf.log(tf.add(tf.mul(x, p), tf.mul(tf.sub(1, x), tf.sub(1, p))))));
  }
  const shares = tf.exp(logits);
  const mine = tf.cast(tf.oneHot(tf.reshape<Rank.R1>(levels, [-1]), logits.shape[3]), 'float32') as Tensor2D;
  const part = tf.sum(tf.mul(tf.reshape(shares, mine.shape), mine), 1);
  return tf.sum(tf.sub(tf.log(tf.sum(tf.reshape(shares, mine.shape), 1)), tf.log(part)));
}
