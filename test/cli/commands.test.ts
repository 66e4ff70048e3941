import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { devices } from '../../ts/cli/train.js';
import type { Description } from '../../ts/config.js';
import { loadSampler } from '../../ts/index.js';
import { devices as trainDevices } from '../../ts/train/tensorflow/backend.js';
import { idx } from '../train/data/idx.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();

/** A folder of 30 images of 12 x 11 which are frames, some thicker than others. */
async function writeImages(path: string): Promise<Uint8Array> {
  const pixels = Uint8Array.from({ length: 30 * 132 }, (_, i) => {
    const [image, y, x] = [Math.floor(i / 132), Math.floor((i % 132) / 11), i % 11];
    return Math.min(y, x, 11 - y, 10 - x) <= image % 3 ? 200 : 20;
  });
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'train-images-idx3-ubyte'), idx(20, 12, 11, pixels.subarray(0, 20 * 132)));
  await writeFile(join(path, 't10k-images-idx3-ubyte'), idx(10, 12, 11, pixels.subarray(20 * 132)));
  return pixels.map((value) => (value >= 0.33 * 256 ? 1 : 0));
}

it('inspects a model: layers, reach, cost, record', async () => {
  const [text, json] = await Promise.all([
    pixelcnn(folder.path, ['inspect', 'tiny.safetensors']),
    pixelcnn(folder.path, ['inspect', 'tiny.safetensors', '--json']),
  ]);
  const description = JSON.parse(json.stdout) as Description & { model: string; metadata: Record<string, string> };
  expect(description).toMatchObject({ model: 'tiny.safetensors', config: { height: 12, width: 11 } });
  expect(description.metadata).toHaveProperty('format');
  expect(text.code).toBe(0);
  for (const words of [
    '┃ Layer (type) ',
    '│ stem (conv 7x7 mask A) ',
    '│ blocks.1 (residual block 1x1, 3x3 mask B, 1x1) ',
    `Parameters: ${description.parameters.toLocaleString('en-US')} `,
    `of which ${description.nonZeroParameters.toLocaleString('en-US')} `,
    `receptive field  ${description.receptiveField.pixels} pixels`,
    `slope ${description.schedule.slope}: ${description.schedule.fronts} fronts`,
  ]) {
    expect(text.stdout).toContain(words);
  }
});

it('tells what the machine has, one line for each thing', async () => {
  const [text, json] = await Promise.all([
    pixelcnn(folder.path, ['doctor']),
    pixelcnn(folder.path, ['doctor', '--json']),
  ]);
  expect([text.stderr, json.stderr]).toEqual(['', '']); // none of TensorFlow's own words
  const { checks } = JSON.parse(json.stdout) as { checks: { name: string; ok: boolean; needed: boolean }[] };
  expect(checks.slice(0, 2)).toMatchObject([
    { name: 'Node', ok: true },
    { name: 'WebAssembly', ok: true },
  ]);
  const names = ['model', 'MNIST', 'GPU', 'CUDA libraries', 'native TensorFlow', 'C++ compiler', 'python3', 'pip'];
  expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining([...names, 'TensorFlow.js']));
  expect(text.stdout.trimEnd().split('\n')).toHaveLength(checks.length);
  const whole = checks.every((check) => check.ok || !check.needed);
  expect(json.code).toBe(whole ? 0 : 1);
});

it('trains a model that inspect, eval and sample take, and that it will not overwrite', async () => {
  await writeImages(join(folder.path, 'frames'));
  const net = ['--filters', '4', '--blocks', '1', '--head-layers', '1', '--first-kernel', '3'];
  const run = [
    '--data',
    'frames',
    '--split',
    'reference',
    '--epochs',
    '2',
    '--batch-size',
    '8',
    '--seed',
    '5',
    '--device',
    'javascript',
    '--out',
    'run',
  ];
  const stopped = await pixelcnn(folder.path, ['train', ...run, ...net, '--max-steps', '5']);
  expect(stopped.code, stopped.stderr).toBe(0);
  expect(stopped.stdout.trim().split('\n').at(-1)).toBe(
    'Stopped by --max-steps in epoch 2, after 1 step, with a checkpoint; go on with `pixelcnn train --out run --resume`, ' +
      'or make a model of it with `pixelcnn export run`',
  );
  const first = await pixelcnn(folder.path, ['train', ...run, ...net, '--patience', '2', '--resume']);
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toContain('│ stem (conv 3x3 mask A) ');
  expect(first.stdout).toMatch(/\nEpoch 2\/2\n4\/4 - \d+s - \d+ms\/step - loss: \d\.\d{4} - val_loss: \d\.\d{4}\n/);
  const files = await readdir(join(folder.path, 'run'));
  expect(files.sort()).toEqual([
    'checkpoints',
    'loss.png',
    'loss.svg',
    'metrics.jsonl',
    'model.safetensors',
    'samples',
  ]);
  expect(stopped.stdout).toContain('\nWatch run: metrics.jsonl, loss.png, samples/\n');
  expect(first.stderr).not.toMatch(/chart|metrics|samples/);

  const evaluated = await pixelcnn(folder.path, ['eval', 'run/model.safetensors', '--data', 'frames', '--json']);
  const { loss } = JSON.parse(evaluated.stdout) as { loss: number };
  const sampler = await loadSampler(join(folder.path, 'run', 'model.safetensors'));
  expect(loss).toBeCloseTo(Number(sampler.metadata['training.valLoss']), 5);

  const again = await pixelcnn(folder.path, ['train', ...run, ...net]);
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('holds a run; go on with it by --resume') });
  const resumed = await pixelcnn(folder.path, [
    'train',
    ...run,
    ...net,
    '--epochs',
    '3',
    '--resume',
    '--json',
    '--tensorboard',
  ]);
  expect(resumed.code, resumed.stderr).toBe(0);
  const events = resumed.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; epoch?: number });
  expect(events.filter(({ type }) => type === 'epoch')).toMatchObject([{ epoch: 3 }]);
  expect(events.at(-1)).toMatchObject({ type: 'model' });
  expect(events.filter(({ type }) => type === 'warning')).toMatchObject([
    { message: expect.stringContaining('TensorBoard: expected native TensorFlow') },
  ]);
}, 180_000);

it('offers the devices that training has', () => {
  expect(devices).toEqual(trainDevices);
});
