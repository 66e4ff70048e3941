import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadSampler } from '../../../ts/load.js';
import { imagePng } from '../../../ts/node/png.js';
import { splitImages } from '../../../ts/train/data/image_set.js';
import { type DataOptions, loadData } from '../../../ts/train/data/load_data.js';
import { loadCore } from '../../../ts/train/net/core.js';
import type { TrainResult } from '../../../ts/train/run/event.js';
import { planOf } from '../../../ts/train/run/plan.js';
import { describeData, readTrainingOrigin, readValidation, trainingRecord } from '../../../ts/train/run/record.js';
import { environmentOf } from '../../../ts/train/run/resume.js';
import { compareEvaluations } from '../../../ts/train/score/compare.js';
import { evaluate } from '../../../ts/train/score/evaluate.js';
import { type Evaluation, protocolOf } from '../../../ts/train/score/protocol.js';
import { type Backend, openBackend } from '../../../ts/train/tensorflow/backend.js';
import type { Gpu } from '../../../ts/train/tensorflow/nvidia.js';
import { type TrainOptions, train } from '../../../ts/train/train.js';
import { npy } from '../data/npy.js';
import { blobs, smallConfig } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-record-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { height, width, ...config } = smallConfig;

it('records how the same images are had again, and the likelihood of those that validated', async () => {
  const { pixels } = blobs(24, smallConfig);
  const size = height * width;
  for (let image = 0; image < 24; image++) {
    const values = pixels.slice(image * size, (image + 1) * size).map((level) => (level === 1 ? 200 : 30));
    writeFileSync(join(folder, `${image + 10}.png`), imagePng(values, [1, height, width, 1], 256));
  }
  const options: DataOptions = { data: folder, limit: 20, binarisation: 'dynamic', binarisationSeed: 7 };
  const data = await loadData(options);
  const backend = await openBackend('wasm');
  let bytes: Uint8Array | undefined;
  for await (const event of train({ data, backend, config, epochs: 1, batchSize: 8, validationSplit: 0.25, seed: 1 })) {
    if (event.type === 'model') bytes = event.bytes;
  }
  const sampler = await loadSampler(bytes!);
  const { validationSplit, ...origin } = readTrainingOrigin(sampler.metadata)!;
  expect(origin).toEqual({ split: 'reference', limit: 20, binarisation: 'dynamic', binarisationSeed: 7 });

  const again = await loadData({ data: folder, ...origin });
  let evaluation: Evaluation | undefined;
  const { validation } = splitImages(again, validationSplit);
  for await (const event of evaluate({ sampler, data: validation })) {
    if (event.type === 'end') evaluation = event.evaluation;
  }
  const { natsPerImage, bitsPerDim } = compareEvaluations(evaluation!, readValidation(sampler.metadata)!);
  expect(Math.abs(natsPerImage)).toBeLessThan(1e-4);
  expect(Math.abs(bitsPerDim)).toBeLessThan(1e-5);
  expect(evaluation!.imageNats).toHaveLength(5);
});

it('goes on only where what validates has the levels that were measured', async () => {
  const images = (binarisationSeed: number) => loadData({ data: folder, binarisation: 'dynamic', binarisationSeed });
  const [backend, checkpointFolder] = [await openBackend('wasm'), join(folder, 'run')];
  const options = { backend, checkpointFolder, batchSize: 8, validationSplit: 0.25 };
  await train({ ...options, data: await images(7), config, epochs: 1 }).result;
  const goOn = async (seed: number) => train({ ...options, data: await images(seed), resume: true, epochs: 2 }).result;
  await expect(goOn(8)).rejects.toThrow(
    `data: expected validation images with the levels that the run in ${checkpointFolder} has, got others of the same images; ` +
      'read them by the same binarisationSeed',
  );
  await goOn(7);
});

it('says the same of images whose levels or characters were found as where they are given', async () => {
  const codes = join(folder, 'codes.npy');
  writeFileSync(
    codes,
    npy(
      [6, 2, 2],
      Uint8Array.from({ length: 24 }, (_, i) => i % 5),
    ),
  );
  const maps = join(folder, 'maps.txt');
  writeFileSync(maps, '#.#.\n....\n##..\n');
  for (const options of [
    { data: codes, nominal: true },
    { data: maps, window: [2, 2], stride: [1, 1] },
  ] as const) {
    const { origin } = await loadData(options);
    const { split, ...reading } = origin!;
    const again = await loadData({ data: options.data, ...reading, split: split as 'reference' });
    expect(JSON.stringify(again.origin)).toBe(JSON.stringify(origin));
  }
});

it('never names a path of the machine that trained, nor believes a record that does', () => {
  const read = (origin: object) => readTrainingOrigin({ 'training.origin': JSON.stringify(origin) });
  expect(read({ data: '/etc', split: 'reference', validationSplit: 0.1, other: 1 })).toEqual({
    split: 'reference',
    validationSplit: 0.1,
  });
  expect(read({ data: 'fashion-mnist', split: 'standard', validationSplit: 0.1 })).toHaveProperty('data');
  expect(readTrainingOrigin({})).toBeUndefined();
  expect(readValidation({})).toBeUndefined();
  expect(() => readValidation({ 'training.validation': '[]' })).toThrow(
    'training.validation: expected an object in protocol',
  );
});

/** The metadata of the model that a run ends with, and the run's history. */
async function trained(options: TrainOptions) {
  for await (const event of train({ backend: await openBackend('wasm'), config, seed: 13, ...options })) {
    if (event.type !== 'model') continue;
    const sampler = await loadSampler(event.bytes);
    sampler.dispose();
    return { metadata: sampler.metadata, history: event.result.history };
  }
  throw new Error('expected a model at the end');
}

it('records each figure of a run under its own name', async () => {
  const origin = { data: 'mnist', split: 'standard', limit: 40, binarisation: 'threshold', threshold: 84.48 } as const;
  const data = { ...blobs(40, smallConfig), origin };
  const recipe = { epochs: 3, batchSize: 11, learningRate: 0.02, warmupSteps: 7 };
  const { metadata, history } = await trained({ data, validationSplit: 0.2, ...recipe });
  const [, , last] = history;
  const { valLoss } = last!;
  expect(metadata).toMatchObject({
    'training.data': 'blobs',
    'training.dataSha256': data.sha256,
    'training.split': 'all: the first 32 train, the last 8 validate',
    'training.binarisation': 'pixel 1 iff value >= 84.48 of 255',
    'training.epochs': '3',
    'training.updates': '9',
    'training.batchSize': '11',
    'training.optimizer': 'Adam as Keras computes it, learning rate 0.02, warmed up over 7 updates',
    'training.seed': '13',
    'training.backend': 'wasm',
    'training.device': 'cpu',
    'training.log': history
      .map((epoch, i) => `epoch ${i + 1}: loss ${epoch.loss.toFixed(6)}, val_loss ${epoch.valLoss.toFixed(6)}`)
      .join('\n'),
    'training.loss': last!.loss.toFixed(6),
    'training.valLoss': valLoss.toFixed(6),
    'training.valNatsPerImage': (7 * 6 * valLoss).toFixed(3),
    'training.valBitsPerDim': (valLoss / Math.LN2).toFixed(5),
  });
  expect(new Set(history.flatMap(({ loss, valLoss }) => [loss, valLoss])).size).toBe(6);
  expect(metadata).not.toHaveProperty('training.ended');
  expect(readValidation(metadata)).toEqual({
    images: 8,
    natsPerImage: 42 * valLoss,
    bitsPerDim: valLoss / Math.LN2,
    protocol: protocolOf(splitImages(data, 0.2).validation),
  });
  expect(readTrainingOrigin(metadata)).toEqual({ ...origin, validationSplit: 0.2 });
});

it('names what computed: backend, TensorFlow, device, and of a GPU its name and what it rounded to', async () => {
  const core = await loadCore();
  const data = blobs(4, smallConfig);
  const plan = planOf({ data, core, config: smallConfig, validationSplit: 0, seed: 1 });
  const result: TrainResult = { ...plan, epoch: 0, updates: 0, history: [], weights: new Float32Array() };
  const onCpu: Backend = { ...(await openBackend('wasm')), name: 'tensorflow', version: '2.21.0' };
  const gpu: Gpu = { name: 'Tesla T4', capability: 7.5, memoryMebibytes: 15360, uuid: 'GPU-1' };
  const recorded = (backend: Backend) => {
    const names = ['backend', 'backendVersion', 'device', 'gpu', 'tf32', 'deterministic'];
    const record = trainingRecord(describeData(data, 0), backend, result);
    return names.map((name) => record[`training.${name}`]);
  };
  expect(recorded(onCpu)).toEqual(['tensorflow', '2.21.0', 'cpu', undefined, 'false', undefined]);
  const onGpu: Backend = { ...onCpu, device: 'gpu', gpu, tf32: true, deterministic: true };
  const named = 'Tesla T4, compute capability 7.5';
  expect(recorded(onGpu)).toEqual(['tensorflow', '2.21.0', 'gpu', named, 'true', 'true']);
  expect(environmentOf(onGpu)).toMatchObject({ device: 'gpu', gpu: 'Tesla T4' });
});
