import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dataset, type File, Group, File as Hdf5, ready } from 'h5wasm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importModel } from '../../ts/exchange/import_model.js';
import { loadCore } from '../../ts/train/net/core.js';
import { kerasFile } from './keras_golden.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-hdf5-'));
afterAll(() => rmSync(folder, { recursive: true }));

const size = [12, 10] as const;
let module: Awaited<typeof ready>;
beforeAll(async () => {
  module = await ready;
  module.FS.writeFile('/source.h5', kerasFile('digits.weights.h5'));
});

/** How a variable is written. */
type Put = (group: Group, name: string, data: Float32Array, shape: number[], path: string) => void;

/** The weights of the digits, each written by `put`; the file's path. */
function rewritten(name: string, put: Put): string {
  const [source, target] = [new Hdf5('/source.h5', 'r'), new Hdf5(`/${name}.h5`, 'w')];
  const copy = (from: Group, to: Group, path: string): void => {
    for (const key of from.keys()) {
      const entry = from.get(key);
      if (entry instanceof Dataset) put(to, key, entry.value as Float32Array, entry.shape!, `${path}/${key}`);
      else if (entry instanceof Group) copy(entry, to.create_group(key), `${path}/${key}`);
    }
  };
  copy(source.get('layers') as Group, target.create_group('layers'), 'layers');
  source.close();
  return saved(target, name);
}

function saved(file: File, name: string): string {
  file.close();
  const path = join(folder, `${name}.weights.h5`);
  writeFileSync(path, module.FS.readFile(`/${name}.h5`));
  return path;
}

const plain: Put = (group, name, data, shape) => void group.create_dataset({ name, data, shape });

const weightsOf = async (path: string): Promise<Float32Array> =>
  (await loadCore()).weightsOf((await importModel(path, { size })).bytes);

it.each<[string, Put]>([
  ['plain', plain],
  [
    'in chunks, compressed',
    (group, name, data, shape) =>
      void group.create_dataset({
        name,
        data,
        shape,
        chunks: shape.map((side) => Math.ceil(side / 2)),
        compression: 'gzip',
      }),
  ],
  [
    'of 64 bits',
    (group, name, data, shape) =>
      void group.create_dataset({ name, data: Float64Array.from(data), shape, dtype: '<d' }),
  ],
])('reads numbers that are %s', async (how, put) => {
  const original = join(folder, 'original.weights.h5');
  writeFileSync(original, kerasFile('digits.weights.h5'));
  expect(await weightsOf(rewritten(how.replace(/\W/g, '-'), put))).toEqual(await weightsOf(original));
});

/** At this variable, another; else as it was. */
const but =
  (at: string, put: Put): Put =>
  (...args) =>
    (args[4] === at ? put : plain)(...args);

const kernel = 'layers/conv2d/vars/0';

it.each<[string, Put, string]>([
  [
    'integers',
    but(kernel, (group, name, data, shape) => void group.create_dataset({ name, data: Int32Array.from(data), shape })),
    `model: expected numbers of float32 at ${kernel}, got others; save the model in float32`,
  ],
  [
    'a variable that is missing',
    but(kernel, () => {}),
    'model: expected convolutions, or residual blocks of three, with their biases, got weights [1] of "conv2d"',
  ],
  [
    'a block that is missing',
    (group, name, data, shape, path) => {
      if (!path.startsWith('layers/residual_block_1/conv1')) plain(group, name, data, shape, path);
    },
    'model: expected convolutions, or residual blocks of three, with their biases, got weights [1, 1, 4, 8], [8], [3, 3, 8, 4], [4] of "residual_block_1"',
  ],
  [
    'a shape that declares a terabyte',
    but(kernel, (group, name, data) => {
      const all = {
        name,
        data,
        shape: [1, 1, 1, data.length],
        maxshape: [null, null, null, null],
        chunks: [1, 1, 1, 8],
      };
      group.create_dataset(all).resize([1, 1, 2 ** 20, 2 ** 18]);
    }),
    'model: expected at most 67,108,864 bytes of numbers in a file of ',
  ],
  [
    'an object that is no number',
    but(kernel, (group, name) => void group.create_soft_link('/nowhere', name)),
    `model: expected a group or numbers at ${kernel}, got something else`,
  ],
])('refuses a file with %s in one sentence', async (what, put, sentence) => {
  const path = rewritten(what.replace(/\W/g, '-'), put);
  const error = await importModel(path, { size }).catch((reason: Error) => reason);
  expect((error as Error).message).toContain(sentence);
});

it('refuses a file that is HDF5 and none of Keras, and groups without an end', async () => {
  const file = new Hdf5('/other.h5', 'w');
  file.create_dataset({ name: 'data', data: new Float32Array(4) });
  await expect(importModel(saved(file, 'other'), { size })).rejects.toThrow(
    'model: expected a group of layers, as Keras 3 writes weights, got one without; give the file that',
  );
  const circle = new Hdf5('/circle.h5', 'w');
  circle.create_group('layers').create_group('a');
  circle.create_hard_link('/layers', '/layers/a/b');
  await expect(importModel(saved(circle, 'circle'), { size })).rejects.toThrow(
    'model: expected groups in at most 12 others, got more at layers/a/b/a/b',
  );
});
