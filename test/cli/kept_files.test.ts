/** What a command reads stays as it is, whatever its output is called. */

import { link, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kerasFile } from '../exchange/keras_golden.js';
import { npy } from '../train/data/npy.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);

/** Every file below a folder, with its bytes. */
async function all(): Promise<[string, Buffer][]> {
  const found = await readdir(folder.path, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return Promise.all(files.sort().map(async (path): Promise<[string, Buffer]> => [path, await readFile(path)]));
}

async function run(args: string): Promise<void> {
  const { code, stderr } = await pixelcnn(folder.path, args.split(' '));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

/** One sentence, and all files are as they were. */
async function refused(args: string, sentence: string): Promise<void> {
  const before = await all();
  const ended = await pixelcnn(folder.path, args.split(' '));
  expect(ended).toEqual({ code: 2, stdout: '', stderr: `pixelcnn: ${sentence}\n` });
  expect(await all()).toEqual(before);
}

const lost = (option: string, what: string, path: string) =>
  `${option}: expected another file than ${what}, which would be lost, got ${path}`;

it('draws over neither the model nor the given pixels, whatever they are called by', async () => {
  await link(at('tiny.safetensors'), at('twin.safetensors'));
  const tiny = 'sample --model tiny.safetensors --count 2 --seed 1';
  await run(`${tiny} --no-picture --npy known.npy`);
  for (const npy of ['tiny.safetensors', './tiny.safetensors', 'twin.safetensors']) {
    await refused(`${tiny} --npy ${npy}`, lost('--npy', 'the model itself', npy));
  }
  await refused(`${tiny} --given known.npy --npy known.npy`, lost('--npy', 'the file of --given', 'known.npy'));
  const given = 'in which the file of --given would be lost: samples/000001.png';
  const sentence = `--out: expected another folder, got samples, ${given}`;
  await refused(`${tiny} --given samples/000001.png`, sentence);
  await link(at('samples', '000001.png'), at('half.png'));
  // An image of another number, or of another name, takes nobody's place.
  await run(`${tiny} --no-picture --given samples/000001.png --start-index 2`);
  await run(`${tiny} --no-picture --given half.png --out other`);
  await refused(
    `${tiny} --npy other/../fresh/grid.png --out fresh`,
    '--npy: expected another file than those of --out, got other/../fresh/grid.png, which is one',
  );
  await refused(
    `${tiny} --npy samples/000000.png`,
    '--npy: expected another file than those of --out, got samples/000000.png, which is one',
  );
  await run(`${tiny} --no-picture --npy samples/000002.npy`);
});

it('merges over no file of a part', async () => {
  await run('sample --model tiny.safetensors --shard 0/1 --count 2 --seed 1 --out parts');
  const part = 'parts/part-000000-of-000001';
  const own = (path: string) => lost('--out', 'those of the parts', path);
  await refused(`merge parts --out ${part}.images.npy`, own(`${part}.images.npy`));
  await refused(`merge parts --out ${part}.npy`, own(`${part}.json`)); // what is written beside it
  await run('merge parts --out parts/all.npy');
  await run('merge parts --out parts/all.npy');
});

it('imports and exports over no file of the model', async () => {
  await writeFile(at('digits.keras'), kerasFile('digits.keras'));
  await refused('import digits.keras --out digits.keras', lost('--out', 'the model itself', 'digits.keras'));
  await run('export tiny.safetensors --to tfjs --out js');
  for (const [model, file, what] of [
    ['js/model.json', 'js/model.json', 'the model itself'],
    ['js/model.json', 'js/group1-shard1of1.bin', 'its weights'],
    ['js', 'js/group1-shard1of1.bin', 'its weights'],
  ] as const) {
    await refused(`import ${model} --out ${file}`, lost('--out', what, file));
  }
  await mkdir(at('own'));
  await link(at('tiny.safetensors'), at('own', 'model.json'));
  await refused(
    'export own/model.json --to tfjs --out own',
    '--out: expected another folder, got own, in which the model itself would be lost: own/model.json',
  );
});

it('optimises over no images, and puts no picture among those that it scores', async () => {
  await mkdir(at('images'));
  const images = npy(
    [4, 12, 11],
    Uint8Array.from({ length: 4 * 132 }, (_, i) => 255 * (i % 2)),
  );
  await writeFile(at('images', 'all.npy'), images);
  const file = 'images/all.npy';
  await refused(
    `optimize tiny.safetensors --calibrate ${file} --out ${file}`,
    lost('--out', 'the images of --calibrate', file),
  );
  const outside = (option: string, got: string, where: string) =>
    `${option}: expected a folder outside of images, whose images are read, got ${got}, which ${where}; name another`;
  const scored = 'eval tiny.safetensors --data images';
  await refused(`${scored} --map images/maps`, outside('--map', 'images/maps', 'lies in it'));
  await refused(`${scored} --map images`, outside('--map', 'images', 'is that folder'));
  await refused(`${scored} --shard 0/1 --out images/..here`, outside('--out', 'images/..here', 'lies in it'));
  for (const out of ['images', './images/run']) {
    const where = out === 'images' ? 'is that folder' : 'lies in it';
    await refused(`train --data images --out ${out}`, outside('--out', out, where));
  }
});

it('trains a new run in no folder that holds a model', async () => {
  await mkdir(at('run'));
  await link(at('tiny.safetensors'), at('run', 'model.safetensors'));
  const sentence = '--out: expected a new folder, got run, which holds a model; name another';
  await refused('train --data images --out run', sentence);
  await refused('train --from run/model.safetensors --data images --out run', sentence);
});
