/** `pixelcnn sample --given`: images with holes, in files. */

import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { levelColours } from '../../ts/colours.js';
import { type GivenPixels, loadSampler, type Sampler } from '../../ts/index.js';
import { npy } from '../train/data/npy.js';
import { folderOfNets, height, width } from './nets.js';
import { pixelcnn } from './run.js';

const folder = folderOfNets();
const size = height * width;
const at = (name: string) => join(folder.path, name);
const load = (name: string) => loadSampler(at(`${name}.safetensors`));

function sample(name: string, file: string, ...args: string[]) {
  return pixelcnn(folder.path, [
    ...['sample', '--model', `${name}.safetensors`, '--seed', '1', '--given', file],
    ...['--npy', 'drawn.npy', '--out', 'drawn', '--no-picture', ...args],
  ]);
}

/** Every third pixel is known, and the first row. */
const known = Uint8Array.from({ length: size }, (_, i) => (i < width || i % 3 === 0 ? 1 : 0));
const levelsOf = (sampler: Sampler) => sampler.sample({ seed: 9, label: sampler.config.classes && 0 }).data;

/** A picture, transparent where pixels are not known; `change` says of one pixel what it is instead. */
function png(pixels: (at: number) => readonly number[], [rows, columns] = [height, width]): Buffer {
  const picture = new PNG({ width: columns, height: rows });
  for (let i = 0; i < rows * columns; i++) picture.data.set(pixels(i), 4 * i);
  return PNG.sync.write(picture);
}

/** What was drawn, as the API draws it. */
async function expectDrawn(sampler: Sampler, given: GivenPixels, count: number): Promise<void> {
  const { data } = sampler.sample({ count, seed: 1, given });
  const file = await readFile(at('drawn.npy'));
  expect(file.subarray(file.length - data.byteLength)).toEqual(Buffer.from(data.buffer));
}

it.each(['tiny', 'grey', 'tiles'])(
  'fills the transparent pixels of a picture such as sample writes, of %s',
  async (name) => {
    const sampler = await load(name);
    const { height, width, levels, input } = sampler.config;
    const colours = levelColours(levels, input);
    const data = levelsOf(sampler);
    const mask = Uint8Array.from(data, (_, i) => known[i % size]!);
    await writeFile(
      at('holes.png'),
      png((i) => [...colours[data[i]!]!, mask[i] === 1 ? 255 : 0], [height, width]),
    );
    expect(await sample(name, 'holes.png', '--count', '5')).toMatchObject({ code: 0, stderr: '' });
    await expectDrawn(sampler, { data, known: mask }, 5);
  },
);

it('gives a grey between two levels the nearest one, with a word', async () => {
  const sampler = await load('grey');
  const near = (value: number) => Math.round((value / 255) * 15);
  const values = Uint8Array.from({ length: size }, (_, i) => (i < 3 ? [100, 110, 255][i]! : 17 * (i % 16)));
  await writeFile(
    at('between.png'),
    png((i) => [values[i]!, values[i]!, values[i]!, 255]),
  );
  expect(await sample('grey', 'between.png', '--count', '1')).toMatchObject({
    code: 0,
    stderr: "between.png: 2 pixels are of greys between two of the model's 16, and were given the nearest level\n",
  });
  await expectDrawn(sampler, { data: values.map(near), known: new Uint8Array(size).fill(1) }, 1);
});

it('fills where an array has -1, of one image for all and of each', async () => {
  const sampler = await load('codes');
  const { data } = sampler.sample({ count: 4, seed: 9 });
  const mask = Uint8Array.from(data, (_, i) => known[i % size]!);
  for (const [count, shape] of [
    [1, [height, width]],
    [1, [1, height, width]],
    [4, [4, height, width]],
  ] as const) {
    const values = Int16Array.from(data.subarray(0, count * size), (level, i) => (mask[i] === 1 ? level : -1));
    await writeFile(at('holes.npy'), npy([...shape], new Uint8Array(values.buffer), { descr: "'<i2'" }));
    expect(await sample('codes', 'holes.npy', '--count', '4')).toMatchObject({ code: 0, stderr: '' });
    const own = { data: data.slice(0, count * size), known: mask.slice(0, count * size) };
    await expectDrawn(sampler, own, 4);
  }
});

it('fills the question marks of maps, unless they stand for a level', async () => {
  const sampler = await load('maps');
  const { data } = sampler.sample({ count: 2, seed: 9 });
  const mask = Uint8Array.from(data, (_, i) => known[i % size]!);
  const lines = Array.from({ length: 2 * height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const i = y * width + x;
      return mask[i] === 1 ? sampler.alphabet![data[i]!] : '?';
    }).join(''),
  );
  // Spaces, which are levels here, are lost at the ends of lines, as editors do; and lines end as Windows ends them.
  const text = (rows: string[]) => rows.map((row) => `${row.trimEnd() === '' ? row : row.trimEnd()}\r\n`).join('');
  await writeFile(at('one.txt'), text(lines.slice(0, height)));
  expect(await sample('maps', 'one.txt', '--count', '3')).toMatchObject({ code: 0, stderr: '' });
  await expectDrawn(sampler, { data: data.slice(0, size), known: mask.slice(0, size) }, 3);
  await writeFile(at('two.txt'), `; a title\n${text(lines.slice(0, height))}\n${text(lines.slice(height))}`);
  expect(await sample('maps', 'two.txt', '--count', '2')).toMatchObject({ code: 0, stderr: '' });
  await expectDrawn(sampler, { data, known: mask }, 2);

  const riddles = await load('riddles');
  const marks = Uint8Array.from({ length: size }, (_, i) => (i % 2 === 0 ? 1 : 0));
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from(marks.subarray(y * width, (y + 1) * width), (level) => '!?'[level]).join(''),
  );
  await writeFile(at('marks.txt'), rows.join('\n'));
  expect(await sample('riddles', 'marks.txt', '--count', '1')).toMatchObject({ code: 0, stderr: '' });
  await expectDrawn(riddles, { data: marks, known: new Uint8Array(size).fill(1) }, 1);
});

const map = (...rows: string[]) => `${rows.join('\n')}\n`;
const five = ['#####', '#...#', '#.@.#', '#...#', '#####'];
const grey = (i: number) => [17 * (i % 16), 17 * (i % 16), 17 * (i % 16), 255];
const bytes = (count: number, value = 0) => new Uint8Array(count).fill(value);

const wrong: [name: string, file: string, content: () => Uint8Array | string, sentence: string][] = [
  ['grey', 'wide.png', () => png(grey, [6, 7]), 'expected a whole PNG file of 6x5, as the model draws, got 6x7'],
  [
    'grey',
    'cut.png',
    () => png(grey).subarray(0, 60),
    'expected a whole PNG file of 6x5, as the model draws, got one that is cut off or damaged',
  ],
  [
    'grey',
    'head.png',
    () => png(grey).subarray(0, 20),
    'expected a whole PNG file of 6x5, as the model draws, got the beginning of one',
  ],
  [
    'grey',
    'red.png',
    () => png((i) => (i === 7 ? [100, 100, 99, 255] : grey(i))),
    "expected the 16 greys that the model's levels are drawn in, got red 100, green 100, blue 99 at row 2, column 3; " +
      'a .npy file holds the levels themselves',
  ],
  [
    'tiles',
    'grey.png',
    () => png(grey),
    "expected the colours that the model's levels are drawn in, got red 17, green 17, blue 17 at row 1, column 2; " +
      'a .npy file holds the levels themselves',
  ],
  [
    'grey',
    'faint.png',
    () => png((i) => [0, 0, 0, i === 29 ? 128 : 255]),
    'expected pixels that are transparent or not at all, got an opacity of 128 of 255 at row 6, column 5',
  ],
  [
    'codes',
    'codes.png',
    () => png(grey),
    'expected a .npy file, since no picture tells 300 levels apart, got a PNG file',
  ],
  [
    'codes',
    'long.npy',
    () => npy([2, 6, 5], bytes(60)),
    'expected an array of shape (6, 5) or (3, 6, 5), got (2, 6, 5)',
  ],
  ['codes', 'flat.npy', () => npy([30], bytes(30)), 'expected an array of shape (6, 5) or (3, 6, 5), got (30,)'],
  ['codes', 'short.npy', () => npy([6, 5], bytes(29)), 'expected 30 bytes of numbers, got 29'],
  [
    'codes',
    'float.npy',
    () => npy([6, 5], bytes(120), { descr: "'<f4'" }),
    'expected integers, got dtype f4; write it again after x.astype(int)',
  ],
  [
    'grey',
    'high.npy',
    () => npy([6, 5], bytes(30, 16)),
    'expected levels from 0 to 15, or -1 for a hole, got 16 at row 1, column 1',
  ],
  [
    'codes',
    'low.npy',
    () =>
      npy(
        [3, 6, 5],
        Uint8Array.from({ length: 90 }, (_, i) => (i === 67 ? 254 : 255)),
        { descr: "'|i1'" },
      ),
    'expected levels from 0 to 299, or -1 for a hole, got -2 at image 3, row 2, column 3',
  ],
  [
    'grey',
    'map.txt',
    () => map(...five),
    'expected a PNG or .npy file, got a text file; of text, only models of maps know the characters',
  ],
  [
    'maps',
    'low.txt',
    () => map(...five),
    'expected a map of 6x5, as the model draws, got 5x5 in the map that begins in line 1',
  ],
  [
    'maps',
    'wide.txt',
    () => map(...five, '######'),
    'expected a map of 6x5, as the model draws, got 6x6 in the map that begins in line 1',
  ],
  [
    'maps',
    'other.txt',
    () => map(...five, '##a##'),
    'expected the characters of the model, "#.@ ", or ? for a hole, got "a" in line 6, column 3',
  ],
  [
    'riddles',
    'other.txt',
    () => map(...five, '#####'),
    'expected the characters of the model, "!?", got "#" in line 1, column 1',
  ],
  ['maps', 'two.txt', () => map(...five, '', ...five), 'expected one map, or 3, one for each image, got 2'],
  [
    'maps',
    'utf.txt',
    () => Uint8Array.of(35, 0xff, 35),
    'expected text in UTF-8, got bytes that are none; save it as UTF-8',
  ],
  ['grey', 'empty.png', () => '', 'expected a PNG or .npy file, got an empty file'],
  ['maps', 'empty.txt', () => '', 'expected a map in text, a PNG or a .npy file, got an empty file'],
  [
    'grey',
    'object.npy',
    () => npy([6, 5], bytes(30), { descr: "'|O'" }),
    "expected integers, floats or bools, such as dtype '|u1', got dtype '|O'",
  ],
];

it.each(wrong)('says one sentence to %s given %s, and writes nothing', async (name, file, content, sentence) => {
  await writeFile(at(file), content());
  const { code, stdout, stderr } = await sample(name, file, '--count', '3', '--out', 'nothing');
  expect({ code, stdout, stderr }).toEqual({
    code: 2,
    stdout: '',
    stderr: `pixelcnn: --given: ${file}: ${sentence}\n`,
  });
  expect(existsSync(at('nothing'))).toBe(false);
});

it('says so where there is no file', async () => {
  await mkdir(at('dir'), { recursive: true });
  const none = await sample('grey', 'none.png');
  expect(none).toMatchObject({ code: 2, stdout: '' });
  expect(none.stderr).toMatch(/^pixelcnn: --given: none\.png: could not be read \(.*\)\n$/);
  expect((await sample('grey', 'dir')).stderr).toBe('pixelcnn: --given: dir: expected a file, got a folder\n');
  const unnamed = 'pixelcnn: --given: expected the name of a file, got an empty one\n';
  expect(await sample('grey', '')).toEqual({ code: 2, stdout: '', stderr: unnamed });
});
