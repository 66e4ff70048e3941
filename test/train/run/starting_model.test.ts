import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { argumentOf } from '../../../ts/arguments.js';
import { quantizeModel } from '../../../ts/convert.js';
import { loadSampler } from '../../../ts/load.js';
import { sha256 } from '../../../ts/node/files.js';
import { labelImages } from '../../../ts/train/data/labels.js';
import { exportModel } from '../../../ts/train/run/export.js';
import { type TrainOptions, train } from '../../../ts/train/train.js';
import type { TrainedModel } from '../../../ts/train/train_run.js';
import { blobs } from '../support.js';
import { data, plain } from './run.js';

let folder: string;
let first: TrainedModel;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelcnn-'));
  first = await train({ ...plain, seed: 1, epochs: 2 }).result;
  path = join(folder, 'first.safetensors');
  await writeFile(path, first.bytes);
});
afterAll(() => rm(folder, { recursive: true }));

/** `plain` without its net, which is to be the model's. */
const { config: _, ...rest } = plain;

async function refusal(options: TrainOptions): Promise<{ message: string; argument: string | undefined }> {
  try {
    await train(options).result;
  } catch (error) {
    return { message: (error as Error).message, argument: argumentOf(error) };
  }
  return expect.unreachable();
}

it("begins with a model's weights and net, and tells of it in the record", async () => {
  const { net, history, bytes } = await train({ ...rest, seed: 2, epochs: 1, from: path, learningRate: 0 }).result;
  expect(net.config).toEqual(first.net.config);
  expect(history[0]?.valLoss).toBe(first.history[1]?.valLoss);
  const sampler = await loadSampler(bytes);
  const whole = `a model with sha256 ${sha256(first.bytes)}, trained on blobs (sha256 ${data.sha256})`;
  expect(sampler.metadata['training.from']).toBe(whole);
  sampler.dispose();
});

it('goes on from there as it learns, and from a checkpoint of it with the same record', async () => {
  const checkpointFolder = join(folder, 'run');
  const options = { ...rest, seed: 2, checkpointFolder } as const;
  const begun = await train({ ...options, epochs: 1, from: first.bytes }).result;
  expect(begun.history[0]!.valLoss).toBeLessThan(first.history[1]!.valLoss);
  const ended = await train({ ...options, epochs: 2, resume: true }).result;
  const unbroken = await train({ ...rest, seed: 2, epochs: 2, from: path }).result;
  expect(ended.weights).toEqual(unbroken.weights);
  expect(ended.bytes).toEqual(unbroken.bytes);
  expect((await exportModel(checkpointFolder)).bytes).toEqual(ended.bytes);
});

it('takes images of another size', async () => {
  const larger = blobs(20, { height: 9, width: 5 });
  const { net } = await train({ ...rest, data: larger, seed: 1, epochs: 1, from: path }).result;
  expect(net.config).toEqual({ ...first.net.config, height: 9, width: 5 });
});

it('says where these images are read by another rule', async () => {
  const warnings = async (changes: TrainOptions): Promise<readonly string[]> => {
    for await (const event of train({ ...rest, from: path, ...changes })) {
      if (event.type === 'start') return event.warnings;
    }
    return expect.unreachable();
  };
  expect(await warnings({})).toEqual([]);
  expect(await warnings({ data: { ...data, binarisation: 'drawn once' } })).toEqual([
    `the model that training begins with has seen images by another rule, ${data.binarisation}; these are read as drawn once`,
  ]);
});

it('takes the name of a net for its kind, since the model has the sizes', async () => {
  const { net } = await train({ ...rest, seed: 1, epochs: 1, from: path, net: 'reference' }).result;
  expect(net.config).toEqual(first.net.config);
});

it('refuses another net, another kind of images, and what is no model, in one sentence', async () => {
  expect(await refusal({ ...rest, from: path, config: { filters: 16 } })).toEqual({
    message: 'config.filters: expected 8, as the model that training goes on from has, got 16',
    argument: 'config.filters',
  });
  expect(await refusal({ ...rest, from: path, net: 'gated' })).toEqual({
    message: 'config.architecture: expected plain, as the model that training goes on from has, got gated',
    argument: 'config.architecture',
  });
  expect(await refusal({ ...rest, from: path, data: { ...data, levels: 4 } })).toEqual({
    message: 'from: expected a model for images of levels 4, as the data has, got one of 2',
    argument: 'from',
  });
  const labelled = labelImages(data, new Uint16Array(data.count), ['a', 'b']);
  expect(await refusal({ ...rest, from: path, data: labelled, classes: true })).toEqual({
    message: 'classes: expected to train without classes, as the model that training goes on from was, got with',
    argument: 'classes',
  });
  const integers = await quantizeModel(first.bytes, data.pixels.subarray(0, 10 * 42));
  expect(await refusal({ ...rest, from: integers })).toEqual({
    message: 'from: expected one of precision f32, got one of int8; go on from the one that it was made of',
    argument: 'from',
  });
  expect(await refusal({ ...rest, from: join(folder, 'none') })).toEqual({
    message: `from: expected a file at ${join(folder, 'none')}, got none`,
    argument: 'from',
  });
  const [name, text] = [join(folder, 'text'), 'once upon a time'];
  await writeFile(name, text);
  const { message, argument } = await refusal({ ...rest, from: name });
  expect(message).toMatch(/^from: .*text: model file: expected/);
  expect(argument).toBe('from');
});
