import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { importModel } from '../../ts/exchange/import_model.js';
import { loadSampler } from '../../ts/index.js';
import { sha256 } from '../../ts/node/files.js';
import { loadCore } from '../../ts/train/net/core.js';
import { kerasFile, kerasSaid } from './keras_golden.js';
import { largest, sigmoid, softmax } from './probabilities.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function imported(name: Parameters<typeof kerasFile>[0], size?: readonly [number, number]) {
  const path = join(folder, name);
  writeFileSync(path, kerasFile(name));
  return importModel(path, { ...(size && { size }) });
}

/** Mean cost of a pixel, in nats. */
const lossOf = (logProb: Float64Array, pixels: number): number => -logProb.reduce((a, b) => a + b, 0) / pixels;

it.each([
  ['digits.keras', undefined, 'a .keras file of Keras 3.15.1'],
  ['digits.weights.h5', [12, 10], 'a .weights.h5 file of Keras 3'],
  ['digits.h5', undefined, 'an .h5 file of a whole model of Keras 3.15.1'],
] as const)('gives the probabilities and the loss of Keras after masking, from %s', async (name, size, what) => {
  const { bytes, config, forbidden, ...made } = await imported(name, size);
  const said = kerasSaid('digits');
  expect(config).toEqual({
    architecture: 'plain',
    ...{ height: 12, width: 10, channels: 1, levels: 2 },
    ...{ filters: 8, blocks: 5, firstKernel: 7, blockKernel: 3, headLayers: 2 },
    precision: 'f32',
  });
  expect(made.what).toBe(what);
  expect(said.forbidden).toBeGreaterThan(500);
  expect(forbidden.count).toBe(said.forbidden);
  expect(forbidden.largest).toBeGreaterThan(0.001);
  const sampler = await loadSampler(bytes);
  const { data } = sampler.logits(said.levels);
  expect(largest(Array.from(data, sigmoid), said.outputs)).toBeLessThan(1e-5);
  expect(Math.abs(lossOf(sampler.logProb(said.levels), said.levels.length) - said.loss)).toBeLessThan(1e-6);
  expect(sampler.metadata).toMatchObject({
    'imported.from': `${name}, ${what}`,
    'imported.sha256': sha256(kerasFile(name)),
    'imported.forbidden': `${said.forbidden} weights that masks forbid were not 0, and are now`,
  });
});

it('gives the probabilities and the loss of the VQ-VAE example, whose levels are codes', async () => {
  const { bytes, config, forbidden, notes } = await imported('codes.keras');
  const said = kerasSaid('codes');
  expect(config).toMatchObject({ height: 7, width: 7, levels: 12, input: 'nominal', filters: 8, blocks: 2 });
  expect(forbidden.count).toBe(said.forbidden);
  expect(notes).toEqual([]);
  const sampler = await loadSampler(bytes);
  const { data } = sampler.logits(said.levels);
  expect(largest(softmax(data, 12), softmax(said.outputs, 12))).toBeLessThan(1e-5);
  expect(Math.abs(lossOf(sampler.logProb(said.levels), said.levels.length) - said.loss)).toBeLessThan(2e-6);
});

it('leaves no file behind, anywhere', async () => {
  await imported('digits.h5');
  expect(readdirSync('/').filter((name) => name.endsWith('.h5'))).toEqual([]);
  expect(readFileSync(new URL('../../ts/exchange/hdf5.ts', import.meta.url), 'utf8')).not.toContain('h5wasm/node');
});

it('has the same weights from each kind of file', async () => {
  const core = await loadCore();
  const [keras, weights, old] = [
    await imported('digits.keras'),
    await imported('digits.weights.h5', [12, 10]),
    await imported('digits.h5'),
  ].map(({ bytes }) => core.weightsOf(bytes));
  expect(weights).toEqual(keras);
  expect(old).toEqual(keras);
});

it('would be seen to have blocks in another order', async () => {
  const { bytes } = await imported('digits.keras');
  const said = kerasSaid('digits');
  const core = await loadCore();
  const [{ config }, weights] = [await loadSampler(bytes), core.weightsOf(bytes)];
  const { tensors } = core.describe(config);
  const sizeOf = (group: string) =>
    tensors
      .filter(({ name }) => name.startsWith(group))
      .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const [begin, size] = [sizeOf('stem.'), sizeOf('blocks.0.')];
  const swapped = weights.slice();
  swapped.set(weights.subarray(begin + size, begin + 2 * size), begin);
  swapped.set(weights.subarray(begin, begin + size), begin + size);
  const other = await loadSampler(core.writeModel(config, {}, swapped));
  expect(largest(Array.from(other.logits(said.levels).data, sigmoid), said.outputs)).toBeGreaterThan(1e-3);
  expect(Math.abs(lossOf(other.logProb(said.levels), said.levels.length) - said.loss)).toBeGreaterThan(1e-4);
});
