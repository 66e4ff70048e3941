import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Config } from '../../ts/config.js';
import { importModel } from '../../ts/exchange/import_model.js';
import { tfjsModel } from '../../ts/exchange/tfjs_model.js';
import { loadSampler, type Sampler } from '../../ts/index.js';
import { loadCore } from '../../ts/train/net/core.js';
import { type LayersTf, pixelLayers } from '../../ts/train/net/layers.js';
import { openBackend } from '../../ts/train/tensorflow/backend.js';
import { anyLevels, noise } from '../train/support.js';
import { configJson, randomModel } from '../wasm.js';
import { largest, sigmoid, softmax } from './probabilities.js';

type FullTf = LayersTf & typeof import('@tensorflow/tfjs-layers') & typeof import('@tensorflow/tfjs-core');

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-tfjs-'));
afterAll(() => rmSync(folder, { recursive: true }));

let tf: FullTf;
beforeAll(async () => {
  const backend = await openBackend('javascript');
  tf = { ...backend.tf, ...createRequire(import.meta.url)('@tensorflow/tfjs-layers') } as FullTf;
  pixelLayers(tf);
});

/** Writes a model as the command line does, into a folder of its own; where its model.json is. */
async function exported(name: string, model: Uint8Array): Promise<string> {
  const { json, weights, shard } = await tfjsModel(model, 'test');
  return put(name, JSON.parse(json), { [shard]: weights });
}

function put(name: string, json: object, shards: Readonly<Record<string, Uint8Array>>): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [shard, bytes] of Object.entries(shards)) writeFileSync(join(path, shard), bytes);
  writeFileSync(join(path, 'model.json'), JSON.stringify(json));
  return join(path, 'model.json');
}

/** As a program reads files that it was served. */
async function load(path: string): Promise<LayersModel> {
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(path, 'utf8'));
  const [{ paths, weights }] = weightsManifest;
  const data = new Uint8Array(readFileSync(join(path, '..', paths[0]))).buffer;
  return tf.loadLayersModel({ load: async () => ({ modelTopology, weightSpecs: weights, weightData: data }) });
}

/** As TensorFlow.js saves a model for Node: a model.json and one file. */
async function save(name: string, model: LayersModel): Promise<string> {
  let path = '';
  await model.save(
    tf.io.withSaveHandler(async ({ weightData, weightSpecs, ...artifacts }) => {
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      path = put(name, { ...artifacts, weightsManifest }, { 'weights.bin': new Uint8Array(weightData as ArrayBuffer) });
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const } };
    }),
  );
  return path;
}

/** What the net reads of levels: level / (levels - 1), or one-hot. */
function inputOf({ height, width, levels, input }: Config, images: ArrayLike<number>) {
  const pixels = Array.from(images);
  const isNominal = input === 'nominal';
  const values = pixels.flatMap((level) =>
    isNominal ? Array.from({ length: levels }, (_, i) => Number(i === level)) : [level / (levels - 1)],
  );
  return tf.tensor4d(values, [pixels.length / (height * width), height, width, isNominal ? levels : 1]);
}

/** The probabilities of a model of TensorFlow.js, and of a sampler. */
function bothOf(model: LayersModel, sampler: Sampler): [theirs: ArrayLike<number>, ours: ArrayLike<number>] {
  const { config } = sampler;
  const images = Uint8Array.from(anyLevels(2, config));
  const theirs = model.predict(inputOf(config, images)) as ReturnType<typeof tf.tensor>;
  const { data } = sampler.logits(images);
  return [theirs.dataSync(), config.levels === 2 ? Array.from(data, sigmoid) : softmax(data, config.levels)];
}

const small = { height: 7, width: 6, filters: 8, blocks: 2, headLayers: 1, firstKernel: 5 };
const nets: readonly [name: string, changes: Partial<Config>, metadata: Record<string, string>][] = [
  ['digits', {}, { background: '1', 'training.seed': '7' }],
  ['kernels', { blockKernel: 5, headLayers: 0 }, {}],
  ['no-blocks', { blocks: 0, blockKernel: 5 }, {}],
  ['grey', { levels: 4 }, {}],
  ['codes', { levels: 5, input: 'nominal' }, { alphabet: JSON.stringify(['#', '.', '@', ' ', '~']) }],
  ['two-codes', { levels: 2, input: 'nominal' }, {}],
];

it.each(nets)(
  'exports a net that TensorFlow.js computes as the sampler does, and imports it as the same file: %s',
  async (name, changes, metadata) => {
    const model = randomModel(configJson({ ...small, ...changes }), 3, metadata);
    const path = await exported(name, model);
    const loaded = await load(path);
    const [theirs, ours] = bothOf(loaded, await loadSampler(model));
    expect(largest(theirs, ours)).toBeLessThan(1e-5);
    expect(Math.max(...Array.from(ours)) - Math.min(...Array.from(ours))).toBeGreaterThan(0.05);
    const { bytes, notes, forbidden } = await importModel(path);
    expect(bytes).toEqual(model);
    expect({ notes, count: forbidden.count }).toEqual({ notes: [], count: 0 });
    loaded.dispose();
  },
);

/** Layers of a net of one's own, with weights that are the same in each run. */
function fixed(model: LayersModel): LayersModel {
  const weights = model.getWeights().map((weight) => {
    const own = noise(weight.size, 0.4);
    const data = weight.dataSync();
    return tf.tensor(
      own.map((x, i) => (weight.shape.length === 1 || data[i] !== 0 ? x : 0)),
      weight.shape,
    );
  });
  model.setWeights(weights);
  return model;
}

it('imports sequential and functional models of pixelcnn/layers, as TensorFlow.js saves them', async () => {
  const { PixelConvLayer, ResidualBlock } = pixelLayers(tf);
  const layers = () => [
    new PixelConvLayer({ maskType: 'A', filters: 6, kernelSize: 7, activation: 'relu', inputShape: [9, 8, 1] }),
    new ResidualBlock({ filters: 6, kernelSize: 3 }),
    new ResidualBlock({ filters: 6, kernelSize: 3 }),
    tf.layers.dropout({ rate: 0.1, name: 'forget' }),
    new PixelConvLayer({ maskType: 'B', filters: 6, kernelSize: 1, activation: 'relu' }),
    tf.layers.conv2d({ filters: 1, kernelSize: 1, activation: 'sigmoid' }),
  ];
  const input = tf.input({ shape: [9, 8, 1] });
  const output = layers().reduce((x, layer) => layer.apply(x) as typeof x, input);
  const models = {
    sequential: tf.sequential({ layers: layers() }),
    functional: tf.model({ inputs: input, outputs: output }),
  };
  for (const [name, model] of Object.entries(models)) {
    fixed(model);
    const { bytes, config, notes } = await importModel(await save(name, model));
    expect(config).toMatchObject({ height: 9, width: 8, levels: 2, filters: 6, blocks: 2, headLayers: 1 });
    expect(notes).toEqual(['the layer "forget" (Dropout) is left out: it does nothing but in training']);
    const [theirs, ours] = bothOf(model, await loadSampler(bytes));
    expect(largest(theirs, ours), name).toBeLessThan(1e-5);
  }
});

it('imports blocks that are written out, with a sum', async () => {
  const { PixelConvLayer } = pixelLayers(tf);
  const input = tf.input({ shape: [5, 4, 1] });
  const point = (filters: number) => tf.layers.conv2d({ filters, kernelSize: 1, activation: 'relu' });
  const masked = (maskType: 'A' | 'B', filters: number, kernelSize: number) =>
    new PixelConvLayer({ maskType, filters, kernelSize, activation: 'relu' });
  let x = masked('A', 4, 5).apply(input);
  for (let block = 0; block < 2; block++) {
    const inner = [point(4), masked('B', 2, 3), point(4)].reduce((y, layer) => layer.apply(y), x);
    x = tf.layers.add().apply([x, inner] as never);
  }
  const output = tf.layers.conv2d({ filters: 1, kernelSize: 1 }).apply(x);
  const model = fixed(tf.model({ inputs: input, outputs: output as typeof input }));
  const { bytes, config } = await importModel(await save('written-out', model));
  expect(config).toMatchObject({ filters: 4, blocks: 2, firstKernel: 5, blockKernel: 3, headLayers: 0 });
  const sampler = await loadSampler(bytes);
  const images = Uint8Array.from(anyLevels(2, config));
  const theirs = (model.predict(inputOf(config, images)) as ReturnType<typeof tf.tensor>).dataSync();
  expect(largest(theirs, sampler.logits(images).data)).toBeLessThan(1e-5);
});

it('keeps the names of levels, and not the record, of what was trained on since it was exported', async () => {
  const alphabet = JSON.stringify(['#', '.', '@']);
  const config = configJson({ ...small, levels: 3, input: 'nominal' });
  const path = await exported(
    'trained-on',
    randomModel(config, 3, { alphabet, background: '2', 'training.valLoss': '0.1' }),
  );
  const shard = join(path, '..', 'group1-shard1of1.bin');
  const weights = readFileSync(shard);
  weights.writeFloatLE(0.5, weights.length - 4);
  writeFileSync(shard, weights);
  const { bytes, notes } = await importModel(path);
  const { metadata } = await loadSampler(bytes);
  expect(metadata).toMatchObject({ alphabet, background: '2', 'imported.from': expect.stringContaining('model.json') });
  expect(metadata['training.valLoss']).toBeUndefined();
  expect(notes).toEqual([
    'its weights are not those that it was exported with, so that the record of their training is left out',
  ]);
  const core = await loadCore();
  expect(core.weightsOf(bytes).at(-1)).toBe(0.5);
});

it.each([
  ['is gated', { architecture: 'gated' }],
  ['has tanh', { activation: 'tanh' }],
  ['has 3 classes', { classes: 3 }],
  ['has an embedding', { levels: 5, input: 'nominal', embedding: 2 }],
  ['has kernels that lean', { lean: 1 }],
  ['has dilated kernels', { dilations: [1, 2] }],
])('refuses to export a net that %s', async (what, changes) => {
  const model = randomModel(configJson({ ...small, ...changes }), 3);
  await expect(tfjsModel(model, 'test')).rejects.toThrow(
    `model: expected a plain net with relu, without classes, embedding, lean or dilation, as the layers of pixelcnn/layers build, got one that ${what}`,
  );
});
