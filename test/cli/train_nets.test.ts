import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { loadSampler } from '../../ts/load.js';
import { npy } from '../train/data/npy.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const run = (...args: string[]) => pixelcnn(folder.path, args);
const small = ['--filters', '4', '--blocks', '1', '--first-kernel', '3', '--block-kernel', '3', '--head-layers', '0'];
const quick = ['--device', 'javascript', '--epochs', '1', '--batch-size', '10', '--samples', '0', '--seed', '1'];

beforeAll(async () => {
  await mkdir(join(folder.path, 'tiles'));
  const tiles = Uint8Array.from({ length: 20 * 30 }, (_, pixel) => (pixel * 7) % 5);
  await writeFile(join(folder.path, 'tiles', 'x.npy'), npy([20, 6, 5], tiles));
  const labels = Uint8Array.from({ length: 20 }, (_, image) => image % 3);
  await writeFile(join(folder.path, 'tiles', 'y.npy'), npy([20], labels));
  const greys = Uint8Array.from({ length: 20 * 30 }, (_, pixel) => (pixel * 37) % 256);
  await writeFile(join(folder.path, 'greys.npy'), npy([20, 6, 5], greys));
});

it('trains a named net with parts of it changed, by class, goes on with it by --resume alone, and from its model', async () => {
  const net = ['--net', 'gated', ...small, '--activation', 'relu', '--embedding', '3', '--dilations', '1,2'];
  const tiles = ['--data', 'tiles', '--nominal', '--classes'];
  const stopped = await run('train', ...tiles, ...quick, ...net, '--out', 'run', '--max-steps', '1');
  expect(stopped, stopped.stderr).toMatchObject({ code: 0 });
  expect(stopped.stdout).toContain('│ embedding (of 5 kinds) ');
  expect(stopped.stdout).toContain('│ stem (gated conv 1x3, 3 of 1x1) ');
  const resumed = await run('train', '--out', 'run', '--resume');
  expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
  const model = join('run', 'model.safetensors');
  const inspected = await run('inspect', model);
  const words = 'gated, 6x5x1, 5 levels, nominal input, embedding 3, 3 classes, activation relu, dilations 1, 2, f32';
  expect(inspected.stdout).toContain(`${model}: ${words}\n`);
  const sampler = await loadSampler(join(folder.path, model));
  expect(sampler.metadata.classNames).toBe('["0","1","2"]');
  sampler.dispose();
  const more = await run('train', ...tiles, ...quick, '--from', model, '--out', 'more', '--learning-rate', '0');
  expect(more, more.stderr).toMatchObject({ code: 0 });
  const figures = (text: string) => /: ([\d.]+ nats an image, [\d.]+ bits\/dim) on validation/.exec(text)?.[1];
  expect(figures(more.stdout)).toBe(figures(resumed.stdout));
  expect((await run('inspect', join('more', 'model.safetensors'))).stdout).toMatch(
    /training\.from +a model with sha256 [0-9a-f]{64}, trained on /,
  );
}, 120_000);

it.each<[args: string, sentence: string]>([
  ['--net big', '--net: expected one of reference, deep, gated, got "big"'],
  ['--activation gelu', '--activation: must be `relu` or `tanh` or `sigmoid` in this version, got `gelu`'],
  ['--net gated --lean 1', '--lean: must be 0 in a gated net, which sees every pixel above, got 1'],
  ['--dilations 1,0', '--dilations: expected an integer from 1 to 16, got 0'],
  ['--dilations 1,17', '--dilations: expected an integer from 1 to 16, got 17'],
  ['--embedding 4', '--embedding: expected none for levels that are amounts, as the images have, got 4'],
  [
    '--classes',
    '--classes: expected images with labels, got .npy file, 20 images; put labels.npy beside them, a whole number for each',
  ],
  ['--from none.safetensors', '--from: expected a file at none.safetensors, got none'],
  [
    '--from tiny.safetensors --net gated',
    '--net: expected plain, as the model that training goes on from has, got gated',
  ],
  ['--from tiny.safetensors --filters 4', '--filters: expected 8, as the model that training goes on from has, got 4'],
  [
    '--from tiny.safetensors --resume',
    '--from: expected none at a resume, which goes on from the weights of its checkpoint, got a model',
  ],
])('refuses %s in one sentence, exit code 2, before anything is written', async (args, sentence) => {
  const { code, stdout, stderr } = await run(
    'train',
    '--data',
    'greys.npy',
    ...quick,
    '--out',
    'x',
    ...args.split(' '),
  );
  const last = stderr.trimEnd().split('\n').at(-1); // after what was said of the images, where they had to be read
  expect({ code, stdout, last }).toEqual({ code: 2, stdout: '', last: `pixelcnn: ${sentence}` });
  expect(existsSync(join(folder.path, 'x'))).toBe(false);
});
