import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadSampler } from '../../../ts/load.js';
import { sha256 } from '../../../ts/node/files.js';
import { splitImages } from '../../../ts/train/data/image_set.js';
import { loadCore } from '../../../ts/train/net/core.js';
import { readCheckpoint } from '../../../ts/train/run/checkpoint.js';
import { epochOrder } from '../../../ts/train/run/plan.js';
import { evaluate } from '../../../ts/train/score/evaluate.js';
import { type TrainEvent, type TrainOptions, train } from '../../../ts/train/train.js';
import { blobs, smallConfig } from '../support.js';
import { collect, data, net, only, plain, rich } from './run.js';

const core = await loadCore();
const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-train-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('reports each step and epoch, ends with a model file, and lowers the loss', async () => {
  const events = await collect({ epochs: 6, out: join(folder, 'first.safetensors') });
  const [start] = only(events, 'start');
  expect(start).toMatchObject({ seed: 3, stepsPerEpoch: 3, trainImages: 45, validationImages: 5, epoch: 0 });
  expect(only(events, 'step').map(({ epoch, step }) => `${epoch}.${step}`)).toHaveLength(18);
  const epochs = only(events, 'epoch');
  expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(epochs.at(-1)!.loss).toBeLessThan(0.7 * epochs[0]!.loss);
  const [model] = only(events, 'model');
  expect(Buffer.compare(readFileSync(join(folder, 'first.safetensors')), model!.bytes)).toBe(0);
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

it('gives the model of each epoch while it lasts: the averaged weights, with the figures so far', async () => {
  const models: (() => Promise<Uint8Array>)[] = [];
  const files: Uint8Array[] = [];
  let last: Uint8Array | undefined;
  for await (const event of train({ ...plain, ...rich })) {
    if (event.type === 'epoch') {
      models.push(event.model);
      files.push(await event.model());
    }
    if (event.type === 'model') last = event.bytes;
  }
  expect(files[1]).toEqual(last);
  const sampler = await loadSampler(files[0]!);
  expect(sampler.metadata['training.epochs']).toBe('1');
  sampler.dispose();
  await expect(models[0]!()).rejects.toMatchObject({ code: 'DISPOSED' });
});

it('warns of a learning rate that rises for half of the run or longer', async () => {
  const warnings = async (warmupSteps: number) => only(await collect({ warmupSteps }), 'start')[0]!.warnings;
  expect(await warnings(600)).toEqual([
    'the learning rate rises for 600 updates, and the run has 6; 0 warm-up steps would leave it time at its peak',
  ]);
  expect(await warnings(3)).toHaveLength(1);
  expect(await warnings(2)).toEqual([]);
});

it('gives the same weights for the same seed, and others for another', async () => {
  const [a, b, c] = [await collect(), await collect(), await collect({ seed: 4 })].map(
    (e) => only(e, 'model')[0]!.bytes,
  );
  expect(Buffer.compare(a!, b!)).toBe(0);
  expect(Buffer.compare(a!, c!)).not.toBe(0);
});

it.each([
  ['updates', 'step', { validationSplit: 0, epochs: 50 }],
  ['validates', 'validate', { validationSplit: 0.9, epochs: 1, batchSize: 1 }],
] as const)(
  'hears while it %s of what the loop of events brings, such as a timer or Ctrl-C',
  async (_, type, options) => {
    const controller = new AbortController();
    const stop = new Error('stopped by the test');
    let seen = 0;
    const broken = (async () => {
      for await (const event of train({ ...plain, ...options, signal: controller.signal })) {
        // Only a loop that turns comes to this; the run would end without it.
        if (event.type === type && ++seen === 1) setImmediate(() => controller.abort(stop));
      }
    })();
    await expect(broken).rejects.toBe(stop);
    expect(seen).toBeLessThan(10);
  },
);

it('loses nothing when it is stopped while it validates', async () => {
  const checkpointFolder = join(folder, 'validating');
  const controller = new AbortController();
  const stop = new Error('stopped by the test');
  const broken = (async () => {
    for await (const event of train({ ...plain, checkpointFolder, checkpointEvery: 1, signal: controller.signal })) {
      if (event.type === 'validate') controller.abort(stop);
    }
  })();
  await expect(broken).rejects.toBe(stop);
  const resumed = await collect({ checkpointFolder, resume: true });
  expect(only(resumed, 'start')[0]).toMatchObject({ epoch: 0, stepInEpoch: 3 });
  const [resumedModel, unbrokenModel] = [resumed, await collect()].map((events) => only(events, 'model')[0]!);
  expect(resumedModel!.bytes).toEqual(unbrokenModel!.bytes);
});

it('keeps as many checkpoints as asked, and trains on where the epochs of an ended run are raised', async () => {
  const checkpointFolder = join(folder, 'more');
  await collect({ checkpointFolder, epochs: 1, checkpointEvery: 1, keepCheckpoints: 2 });
  expect(readdirSync(checkpointFolder).sort()).toEqual(['LATEST', 'step-00000002', 'step-00000003']);
  const resumed = await collect({ checkpointFolder, epochs: 2, resume: true });
  const [resumedModel, unbrokenModel] = [resumed, await collect()].map((events) => only(events, 'model')[0]!);
  expect(resumedModel!.result.weights).toEqual(unbrokenModel!.result.weights);
});

it('starts no run among the checkpoints of another', async () => {
  const checkpointFolder = join(folder, 'taken');
  await collect({ checkpointFolder, epochs: 1 });
  rmSync(join(checkpointFolder, 'LATEST'));
  const again = collect({ checkpointFolder, seed: 4 });
  await expect(again).rejects.toThrow(RangeError);
  await expect(again).rejects.toThrow(`got ${checkpointFolder}, which holds a run; resume it`);
  expect(readdirSync(checkpointFolder)).toEqual(['step-00000003']);
});

it('refuses to go on under other conditions, or from nothing, and says what is wrong', async () => {
  const checkpointFolder = join(folder, 'refuse');
  await expect(collect({ resume: true, checkpointFolder })).rejects.toMatchObject({ code: 'INVALID_CHECKPOINT' });
  await collect({ checkpointFolder, epochs: 1 });
  const resume = (changes: TrainOptions) => collect({ checkpointFolder, resume: true, ...changes });
  const run = `as the run in ${checkpointFolder} has`;
  const advice = 'leave it out, or start a new run in another folder';
  await expect(resume({ batchSize: 10 })).rejects.toThrow(`batchSize: expected 20, ${run}, got 10; ${advice}`);
  await expect(resume({ learningRate: 0.1 })).rejects.toThrow(`learningRate: expected 0.01, ${run}, got 0.1`);
  await expect(resume({ emaDecay: 0.9 })).rejects.toThrow(`emaDecay: expected 0, ${run}, got 0.9`);
  await expect(resume({ schedule: 'cosine' })).rejects.toThrow(`schedule: expected constant, ${run}, got cosine`);
  await expect(resume({ preset: 'fast' })).rejects.toThrow(
    `preset: expected one with warmupSteps 0, ${run}, got fast, which has 600; ${advice}`,
  );
  await expect(resume({ seed: 5 })).rejects.toThrow(`seed: expected 3, ${run}, got 5`);
  await expect(resume({ config: { filters: 4 } })).rejects.toThrow(`config.filters: expected 8, ${run}, got 4`);
  await expect(resume({ validationSplit: 0.5 })).rejects.toThrow(
    `validationSplit: expected one that leaves 5 validation images, ${run}, got 0.5, which leaves 25`,
  );
  await expect(resume({ data: blobs(51, smallConfig) })).rejects.toThrow(/^data: expected 50 images \(blobs; sha256/);
});

it('goes on with nothing but the folder, the images and what computes', async () => {
  const checkpointFolder = join(folder, 'alone');
  const asked: TrainOptions = { ...rich, validationSplit: 0.3, patience: 2, keepCheckpoints: 5 };
  const whole = only(await collect(asked), 'model')[0]!;
  await collect({ ...asked, checkpointFolder, checkpointEvery: 2, maxSteps: 1, note: { mine: 1 } });
  let last: TrainEvent | undefined;
  for await (const event of train({ data, backend: plain.backend!, checkpointFolder, resume: true })) last = event;
  expect(last?.type === 'model' && Buffer.compare(last.bytes, whole.bytes)).toBe(0);
  const { state } = (await readCheckpoint(checkpointFolder))!;
  expect(state.run).toMatchObject({ validationSplit: 0.3, patience: 2, checkpointEvery: 2, keepCheckpoints: 5 });
  expect(state.run?.note).toEqual({ mine: 1 });
  expect(readdirSync(checkpointFolder).length).toBeGreaterThan(3);
});

it('refuses more epochs where the rate has come to 0, and says what can be done instead', async () => {
  const checkpointFolder = join(folder, 'cosine');
  await collect({ ...rich, checkpointFolder, maxSteps: 1 });
  await expect(collect({ checkpointFolder, resume: true, epochs: 3 })).rejects.toThrow(
    `epochs: expected 2, over which the cosine schedule of the run in ${checkpointFolder} takes the rate to 0, got 3; ` +
      'leave it out, or export the run as the model that it is now',
  );
});

it('goes on from a checkpoint of version 0.1.0, which holds no options, with the options typed', async () => {
  const checkpointFolder = join(folder, 'old');
  const asked: TrainOptions = { validationSplit: 0.3 };
  await collect({ ...asked, checkpointFolder, maxSteps: 1 });
  const path = join(checkpointFolder, 'step-00000001', 'checkpoint.json');
  const { state, files } = JSON.parse(readFileSync(path, 'utf8'));
  delete state.run;
  writeFileSync(path, JSON.stringify({ state, files, sha256: sha256(JSON.stringify({ state, files })) }));
  await expect(collect({ checkpointFolder, resume: true })).rejects.toThrow(
    'validationSplit: expected one that leaves 15',
  );
  const [resumed, whole] = [await collect({ ...asked, checkpointFolder, resume: true }), await collect(asked)];
  expect(only(resumed, 'model')[0]!.bytes).toEqual(only(whole, 'model')[0]!.bytes);
});

it('says which images are wanted where a run is of some without a name', async () => {
  const checkpointFolder = join(folder, 'unnamed');
  await collect({ checkpointFolder, maxSteps: 1 });
  const resumed = train({ backend: plain.backend!, checkpointFolder, resume: true })[Symbol.asyncIterator]().next();
  await expect(resumed).rejects.toThrow(
    /^data: expected 50 images \(blobs; sha256 [0-9a-f]{12}\.\.\. of their values\), which the run in .* is of, got none/,
  );
});

it('lets one run at a time into a folder, and none where another has taken it meanwhile', async () => {
  const checkpointFolder = join(folder, 'locked');
  const first = train({ ...plain, checkpointFolder, checkpointEvery: 1 });
  for await (const event of first) {
    if (event.type !== 'checkpoint') continue;
    const second = collect({ checkpointFolder, resume: true });
    await expect(second).rejects.toMatchObject({ code: 'LOCKED' });
    await expect(second).rejects.toThrow(`got ${checkpointFolder}, held by this process for `);
    break;
  }
  const events: string[] = [];
  const robbed = (async () => {
    for await (const { type } of train({ ...plain, checkpointFolder, checkpointEvery: 1, resume: true })) {
      if (type === 'start') writeFileSync(join(checkpointFolder, '.lock'), '{}');
      events.push(type);
    }
  })();
  await expect(robbed).rejects.toMatchObject({ code: 'LOCKED' });
  expect(events).not.toContain('checkpoint');
  rmSync(join(checkpointFolder, '.lock')); // the other's, which it has left alone
  expect(only(await collect({ checkpointFolder, resume: true }), 'model')).toHaveLength(1);
  expect(readdirSync(checkpointFolder)).not.toContain('.lock');
});

it('takes over the lock of a run that is gone, with a word', async () => {
  const checkpointFolder = join(folder, 'left');
  await collect({ checkpointFolder, maxSteps: 1 });
  const owner = { host: hostname(), pid: 2 ** 22 + 1, since: new Date(0).toISOString(), id: 'gone' };
  writeFileSync(join(checkpointFolder, '.lock'), JSON.stringify(owner));
  utimesSync(join(checkpointFolder, '.lock'), 1, 1);
  const [start] = only(await collect({ checkpointFolder, resume: true }), 'start');
  expect(start!.warnings).toEqual([
    expect.stringMatching(/^a run that has ended without a word held the lock of this folder \(process 4194305 on /),
  ]);
});

it('makes the folder again that was removed while it ran, with a word, and loses nothing else', async () => {
  const checkpointFolder = join(folder, 'removed');
  const events: TrainEvent[] = [];
  for await (const event of train({ ...plain, checkpointFolder, checkpointEvery: 1 })) {
    events.push(event);
    if (event.type === 'step' && event.epoch === 1 && event.step === 2) rmSync(checkpointFolder, { recursive: true });
  }
  expect(only(events, 'warning')).toEqual([
    {
      type: 'warning',
      message: `${checkpointFolder} was removed while the run went on; it is there again, with a checkpoint of now`,
    },
  ]);
  expect(readdirSync(checkpointFolder).filter((name) => name.startsWith('step-'))).toHaveLength(2);
  expect(only(events, 'model')[0]!.bytes).toEqual(only(await collect(), 'model')[0]!.bytes);
});

it('sees a signal that a timer aborts within a step or two: the loop turns', async () => {
  const controller = new AbortController();
  const events: string[] = [];
  const run = (async () => {
    for await (const { type } of train({ ...plain, epochs: 50, signal: controller.signal })) {
      if (type === 'start') setTimeout(() => controller.abort(new Error('by a timer')), 0);
      events.push(type);
    }
  })();
  await expect(run).rejects.toThrow('by a timer');
  expect(events.filter((type) => type === 'step').length).toBeLessThan(4);
});

it('holds every forbidden weight at exactly 0', async () => {
  const [model] = only(await collect(), 'model');
  const { net, weights } = model!.result;
  let offset = 0;
  for (const { name, shape } of net.tensors) {
    const size = shape.reduce((a, b) => a * b, 1);
    const input = net.layers.flatMap(({ inputs }) => inputs).find(({ kernel }) => kernel === name);
    if (input !== undefined) {
      const [rows, columns] = input.shape;
      const allowed = new Set(input.places);
      const perTap = size / (rows * columns);
      for (let i = 0; i < size; i++) {
        const value = weights[offset + i]!;
        if (!allowed.has(Math.floor(i / perTap))) expect(Object.is(value, 0), `${name} ${i}`).toBe(true);
      }
    }
    offset += size;
  }
});

it('trains without validation images, and goes on from there', async () => {
  const checkpointFolder = join(folder, 'unvalidated');
  await collect({ checkpointFolder, epochs: 1, validationSplit: 0 });
  const resumed = await collect({ checkpointFolder, epochs: 2, validationSplit: 0, resume: true });
  const [model] = only(resumed, 'model');
  expect(model!.result.history.map(({ valLoss }) => valLoss)).toEqual([Number.NaN, Number.NaN]);
  const sampler = await loadSampler(model!.bytes);
  expect(sampler.metadata['training.valLoss']).toBeUndefined();
  sampler.dispose();
});

it("finds by the sampler the trainer's own val_loss, and stores the record with the model", async () => {
  const events = await collect();
  const [model] = only(events, 'model');
  const sampler = await loadSampler(model!.bytes);
  const { valLoss } = model!.result.history.at(-1)!;
  for await (const event of evaluate({ sampler, data: splitImages(data).validation, batchSize: 2 })) {
    if (event.type !== 'end') continue;
    const { evaluation } = event;
    expect(Math.abs(evaluation.loss - valLoss)).toBeLessThan(1e-5);
    expect(evaluation.natsPerImage).toBeCloseTo(42 * evaluation.loss, 10);
    expect(evaluation.bitsPerDim).toBeCloseTo(evaluation.loss / Math.LN2, 10);
    expect(evaluation.protocol.split).toBe('the last 10 %');
    expect(evaluation.images).toBe(5);
  }
  expect(sampler.metadata).toMatchObject({
    'training.data': 'blobs',
    'training.epochs': '2',
    'training.seed': '3',
    'training.backend': 'wasm',
    'training.valLoss': valLoss.toFixed(6),
    'training.split': 'all: the first 45 train, the last 5 validate',
  });
  sampler.dispose();
});

it('shuffles each epoch in an order of its own, the same on every host', () => {
  const [first, second] = [epochOrder(core, 3, 1, 100), epochOrder(core, 3, 2, 100)];
  expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(first).not.toEqual(second);
  expect([...first.subarray(0, 8)]).toMatchInlineSnapshot(`
    [
      29,
      36,
      89,
      11,
      85,
      98,
      91,
      37,
    ]
  `);
});

it.each([
  [{ epochs: 0 }, 'epochs: expected an integer from 1 to 9007199254740991, got 0'],
  [{ batchSize: 1.5 }, 'batchSize: expected an integer from 1 to 9007199254740991, got 1.5'],
  [{ learningRate: Number.NaN }, 'learningRate: expected a finite number of at least 0, got NaN'],
  [{ learningRate: -1 }, 'learningRate: expected a finite number of at least 0, got -1'],
  [{ validationSplit: 1 }, 'validationSplit: expected a number below 1, got 1'],
  [{ seed: -1 }, 'seed: expected an integer from 0 to 9007199254740991, got -1'],
  [{ config: { ...net, width: 9 } }, 'config.width: expected 6, as the images have, got 9'],
  [{ device: 'tpu', backend: undefined }, 'device: expected one of auto, gpu, cpu, wasm, javascript, got "tpu"'],
])('refuses the options %o', async (changes, message) => {
  await expect(collect(changes as TrainOptions)).rejects.toMatchObject({ name: 'RangeError', message });
});

it('finds out before the first update that no model could be written', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const refused = async (out: string) => {
    for await (const { type } of train({ ...plain, out })) expect(type).not.toBe('backend');
  };
  await expect(refused(join(file, 'model.safetensors'))).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  await expect(refused(folder)).rejects.toThrow(
    new RangeError(`out: expected the name of a file, got the folder ${folder}`),
  );
});

it('says what to do where the model cannot be written, and writes it once that has been put right', async () => {
  const checkpointFolder = join(folder, 'unwritten');
  const out = join(folder, 'nowhere', 'model.safetensors');
  const why = `expected to write the model to ${out}, got: a file stands in its place; `;
  const written = {
    code: 'WRITE_FAILED',
    message: `${why}the bytes were lost: give a checkpointFolder to the next run`,
  };
  /** Runs to the end, where a file has taken the place of the model's folder meanwhile. */
  const lose = async (options: TrainOptions) => {
    rmSync(join(folder, 'nowhere'), { recursive: true, force: true });
    for await (const { type } of train({ ...plain, ...options, out })) {
      if (type !== 'start') continue;
      rmSync(join(folder, 'nowhere'), { recursive: true });
      writeFileSync(join(folder, 'nowhere'), '');
    }
  };
  await expect(lose({})).rejects.toMatchObject(written);
  await expect(lose({ checkpointFolder })).rejects.toThrow(
    `${why}the last checkpoint in ${checkpointFolder} holds it: put that right, and resume`,
  );
  rmSync(join(folder, 'nowhere'));
  const resumed = await collect({ out, checkpointFolder, resume: true });
  expect(only(resumed, 'step')).toEqual([]);
  expect(readFileSync(out).equals(only(await collect(), 'model')[0]!.bytes)).toBe(true);
});

it('writes the model though its folder, with all checkpoints, was removed after the last of them', async () => {
  const run = join(folder, 'removed');
  const out = join(run, 'model.safetensors');
  for await (const { type } of train({ ...plain, out, checkpointFolder: join(run, 'checkpoints') })) {
    if (type === 'checkpoint') rmSync(run, { recursive: true });
  }
  expect(readFileSync(out).equals(only(await collect(), 'model')[0]!.bytes)).toBe(true);
});
