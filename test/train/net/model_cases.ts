import { beforeAll, expect, it } from 'vitest';
import { loadCore } from '../../../ts/train/net/core.js';
import { headOf } from '../../../ts/train/net/head.js';
import { createModel, release } from '../../../ts/train/net/model.js';
import { fromFull, layoutOf, toFull } from '../../../ts/train/net/parameters.js';
import type { Tensor } from '../../../ts/train/net/tf.js';
import type { Backend } from '../../../ts/train/tensorflow/backend.js';
import {
  anyLevels,
  type BackendName,
  batchOf,
  noise,
  openTestBackend,
  plainForward,
  plainNats,
  present,
  smallConfig,
} from '../support.js';
import { configs } from './nets.js';

const core = await loadCore();

/**
 * What every backend must do. Each has a test file, and so a process, of its own: native TensorFlow brings its own copy
 * of tfjs, and two copies in a process disturb each other.
 */
export function testModelOn(name: BackendName, changed = (backend: Backend): Backend => backend): void {
  let backend: Backend | undefined;
  beforeAll(async () => {
    const opened = await openTestBackend(name);
    backend = opened && changed(opened);
  });

  it.for(configs)('equals autodiff of the plainly written net: %s', ([, config], context) => {
    const { tf, ops } = present(backend, context);
    const net = core.describe(config);
    const layout = layoutOf(net);
    const flat = noise(layout.size, 0.4).map((value, i) => value * layout.mask[i]!);
    const full = toFull(layout, flat);
    const batch = batchOf(tf, net, anyLevels(5, config));

    let offset = 0;
    const variables = net.tensors.map(({ shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      offset += size;
      return tf.tensor(full.slice(offset - size, offset), [...shape]);
    });
    const sum = (...tensors: Tensor[]) => {
      const byName = new Map(net.tensors.map((tensor, i) => [tensor.name, tensors[i]!]));
      return plainNats(tf, plainForward(tf, net, byName, batch), batch.levels);
    };
    const expected = sum(...variables).dataSync()[0]!;
    const gradients = tf
      .grads(sum)(variables)
      .flatMap((gradient) => [...gradient.dataSync()]);
    const expectedGradient = fromFull(layout, Float32Array.from(gradients));

    const model = createModel(tf, ops, net, layout, tf.tensor1d(layout.mask));
    const parameters = tf.tensor1d(flat);
    const weights = model.weights(parameters);
    const { loss, gradient } = model.lossAndGradient(weights, batch, 1);
    expect(loss.dataSync()[0]).toBeCloseTo(expected, 3);
    expect(model.loss(weights, batch).dataSync()[0]).toBeCloseTo(expected, 3);
    const got = gradient.dataSync<'float32'>();
    for (const { name, offset, size } of layout.slots) {
      const [a, b] = [got, expectedGradient].map((g) => [...g.slice(offset, offset + size)]);
      const largest = Math.max(...b!.map(Math.abs));
      const worst = Math.max(...a!.map((value, i) => Math.abs(value - b![i]!)));
      expect(largest, name).toBeGreaterThan(0);
      expect(worst, name).toBeLessThan(1e-5 * largest + 1e-7);
    }
    release(weights);
  });

  it.for(configs)('gives forbidden weights no gradient, and leaves no tensor behind: %s', ([, config], context) => {
    const { tf, ops } = present(backend, context);
    const net = core.describe(config);
    const layout = layoutOf(net);
    const batch = batchOf(tf, net, anyLevels(3, config));
    const parameters = tf.tensor1d(noise(layout.size, 0.4));
    const model = createModel(tf, ops, net, layout, tf.tensor1d(layout.mask));
    const before = tf.memory().numTensors;
    const weights = model.weights(parameters);
    const { loss, gradient } = model.lossAndGradient(weights, batch, 1);
    expect(gradient.dataSync().every((value, i) => layout.mask[i] === 1 || value === 0)).toBe(true);
    tf.dispose([loss, gradient, model.loss(weights, batch), model.logits(weights, batch)]);
    release(weights);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.for(configs)('lets a logit depend on no pixel at or after its own: %s', ([, config], context) => {
    const { tf, ops } = present(backend, context);
    const net = core.describe(config);
    const layout = layoutOf(net);
    const model = createModel(tf, ops, net, layout, tf.tensor1d(layout.mask));
    const weights = model.weights(tf.tensor1d(noise(layout.size, 0.4)));
    const image = anyLevels(1, config);
    const logits = (levels: Int32Array): Float32Array =>
      tf.tidy(() => model.logits(weights, batchOf(tf, net, levels)).dataSync() as Float32Array);
    const before = logits(image);
    const outputs = before.length / image.length;
    for (const changed of [0, 8, 20, 41]) {
      const after = logits(image.map((level, i) => (i === changed ? (level + 1) % config.levels : level)));
      for (let i = 0; i < (changed + 1) * outputs; i++) expect(after[i]).toBeCloseTo(before[i]!, 5);
      if (changed < 41) expect(after).not.toEqual(before);
    }
    release(weights);
  });

  it('costs a level by logits that are far apart, without an overflow', (context) => {
    const { tf } = present(backend, context);
    const levels = tf.tensor4d([0, 2], [1, 1, 2, 1], 'int32');
    const z = tf.tensor4d([2000, -2000, 0, 2000, -2000, 0], [1, 1, 2, 3]);
    const head = headOf(tf, { ...smallConfig, levels: 3 });
    expect(head.nats(z, levels).dataSync()[0]).toBe(2000);
    expect([...head.gradient(z, levels).dataSync()]).toEqual([0, 0, 0, 1, 0, -1]);
    const [one, levelOf] = [tf.tensor4d([3000, -3000], [1, 1, 2, 1]), tf.tensor4d([1, 1], [1, 1, 2, 1], 'int32')];
    const binary = headOf(tf, smallConfig);
    expect(binary.nats(one, levelOf).dataSync()[0]).toBe(3000);
    expect([...binary.gradient(one, levelOf).dataSync()]).toEqual([0, -1]);
  });
}
