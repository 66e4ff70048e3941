import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Levels } from '../../../ts/images.js';
import { binarise, binariseImages, levelsOf, trainingBinarisation } from '../../../ts/train/data/binarisation.js';
import { firstImages, type ImageSet, splitImages } from '../../../ts/train/data/image_set.js';
import type { RawImages } from '../../../ts/train/data/raw.js';
import { loadCore } from '../../../ts/train/net/core.js';
import { randomPurpose } from '../../../ts/train/net/reference.js';
import { openBackend } from '../../../ts/train/tensorflow/backend.js';
import { type TrainOptions, train } from '../../../ts/train/train.js';
import { smallConfig } from '../support.js';

const core = await loadCore();
const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-binarisation-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Images of `height` x `width` whose values walk through 0 to 255. */
function ramp(count: number, height: number, width: number): RawImages {
  const pixels = Uint8Array.from({ length: count * height * width }, (_, i) => (i * 37) % 256);
  return { pixels, count, height, width };
}

const all = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

it('draws each level once, by a number of (seed, image, pixel) alone, with probability value / 255', async () => {
  const images = ramp(40, 16, 16);
  const [set, again, other] = await Promise.all(
    [0, 0, 1].map((binarisationSeed) => binariseImages(images, 'a ramp', { binarisation: 'static', binarisationSeed })),
  );
  expect(set!.pixels).toEqual(again!.pixels);
  expect(set!.sha256).not.toBe(other!.sha256);
  expect(set!.greys).toBeUndefined();
  expect(set!.binarisation).toBe('pixel 1 with probability value / 255, drawn once with seed 0');

  for (const image of [0, 7, 39]) {
    const words = core.randomWords(0, randomPurpose.binarise, 0, image, 256);
    const wanted = Array.from(words, (word, p) => {
      return (word >>> 8) * 2 ** -24 < images.pixels[image * 256 + p]! / 255 ? 1 : 0;
    });
    expect([...set!.pixels.subarray(image * 256, (image + 1) * 256)]).toEqual(wanted);
  }
  const ones = set!.pixels.reduce((sum, level) => sum + level, 0);
  expect(Math.abs(ones / set!.pixels.length - 0.5)).toBeLessThan(0.02); // four standard deviations
  images.pixels.forEach((value, i) => {
    if (value === 0 || value === 255) expect(set!.pixels[i]).toBe(value / 255);
  });
});

it('stops drawing levels once its signal aborts', async () => {
  const stop = new AbortController();
  const drawing = binariseImages(ramp(5000, 4, 4), 'a ramp', { binarisation: 'static' }, 'a ramp', stop.signal);
  setImmediate(() => stop.abort(new Error('enough')));
  await expect(drawing).rejects.toThrow('enough');
});

it('never draws a 1 of value 0, nor a 0 of value 255, by the least and the greatest random number', () => {
  const greys = Uint8Array.of(0, 1, 254, 255);
  const set: ImageSet = { ...binarise({ pixels: greys, count: 1, height: 2, width: 2 }, 'four'), greys };
  const drawnBy = (word: number) => {
    const stub = { ...core, randomWords: () => new Uint32Array(4).fill(word) };
    return [...levelsOf(stub, set, all(1), { seed: 1, epoch: 1 })];
  };
  expect(drawnBy(0)).toEqual([0, 1, 1, 1]);
  expect(drawnBy(0xffffffff)).toEqual([0, 0, 0, 1]);
});

it('draws anew in each epoch, and the same for an image in whatever batch, order and part it comes', async () => {
  const set = await binariseImages(ramp(20, 5, 7), 'a ramp', { binarisation: 'dynamic' });
  const fixed = await binariseImages(ramp(20, 5, 7), 'a ramp', { binarisation: 'static' });
  expect(set.pixels).toEqual(fixed.pixels);
  expect(set.binarisation).toBe(fixed.binarisation);
  expect(set.sha256).not.toBe(fixed.sha256); // no run goes on from one with the other
  expect(trainingBinarisation(set)).toBe(`${fixed.binarisation} for validation, anew in each epoch for training`);
  expect(levelsOf(core, set, all(20))).toEqual(fixed.pixels);

  const first = levelsOf(core, set, all(20), { seed: 3, epoch: 1 });
  const image = (levels: Levels, i: number) => levels.slice(i * 35, (i + 1) * 35);
  for (const draw of [
    { seed: 3, epoch: 2 },
    { seed: 4, epoch: 1 },
    { seed: 0, epoch: 0 },
  ]) {
    expect(levelsOf(core, set, all(20), draw)).not.toEqual(first);
  }
  const shuffled = levelsOf(core, set, Uint32Array.of(17, 2), { seed: 3, epoch: 1 });
  expect(image(shuffled, 0)).toEqual(image(first, 17));
  expect(image(shuffled, 1)).toEqual(image(first, 2));
  const last = levelsOf(core, splitImages(set, 0.25).validation, Uint32Array.of(4), { seed: 3, epoch: 1 });
  expect(last).toEqual(image(first, 19));
  expect(firstImages(set, 3).greys).toEqual(set.greys!.subarray(0, 105));
});

it('takes levels as they are stored, and refuses what a rule cannot mean', async () => {
  const levels = { pixels: Uint8Array.of(0, 1, 1, 0, 0, 0, 0, 1), count: 2, height: 2, width: 2 };
  const set = await binariseImages(levels, 'levels', { binarisation: 'none' });
  expect(set.pixels).toEqual(levels.pixels);
  for (const binarisation of ['threshold', 'static', 'dynamic'] as const) {
    await expect(binariseImages(levels, 'levels', { binarisation })).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(
        /^levels: expected grey values .* got none above 1: .*; binarisation none would fit \(--binarisation none\)$/,
      ),
    });
  }
  expect((await binariseImages(levels, 'levels', { threshold: 1 })).pixels).toEqual(levels.pixels);
  levels.pixels[5] = 2;
  await expect(binariseImages(levels, 'levels', { binarisation: 'none' })).rejects.toThrow(
    'levels: expected levels 0 and 1, as binarisation none asks for, got 2 in image 1, of values 0 to 16',
  );
  const wrong = (options: object) => expect(binariseImages(levels, 'levels', options)).rejects;
  await wrong({ threshold: 257 }).toThrow('threshold: expected a number from 0 to 256, got 257');
  await wrong({ binarisation: 'dithered' }).toThrow('expected one of threshold, static, dynamic, none, got "dithered"');
  await wrong({ binarisation: 'static', threshold: 9 }).toThrow(
    'threshold: expected none with binarisation static, got 9',
  );
  await wrong({ binarisationSeed: 9 }).toThrow('binarisationSeed: expected none with binarisation threshold, got 9');
  await wrong({ binarisation: 'static', binarisationSeed: -1 }).toThrow('binarisationSeed: expected an integer from 0');
});

it('trains on fresh draws, validates on a fixed one, and goes on after a stop as if there had been none', async () => {
  const { height, width, ...config } = smallConfig;
  const backend = await openBackend('wasm');
  const run = async (binarisation: 'static' | 'dynamic', changes: TrainOptions = {}) => {
    const data = await binariseImages(ramp(20, height, width), 'a ramp', { binarisation });
    const options = { data, backend, config, epochs: 2, batchSize: 9, learningRate: 1e-12, seed: 3, ...changes };
    for await (const event of train(options)) if (event.type === 'model') return event;
    throw new Error('expected a model at the end');
  };
  const checkpointFolder = join(folder, 'run');
  const [fixed, drawn] = [await run('static'), await run('dynamic')];
  await run('dynamic', { epochs: 1, checkpointFolder });
  const resumed = await run('dynamic', { checkpointFolder, resume: true });
  await expect(run('static', { checkpointFolder, resume: true })).rejects.toThrow('which the run in');

  // The net stands still, at a learning rate of almost 0, so that losses differ by the data alone.
  const losses = ({ result }: typeof fixed) => result.history.map(({ loss, valLoss }) => ({ loss, valLoss }));
  const [a, b] = [losses(fixed), losses(drawn)];
  expect(a[0]!.loss).toBeCloseTo(a[1]!.loss, 6);
  expect(Math.abs(b[0]!.loss - b[1]!.loss)).toBeGreaterThan(1e-5);
  for (const epoch of [0, 1]) expect(b[epoch]!.valLoss).toBeCloseTo(a[epoch]!.valLoss, 6);
  expect(losses(resumed)).toEqual(losses(drawn));
  expect(resumed.bytes).toEqual(drawn.bytes);
});
