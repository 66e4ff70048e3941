import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it, type TestContext } from 'vitest';
import { tensorboardPath } from '../../scripts/setup_tensorboard.js';
import { loadData } from '../../ts/train/data/load_data.js';
import { npy } from '../train/data/npy.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-codes-'));
const made = join(folder, 'made');
afterAll(() => rmSync(folder, { recursive: true }));

const grids = [
  [
    [1, 2, 3],
    [4, 500, 0],
  ],
  [
    [7, 7, 7],
    [511, 7, 256],
  ],
];
const codes = grids.flat(2);
const labels = [1, 0];

const words = (values: readonly number[]) => new Uint8Array(Uint16Array.from(values).buffer);
const files = {
  'codes.npy': npy([2, 2, 3], words(codes), { descr: "'<u2'" }),
  'labels.npy': npy([2], words(labels), { descr: "'<u2'" }),
};

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const env = { ...process.env, PYTHONPATH: tensorboardPath, PYTHONDONTWRITEBYTECODE: '1' };
const hasNumPy = spawnSync('python3', ['-c', 'import numpy'], { env }).status === 0;

/** Runs Python in which `export_codes` is imported, and `folder` and `np` are names. Returns what it prints, errors too. */
function python(lines: string, context: TestContext): string {
  if (!hasNumPy) context.skip('Python has no NumPy; run npx tsx scripts/setup_tensorboard.ts, which brings one');
  const begin = 'import sys; sys.path.insert(0, sys.argv[1]); folder = sys.argv[2]';
  const program = [begin, 'import numpy as np', 'from export_codes import export_codes', lines].join('\n');
  const { stdout, stderr } = spawnSync('python3', ['-c', program, examples, made], { env, encoding: 'utf8' });
  return stdout + stderr;
}

it('a folder such as examples/export_codes.py writes is read with its classes', async () => {
  const data = join(folder, 'known');
  mkdirSync(data);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(data, name), bytes);
  const set = await loadData({ data, nominal: true, levels: 512, classes: true });
  expect(set).toMatchObject({ count: 2, height: 2, width: 3, levels: 512, input: 'nominal', classNames: ['0', '1'] });
  expect([...set.pixels]).toEqual(codes);
  expect([...set.labels!]).toEqual(labels);
});

it('examples/export_codes.py writes such a folder', (context) => {
  const said = python(`export_codes(folder, ${JSON.stringify(grids)}, ${JSON.stringify(labels)})`, context);
  expect(said).toBe('');
  expect(readdirSync(made).sort()).toEqual(Object.keys(files));
  for (const [name, bytes] of Object.entries(files)) expect(readFileSync(join(made, name)), name).toEqual(bytes);
  rmSync(made, { recursive: true });
});

it('examples/export_codes.py takes an array of any type, and no labels', (context) => {
  expect(python(`export_codes(folder, np.array(${JSON.stringify(grids)}, "float32"))`, context)).toBe('');
  expect(readdirSync(made)).toEqual(['codes.npy']);
  expect(readFileSync(join(made, 'codes.npy'))).toEqual(files['codes.npy']);
  rmSync(made, { recursive: true });
});

it('examples/export_codes.py writes parts, which are read as such', async (context) => {
  const [first, second] = grids.map((grid) => JSON.stringify([grid]));
  const calls = `export_codes(folder, ${first}, [1], "train"); export_codes(folder, ${second}, [0], part="test")`;
  expect(python(calls, context)).toBe('');
  const set = await loadData({ data: made, nominal: true, classes: true, split: 'test' });
  expect(set).toMatchObject({ count: 1, levels: 512, labels: Uint16Array.of(0) });
  expect([...set.pixels]).toEqual(grids[1]!.flat());
  rmSync(made, { recursive: true });
});

it('examples/export_codes.py refuses what are no codes or labels, and writes nothing', (context) => {
  const wrong = {
    '[[[0.5]]]': 'codes: expected whole numbers from 0 to 65535, got 0.5 to 0.5',
    '[[[-1]], [[3]]]': 'codes: expected whole numbers from 0 to 65535, got -1 to 3',
    '[[[1]], [[3]]], [0, -2]': 'labels: expected whole numbers from 0 to 65535, got -2 to 0',
    '[[[1]], [[3]]], [0]': 'cannot reshape array of size 1 into shape (2,)',
    '[[[1]], [[3, 4]]]': 'all input arrays must have the same shape',
  };
  const tries = Object.keys(wrong).map(
    (given) => `
try: export_codes(folder, ${given})
except ValueError as error: print(error)`,
  );
  expect(python(tries.join(''), context).trimEnd().split('\n')).toEqual(Object.values(wrong));
  expect(existsSync(made)).toBe(false);
});
