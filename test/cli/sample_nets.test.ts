/** `pixelcnn sample` of models with classes, codes and maps. */

import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { levelColours } from '../../ts/colours.js';
import { loadSampler, toText } from '../../ts/index.js';
import { gridPng } from '../../ts/node/png.js';
import { npyHeader } from '../../ts/train/data/files/npy.js';
import { classModel } from '../class_model.js';
import { configJson } from '../wasm.js';
import { folderOfNets, height, width } from './nets.js';
import { onTerminal } from './pty.js';
import { cli, pixelcnn } from './run.js';

const folder = folderOfNets();
const size = height * width;
const at = (...names: string[]) => join(folder.path, ...names);
const load = (name: string) => loadSampler(at(`${name}.safetensors`));

function sample(name: string, ...args: string[]) {
  return pixelcnn(folder.path, ['sample', '--model', `${name}.safetensors`, '--seed', '1', ...args]);
}

it('draws a class by number or by name, which goes before', async () => {
  const sampler = await load('grey');
  for (const [typed, label] of [
    ['shoe', 1],
    ['1', 1],
    ['0', 2], // the name of the last
  ] as const) {
    const { stdout, stderr, code } = await sample('grey', '--label', typed, '--count', '2', '--json', '--out', typed);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const { images } = JSON.parse(stdout);
    const wanted = sampler.sample({ count: 2, seed: 1, label });
    const ink = (i: number) => Array.from(wanted.data.subarray(i * size, (i + 1) * size)).reduce((a, b) => a + b, 0);
    expect(images).toEqual([0, 1].map((i) => ({ index: i, label, ink: ink(i), nats: wanted.nats[i] })));
  }
});

it('draws a row of each class that is listed, in files, in the grid and in the terminal', async () => {
  // `0` alone is a name, of class 2; from one number to another are the classes of these numbers.
  const { stdout, stderr, code } = await sample('grey', '--labels', '0,0-1', '--count', '9', '--out', 'rows');
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const wanted = (await load('grey')).sample({ count: 9, seed: 1, label: [2, 2, 2, 0, 0, 0, 1, 1, 1] });
  const grid = gridPng(wanted.data, wanted.shape, 16, { columns: 3 });
  expect(await readFile(at('rows', 'grid.png'))).toEqual(grid);
  expect(stdout).toContain('\nclasses    0, shirt, shoe\n');
  expect(stdout).toMatch(/^([ ░▒▓█]{1,19}\n){3}\n([ ░▒▓█]{1,19}\n){3}\n([ ░▒▓█]{1,19}\n){3}\nimages/);
  const labelsOf = async (...args: string[]) =>
    JSON.parse((await sample('tiles', ...args, '--json', '--out', 'rows')).stdout)
      .images.map(({ label }: { label: number }) => label)
      .join('');
  expect(await labelsOf('--labels', '0-1')).toBe('0000000011111111');
  expect(await labelsOf()).toBe('0000000011111111');
  expect(await labelsOf('--count', '3')).toBe('010');
});

it('knows names of classes that begin or end with spaces, in lists too', async () => {
  const classNames = JSON.stringify([' cat', 'dog ', 'cow']);
  const config = configJson({ height: 2, width: 2, filters: 4, blocks: 1, classes: 3 });
  await writeFile(at('spaced.safetensors'), classModel(config, 1, { classNames }));
  const { stdout, stderr } = await sample('spaced', '--labels', 'dog , cow, cat', '--count', '3', '--json');
  expect(stderr).toBe('');
  expect(JSON.parse(stdout).images.map(({ label }: { label: number }) => label)).toEqual([1, 2, 0]);
});

it('refuses a list of more classes than images can be drawn, before it makes room for them', async () => {
  const config = configJson({ height: 1, width: 2, filters: 4, blocks: 1, classes: 1024 });
  await writeFile(at('many.safetensors'), classModel(config, 1));
  const list = new Array(129).fill('0-1023').join();
  expect(await sample('many', '--labels', list, '--out', 'refused')).toEqual({
    code: 2,
    stdout: '',
    stderr: 'pixelcnn: --labels: expected at most 1048576 images, got 132096 classes, 8 of each\n',
  });
  expect(existsSync(at('refused'))).toBe(false);
});

it('draws all classes in turn where none is asked for, and says which', async () => {
  const { stdout } = await sample('tiles', '--count', '3', '--out', 'turn', '--json');
  expect(JSON.parse(stdout).images.map(({ label }: { label: number }) => label)).toEqual([0, 1, 0]);
  const told = await sample('grey', '--out', 'turn');
  expect(told.stdout).toContain('\nclasses    shirt, shoe, 0\nmean ink   ');
});

it('writes codes in colours, and as an array for programs', async () => {
  const { stdout } = await sample('codes', '--count', '3', '--out', 'codes', '--npy', 'codes.npy');
  expect(stdout).toMatch(/^images 0 to 2 of seed 1, 6x5, in /); // no picture of so many kinds, without colours
  expect(stdout).not.toContain('ink');
  expect(stdout).toContain('wrote      codes/000000.png to codes/000002.png, codes/grid.png and codes.npy\n');
  const { data } = (await load('codes')).sample({ count: 3, seed: 1 });
  const file = await readFile(at('codes.npy'));
  const header = npyHeader(file, 'codes.npy');
  expect(header).toMatchObject({ type: 'u2', littleEndian: true, shape: [3, height, width] });
  expect(header.start % 64).toBe(0);
  expect(file.subarray(header.start)).toEqual(Buffer.from(data.buffer));
  const colours = levelColours(300, 'nominal');
  const png = PNG.sync.read(await readFile(at('codes', '000001.png')));
  for (let i = 0; i < size; i++) {
    expect([...png.data.subarray(4 * i, 4 * i + 3)]).toEqual([...colours[data[size + i]!]!]);
  }
});

it('prints maps and writes them as text, and as pictures where that is asked for', async () => {
  const sampler = await load('maps');
  const samples = sampler.sample({ count: 3, seed: 1, startIndex: 7 });
  const texts = toText(samples, sampler.alphabet);
  const rows = texts.map((text) => text.split('\n').slice(0, height));
  const picture = rows[0]!
    .map((_, y) =>
      rows
        .map((lines) => lines[y])
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
  const args = ['--count', '3', '--start-index', '7', '--out', 'maps'];
  const plain = await sample('maps', ...args);
  expect(plain.stdout.startsWith(`${picture}\n\nimages 7 to 9 of seed 1, `)).toBe(true);
  expect(plain.stdout).toContain('wrote      maps/000007.txt to maps/000009.txt\n');
  const names = ['000007.txt', '000008.txt', '000009.txt'];
  expect((await readdir(at('maps'))).sort()).toEqual(names);
  for (const [i, name] of names.entries()) expect(await readFile(at('maps', name), 'utf8')).toBe(texts[i]);

  const both = await sample('maps', ...args, '--png', '--json');
  expect(JSON.parse(both.stdout).files).toEqual([
    ...[7, 8, 9].flatMap((i) => [`maps/00000${i}.txt`, `maps/00000${i}.png`]),
    'maps/grid.png',
  ]);
  expect(await readFile(at('maps', 'grid.png'))).toEqual(gridPng(samples.data, samples.shape, 4, { input: 'nominal' }));
});

it.runIf(process.platform === 'linux')('shows levels in colours on a terminal, unless it is told not to', async () => {
  const args = [cli, 'sample', '--model', 'grey.safetensors', '--count', '1', '--label', '0', '--seed', '1'];
  const shown = async (env: NodeJS.ProcessEnv) => {
    const { output } = await onTerminal(folder.path, args, [], env);
    return output.slice(output.lastIndexOf('\x1b[2K'), output.indexOf('image 0 of')); // without the bar
  };
  const colours = await shown({ COLORTERM: undefined });
  expect(colours.split('\x1b[38;5;').length).toBeGreaterThan(2);
  expect(colours).toContain('▀');
  expect(colours).not.toMatch(/[░▒▓]/);
  const without = await shown({ NO_COLOR: '1' });
  expect(without).not.toContain('\x1b[38');
  expect(without).toMatch(/[░▒▓]{3}/);
});

it.each([
  [
    'grey',
    ['--label', 'shoo'],
    '--label: expected a class from 0 to 2, or its name ("shirt", "shoe", "0"), got "shoo"; did you mean shoe?',
  ],
  ['grey', ['--label', '3'], '--label: expected a class from 0 to 2, or its name ("shirt", "shoe", "0"), got 3'],
  ['tiles', ['--labels', '0,x'], '--labels: expected a class from 0 to 1, of a model that does not name them, got "x"'],
  ['tiles', ['--labels', '0-2'], '--labels: expected a class from 0 to 1, of a model that does not name them, got 2'],
  ['tiles', ['--labels', '1-0'], '--labels: expected a range with its lower end first, got 1-0'],
  ['tiles', ['--labels', ''], '--labels: expected a class from 0 to 1, of a model that does not name them, got ""'],
  [
    'tiles',
    ['--labels', '0-1', '--count', '7'],
    '--count: expected a multiple of 2, as many of each class of --labels, got 7',
  ],
  ['tiles', ['--labels', '0-1', '--label', '1'], 'expected --label or --labels, got both'],
  ['maps', ['--label', '0'], '--label: expected none for a model without classes, got 0'],
  ['maps', ['--npy', ''], '--npy: expected the name of a file, got an empty one'],
])('says one sentence to %s %o, and writes nothing', async (name, args, sentence) => {
  expect(await sample(name, ...args, '--out', 'nothing')).toEqual({
    code: 2,
    stdout: '',
    stderr: `pixelcnn: ${sentence}\n`,
  });
  if (!args.includes('--npy')) expect(existsSync(at('nothing'))).toBe(false);
});
