import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { npy } from '../train/data/npy.js';
import { configJson, randomModel } from '../wasm.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const size = 12 * 11;
const array = (value: (pixel: number) => number) =>
  npy(
    [20, 12, 11],
    Uint8Array.from({ length: 20 * size }, (_, pixel) => value(pixel)),
  );

const run = (...args: string[]) => pixelcnn(folder.path, args);

beforeAll(async () => {
  const origin = { split: 'reference', binarisation: 'none', validationSplit: 0.1 };
  const config = configJson({ height: 12, width: 11, filters: 8, blocks: 2 });
  await writeFile(
    join(folder.path, 'levels.safetensors'),
    randomModel(config, 3, { 'training.origin': JSON.stringify(origin) }),
  );
  await writeFile(
    join(folder.path, 'bits.npy'),
    array((pixel) => (pixel * 7) % 2),
  );
  await writeFile(
    join(folder.path, 'levels16.npy'),
    array((pixel) => (pixel * 7) % 17),
  );
});

it('calibrates by the rule that the model was trained with, or by another that is asked for', async () => {
  const levels = await run('optimize', 'levels.safetensors', '--calibrate', 'bits.npy');
  expect(levels, levels.stderr).toMatchObject({ code: 0 });
  expect(levels.stdout).toContain('18 images spread over all but the last 10 % of .npy file, 20 images');

  const refused = await run('quantize', 'tiny.safetensors', '--calibrate', 'levels16.npy');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^pixelcnn: levels16\.npy: .*; threshold 8 would fit \(--threshold 8\)\n$/);
  const followed = await run('quantize', 'tiny.safetensors', '--calibrate', 'levels16.npy', '--threshold', '8');
  expect(followed, followed.stderr).toMatchObject({ code: 0 });
  // Where the model has a rule of its own, the advice names another that can be typed as it stands.
  const own = await run('quantize', 'levels.safetensors', '--calibrate', 'levels16.npy');
  expect(own.stderr).toMatch(
    /binarisation threshold, threshold 8 would fit \(--binarisation threshold --threshold 8\)\n$/,
  );
  const args = ['--calibrate', 'levels16.npy', '--binarisation', 'threshold', '--threshold', '8'];
  expect(await run('quantize', 'levels.safetensors', ...args)).toMatchObject({ code: 0 });
});

it('names the option that was typed', async () => {
  expect(await run('quantize', 'tiny.safetensors', '--calibrate', 'nowhere')).toMatchObject({
    code: 2,
    stderr:
      'pixelcnn: --calibrate: expected mnist, fashion-mnist, a folder or a file, found nothing at nowhere (no such file or folder)\n',
  });
  expect(await run('optimize', 'tiny.safetensors', '--threshold', '8')).toMatchObject({
    code: 2,
    stderr: 'pixelcnn: --threshold: expected none without --calibrate and a data set, got 8\n',
  });
});

it('scores what sample wrote', async () => {
  await run('sample', '--model', 'tiny.safetensors', '--count', '4', '--seed', '1', '--out', 's', '--json');
  expect(await readdir(join(folder.path, 's'))).toContain('grid.png');
  const { code, stdout, stderr } = await run('eval', 'tiny.safetensors', '--data', 's', '--split', 'all', '--json');
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    images: 4,
    protocol: { source: 'PNG files, 4 images, in the order of seed 0' },
    warnings: [],
  });
  expect(stderr).toMatch(/^Left alone in s: grid\.png\nOrder of the files: .*\nValues: .* % of the pixels are 1\n$/);
});

it('trains on data with validation images of its own, and takes no split beside them', async () => {
  const data = join(folder.path, 'own');
  await mkdir(data);
  for (const name of ['train', 'val', 'test']) {
    await writeFile(
      join(data, `${name}.npy`),
      array((pixel) => (pixel * 37) % 256),
    );
  }
  const net = ['--filters', '4', '--blocks', '0', '--head-layers', '0', '--first-kernel', '3', '--samples', '0'];
  const args = ['train', '--data', 'own', '--device', 'javascript', '--epochs', '1', ...net];
  const { code, stdout, stderr } = await run(...args, '--out', 'a');
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('Training on 20 images, validating on 20');
  const refused = await run(...args, '--out', 'b', '--validation-split', '0.2');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('expected none for data that has 20 validation images of its own, got 0.2');
  const scored = await run('eval', 'a/model.safetensors', '--data', 'own', '--json');
  expect(JSON.parse(scored.stdout)).toMatchObject({
    images: 20,
    protocol: { split: 'the validation images' },
    warnings: [],
  });
});
