// What follows from the packaged model must follow from the one that is there: `npm run models` remakes it all.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { conversionsOf, loadSampler } from '../ts/index.js';
import { gridPng } from '../ts/node/png.js';

const read = (path: string) => new Uint8Array(readFileSync(new URL(`../${path}`, import.meta.url)));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const model = read('models/mnist-binary.safetensors');
const optimized = read('models/mnist-binary.optimized.safetensors');
const int8 = read('models/mnist-binary.int8.safetensors');

it('ships the ordered and the integer form of the model that it ships', async () => {
  const conversions = async (file: Uint8Array) => conversionsOf((await loadSampler(file)).metadata);
  const [first] = await conversions(optimized);
  expect(first).toMatchObject({ by: 'optimize', source: sha256(model) });
  expect(await conversions(int8)).toMatchObject([first!, { by: 'quantize', source: sha256(optimized) }]);
});

it('names the model by its sha256 in its card', () => {
  const card = new TextDecoder().decode(read('models/mnist-binary.md'));
  for (const file of [model, optimized, int8]) expect(card).toContain(sha256(file));
});

it('shows digits that the model draws', async () => {
  const { data, shape } = (await loadSampler(model)).sample({ count: 32, seed: 1 });
  const decode = (png: Uint8Array) => PNG.sync.read(Buffer.from(png)).data;
  expect(decode(read('docs/digits.png'))).toEqual(decode(gridPng(data, shape, 2)));
});

it('quotes figures of these very files', () => {
  const readme = new TextDecoder().decode(read('README.md'));
  const name = /bench\/results\/([^/)]+)\.png/.exec(readme)?.[1];
  const { models } = JSON.parse(new TextDecoder().decode(read(`bench/results/${name}.json`))) as {
    models: Record<string, string>;
  };
  expect(models.f32).toContain(sha256(optimized).slice(0, 16));
});
