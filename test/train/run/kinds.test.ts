import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadSampler } from '../../../ts/load.js';
import { sha256 } from '../../../ts/node/files.js';
import type { ImageSet } from '../../../ts/train/data/image_set.js';
import { labelImages } from '../../../ts/train/data/labels.js';
import { exportModel } from '../../../ts/train/run/export.js';
import { type TrainOptions, train } from '../../../ts/train/train.js';
import { backend, plain } from './run.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelcnn-'));
});
afterAll(() => rm(folder, { recursive: true }));

const classNames = ['rows', 'columns', 'nothing'];

/** Stripes of kinds, along rows, along columns or not at all: the class tells much of an image. */
function stripes(count: number, levels: number): ImageSet {
  const [height, width] = [6, 5];
  const pixels = new Uint8Array(count * height * width);
  const labels = Uint16Array.from({ length: count }, (_, image) => image % 3);
  for (let i = 0; i < pixels.length; i++) {
    const image = Math.floor(i / (height * width));
    const [row, column] = [Math.floor(i / width) % height, i % width];
    pixels[i] = [row, column, image][labels[image]!]! % levels;
  }
  return {
    ...{ pixels, labels, classNames, count, height, width, channels: 1, levels, input: 'nominal', first: 0 },
    ...{ source: 'stripes', split: 'all', binarisation: 'kinds', alphabet: [...'abcdefgh'].slice(0, levels) },
    ...{ sha256: sha256(pixels), labelsSha256: sha256(new Uint8Array(labels.buffer)) },
  };
}

const data = stripes(60, 5);
const small = { filters: 8, blocks: 1, firstKernel: 5, headLayers: 1 };
const options: TrainOptions = { ...plain, data, config: small, epochs: 2 };

it('trains kinds by class, and writes the names of both into the model file', async () => {
  const before = backend.tf.memory().numTensors;
  const { net, history, bytes } = await train({ ...options, epochs: 8, classes: true }).result;
  expect(backend.tf.memory().numTensors).toBe(before);
  expect(net.config).toMatchObject({ ...small, levels: 5, input: 'nominal', classes: 3, height: 6, width: 5 });
  expect(history[0]!.valLoss).toBeGreaterThan(0.8 * Math.log(5));
  expect(history[7]!.valLoss).toBeLessThan(0.6 * history[0]!.valLoss);
  const unlabelled = await train({ ...options, epochs: 8 }).result;
  expect(unlabelled.net.config.classes).toBeUndefined();
  expect(unlabelled.history[7]!.valLoss).toBeGreaterThan(history[7]!.valLoss);
  const [sampler, other] = [await loadSampler(bytes), await loadSampler(unlabelled.bytes)];
  expect(JSON.parse(sampler.metadata.classNames!)).toEqual(classNames);
  expect(JSON.parse(sampler.metadata.alphabet!)).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(other.metadata.classNames).toBeUndefined();
  expect(JSON.parse(other.metadata.alphabet!)).toEqual(['a', 'b', 'c', 'd', 'e']);
  sampler.dispose();
  other.dispose();
});

it('goes on from a checkpoint of such a run without a word, and refuses other labels', async () => {
  const checkpointFolder = join(folder, 'run');
  const embedded = { ...options, config: { ...small, embedding: 3, dilations: [1, 2], blocks: 2 } };
  const unbroken = await train({ ...embedded, classes: true, epochs: 2 }).result;
  await train({ ...embedded, classes: true, checkpointFolder, epochs: 1 }).result;
  const { config: _, ...rest } = options;
  const ended = await train({ ...rest, checkpointFolder, resume: true, epochs: 2 }).result;
  expect(ended.bytes).toEqual(unbroken.bytes);
  expect((await exportModel(checkpointFolder)).bytes).toEqual(ended.bytes);
  const again = (changes: TrainOptions) => train({ ...rest, checkpointFolder, resume: true, ...changes }).result;
  const advice = 'leave it out, or start a new run in another folder';
  await expect(again({ classes: false })).rejects.toThrow(
    `classes: expected true, as the run in ${checkpointFolder} has, got false; ${advice}`,
  );
  await expect(again({ config: { dilations: [1, 3] } })).rejects.toThrow(
    `config.dilations: expected 1,2, as the run in ${checkpointFolder} has, got 1,3; ${advice}`,
  );
  const relabelled = labelImages(data, data.labels!.toReversed(), classNames);
  await expect(again({ data: relabelled })).rejects.toThrow(
    `data: expected the labels that the run in ${checkpointFolder} is of, got others of the same images`,
  );
  const { labels: _labels, labelsSha256: _sha256, classNames: _names, ...unlabelled } = data;
  await expect(again({ data: unlabelled })).rejects.toThrow(
    `data: expected the labels that the run in ${checkpointFolder} is of, got the same images without labels`,
  );
});

it('goes on from a model of classes with its own classes, and refuses others', async () => {
  const first = await train({ ...options, classes: true }).result;
  const { config: _, ...rest } = options;
  const next = await train({ ...rest, from: first.bytes, epochs: 1, learningRate: 0 }).result;
  expect(next.net.config).toEqual(first.net.config);
  expect(next.history[0]?.valLoss).toBe(first.history[1]?.valLoss);
  const renamed = { ...data, classNames: ['rows', 'nothing', 'columns'] };
  await expect(train({ ...rest, data: renamed, from: first.bytes }).result).rejects.toThrow(
    'from: expected a model whose class 1 is "nothing", as the data has it, got "columns"',
  );
  await expect(train({ ...rest, from: first.bytes, classes: false }).result).rejects.toThrow(
    'classes: expected to train with classes, as the model that training goes on from was, got without',
  );
});
