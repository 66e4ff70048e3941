import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { PixelCnnError } from '../../../ts/error.js';
import { loadSampler } from '../../../ts/load.js';
import { gridPng } from '../../../ts/node/png.js';
import { openBackend } from '../../../ts/train/tensorflow/backend.js';
import { type TrainEvent, type TrainOptions, train } from '../../../ts/train/train.js';
import { metricsFile, readMetrics } from '../../../ts/train/watch/metrics.js';
import { watchRun } from '../../../ts/train/watch/watch_run.js';
import { type Watcher, watchers } from '../../../ts/train/watch/watcher.js';
import { blobs, smallConfig } from '../support.js';

const backend = await openBackend('wasm');
const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-watch-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { height: _height, width: _width, ...config } = smallConfig;
/** 3 steps an epoch. */
const options: TrainOptions = {
  ...{ data: blobs(50, smallConfig), backend, config, seed: 3 },
  ...{ epochs: 3, batchSize: 20, learningRate: 0.01, warmupSteps: 2, emaDecay: 0.9 },
};

/** Runs to the end, or until it is killed: nothing more is asked of it, where leaving a loop would stop it in order. */
async function watched(watch: Watcher, changes: TrainOptions = {}, until = (_: TrainEvent) => false): Promise<void> {
  const events = train({ ...options, ...changes })[Symbol.asyncIterator]();
  for (let next = await events.next(); !next.done; next = await events.next()) {
    await watch(next.value);
    if (!until(next.value)) continue;
    // Nor would another process find it at work.
    rmSync(join(changes.checkpointFolder ?? '', '.lock'), { force: true });
    return;
  }
}

const isStep = (epoch: number, step: number) => (event: TrainEvent) =>
  event.type === 'step' && event.epoch === epoch && event.step === step;

const warnings: string[] = [];
const whole = join(folder, 'whole');
const read = (...names: string[]): string => readFileSync(join(folder, ...names), 'utf8');
/** The figures, less the times, which no two runs share. */
const figures = async (run: string) =>
  (await readMetrics(join(folder, run, 'metrics.jsonl'))).map(({ seconds, ...rest }) => rest);

it('leaves the figures, a curve and samples in the folder of a run', async () => {
  let model: Uint8Array | undefined;
  const watch = watchRun(whole, { samples: { count: 4, seed: 7 }, warn: (line) => warnings.push(line) });
  await watched(async (event) => {
    await watch(event);
    if (event.type === 'model') model = event.bytes;
  });
  expect(warnings).toEqual([]);
  expect(readdirSync(whole).sort()).toEqual(['loss.png', 'loss.svg', 'metrics.jsonl', 'samples']);
  expect(readdirSync(join(whole, 'samples')).sort()).toEqual(['epoch-0001.png', 'epoch-0002.png', 'epoch-0003.png']);
  const sampler = await loadSampler(model!);
  const { data, shape } = sampler.sample({ count: 4, seed: 7 });
  sampler.dispose();
  expect(readFileSync(join(whole, 'samples', 'epoch-0003.png'))).toEqual(gridPng(data, shape, 2));
  expect(read('whole', 'loss.svg')).toMatch(/>training<[\s\S]*>validation</);
});

it('writes a line for each step and epoch, whose figures agree with each other', async () => {
  const lines = await readMetrics(join(whole, 'metrics.jsonl'));
  expect(lines.map(({ type, step, epoch }) => `${type} ${step} ${epoch}`)).toEqual(
    [1, 2, 3].flatMap((epoch) => [
      ...[-2, -1, 0].map((i) => `step ${3 * epoch + i} ${epoch}`),
      `epoch ${3 * epoch} ${epoch}`,
    ]),
  );
  const [first, second, third, end] = lines;
  if (first?.type !== 'step' || second?.type !== 'step' || third?.type !== 'step' || end?.type !== 'epoch') {
    throw new Error('expected three steps and an epoch');
  }
  expect(first.loss).toBeCloseTo(first.batchLoss, 12);
  // Batches of 20, 20 and 5 images.
  expect(third.loss).toBeCloseTo((20 * first.batchLoss + 20 * second.batchLoss + 5 * third.batchLoss) / 45, 12);
  expect(end.loss).toBe(third.loss);
  expect(first.learningRate).toBeCloseTo(0.005, 12);
  expect(second.learningRate).toBe(0.01);
});

it.each([
  ['between two checkpoints', isStep(2, 2)],
  ['after an epoch, before its checkpoint', (event: TrainEvent) => event.type === 'epoch' && event.epoch === 2],
])('has neither more nor fewer lines after a run was killed %s', async (name, until) => {
  const run = join(folder, name);
  const checkpoints = { checkpointFolder: join(run, 'checkpoints'), checkpointEvery: 2 };
  await watched(watchRun(run, { samples: false }), checkpoints, until);
  appendFileSync(join(run, 'metrics.jsonl'), '{"type":"step","step":'); // the kill came while a line was written
  await watched(watchRun(run, { samples: false }), { ...checkpoints, resume: true });
  expect(await figures(name)).toEqual(await figures('whole'));
  expect(read(name, 'loss.svg')).toBe(read('whole', 'loss.svg'));
});

it('draws the axes before the first epoch is over', async () => {
  await watched(watchRun(join(folder, 'begun')), {}, isStep(1, 1));
  expect(read('begun', 'loss.svg')).toContain('>epoch<');
  expect(read('begun', 'loss.svg')).not.toContain('>training<');
});

it('begins anew where the folder of a run was removed', async () => {
  const path = join(folder, 'removed', 'metrics.jsonl');
  const watch = metricsFile(path);
  const removing: Watcher = async (event) => {
    if (isStep(2, 1)(event)) rmSync(join(folder, 'removed'), { recursive: true });
    await watch(event);
  };
  await watched(removing);
  expect((await readMetrics(path)).map(({ type, step }) => `${type} ${step}`)).toEqual([
    'step 4',
    'step 5',
    'step 6',
    'epoch 6',
    'step 7',
    'step 8',
    'step 9',
    'epoch 9',
  ]);
});

it('begins a new file with a new run', async () => {
  const path = join(folder, 'new.jsonl');
  writeFileSync(path, read('whole', 'metrics.jsonl'));
  await watched(metricsFile(path), { epochs: 1, validationSplit: 0 });
  const lines = await readMetrics(path);
  expect(lines).toHaveLength(4);
  expect(lines.at(-1)).toMatchObject({ type: 'epoch', valLoss: null });
});

it('repairs the file after a line that could only be written in part', async () => {
  const path = join(folder, 'full.jsonl');
  const watch = metricsFile(path);
  await watched(
    async (event) => {
      if (!isStep(1, 2)(event)) return watch(event);
      // A full disk: the write fails, and part of the line stays.
      renameSync(path, `${path}.aside`);
      mkdirSync(path);
      await expect(watch(event)).rejects.toThrow(
        new PixelCnnError('WRITE_FAILED', `expected to write ${path}, got: a folder stands in its place`),
      );
      rmSync(path, { recursive: true });
      renameSync(`${path}.aside`, path);
      appendFileSync(path, '{"type":"st');
    },
    { epochs: 1 },
  );
  expect((await readMetrics(path)).map(({ step }) => step)).toEqual([1, 3, 3]);
  expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(4);
});

it('trains on where something cannot be watched, and says so once', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'not a folder');
  const told: string[] = [];
  const watch = watchRun(file, { tensorBoard: true, warn: (line) => told.push(line) });
  let last: TrainEvent | undefined;
  await watched(async (event) => {
    last = event;
    await watch(event);
  });
  expect(last?.type).toBe('model');
  expect(told[0]).toBe(`expected to write ${join(file, 'metrics.jsonl')}, got: a part of the path is a file`);
  expect(told.join('\n')).toMatch(/TensorBoard: expected native TensorFlow/);
  expect(new Set(told).size).toBe(told.length);
});

it.skipIf(!existsSync('/dev/full'))('says in words that the disk is full', async () => {
  const told: string[] = [];
  const watch = watchers([() => appendFile('/dev/full', 'text')], (line) => told.push(line));
  for (const _ of ['once', 'again']) await watch({ type: 'checkpoint', path: '' });
  expect(told).toEqual(['expected to write what shows the run, got: the disk is full']);
});
