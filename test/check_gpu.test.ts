import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { findTensorflow } from '../ts/train/tensorflow/find.js';
import { hasNvidiaDriver } from '../ts/train/tensorflow/nvidia.js';

const root = fileURLToPath(new URL('..', import.meta.url));

async function checkGpu(...args: string[]): Promise<{ code: number | null; output: string }> {
  const tsx = join(root, 'node_modules', '.bin', 'tsx');
  const child = spawn(tsx, [join(root, 'scripts', 'check_gpu.ts'), ...args], { cwd: root });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

it('rehearses the check of a GPU on the CPU, with a small net', { timeout: 300_000 }, async (context) => {
  if (process.env.PIXELCNN_TEST_ALL !== '1') context.skip('takes a minute; PIXELCNN_TEST_ALL=1 runs it');
  if (findTensorflow() === undefined) context.skip('native TensorFlow is not set up; run npm run setup');
  const { code, output } = await checkGpu('--device=cpu', '--steps=4', '--batch-size=16', '--filters=8', '--blocks=1');
  expect(code, output).toBe(0);
  const kinds = ['gated, 16 levels', 'gated with relu', 'tanh, 5 kinds'].flatMap((net) => [
    `${net}.*: logits`,
    `${net}.*: losses`,
  ]);
  for (const row of [
    'device',
    'loss over 4 steps of 16 images',
    'checkpoint',
    'resumed',
    'logits',
    'losses',
    ...kinds,
  ]) {
    expect(output).toMatch(new RegExp(`│ ${row}.* │ ok +│`));
  }
  expect(output).toContain('A rehearsal on the CPU; no GPU was checked.');
});

it('says what is missing where there is no GPU, with an exit code of its own', async (context) => {
  if (hasNvidiaDriver()) context.skip('this machine has a GPU');
  const { code, output } = await checkGpu();
  expect(output).toContain('check:gpu: device gpu: expected an NVIDIA GPU, found no NVIDIA driver');
  expect(code).toBe(3);
});

it('names an option that is wrong', async () => {
  const { code, output } = await checkGpu('--steps=few');
  expect(output).toContain('check:gpu: --steps: expected a whole number of at least 1, got few');
  expect(code).toBe(1);
});
