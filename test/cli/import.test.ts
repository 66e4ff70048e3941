/** `pixelcnn import`, and `export --to tfjs`. */

import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { importInTime } from '../../ts/cli/import.js';
import { sha256 } from '../../ts/node/files.js';
import { kerasFile, kerasFiles, kerasSaid } from '../exchange/keras_golden.js';
import { npy } from '../train/data/npy.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const [digits, codes] = [kerasSaid('digits'), kerasSaid('codes')];

beforeAll(async () => {
  for (const name of kerasFiles) await writeFile(join(folder.path, name), kerasFile(name));
  await writeFile(join(folder.path, 'digits.npy'), npy(digits.shape, digits.levels));
  await writeFile(join(folder.path, 'codes.npy'), npy(codes.shape, codes.levels));
});

it.each([
  ['digits', ['--binarisation', 'none'], digits],
  ['codes', ['--nominal'], codes],
] as const)('imports what Keras wrote, of which eval gives the val_loss of Keras: %s', async (name, rule, said) => {
  const { code, stdout, stderr } = await pixelcnn(folder.path, ['import', `${name}.keras`]);
  expect(stderr).toMatch(
    new RegExp(
      `^warning: ${said.forbidden.toLocaleString('en-US')} weights that masks forbid were not 0 \\(the largest 0\\.00\\d+, of those that are ` +
        'allowed 0\\.\\d+\\) and became 0, as masks make them where the model computes\\n$',
    ),
  );
  const net = name === 'digits' ? 'plain, 12x10x1, 2 levels, f32' : 'plain, 7x7x1, 12 levels, nominal input, f32';
  const blocks = name === 'digits' ? 5 : 2;
  expect(stdout).toMatch(
    new RegExp(
      `^model    ${name}.keras, a .keras file of Keras 3.15.1\\nnet      ${net}\\n` +
        `layers   8 filters, ${blocks} blocks of 3x3 after 7x7, 2 before the logits\\nwritten  ${name}.safetensors, [\\d.]+ kB\\n$`,
    ),
  );
  expect(code).toBe(0);
  const file = `${name}.safetensors`;
  const scored = await pixelcnn(folder.path, [
    'eval',
    file,
    '--data',
    `${name}.npy`,
    ...rule,
    '--split',
    'all',
    '--json',
  ]);
  const { loss, images } = JSON.parse(scored.stdout) as { loss: number; images: number };
  expect(images).toBe(said.shape[0]);
  expect(Math.abs(loss - said.loss)).toBeLessThan(2e-6);
  const shown = await pixelcnn(folder.path, ['inspect', file]);
  expect(shown.stdout).toContain(`imported.from       ${name}.keras, a .keras file of Keras 3.15.1\n`);
  expect(shown.stdout).toContain(`imported.sha256     ${sha256(kerasFile(`${name}.keras`))}\n`);
  const drawn = await pixelcnn(folder.path, [
    'sample',
    '--model',
    file,
    '--count',
    '2',
    '--no-picture',
    '--out',
    `${name}-drawn`,
  ]);
  expect(drawn.code, drawn.stderr).toBe(0);
});

it('imports weights alone, and says so as JSON', async () => {
  const size = ['--size', '12x10', '--out', 'new/weights.safetensors', '--json'];
  const { code, stdout } = await pixelcnn(folder.path, ['import', 'digits.weights.h5', ...size]);
  expect(code).toBe(0);
  const printed = JSON.parse(stdout);
  expect(printed).toMatchObject({
    model: 'digits.weights.h5',
    what: 'a .weights.h5 file of Keras 3',
    sha256: sha256(kerasFile('digits.weights.h5')),
    out: 'new/weights.safetensors',
    config: { height: 12, width: 10, filters: 8, blocks: 5 },
    forbidden: { count: digits.forbidden },
  });
  expect(printed.warnings[0]).toBe(
    'the file holds weights alone: activations and the order of layers are taken to be those of the Keras example',
  );
  expect((await readFile(join(folder.path, 'new/weights.safetensors'))).length).toBe(printed.bytes);
});

it('exports for TensorFlow.js, and imports the same file again', async () => {
  const { code, stdout, stderr } = await pixelcnn(folder.path, ['export', 'tiny.safetensors', '--to', 'tfjs']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^model {4}tiny\.safetensors, [\d.]+ kB\nwritten {2}tiny\.tfjs\/model\.json, [\d.]+ kB\n$/);
  expect((await readdir(join(folder.path, 'tiny.tfjs'))).sort()).toEqual(['group1-shard1of1.bin', 'model.json']);
  const back = await pixelcnn(folder.path, ['import', 'tiny.tfjs', '--out', 'back.safetensors']);
  expect({ code: back.code, stderr: back.stderr }).toEqual({ code: 0, stderr: '' });
  const [before, after] = ['tiny', 'back'].map((name) => readFileSync(join(folder.path, `${name}.safetensors`)));
  expect(after).toEqual(before);
});

/** Files that are damaged, or not what they seem, and what is said of them. */
const wrong: readonly (readonly [args: string, message: string, file?: () => Uint8Array])[] = [
  ['import nowhere.keras', 'model: expected a file at nowhere.keras, got none'],
  ['import', 'model: expected one, as `pixelcnn import --help` shows, got none'],
  ['import digits.keras --size 0x10', '--size: expected an integer from 1 to 4096, got 0'],
  ['import digits.keras --out new/', '--out: expected the name of a file, got the folder new/'],
  ['import tiny.safetensors', 'got a .safetensors file, which is a model already'],
  ['import digits.weights.h5', 'expected to be told the size of images, which the file does not tell: --size 28x28'],
  [
    'import cut.keras',
    'model: expected a whole ZIP archive, got one that cannot be read to its end; it may be damaged or cut short',
    () => kerasFile('digits.keras').subarray(0, 50_000),
  ],
  [
    'import cut.h5',
    'model: expected a whole HDF5 file, got one that cannot be read to its end; it may be damaged or cut short',
    () => kerasFile('digits.h5').subarray(0, 100_000),
  ],
  [
    'import flipped.keras',
    'model: expected a whole ZIP archive, got one that cannot be read to its end; it may be damaged or cut short',
    () => {
      const copy = Buffer.from(kerasFile('digits.keras'));
      copy[80_000]! ^= 1;
      return copy;
    },
  ],
  [
    'export tiny.safetensors',
    'run: expected the folder of a run or of a checkpoint, got tiny.safetensors; of a model file, --to tfjs',
  ],
  ['export tiny.safetensors --to onnx', '--to: expected one of safetensors, tfjs, got "onnx"'],
  [
    'export tiny.safetensors --to tfjs --best',
    '--best: expected the folder of a run, which has several weights, got a model file',
  ],
  [
    'export digits.npy --to tfjs',
    'digits.npy: model file: expected a .safetensors file that pixelcnn wrote, got a NumPy array',
  ],
];

it.concurrent.for(wrong)('says one sentence to `pixelcnn %s` and writes nothing', async ([args, message, file]) => {
  const cwd = join(folder.path, sha256(args).slice(0, 8));
  await mkdir(cwd);
  const name = args.split(' ')[1] ?? '';
  const bytes =
    file?.() ??
    (existsSync(join(folder.path, name)) && name !== '' ? readFileSync(join(folder.path, name)) : undefined);
  if (bytes !== undefined) await writeFile(join(cwd, name), bytes);
  const before = await readdir(cwd);
  const { code, stdout, stderr } = await pixelcnn(cwd, args.split(' '));
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^pixelcnn: [^\n]+\n$/); // one line, no stack
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(await readdir(cwd)).toEqual(before);
});

it('gives up a file that the library for HDF5 never comes back from', async () => {
  const bytes = Buffer.from(kerasFile('digits.h5'));
  expect(bytes.toString('latin1', 2048, 2052)).toBe('GCOL'); // texts of attributes; then their length
  bytes[2057] = 202;
  const path = join(folder.path, 'endless.h5');
  await writeFile(path, bytes);
  const { signal } = new AbortController();
  await expect(importInTime({ path }, signal, 10_000)).rejects.toThrow(
    'model: expected a file that can be read within 10 seconds, got one that could not; it may be damaged',
  );
});
