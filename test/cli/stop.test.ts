import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { writeFrames } from './frames.js';
import { cli, pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const options = [
  ...['train', '--data', 'frames', '--device', 'javascript', '--seed', '5', '--batch-size', '4', '--epochs', '400'],
  ...['--filters', '4', '--blocks', '1', '--head-layers', '0', '--first-kernel', '3', '--json'],
];

beforeAll(() => writeFrames(folder.path));

it('writes a checkpoint at Ctrl-C and says how to go on; goes back past a damaged one, with a warning', async () => {
  const args = [...options, '--out', 'run', '--checkpoint-every', '1'];
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder.path });
  let [stdout, stderr] = ['', ''];
  let interrupted = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    // Once: a second Ctrl-C ends the process at once.
    if (!interrupted && (stdout.match(/"checkpoint"/g)?.length ?? 0) >= 2) interrupted = child.kill('SIGINT');
  });
  const [code] = await once(child, 'close');
  expect(stderr).toContain(
    'pixelcnn: interrupted; go on with `pixelcnn train --out run --resume`, or make a model of it with `pixelcnn export run`\n',
  );
  expect(code).toBe(130);

  const checkpoints = join(folder.path, 'run', 'checkpoints');
  const [older, newest] = (await readdir(checkpoints)).filter((name) => name.startsWith('step-')).sort();
  await writeFile(join(checkpoints, newest!, 'm.f32'), 'spoilt');
  const resumed = await pixelcnn(folder.path, [...args, '--max-steps', '1', '--resume']);
  expect(resumed.code, resumed.stderr).toBe(0);
  const start = resumed.stdout
    .split('\n')
    .map((line) => line && JSON.parse(line))
    .find(({ type }) => type === 'start');
  expect(start.warnings).toEqual([
    `${join('run', 'checkpoints', newest!)} is not whole: the sha256 of m.f32 is not the one recorded`,
  ]);
  expect(start.epoch * start.stepsPerEpoch + start.stepInEpoch).toBe(Number(older!.slice(5)));
}, 180_000);

it('ends in one sentence that names the step where the loss explodes', async () => {
  const ended = await pixelcnn(folder.path, [...options, '--out', 'wild', '--learning-rate', '1e6']);
  expect(ended.code).toBe(1);
  expect(ended.stderr).not.toMatch(/^ +at /m);
  expect(ended.stderr.trim()).toMatch(
    /^pixelcnn: training: expected the loss to fall, got \S+ nats a value at step \d+ of epoch \d+; start a new run with [^\n]*$/m,
  );
}, 180_000);
