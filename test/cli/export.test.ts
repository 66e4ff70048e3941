import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { npy } from '../train/data/npy.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();

it('makes a model of a run with a cosine schedule that was stopped, which cannot take more epochs', async () => {
  const levels = Uint8Array.from({ length: 20 * 64 }, (_, i) => ((i * 37) % 16) * 15);
  writeFileSync(join(folder.path, 'levels.npy'), npy([20, 8, 8], levels));
  const net = ['--device', 'javascript', '--filters', '4', '--blocks', '1', '--head-layers', '0', '--samples', '0'];
  const run = ['train', '--preset', 'fast', '--data', 'levels.npy', ...net, '--seed', '1', '--out', 'r'];
  const stopped = await pixelcnn(folder.path, [...run, '--max-steps', '2']);
  expect(stopped.code, stopped.stderr).toBe(0);
  expect(stopped.stdout).toContain(
    'go on with `pixelcnn train --out r --resume`, or make a model of it with `pixelcnn export r`',
  );
  const refused = await pixelcnn(folder.path, ['train', '--out', 'r', '--resume', '--epochs', '1']);
  expect(refused.stderr.trim().split('\n').at(-1)).toBe(
    'pixelcnn: --epochs: expected 8, over which the cosine schedule of the run in r/checkpoints takes the rate to 0, got 1; ' +
      'leave it out, or export the run as the model that it is now',
  );
  const [text, json] = [
    await pixelcnn(folder.path, ['export', 'r']),
    await pixelcnn(folder.path, ['export', 'r', '--best', '--out', 'best/model.safetensors', '--json']),
  ];
  expect(text.stdout).toMatch(
    /^checkpoint {2}r\/checkpoints\/step-00000002\ntrained {5}2 updates, 2 of 8 epochs\nval_loss {4}0\.\d{4}\nwritten {5}r\.step-00000002\.safetensors, .*\n$/,
  );
  expect(JSON.parse(json.stdout)).toMatchObject({ out: 'best/model.safetensors', updates: 2, epoch: 2 });
  for (const file of ['LATEST', 'step-00000002/parameters.f32']) {
    const out = `r/checkpoints/${file}`;
    const kept = readFileSync(join(folder.path, out));
    expect(await pixelcnn(folder.path, ['export', 'r', '--out', out])).toEqual({
      code: 2,
      stdout: '',
      stderr: `pixelcnn: --out: expected another file than those of the run, which would be lost, got ${out}\n`,
    });
    expect(readFileSync(join(folder.path, out))).toEqual(kept);
  }
  const drawn = await pixelcnn(folder.path, [
    'sample',
    '--model',
    'r.step-00000002.safetensors',
    '--count',
    '2',
    '--json',
  ]);
  expect(drawn.code, drawn.stderr).toBe(0);
}, 120_000);

it.concurrent.for([
  ['nowhere', 'pixelcnn: run: expected the folder of a run or of a checkpoint, got nowhere\n'],
  ['.', 'pixelcnn: run: expected the folder of a run or a checkpoint, found no checkpoint in .\n'],
])('says what is missing to `pixelcnn export %s`', async ([path, sentence]) => {
  const { stderr } = await pixelcnn(folder.path, ['export', path!]);
  expect(stderr).toBe(sentence);
  expect(readdirSync(folder.path).some((name) => name.startsWith('..'))).toBe(false);
});
