import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it, type TestContext } from 'vitest';
import { tensorboardPath } from '../../../scripts/setup_tensorboard.js';
import type { Backend } from '../../../ts/train/tensorflow/backend.js';
import { type TrainEvent, type TrainOptions, train } from '../../../ts/train/train.js';
import { metricsLine, readMetrics } from '../../../ts/train/watch/metrics.js';
import { type TensorBoardOptions, tensorBoard } from '../../../ts/train/watch/tensorboard.js';
import { watchRun } from '../../../ts/train/watch/watch_run.js';
import { blobs, openTestBackend, present, smallConfig } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-tensorboard-'));
afterAll(() => rmSync(folder, { recursive: true }));

const native = await openTestBackend('tensorflow');
const reader = fileURLToPath(new URL('read_events.py', import.meta.url));

async function watched(run: string, context: TestContext, changes: TrainOptions, until = (_: TrainEvent) => false) {
  if (!existsSync(tensorboardPath))
    context.skip("TensorBoard's reader is not set up; run npx tsx scripts/setup_tensorboard.ts");
  const { height: _height, width: _width, ...config } = smallConfig;
  const options: TrainOptions = {
    ...{ data: blobs(50, smallConfig), config, backend: present(native, context), seed: 3 },
    ...{ epochs: 3, batchSize: 20, schedule: 'cosine', checkpointFolder: join(run, 'checkpoints'), ...changes },
  };
  const warnings: string[] = [];
  const watch = watchRun(run, { samples: false, tensorBoard: true, warn: (line) => warnings.push(line) });
  const tensors = new Set<number>();
  // Not left by `break`, which would stop the run in order: a killed one is asked for nothing more.
  const events = train(options)[Symbol.asyncIterator]();
  for (let next = await events.next(); !next.done; next = await events.next()) {
    await watch(next.value);
    if (next.value.type === 'step') tensors.add(native?.tf.memory().numTensors ?? 0);
    if (!until(next.value)) continue;
    rmSync(join(run, 'checkpoints', '.lock')); // as the lock of a process that is gone
    break;
  }
  expect(warnings).toEqual([]);
  expect(tensors.size).toBe(1);
}

/** What TensorBoard finds in a run, and what metrics.jsonl says it should find. */
async function bothSides(run: string): Promise<[found: unknown, expected: unknown]> {
  const env = { ...process.env, PYTHONPATH: tensorboardPath };
  const found = JSON.parse(execFileSync('python3', [reader, join(run, 'tensorboard')], { env, encoding: 'utf8' }));
  const lines = await readMetrics(join(run, 'metrics.jsonl'));
  const steps = lines.flatMap((line) => (line.type === 'step' ? [line] : []));
  const epochs = lines.flatMap((line) => (line.type === 'epoch' ? [line] : []));
  return [
    found,
    {
      batch_loss: steps.map(({ step, batchLoss }) => [step, Math.fround(batchLoss)]),
      learning_rate: steps.map(({ step, learningRate }) => [step, Math.fround(learningRate)]),
      gradient_norm: steps.map(({ step, gradientNorm }) => [step, gradientNorm]),
      loss: epochs.map(({ step, loss }) => [step, Math.fround(loss)]),
      val_loss: epochs.map(({ step, valLoss }) => [step, Math.fround(valLoss!)]),
    },
  ];
}

it("writes event files in which TensorBoard's own reader finds the figures of metrics.jsonl", async (context) => {
  const run = join(folder, 'whole');
  await watched(run, context, {});
  const [found, expected] = await bothSides(run);
  expect(found).toEqual(expected);
  expect(Object.values(expected as object).map(({ length }) => length)).toEqual([9, 9, 9, 3, 3]);
});

it('shows each step once after a run was killed and went on', async (context) => {
  const run = join(folder, 'resumed');
  const killed = (event: TrainEvent) => event.type === 'step' && event.epoch === 3 && event.step === 2;
  await watched(run, context, {}, killed);
  rmSync(join(run, 'checkpoints', '.lock')); // of a process that lives, though it was killed
  await watched(run, context, { resume: true });
  const [found, expected] = await bothSides(run);
  expect(found).toEqual(expected);
  expect(readdirSync(join(run, 'tensorboard'))).toHaveLength(1);
});

it('writes each figure under its name at its update, flushes after an epoch, and begins anew from metrics.jsonl', async () => {
  const run = join(folder, 'stand-in');
  const said: string[] = [];
  const node = {
    summaryFileWriter: (path: string) => {
      said.push(`open ${path.slice(run.length)}`);
      return {
        scalar: (name: string, value: number, step: number) => said.push(`${name} ${value} at ${step}`),
        flush: () => said.push('flush'),
      };
    },
  };
  const backend = { name: 'tensorflow', tf: { node } } as unknown as Backend;
  const metrics = join(folder, 'metrics.jsonl');
  const figures = { loss: 0.5, batchLoss: 0.25, learningRate: 0.125, gradientNorm: 8, seconds: 1 };
  const step: TrainEvent = { type: 'step', epoch: 2, step: 3, steps: 3, ...figures };
  const record = { epoch: 2, epochs: 2, steps: 3, seconds: 1, loss: 0.5, model: async () => new Uint8Array() };
  const tell = async (options: TensorBoardOptions, ...events: TrainEvent[]): Promise<string[]> => {
    const watch = tensorBoard(run, options);
    await watch({ type: 'backend', backend } as TrainEvent);
    await watch({ type: 'start' } as TrainEvent);
    for (const event of events) await watch(event);
    return said.splice(0);
  };
  const epoch = (valLoss: number): TrainEvent => ({ type: 'epoch', ...record, valLoss });
  const updated = ['batch_loss 0.25 at 6', 'learning_rate 0.125 at 6', 'gradient_norm 8 at 6'];
  expect(await tell({}, step, epoch(0.75))).toEqual([
    ...['open ', ...updated, 'loss 0.5 at 6', 'val_loss 0.75 at 6', 'flush'],
  ]);
  writeFileSync(join(run, 'events.out.tfevents.1'), 'of the run that was stopped');
  writeFileSync(join(run, 'other'), 'of nobody');
  expect(await tell({}, epoch(Number.NaN))).toEqual(['open /', 'loss 0.5 at 6', 'flush']);
  expect(readdirSync(run)).toEqual(['events.out.tfevents.1', 'other']);
  writeFileSync(metrics, `${JSON.stringify(metricsLine(step))}\n${JSON.stringify(metricsLine(epoch(0.75)))}\n`);
  expect(await tell({ metrics })).toEqual(['open //', ...updated, 'loss 0.5 at 6', 'val_loss 0.75 at 6']);
  expect(readdirSync(run)).toEqual(['other']);
});
