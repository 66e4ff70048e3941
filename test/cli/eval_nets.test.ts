/** `pixelcnn eval`, `inspect` and the converters, of models with classes and many levels. */

import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { beforeAll, expect, it } from 'vitest';
import { surpriseColour } from '../../ts/cli/surprise.js';
import { levelColours } from '../../ts/colours.js';
import { loadSampler, type Samples } from '../../ts/index.js';
import { npy } from '../train/data/npy.js';
import { configJson, randomModel } from '../wasm.js';
import { folderOfNets, height, width } from './nets.js';
import { onTerminal } from './pty.js';
import { cli, pixelcnn } from './run.js';

const folder = folderOfNets();
const size = height * width;
const [count, classes] = [20, 3];
let drawn: Samples;

beforeAll(async () => {
  const sampler = await loadSampler(join(folder.path, 'grey.safetensors'));
  drawn = sampler.sample({ count, seed: 3 });
  for (const [name, labels] of [
    ['labelled', drawn.labels],
    ['bare', undefined],
  ] as const) {
    await mkdir(join(folder.path, name));
    await writeFile(join(folder.path, name, 'x.npy'), npy([count, height, width], drawn.data as Uint8Array));
    if (labels) await writeFile(join(folder.path, name, 'labels.npy'), npy([count], Uint8Array.from(labels)));
  }
});

const greys = ['--binarisation', 'none', '--levels', '16', '--split', 'all'];
const evaluate = (data: string, ...args: string[]) =>
  pixelcnn(folder.path, ['eval', 'grey.safetensors', '--data', data, ...greys, ...args]);

it('tells p(image), p(image | class) and how many it classifies right, on any number of threads', async () => {
  const sampler = await loadSampler(join(folder.path, 'grey.safetensors'));
  const { labels, logProb } = sampler.classify(drawn);
  const mean = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0) / count;
  const right = labels.filter((label, i) => label === drawn.labels![i]).length;
  const [one, three] = await Promise.all(['1', '3'].map((n) => evaluate('labelled', '--json', '--workers', n)));
  const printed = JSON.parse(one!.stdout);
  expect(three!.stdout).toBe(one!.stdout);
  expect(printed).toMatchObject({ images: count, classifiedRight: right });
  expect(printed.natsPerImage).toBeCloseTo(-mean(logProb), 9);
  expect(printed.given.natsPerImage).toBeCloseTo(mean(drawn.nats), 9);
  expect(printed.given.imageNats).toEqual([...drawn.nats].map((nats) => expect.closeTo(nats, 5)));
  const { stdout } = await evaluate('labelled');
  expect(stdout).toContain(
    `nats an image, ${printed.bitsPerDim.toFixed(5)} bits/dim: p(image), the mean over all 3 classes\n`,
  );
  expect(stdout).toContain(`nats an image, ${printed.given.bitsPerDim.toFixed(5)} bits/dim: p(image | class)\n`);
  expect(stdout).toContain(`classified  ${right} of 20 right, ${(5 * right).toFixed(2)} %\n`);
  expect(stdout).toContain(
    `loss        ${printed.given.loss.toFixed(6)} nats a pixel, what training prints as val_loss\n`,
  );
});

it('tells p(image) alone where the data tells no classes', async () => {
  const { stdout } = await evaluate('bare');
  expect(stdout).toMatch(
    /\nlikelihood {2}\d+\.\d{3} nats an image, .*: p\(image\), the mean over all 3 classes\nclasses {5}the data tells none\n$/,
  );
  const printed = JSON.parse((await evaluate('bare', '--json')).stdout);
  expect(printed).not.toHaveProperty('given');
  expect(printed).not.toHaveProperty('classifiedRight');
});

it.runIf(process.platform === 'linux')('shows how far it is', async () => {
  const args = [cli, 'eval', 'grey.safetensors', '--data', 'labelled', ...greys];
  const { output } = await onTerminal(folder.path, args);
  expect(output).toContain('scoring █████');
  expect(output).toContain('20/20 images');
});

it('draws the surprise at each pixel given the class, and asks for classes', async () => {
  const { code, stderr } = await evaluate('labelled', '--map', 'maps', '--map-images', '4');
  expect({ code, errors: stderr.includes('pixelcnn:') }).toEqual({ code: 0, errors: false });
  const sampler = await loadSampler(join(folder.path, 'grey.safetensors'));
  const image = drawn.data.slice(4 * size, 5 * size);
  const nats = sampler.pixelNats(image, { labels: drawn.labels![4]! }).data;
  const { data, width: pictureWidth } = PNG.sync.read(await readFile(join(folder.path, 'maps', 'surprise-000004.png')));
  const factor = Math.floor(1024 / (2 * width + 6));
  const at = (y: number, x: number) => {
    const place = 4 * (y * factor * pictureWidth + x * factor);
    return [...data.subarray(place, place + 3)];
  };
  for (let i = 0; i < size; i++) {
    const [y, x] = [Math.floor(i / width), i % width];
    expect(at(2 + y, 2 + x)).toEqual([...levelColours(16)[image[i]!]!]);
    expect(at(2 + y, 4 + width + x)).toEqual([...surpriseColour(nats[i]!, 16)]);
  }
  expect(await evaluate('bare', '--map', 'maps')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining(
      'pixelcnn: --map: expected images whose classes the data tells, since what a pixel costs depends on them, got none\n',
    ),
  });
});

it('is told in one sentence of data of other classes or levels', async () => {
  await writeFile(join(folder.path, 'labelled', 'labels.npy'), npy([count], new Uint8Array(count).fill(3, 1)));
  const other = await evaluate('labelled');
  expect(other).toMatchObject({ code: 2, stdout: '' });
  expect(other.stderr).toMatch(/^pixelcnn: --data: expected images of 3 classes, as the model has, got 4$/m);
  const levels = await pixelcnn(folder.path, ['eval', 'tiles.safetensors', '--data', 'bare', ...greys]);
  expect(levels).toMatchObject({ code: 2, stdout: '' });
  expect(levels.stderr).toMatch(/^pixelcnn: --data: expected images of levels 5, as the model has, got 16$/m);
});

it('shows what a net reads, and what its classes and levels are called', async () => {
  const inspected = async (name: string) => (await pixelcnn(folder.path, ['inspect', `${name}.safetensors`])).stdout;
  const grey = await inspected('grey');
  expect(grey).toContain(`grey.safetensors: plain, ${height}x${width}x1, 16 levels, ${classes} classes, f32\n`);
  expect(grey).toMatch(/^classes +3: shirt, shoe, 0$/m);
  expect(await inspected('maps')).toMatch(/^characters +4: "#\.@ "$/m);
  expect(await inspected('codes')).toContain('300 levels, nominal input, embedding 4, f32\n');
});

it('orders the channels of such nets, and tells at once where there is nothing to order, and writes nothing', async () => {
  const args = ['--images', '4', '--seed', '1', '--json'];
  const { code, stdout } = await pixelcnn(folder.path, [
    'optimize',
    'grey.safetensors',
    '--out',
    'new.safetensors',
    ...args,
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ macs: expect.any(Number), macsBefore: expect.any(Number) });
  expect((await loadSampler(join(folder.path, 'new.safetensors'))).config.classes).toBe(classes);

  const gated = randomModel(configJson({ height, width, architecture: 'gated', filters: 4, blocks: 1 }), 1);
  await writeFile(join(folder.path, 'gated.safetensors'), gated);
  expect(await pixelcnn(folder.path, ['optimize', 'gated.safetensors', '--out', 'made/new.safetensors'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'pixelcnn: model: expected a plain net with relu, got a gated one; use it as it is\n',
  });
  expect(existsSync(join(folder.path, 'made'))).toBe(false);
});

it('makes integers of such nets', async () => {
  const made = await pixelcnn(folder.path, [
    'quantize',
    'grey.safetensors',
    '--images',
    '4',
    '--out',
    'int8.safetensors',
  ]);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const inspected = await pixelcnn(folder.path, ['inspect', 'int8.safetensors']);
  expect(inspected.stdout).toMatch(/16 levels,.* int8\n/);
});
