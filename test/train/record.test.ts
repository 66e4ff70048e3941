import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadSampler } from '../../ts/load.js';
import { imagePng } from '../../ts/png.js';
import { openBackend } from '../../ts/train/backend.js';
import { compareEvaluations } from '../../ts/train/compare.js';
import { splitImages } from '../../ts/train/data.js';
import { type Evaluation, evaluate } from '../../ts/train/evaluate.js';
import { type DataOptions, loadData } from '../../ts/train/load_data.js';
import { readTrainingOrigin, readValidation } from '../../ts/train/record.js';
import { train } from '../../ts/train/train.js';
import { blobs, smallConfig } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-record-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { height, width, ...config } = smallConfig;

it('records how the same images are had again, and the likelihood of those that validated', async () => {
  const { pixels } = blobs(24, smallConfig);
  const size = height * width;
  for (let image = 0; image < 24; image++) {
    const values = pixels.slice(image * size, (image + 1) * size).map((level) => (level === 1 ? 200 : 30));
    writeFileSync(join(folder, `${image + 10}.png`), imagePng(values, [1, height, width, 1], 256));
  }
  const options: DataOptions = { data: folder, limit: 20, binarisation: 'dynamic', binarisationSeed: 7 };
  const data = await loadData(options);
  const backend = await openBackend('wasm');
  let bytes: Uint8Array | undefined;
  for await (const event of train({ data, backend, config, epochs: 1, batchSize: 8, validationSplit: 0.25, seed: 1 })) {
    if (event.type === 'model') bytes = event.bytes;
  }
  const sampler = await loadSampler(bytes!);
  const { validationSplit, ...origin } = readTrainingOrigin(sampler.metadata)!;
  expect(origin).toEqual({ split: 'reference', limit: 20, binarisation: 'dynamic', binarisationSeed: 7 });

  const again = await loadData({ data: folder, ...origin });
  let evaluation: Evaluation | undefined;
  const { validation } = splitImages(again, validationSplit);
  for await (const event of evaluate({ sampler, data: validation })) {
    if (event.type === 'end') evaluation = event.evaluation;
  }
  const { natsPerImage, bitsPerDim } = compareEvaluations(evaluation!, readValidation(sampler.metadata)!);
  expect(Math.abs(natsPerImage)).toBeLessThan(1e-4);
  expect(Math.abs(bitsPerDim)).toBeLessThan(1e-5);
  expect(evaluation!.imageNats).toHaveLength(5);
});

it('never names a path of the machine that trained, nor believes a record that does', () => {
  const read = (origin: object) => readTrainingOrigin({ 'training.origin': JSON.stringify(origin) });
  expect(read({ data: '/etc', split: 'reference', validationSplit: 0.1, other: 1 })).toEqual({
    split: 'reference',
    validationSplit: 0.1,
  });
  expect(read({ data: 'fashion-mnist', split: 'standard', validationSplit: 0.1 })).toHaveProperty('data');
  expect(readTrainingOrigin({})).toBeUndefined();
  expect(readValidation({})).toBeUndefined();
  expect(() => readValidation({ 'training.validation': '[]' })).toThrow(
    'training.validation: expected an object in protocol',
  );
});
