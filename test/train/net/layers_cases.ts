import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { expect, it, type TestContext } from 'vitest';
import * as pkg from '../../../scripts/core_face.js';
import { loadSampler } from '../../../ts/load.js';
import { loadCore } from '../../../ts/train/net/core.js';
import { type LayersTf, type PixelConvConfig, pixelLayers } from '../../../ts/train/net/layers.js';
import type { Tensor, Tensor4D } from '../../../ts/train/net/tf.js';
import { type BackendName, noise, openTestBackend, present } from '../support.js';

const shipped = fileURLToPath(new URL('../../../models/mnist-binary.safetensors', import.meta.url));

/** Tests of the layers on a backend; native TensorFlow brings layers of its own, the others take tfjs-layers. */
export function testLayersOn(name: BackendName): void {
  async function open(context: TestContext): Promise<LayersTf> {
    const { tf } = present(await openTestBackend(name), context);
    if (name === 'tensorflow') return tf as LayersTf;
    return { ...tf, ...createRequire(import.meta.url)('@tensorflow/tfjs-layers') } as LayersTf;
  }
  type FullTf = LayersTf & Pick<typeof import('@tensorflow/tfjs-layers'), 'sequential' | 'loadLayersModel'>;

  /** The net of the Keras example, of a size; its last layer gives logits. */
  function build(tf: LayersTf, [height, width]: [number, number], filters: number, blocks: number): LayersModel {
    const { PixelConvLayer, ResidualBlock } = pixelLayers(tf);
    const model = (tf as FullTf).sequential();
    const stem: PixelConvConfig = { maskType: 'A', filters, kernelSize: 7, activation: 'relu' };
    model.add(new PixelConvLayer({ ...stem, inputShape: [height, width, 1] }));
    for (let block = 0; block < blocks; block++) model.add(new ResidualBlock({ filters }));
    for (let head = 0; head < 2; head++) {
      model.add(new PixelConvLayer({ maskType: 'B', filters, kernelSize: 1, activation: 'relu' }));
    }
    model.add(new PixelConvLayer({ maskType: 'B', filters: 1, kernelSize: 1 }));
    return model;
  }

  /** Kernels in the order of the net, each with what its taps allow, by the core's word. */
  async function forbidden(blocks: number, filters: number): Promise<(weights: Float32Array[]) => number[]> {
    const core = await loadCore();
    const file = readFileSync(shipped);
    const sampler = await loadSampler(file);
    const net = core.describe({ ...sampler.config, filters, blocks });
    sampler.dispose();
    const inputs = new Map(net.layers.flatMap(({ inputs }) => inputs.map((input) => [input.kernel, input] as const)));
    return (weights) =>
      net.tensors.flatMap(({ name, shape }, at) => {
        const input = inputs.get(name);
        if (input === undefined) return [];
        const allowed = new Set(input.places);
        const perTap = shape[2]! * shape[3]!;
        return [...weights[at]!].filter((_, i) => !allowed.has(Math.floor(i / perTap)));
      });
  }

  const arrays = (tensors: Tensor[]): Float32Array[] => tensors.map((tensor) => tensor.dataSync() as Float32Array);

  /** Gives weights that are the same in each run, where the layers draw their first ones anew; forbidden ones stay 0. */
  function fixWeights(tf: LayersTf, of: Pick<LayersModel, 'getWeights' | 'setWeights'>): void {
    const first = of.getWeights();
    const values = noise(
      first.reduce((sum, { size }) => sum + size, 0),
      0.25,
    );
    let at = 0;
    const fixed = first.map((weight) => {
      const isBias = weight.shape.length === 1;
      const mine = values.subarray(at, at + weight.size);
      at += weight.size;
      const data = (weight.dataSync() as Float32Array).map((x, i) => (x !== 0 || isBias ? mine[i]! : 0));
      return tf.tensor(data, weight.shape);
    });
    of.setWeights(fixed);
  }

  it("gives the sampler's logits of the shipped model, which it counts as Keras does, within 1e-4", async (context) => {
    const tf = await open(context);
    const model = build(tf, [28, 28], 128, 5);
    expect(model.countParams()).toBe(532_673);
    const bytes = readFileSync(shipped);
    const sampler = await loadSampler(bytes);
    const { data: pixels } = sampler.sample({ count: 2, seed: 1 });
    const expected = sampler.logits(pixels).data;
    sampler.dispose();
    const file = new pkg.Sampler(bytes);
    const flat = file.weights();
    file.free();
    let offset = 0;
    const weights = model.getWeights().map(({ shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      offset += size;
      return tf.tensor(flat.subarray(offset - size, offset), shape);
    });
    expect(offset).toBe(flat.length);
    model.setWeights(weights);
    const logits = model.predict(tf.tensor4d(Float32Array.from(pixels), [2, 28, 28, 1])) as Tensor;
    const worst = Math.max(...arrays([logits])[0]!.map((logit, i) => Math.abs(logit - expected[i]!)));
    expect(worst).toBeGreaterThan(0); // else something was compared with itself
    expect(worst).toBeLessThan(1e-4);
    model.dispose();
  });

  it('begins with forbidden weights at 0, gives them gradients of exactly 0, and keeps them there as it fits', async (context) => {
    const tf = await open(context);
    const model = build(tf, [9, 8], 6, 2);
    const forbiddenOf = await forbidden(2, 6);
    const zeros = forbiddenOf(arrays(model.getWeights()));
    expect(zeros).toHaveLength(25 * 6 + 2 * 4 * 6 * 3); // of the 7x7 kernel, and of each 3x3
    expect(zeros.every((value) => value === 0)).toBe(true);
    fixWeights(tf, model);

    const pixels = tf.tensor4d(
      noise(5 * 72, 1).map((x) => Number(x > 0)),
      [5, 9, 8, 1],
    );
    const loss = () => tf.mean(tf.square(tf.sub(model.predict(pixels) as Tensor, 0.5))) as ReturnType<typeof tf.scalar>;
    const { grads } = tf.variableGrads(loss);
    const gradients = arrays(Object.values(grads));
    const shapes = model.getWeights().map(({ shape }) => shape);
    expect(Object.values(grads).map(({ shape }) => shape)).toEqual(shapes);
    expect(forbiddenOf(gradients).every((value) => Object.is(Math.abs(value), 0))).toBe(true);
    expect(gradients[0]!.some((value) => value !== 0)).toBe(true);

    model.compile({
      optimizer: tf.train.adam(0.01),
      loss: (_: Tensor, z: Tensor) => tf.mean(tf.square(tf.sub(z, 0.5))),
    });
    const { history } = await model.fit(pixels, pixels, { epochs: 2, batchSize: 5, verbose: 0 });
    const losses = history.loss as number[];
    expect(losses[1]).toBeLessThan(losses[0]!);
    expect(forbiddenOf(arrays(model.getWeights())).every((value) => value === 0)).toBe(true);
    model.dispose();
  });

  it('has the gradients that differences of its output show', async (context) => {
    const tf = await open(context);
    const { PixelConvLayer, ResidualBlock } = pixelLayers(tf);
    const x = tf.tensor4d(noise(2 * 5 * 4 * 4, 1), [2, 5, 4, 4]);
    for (const layer of [
      new PixelConvLayer({ maskType: 'A', filters: 3, kernelSize: 3 }),
      new PixelConvLayer({ maskType: 'B', filters: 3, kernelSize: 5, activation: 'relu' }),
      new ResidualBlock({ filters: 4 }),
    ]) {
      const f = (input: Tensor) => tf.sum(tf.square(layer.apply(input) as Tensor)) as ReturnType<typeof tf.scalar>;
      f(x); // makes the weights
      fixWeights(tf, layer);
      const direction = tf.tensor4d(noise(2 * 5 * 4 * 4, 1).reverse(), x.shape);
      const slope = tf.sum(tf.mul(tf.grad(f)(x), direction)).dataSync()[0]!;
      const at = (step: number) => f(tf.add(x, tf.mul(direction, step))).dataSync()[0]!;
      expect(Math.abs((at(1e-3) - at(-1e-3)) / 2e-3 - slope)).toBeLessThan(0.02 * Math.abs(slope) + 0.02);
      layer.dispose();
    }
  });

  it('is saved and loaded with its weights, masks and settings', async (context) => {
    const tf = await open(context);
    const model = build(tf, [9, 8], 6, 1);
    const saved: { artifacts?: Parameters<typeof tf.io.fromMemory>[0] } = {};
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved.artifacts = artifacts as typeof saved.artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
      }),
    );
    const loaded = await (tf as FullTf).loadLayersModel(tf.io.fromMemory(saved.artifacts!));
    expect(loaded.layers.map((layer) => layer.getClassName())).toEqual(
      model.layers.map((layer) => layer.getClassName()),
    );
    expect(loaded.layers.map((layer) => layer.getConfig())).toEqual(model.layers.map((layer) => layer.getConfig()));
    const x = tf.tensor4d(noise(72, 1), [1, 9, 8, 1]) as Tensor4D;
    const [before, after] = [model, loaded].map((net) => (net.predict(x) as Tensor).dataSync());
    expect(after).toEqual(before);
    // Causal still: the last pixel moves nothing.
    const moved = tf.tensor4d(noise(72, 1).fill(9, 71), [1, 9, 8, 1]);
    expect((loaded.predict(moved) as Tensor).dataSync()).toEqual(before);
  });

  it('keeps no tensor of a call, and is one set of classes for one copy of TensorFlow.js', async (context) => {
    const tf = await open(context);
    expect(pixelLayers({ ...tf })).toBe(pixelLayers(tf));
    const model = build(tf, [9, 8], 6, 1);
    const x = tf.tensor4d(noise(72, 1), [1, 9, 8, 1]);
    const before = tf.memory().numTensors;
    (model.predict(x) as Tensor).dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
    x.dispose();
  });

  const pixelConv =
    'PixelConvLayer: expected only maskType, filters, kernelSize, activation, name, trainable, inputShape, batchInputShape, ' +
    'batchSize, weights, strides, padding, dataFormat, dilationRate, useBias, dtype, inputDType, kernelInitializer, ' +
    'biasInitializer, kernelRegularizer, biasRegularizer, activityRegularizer, kernelConstraint, biasConstraint, got';
  const nothingElse = 'as PixelConvLayer does nothing else, got';

  it.for<[changes: object, error: typeof RangeError | typeof TypeError, message: string]>([
    [{ maskType: 'C' }, RangeError, 'maskType: expected one of A, B, got "C"'],
    [{ maskType: undefined }, TypeError, 'maskType: expected one of A, B, got undefined'],
    [{ kernelSize: 4 }, RangeError, 'kernelSize: expected an odd integer from 3 to 255 with mask A, got 4'],
    [{ kernelSize: 1 }, RangeError, 'kernelSize: expected an odd integer from 3 to 255 with mask A, got 1'],
    [{ kernelSize: 3.5 }, RangeError, 'kernelSize: expected an odd integer from 3 to 255 with mask A, got 3.5'],
    [
      { kernelSize: 1e9 + 1 },
      RangeError,
      'kernelSize: expected an odd integer from 3 to 255 with mask A, got 1000000001',
    ],
    [
      { kernelSize: [3, 3] },
      TypeError,
      'kernelSize: expected an odd integer from 3 to 255 with mask A, got an array of 2',
    ],
    [{ filters: 0 }, RangeError, 'filters: expected an integer from 1 to 65536, got 0'],
    [{ filters: '2' }, TypeError, 'filters: expected an integer from 1 to 65536, got "2"'],
    [{ activation: 'tanh' }, RangeError, 'activation: expected one of linear, relu, got "tanh"'],
    [{ strides: 2 }, RangeError, `strides: expected 1, ${nothingElse} 2`],
    [{ strides: [1, 2] }, RangeError, `strides: expected 1, ${nothingElse} an array of 2`],
    [{ padding: 'valid' }, RangeError, `padding: expected same, ${nothingElse} "valid"`],
    [{ dataFormat: 'channelsFirst' }, RangeError, `dataFormat: expected channelsLast, ${nothingElse} "channelsFirst"`],
    [{ dilationRate: 2 }, RangeError, `dilationRate: expected 1, ${nothingElse} 2`],
    [{ useBias: false }, RangeError, `useBias: expected true, ${nothingElse} false`],
    [{ dtype: 'int32' }, RangeError, `dtype: expected float32, ${nothingElse} "int32"`],
    [{ kernelInitializer: 'zeros' }, RangeError, `kernelInitializer: expected glorotUniform, ${nothingElse} "zeros"`],
    [{ biasInitializer: 'ones' }, RangeError, `biasInitializer: expected zeros, ${nothingElse} "ones"`],
    [{ kernelRegularizer: 'l1l2' }, RangeError, `kernelRegularizer: expected none, ${nothingElse} "l1l2"`],
    [{ biasConstraint: 'nonNeg' }, RangeError, `biasConstraint: expected none, ${nothingElse} "nonNeg"`],
    [{ trainable: 'no' }, TypeError, 'trainable: expected true or false, got "no"'],
    [{ kernel: 3 }, TypeError, `${pixelConv} "kernel"`],
    [{ filter: 3 }, TypeError, `${pixelConv} "filter"; did you mean filters?`],
  ])('refuses %o, which it would not do, in one sentence', async ([changes, kind, message], context) => {
    const { PixelConvLayer } = pixelLayers(await open(context));
    const config = { maskType: 'A', filters: 2, kernelSize: 3, ...changes } as PixelConvConfig;
    const make = () => new PixelConvLayer(config);
    expect(make).toThrow(kind);
    expect(make).toThrow(expect.objectContaining({ message, argument: message.split(': ')[0] }));
  });

  it('refuses a block that could not be added to its input', async (context) => {
    const { ResidualBlock } = pixelLayers(await open(context));
    expect(() => new ResidualBlock({ filters: 4 }).build([null, 4, 4, 2])).toThrow(
      new RangeError('input: expected 4 channels, as ResidualBlock adds it to its output, got 2'),
    );
    expect(() => new ResidualBlock({ filters: 5 })).toThrow(
      new RangeError('filters: expected an even number, as a block halves them, got 5'),
    );
    expect(() => new ResidualBlock({ filters: 4, kernelSize: 2 })).toThrow(
      new RangeError('kernelSize: expected an odd integer from 1 to 255 with mask B, got 2'),
    );
    expect(() => new ResidualBlock({ filters: 4, strides: 2 } as never)).toThrow(
      new RangeError('strides: expected 1, as ResidualBlock does nothing else, got 2'),
    );
  });

  it('takes what every layer takes, and what it does in any case', async (context) => {
    const tf = await open(context);
    const { PixelConvLayer } = pixelLayers(tf);
    const inAnyCase = {
      ...{ strides: [1, 1], padding: 'same', dataFormat: 'channelsLast', dilationRate: 1, useBias: true },
      ...{ kernelInitializer: 'glorotUniform', biasInitializer: 'zeros', kernelRegularizer: null, dtype: 'float32' },
    };
    const config = { maskType: 'A', filters: 2, kernelSize: 3, name: 'mine', trainable: false, inputShape: [4, 4, 1] };
    const layer = new PixelConvLayer({ ...config, ...inAnyCase } as PixelConvConfig);
    expect(layer.apply(tf.zeros([1, 4, 4, 1]))).toMatchObject({ shape: [1, 4, 4, 2] });
    expect(layer.trainableWeights).toEqual([]);
    expect(layer.getConfig()).toEqual({
      ...{ name: 'mine', trainable: false, batchInputShape: [null, 4, 4, 1], dtype: 'float32' },
      ...{ maskType: 'A', filters: 2, kernelSize: 3, activation: 'linear' },
    });
    layer.dispose();
  });

  it('refuses what is no TensorFlow.js with layers', () => {
    expect(() => pixelLayers({} as LayersTf)).toThrow(
      new TypeError(
        'tf: expected TensorFlow.js with its layers, such as @tensorflow/tfjs, got an object of type Object',
      ),
    );
  });
}
