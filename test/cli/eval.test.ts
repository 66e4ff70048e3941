import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { loadSampler } from '../../ts/index.js';
import { imagePng } from '../../ts/node/png.js';
import { loadData } from '../../ts/train/index.js';
import { configJson, randomModel } from '../wasm.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const [height, width, size] = [12, 11, 132];

interface Printed {
  images: number;
  natsPerImage: number;
  bitsPerDim: number;
  imageNats: number[];
  protocol: Record<'source' | 'split' | 'binarisation' | 'sha256', string>;
  comparison?: { natsPerImage: number; standardError?: number };
  maps?: string[];
  warnings: string[];
}

/** Frames, some thicker than others; drawn at 230 on 20, so that a draw differs from the threshold. */
const levels = Uint8Array.from({ length: 30 * size }, (_, i) => {
  const [image, y, x] = [Math.floor(i / size), Math.floor((i % size) / width), i % width];
  return Math.min(y, x, height - 1 - y, width - 1 - x) <= image % 3 ? 1 : 0;
});

beforeAll(async () => {
  for (let image = 0; image < 30; image++) {
    const into = join(folder.path, 'images', image < 20 ? 'train' : 'test');
    await mkdir(into, { recursive: true });
    const values = levels.slice(image * size, (image + 1) * size).map((level) => (level === 1 ? 230 : 20));
    const bytes = imagePng(values, [1, height, width, 1], 256);
    await writeFile(join(into, `${String(image).padStart(2, '0')}.png`), bytes);
  }
});

/** Writes a model whose record is as given. */
async function model(name: string, seed: number, metadata: Record<string, string>): Promise<void> {
  const config = configJson({ height, width, filters: 8, blocks: 2 });
  await writeFile(join(folder.path, name), randomModel(config, seed, metadata));
}

const evaluate = (...args: string[]) => pixelcnn(folder.path, ['eval', ...args]);

async function printed(...args: string[]): Promise<Printed> {
  const { stdout, stderr, code } = await evaluate(...args, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Printed;
}

it('scores the same whatever it remembers, and refuses what is no size', async () => {
  const tiny = ['tiny.safetensors', '--data', 'images', '--limit', '20'];
  const [none, some, threads] = await Promise.all([
    printed(...tiny, '--sharing', '0'),
    printed(...tiny, '--sharing', '0.5'),
    printed(...tiny, '--sharing', '4', '--workers', '2'),
  ]);
  expect([some, threads]).toEqual([none, none]);
  const { code, stderr } = await evaluate(...tiny, '--sharing', '2001');
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'pixelcnn: --sharing: expected a number from 0 to 2000, got 2001\n',
  });
});

it('scores the images of a split, as the API does', async () => {
  const tiny = ['tiny.safetensors', '--data', 'images'];
  const [validation, train, test, all, text] = await Promise.all([
    printed(...tiny),
    printed(...tiny, '--split', 'train'),
    printed(...tiny, '--split', 'test', '--limit', '4'),
    printed(...tiny, '--split', 'all'),
    evaluate(...tiny),
  ]);
  const sampler = await loadSampler(join(folder.path, 'tiny.safetensors'));
  const { pixels } = await loadData({ data: join(folder.path, 'images'), split: 'all' });
  for (const [result, start, end, split] of [
    [validation, 27, 30, 'the last 10 %'],
    [train, 0, 27, 'all but the last 10 %'],
    [test, 20, 24, 'the first 4 of the test images'],
    [all, 0, 30, 'all'],
  ] as const) {
    const nats = sampler.logProb(Uint8Array.from(pixels.subarray(start * size, end * size))).map((logProb) => -logProb);
    const mean = nats.reduce((sum, x) => sum + x, 0) / nats.length;
    expect(result).toMatchObject({ images: end - start, protocol: { split } });
    expect(result.natsPerImage).toBeCloseTo(mean, 9);
    expect(result.bitsPerDim).toBeCloseTo(mean / (Math.LN2 * size), 9);
    result.imageNats.forEach((value, i) => {
      expect(value).toBeCloseTo(nats[i]!, 5);
    });
  }
  expect(text.stdout).toContain('pixel 1 iff value >= 84.48 of 255');
  expect(text.stdout).toMatch(/images +3: the last 10 % of PNG files, 20 training then 10 test images/);
});

it('takes data, split and binarisation from the record of a model, and says where they are in doubt', async () => {
  const origin = { split: 'standard', binarisation: 'dynamic', binarisationSeed: 4, validationSplit: 0.25 };
  await model('own.safetensors', 3, { 'training.origin': JSON.stringify(origin), 'training.dataSha256': 'another' });
  const none = await evaluate('own.safetensors');
  expect(none).toMatchObject({ code: 2, stderr: expect.stringMatching(/^pixelcnn: --data: expected the images that/) });

  const [drawn, asked, test] = await Promise.all([
    printed('own.safetensors', '--data', 'images'),
    printed('own.safetensors', '--data', 'images', '--binarisation', 'threshold'),
    printed('own.safetensors', '--data', 'images', '--split', 'test'),
  ]);
  expect(drawn).toMatchObject({
    images: 5,
    protocol: {
      split: 'the last 25 % of the training images',
      binarisation: 'pixel 1 with probability value / 255, drawn once with seed 4',
    },
    warnings: [expect.stringContaining('these are not the images and levels that the model was trained on')],
  });
  expect(asked.protocol.binarisation).toBe('pixel 1 iff value >= 84.48 of 255');
  expect(asked.protocol.sha256).not.toBe(drawn.protocol.sha256);
  expect(test).toMatchObject({ images: 10, warnings: [] });

  const { sha256 } = await loadData({ data: join(folder.path, 'images'), split: 'reference' });
  const record = { 'training.origin': JSON.stringify({ split: 'reference', validationSplit: 0.1 }) };
  await model('seen.safetensors', 3, { ...record, 'training.dataSha256': sha256 });
  await model('said.safetensors', 3, record);
  const seen = await printed('seen.safetensors', '--data', 'images', '--split', 'test');
  expect(seen.warnings).toEqual(['7 of the test images are among those that the model was trained on']);
  const few = await printed('seen.safetensors', '--data', 'images', '--split', 'test', '--limit', '3');
  expect(few.warnings).toEqual(['3 of the test images are among those that the model was trained on']);
  // Without the hash of what it was trained on, or of other data, nothing is claimed.
  for (const name of ['said.safetensors', 'tiny.safetensors']) {
    expect((await printed(name, '--data', 'images', '--split', 'test')).warnings).toEqual([]);
  }

  await model('broken.safetensors', 3, { 'training.origin': 'no JSON' });
  expect(await evaluate('broken.safetensors', '--data', 'images')).toMatchObject({
    code: 2,
    stderr: 'pixelcnn: training.origin: expected a JSON object, got "no JSON"\n',
  });
});

it('blames the images where they cannot be read as the model was trained, and no option that nobody typed', async () => {
  const record = (origin: object) => ({
    'training.origin': JSON.stringify({ split: 'reference', validationSplit: 0.1, ...origin }),
  });
  await model('of-maps.safetensors', 3, record({ alphabet: '.#', window: [height, width] }));
  await model('of-greys.safetensors', 3, record({ levels: 16 }));
  await writeFile(join(folder.path, 'maps.txt'), '..#\n##.\n');
  const failure = async (...args: string[]) => {
    const { code, stderr } = await evaluate(...args);
    return { code, said: stderr.trimEnd().split('\n').at(-1) };
  };
  const unlike = 'pixelcnn: --data: read as the model was trained, by';
  expect(await failure('of-maps.safetensors', '--data', 'images')).toEqual({
    code: 2,
    said: `${unlike} --alphabet '.#': expected text maps beside it, got PNG files`,
  });
  const leftOut = 'expected it left out with text maps, whose characters are the levels, got';
  expect(await failure('of-greys.safetensors', '--data', 'maps.txt')).toEqual({
    code: 2,
    said: `${unlike} --levels 16: ${leftOut} 16`,
  });
  expect(await failure('of-greys.safetensors', '--data', 'maps.txt', '--levels', '4')).toEqual({
    code: 2,
    said: `pixelcnn: --levels: ${leftOut} 4`,
  });
  expect(await failure('of-greys.safetensors', '--data', 'nowhere')).toMatchObject({
    code: 2,
    said: expect.stringMatching(/^pixelcnn: --data: expected mnist, /),
  });
});

it('compares with what it printed before or with a record, under one protocol alone', async () => {
  const [one, other] = ['tiny.safetensors', 'other.safetensors'];
  await model(other, 8, {});
  const before = await evaluate(one, '--data', 'images', '--split', 'all', '--json');
  await writeFile(join(folder.path, 'before.json'), before.stdout);
  const old = JSON.parse(before.stdout) as Printed;
  const against = (...args: string[]) => [other, '--data', 'images', '--against', 'before.json', ...args];

  const now = await printed(...against('--split', 'all'));
  const differences = now.imageNats.map((nats, i) => nats - old.imageNats[i]!);
  const mean = differences.reduce((sum, x) => sum + x, 0) / 30;
  const variance = differences.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 29;
  expect(now.comparison!.natsPerImage).toBeCloseTo(mean, 5);
  expect(now.comparison!.standardError).toBeCloseTo(Math.sqrt(variance / 30), 5);
  const { stdout } = await evaluate(...against('--split', 'all'));
  expect(stdout).toMatch(
    /difference +[+-]\d+\.\d{3} nats an image with a standard error of \d+\.\d{3}, [+-]0\.\d{5} bits/,
  );

  const { imageNats: _, ...record } = { ...old, natsPerImage: now.natsPerImage - 2 };
  await model('record.safetensors', 3, { 'training.validation': JSON.stringify(record) });
  const plain = await evaluate(other, '--data', 'images', '--split', 'all', '--against', 'record.safetensors');
  expect(plain.stdout).toMatch(
    /difference +\+2\.000 nats an image, .*; how sure that is, only what eval --json printed/,
  );

  await model('derived.safetensors', 3, { 'training.validation': JSON.stringify(record), derived: '[]' });
  const derived = await evaluate(other, '--data', 'images', '--against', 'derived.safetensors');
  expect(derived).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('got that of the model it was derived from'),
  });

  const refused = await evaluate(...against('--split', 'all', '--threshold', '100'));
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toMatch(
    /^pixelcnn: expected two likelihoods under one protocol.* the binarisation [^\n]*\n$/m,
  );
  expect((await evaluate(...against())).stderr).toContain('differ in the split (the last 10 %; there: all)');

  await writeFile(join(folder.path, 'text.json'), 'nats: 3');
  const text = await evaluate(one, '--data', 'images', '--against', 'text.json');
  expect(text).toMatchObject({ code: 2, stderr: expect.stringContaining('in text.json, got "nats: 3"') });
});

it('draws what surprises the model', async () => {
  const { maps } = await printed('tiny.safetensors', '--data', 'images', '--map', 'maps', '--map-images', '2, 0');
  expect(maps).toEqual(['surprise.png', 'surprise-000002.png', 'surprise-000000.png'].map((name) => `maps/${name}`));
  expect((await readdir(join(folder.path, 'maps'))).sort()).toEqual(maps!.map((path) => path.slice(5)).sort());
  const beyond = await evaluate('tiny.safetensors', '--data', 'images', '--map', 'maps', '--map-images', '3');
  expect(beyond.code).toBe(2);
  expect(beyond.stderr).toMatch(/^pixelcnn: --map-images: expected numbers below 3, got 3\n$/m);
});
