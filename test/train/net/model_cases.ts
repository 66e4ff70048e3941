import { beforeAll, expect, it } from 'vitest';
import { loadCore } from '../../../ts/train/net/core.js';
import { createModel, release } from '../../../ts/train/net/model.js';
import { fromFull, layoutOf, toFull } from '../../../ts/train/net/parameters.js';
import type { Scalar, Tensor } from '../../../ts/train/net/tf.js';
import type { Backend } from '../../../ts/train/tensorflow/backend.js';
import { type BackendName, blobs, noise, openTestBackend, plainForward, present, smallConfig } from '../support.js';

const core = await loadCore();

/**
 * What every backend must do. Each has a test file, and so a process, of its own: native TensorFlow brings its own copy
 * of tfjs, and two copies in a process disturb each other.
 */
export function testModelOn(name: BackendName): void {
  let backend: Backend | undefined;
  beforeAll(async () => {
    backend = await openTestBackend(name);
  });

  // Kernels of 5 rows as well, which no padding of TensorFlow's own makes causal.
  it.for([3, 5])('equals autodiff of the plainly written net, block kernel %i', (blockKernel, context) => {
    const { tf, ops } = present(backend, context);
    const net = core.describe({ ...smallConfig, blockKernel });
    const layout = layoutOf(net);
    const flat = noise(layout.size, 0.4).map((value, i) => value * layout.mask[i]!);
    const full = toFull(layout, flat);
    const images = blobs(5, smallConfig);
    const pixels = tf.tensor4d(Float32Array.from(images.pixels), [5, 7, 6, 1]);

    let offset = 0;
    const variables = net.tensors.map(({ shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      offset += size;
      return tf.tensor(full.slice(offset - size, offset), [...shape]);
    });
    const sum = (...tensors: Tensor[]) => {
      const byName = new Map(net.tensors.map((tensor, i) => [tensor.name, tensors[i]!]));
      const z = plainForward(tf, net, byName, pixels);
      const tail = tf.log(tf.add(tf.exp(tf.neg(tf.abs(z))), 1));
      return tf.sum<Scalar>(tf.add(tf.sub(tf.relu(z), tf.mul(z, pixels)), tail));
    };
    const expected = sum(...variables).dataSync()[0]!;
    const numeric = name !== 'tensorflow'; // tfjs-core alone has no gradients registered, and wasm lacks some of them
    const expectedGradient = numeric
      ? undefined
      : fromFull(
          layout,
          Float32Array.from(
            tf
              .grads(sum)(variables)
              .flatMap((gradient) => [...gradient.dataSync()]),
          ),
        );

    const model = createModel(tf, ops, net, layout, tf.tensor1d(layout.mask));
    const parameters = tf.tensor1d(flat);
    const weights = model.weights(parameters);
    const { loss, gradient } = model.lossAndGradient(weights, pixels, 1);
    expect(loss.dataSync()[0]).toBeCloseTo(expected, 3);
    expect(model.loss(weights, pixels).dataSync()[0]).toBeCloseTo(expected, 3);
    const got = gradient.dataSync<'float32'>();
    if (expectedGradient !== undefined) {
      for (const slot of layout.slots) {
        const [a, b] = [got, expectedGradient].map((g) => [...g.slice(slot.offset, slot.offset + slot.size)]);
        const largest = Math.max(...b!.map(Math.abs));
        const worst = Math.max(...a!.map((value, i) => Math.abs(value - b![i]!)));
        expect(worst, slot.name).toBeLessThan(1e-5 * largest + 1e-7);
      }
    } else {
      // Along a random direction, the loss changes as the gradient says.
      const direction = noise(layout.size, 1).map((value, i) => value * layout.mask[i]!);
      const lossAt = (step: number): number => {
        const moved = model.weights(tf.tensor1d(flat.map((value, i) => value + step * direction[i]!)));
        return model.loss(moved, pixels).dataSync()[0]!;
      };
      const slope = (lossAt(1e-3) - lossAt(-1e-3)) / 2e-3;
      const product = got.reduce((total, value, i) => total + value * direction[i]!, 0);
      expect(Math.abs(product - slope)).toBeLessThan(0.02 * Math.abs(slope));
    }
    release(weights);
  });

  it('gives forbidden weights no gradient, and leaves no tensor behind', (context) => {
    const { tf, ops } = present(backend, context);
    const net = core.describe(smallConfig);
    const layout = layoutOf(net);
    const images = blobs(3, smallConfig);
    const pixels = tf.tensor4d(Float32Array.from(images.pixels), [3, 7, 6, 1]);
    const parameters = tf.tensor1d(noise(layout.size, 0.4));
    const model = createModel(tf, ops, net, layout, tf.tensor1d(layout.mask));
    const before = tf.memory().numTensors;
    const weights = model.weights(parameters);
    const { loss, gradient } = model.lossAndGradient(weights, pixels, 1);
    expect(gradient.dataSync().every((value, i) => layout.mask[i] === 1 || value === 0)).toBe(true);
    tf.dispose([loss, gradient, model.loss(weights, pixels), model.logits(weights, pixels)]);
    release(weights);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('lets a logit depend on no pixel at or after its own', (context) => {
    const { tf, ops } = present(backend, context);
    const net = core.describe(smallConfig);
    const layout = layoutOf(net);
    const model = createModel(tf, ops, net, layout, tf.tensor1d(layout.mask));
    const weights = model.weights(tf.tensor1d(noise(layout.size, 0.4)));
    const image = Float32Array.from(blobs(1, smallConfig).pixels);
    const logits = (values: Float32Array): Float32Array =>
      tf.tidy(() => model.logits(weights, tf.tensor4d(values, [1, 7, 6, 1])).dataSync() as Float32Array);
    const before = logits(image);
    for (const changed of [0, 8, 20, 41]) {
      const after = logits(image.map((value, i) => (i === changed ? 1 - value : value)));
      for (let i = 0; i <= changed; i++) expect(after[i]).toBeCloseTo(before[i]!, 5);
    }
    release(weights);
  });
}
