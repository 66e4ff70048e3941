import '@tensorflow/tfjs-core/dist/register_all_gradients.js'; // which tfjs-core alone has not
import { describe, expect, it } from 'vitest';
import { type AdamState, createAdam } from '../../../ts/train/net/adam.js';
import { loadCore } from '../../../ts/train/net/core.js';
import { createModel } from '../../../ts/train/net/model.js';
import { layoutOf } from '../../../ts/train/net/parameters.js';
import { openTestBackend, smallConfig } from '../support.js';
import { testModelOn } from './model_cases.js';

const core = await loadCore();

describe('the model on javascript', () => testModelOn('javascript'));

it("updates as Keras's Adam does, with epsilon outside the bias correction", async () => {
  const { tf } = (await openTestBackend('javascript'))!;
  const gradients = [
    [0.1, -2e-7, 0, 3],
    [0.2, 1e-7, 0, -1],
    [-0.4, 3e-7, 0, 2],
  ];
  const state: AdamState = {
    parameters: tf.tensor1d([1, 1, 1, 1]),
    m: tf.zeros([4]),
    v: tf.zeros([4]),
    ema: undefined,
    step: 0,
  };
  const [p, m, v] = [
    [1, 1, 1, 1],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ];
  const adam = createAdam(tf, 0);
  gradients.forEach((gradient, index) => {
    adam.update(state, tf.tensor1d(gradient), { learningRate: 5e-4, emaDecay: 0 });
    const t = index + 1;
    const rate = (5e-4 * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t);
    gradient.forEach((g, i) => {
      m![i] = m![i]! + (g - m![i]!) * 0.1;
      v![i] = v![i]! + (g * g - v![i]!) * 0.001;
      p![i] = p![i]! - (rate * m![i]!) / (Math.sqrt(v![i]!) + 1e-7);
    });
    state.parameters.dataSync().forEach((value, i) => {
      expect(value).toBeCloseTo(p![i]!, 6);
    });
  });
});

it('takes a limit that float32 does not hold for none', async () => {
  const { tf } = (await openTestBackend('javascript'))!;
  const [bounded, free] = [1e300, 0].map((clipNorm) => {
    const state: AdamState = {
      parameters: tf.tensor1d([1, 2]),
      m: tf.zeros([2]),
      v: tf.zeros([2]),
      ema: undefined,
      step: 0,
    };
    createAdam(tf, clipNorm).update(state, tf.tensor1d([0.6, -0.8]), { learningRate: 0.1, emaDecay: 0 });
    return state.parameters.dataSync();
  });
  expect(bounded).toEqual(free);
});

it('clips the whole gradient by its norm, and averages what the update made', async () => {
  const { tf } = (await openTestBackend('javascript'))!;
  const state = (): AdamState => ({
    parameters: tf.tensor1d([1, 2]),
    m: tf.zeros([2]),
    v: tf.zeros([2]),
    ema: tf.tensor1d([1, 2]),
    step: 0,
  });
  const [clipped, scaled, short] = [state(), state(), state()];
  const options = { learningRate: 0.1, emaDecay: 0.75 };
  const [adam, unclipped] = [createAdam(tf, 1), createAdam(tf, 0)];
  expect(adam.update(clipped, tf.tensor1d([3, -4]), options).dataSync()[0]).toBe(5);
  unclipped.update(scaled, tf.tensor1d([0.6, -0.8]), options);
  adam.update(short, tf.tensor1d([0.6, -0.7]), options);
  expect(Array.from(clipped.m.dataSync())).toEqual(Array.from(scaled.m.dataSync(), (m) => expect.closeTo(m, 6)));
  expect(Array.from(short.m.dataSync())).toEqual([expect.closeTo(0.06, 6), expect.closeTo(-0.07, 6)]);
  const [p, ema] = [clipped.parameters.dataSync(), clipped.ema!.dataSync()];
  expect(p[0]).not.toBe(1);
  expect(Array.from(ema)).toEqual([expect.closeTo(0.75 + 0.25 * p[0]!, 6), expect.closeTo(1.5 + 0.25 * p[1]!, 6)]);
});

it('refuses a net it has no likelihood for', async () => {
  const { tf, ops } = (await openTestBackend('javascript'))!;
  const net = core.describe(smallConfig);
  const layout = layoutOf(net);
  const many = { ...net, config: { ...net.config, channels: 3 } };
  expect(() => createModel(tf, ops, many, layout, tf.tensor1d(layout.mask))).toThrow(
    expect.objectContaining({
      name: 'RangeError',
      message: 'training: expected a net of 1 channel, got 3',
    }),
  );
});
