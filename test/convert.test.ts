import { createHash } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { conversionsOf, loadSampler, optimizeModel, quantizeModel, type Sampler } from '../ts/index.js';
import { configJson, randomModel } from './wasm.js';

const bytes = randomModel(configJson({ height: 9, width: 10, filters: 32, blocks: 2 }), 3);
const original = await loadSampler(bytes);
const images = original.sample({ count: 8, seed: 1 }).data;

const worst = (a: Sampler, b: Sampler) => {
  const [x, y] = [a.logits(images).data, b.logits(images).data];
  return x.reduce((most, logit, i) => Math.max(most, Math.abs(logit - y[i]!)), 0);
};

it('orders channels: the same function, a file that names its source', async () => {
  const file = await optimizeModel(bytes, images, { calibration: 'eight' });
  const sampler = await loadSampler(file);
  expect(worst(original, sampler)).toBeLessThan(1e-5);
  const source = createHash('sha256').update(bytes).digest('hex');
  expect(conversionsOf(sampler.metadata)).toEqual([{ by: 'optimize', source, calibration: 'eight' }]);
});

it('quantises: under half the size, near the same logits, every method and skipping alike', async () => {
  const optimised = await optimizeModel(bytes, images);
  const file = await quantizeModel(optimised, images);
  expect(file.length).toBeLessThan(0.45 * bytes.length);
  const sampler = await loadSampler(file);
  expect(sampler.config.precision).toBe('int8');
  expect(worst(original, sampler)).toBeLessThan(0.2); // of a small net much is cut off
  expect(conversionsOf(sampler.metadata).map(({ by, calibration }) => [by, calibration])).toEqual([
    ['optimize', '8 images'],
    ['quantize', '8 images'],
  ]);
  const drawn = sampler.sample({ count: 3, seed: 5 });
  for (const method of ['wavefront', 'cached', 'naive', 'reference'] as const) {
    for (const skipping of ['none', 'rows', 'all'] as const) {
      expect(sampler.sample({ count: 3, seed: 5, method, skipping })).toEqual(drawn);
      expect(sampler.logits(images, { method, skipping })).toEqual(sampler.logits(images));
    }
  }
});

it('gives the same bytes again', async () => {
  expect(await quantizeModel(bytes, images)).toEqual(
    await quantizeModel(bytes, { data: images, shape: [8, 9, 10, 1] }),
  );
});

it('takes the classes of its images, from its call on', async () => {
  const ofClasses = randomModel(configJson({ height: 9, width: 10, filters: 32, blocks: 2, classes: 3 }), 3);
  const inTurn = Uint8Array.from({ length: 8 }, (_, image) => image % 3);
  const wanted = await quantizeModel(ofClasses, images);
  const labels = inTurn.slice();
  const made = quantizeModel(ofClasses, images, { labels });
  labels.fill(0);
  expect(await made).toEqual(wanted);
  expect(await quantizeModel(ofClasses, images, { labels: 2 })).not.toEqual(wanted);
  await expect(quantizeModel(ofClasses, images, { labels: [0, 1] })).rejects.toThrow(
    'labels: expected one class for all, or 8, one for each image, got 2',
  );
  await expect(quantizeModel(ofClasses, images, { labels: 3 })).rejects.toThrow(RangeError);
  await expect(quantizeModel(bytes, images, { labels: 0 })).rejects.toThrow('labels: expected none');
  await expect(optimizeModel(bytes, images, { labels: 0 })).rejects.toThrow('labels: expected none');
});

it('refuses what it cannot convert', async () => {
  const integers = await quantizeModel(bytes, images);
  await expect(quantizeModel(integers, images)).rejects.toThrow(/precision f32/);
  await expect(optimizeModel(integers, images)).rejects.toThrow(/precision f32/);
  await expect(optimizeModel(bytes, images.subarray(1))).rejects.toThrow(RangeError);
  await expect(optimizeModel(new Uint8Array(9), images)).rejects.toMatchObject({ code: 'HEADER_NOT_JSON' });
  await expect(quantizeModel(bytes, images, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
  expect(await loadSampler(bytes)).toBeDefined(); // nothing has trapped
});

it('takes no `derived` that is not as it writes it: an error where it is needed, harmless where it is not', async () => {
  const source = 'a'.repeat(64);
  const malformed = [
    'by hand',
    '',
    '{}',
    'null',
    '[null]',
    '["optimize"]',
    '[{}]',
    `[{"by":"prune","source":"${source}","calibration":"x"}]`,
    `[{"by":"optimize","source":"none","calibration":"x"}]`,
    `[{"by":"optimize","source":"${source}","calibration":3}]`,
    '['.repeat(100_000),
  ];
  const config = configJson({ height: 9, width: 10, filters: 4, blocks: 0 });
  const wanted = (argument: string) =>
    expect.objectContaining({ name: 'PixelCnnError', code: 'NOT_A_MODEL', argument });
  const sentence =
    /^model file: expected in its metadata as `derived` the conversions that pixelcnn lists there, got ".*"(\.\.\.)?; convert the model that it was made from$/;
  for (const derived of malformed) {
    const file = randomModel(config, 3, { derived });
    const sampler = await loadSampler(file);
    expect(sampler.metadata.derived).toBe(derived);
    expect(() => conversionsOf(sampler.metadata)).toThrow(wanted('metadata'));
    expect(() => conversionsOf(sampler.metadata)).toThrow(sentence);
    await expect(optimizeModel(file, images)).rejects.toEqual(wanted('model'));
    await expect(quantizeModel(file, images)).rejects.toThrow(sentence);
  }
  expect(conversionsOf({})).toEqual([]);
  expect(conversionsOf({ derived: `[{"by":"optimize","source":"${source}","calibration":"x","more":1}]` })).toEqual([
    { by: 'optimize', source, calibration: 'x' },
  ]);
  expect(() => conversionsOf(null as never)).toThrow('metadata: expected an object, got null');
  expect(() => conversionsOf({ derived: 3 as never })).toThrow(wanted('metadata'));
});

it('names what the host lacks where a file has no hash to be named by', async () => {
  vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) }); // as on a page that came over http
  try {
    await expect(optimizeModel(bytes, images)).rejects.toMatchObject({
      code: 'CRYPTO_UNAVAILABLE',
      message: 'expected a host with crypto.subtle, got none; serve the page over https',
    });
  } finally {
    vi.unstubAllGlobals();
  }
});
