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
  const grey = array((pixel) => (pixel * 37) % 256);
  await writeFile(join(folder.path, 'grey.npy'), grey);
  await mkdir(join(folder.path, 'labelled'));
  await writeFile(join(folder.path, 'labelled', 'x.npy'), grey);
  await writeFile(join(folder.path, 'labelled', 'y.npy'), npy([3], Uint8Array.of(0, 1, 2)));
  await writeFile(join(folder.path, 'maps.txt'), '#.#\n.#.\n\n###\n...\n');
  await writeFile(join(folder.path, 'odd.txt'), '#.#\n.#.\n\n###\n...\n###\n\n##.\n...\n');
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
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toMatch(/^pixelcnn: levels16\.npy: .*, for grey values threshold 8 \(--threshold 8\)\n$/);
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
      'pixelcnn: --calibrate: expected mnist, fashion-mnist, static-mnist, a folder or a file, found nothing at nowhere (no such file or folder)\n',
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

/** Maps of two characters, as large as the images of the tests' models. */
const cave = (n: number) =>
  Array.from({ length: 12 }, (_, y) =>
    Array.from({ length: 11 }, (_, x) => ((x * y + n) % 3 === 0 ? '#' : '.')).join(''),
  );

it('trains on maps in text, scores others of the alphabet by the record, and goes on by name', async () => {
  await writeFile(
    join(folder.path, 'caves.txt'),
    Array.from({ length: 20 }, (_, n) => cave(n).join('\n')).join('\n\n'),
  );
  await writeFile(join(folder.path, 'one.txt'), `${cave(1).join('\n').replaceAll('#', '.').replace('.', '#')}\n`);
  const net = ['--filters', '4', '--blocks', '0', '--head-layers', '0', '--first-kernel', '3', '--samples', '0'];
  const args = ['train', '--device', 'javascript', '--epochs', '2', '--alphabet', '.#', ...net, '--out', 'caves'];
  const stopped = await run(...args, '--data', 'caves.txt', '--max-steps', '1');
  expect(stopped.code, stopped.stderr).toBe(0);
  expect(stopped.stderr).toContain('Maps: 20 text maps\nCharacters as levels 0 to 1: ".#"\n');
  const other = await run('train', '--resume', '--out', 'caves', '--alphabet', '#.');
  expect(other).toMatchObject({ code: 2 });
  expect(other.stderr).toContain('--alphabet: expected .#, as the run in caves/checkpoints has, got "#."');
  const grey = await run('train', '--resume', '--out', 'caves', '--data', 'levels16.npy');
  expect(grey).toMatchObject({ code: 2, stdout: '' });
  expect(grey.stderr).toBe(
    "pixelcnn: --data: read as the model was trained, by --alphabet '.#': expected text maps beside it, got .npy file\n",
  );
  const resumed = await run('train', '--resume', '--out', 'caves');
  expect(resumed.code, resumed.stderr).toBe(0);
  // Alone, the one file would have its characters the other way round.
  const scored = await run('eval', 'caves/model.safetensors', '--data', 'one.txt', '--split', 'all', '--json');
  expect(scored.code, scored.stderr).toBe(0);
  expect(JSON.parse(scored.stdout).protocol).toMatchObject({
    source: 'text maps, 1 image, in the order of seed 0',
    binarisation: 'characters as levels, in the order ".#"',
  });
  const windows = await run('eval', 'tiny.safetensors', '--data', 'caves.txt', '--split', 'all', '--window', '6');
  expect(windows).toMatchObject({ code: 2, stdout: '' });
  expect(windows.stderr).toContain('--data: expected images of height 12, as the model has, got 6');
}, 120_000);

it('reads levels and codes by their options, and calibrates by images of the model alone', async () => {
  const { code, stderr } = await run('optimize', 'tiny.safetensors', '--calibrate', 'levels16.npy', '--nominal');
  expect(code).toBe(2);
  expect(stderr).toContain('pixelcnn: --calibrate: expected images of 2 levels, as the model draws, got 17\n');
  const two = await run('optimize', 'tiny.safetensors', '--calibrate', 'bits.npy', '--nominal', '--json');
  expect(two.code, two.stderr).toBe(0);
  const scored = await run(
    'eval',
    'tiny.safetensors',
    '--data',
    'grey.npy',
    '--split',
    'all',
    '--levels',
    '2',
    '--json',
  );
  expect(JSON.parse(scored.stdout).protocol).toMatchObject({ binarisation: 'level floor(value x 2 / 256)' });
});

const small = 'train --device javascript --out never';
it.concurrent.for([
  [
    'eval tiny.safetensors --data grey.npy --split all --levels 16',
    '--data: expected images of levels 2, as the model has, got 16',
  ],
  [
    `${small} --data levels16.npy`,
    'levels16.npy: expected grey values from 0 to 255, or a word on what else these are, got uint8 from 0 to 16',
  ],
  [
    `${small} --data levels16.npy --nominal --levels 16`,
    'levels16.npy: expected codes from 0 to 15, as levels 16 asks for, got 16 in image 0',
  ],
  [
    `${small} --data grey.npy --levels 300`,
    '--levels: expected 2 to 256 levels of grey values, which have 8 bits, got 300',
  ],
  [`${small} --data grey.npy --levels 1`, '--levels: expected an integer from 2 to 512, got 1'],
  [`${small} --data grey.npy --levels 4 --threshold 8`, '--threshold: expected it left out beside 4 levels, got 8'],
  [
    `${small} --data grey.npy --nominal --binarisation static`,
    '--binarisation: expected it left out beside nominal values',
  ],
  [`${small} --data grey.npy --alphabet #.`, '--alphabet: expected text maps beside it, got .npy file'],
  [`${small} --data grey.npy --window 5x5`, '--window: expected text maps beside it, got .npy file'],
  [`${small} --data maps.txt --window 5x`, '--window: expected an integer from 1 to 4096, got ""'],
  [`${small} --data maps.txt --window 5x5x5`, '--window: expected two integers as 14x10, got "5x5x5"'],
  [`${small} --data maps.txt --stride 2`, '--stride: expected a window beside it, got none'],
  [
    `${small} --data maps.txt --window 9`,
    'maps.txt: expected maps of at least 9x9, as the window has, got 2x3 in map 1, which begins in line 1',
  ],
  [
    `${small} --data maps.txt --alphabet #x`,
    'maps.txt: expected the characters of the alphabet "#x", got "." in line 1',
  ],
  [`${small} --data maps.txt --alphabet ##`, '--alphabet: expected each character once, got "#" twice'],
  [
    `${small} --data odd.txt`,
    'odd.txt: expected maps of 2x3, as most are, or a window to cut them by (--window), got 3x3 in map 2',
  ],
  [
    `${small} --data maps.txt --levels 3`,
    '--levels: expected it left out with text maps, whose characters are the levels, got 3',
  ],
  [
    `${small} --data grey.npy --classes`,
    '--classes: expected images with labels, got .npy file, 20 images; put labels.npy beside them',
  ],
  [`${small} --data labelled --classes`, 'y.npy: expected 20 labels, one an image, got 3'],
])('says one sentence to `pixelcnn %s`, exits with 2 and begins nothing', async ([args, message]) => {
  const { code, stdout, stderr } = await run(...args!.split(' '));
  expect(stderr).toMatch(/^([A-Z][^\n]*\n)*pixelcnn: [^\n]+\n$/); // what was read is said before, without a stack
  expect(stderr).toContain(`pixelcnn: ${args!.includes('labelled') ? 'labelled/' : ''}${message}`);
  expect(stdout).toBe('');
  expect(code).toBe(2);
  expect(await readdir(folder.path)).not.toContain('never');
});
