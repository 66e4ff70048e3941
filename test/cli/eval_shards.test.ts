/** `eval --shard` and `merge`: the likelihood of one process, to the last bit. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it, vi } from 'vitest';
import { loadSampler } from '../../ts/index.js';
import { npy } from '../train/data/npy.js';
import { folderOfNets, height, width } from './nets.js';
import { pixelcnn } from './run.js';

// Dozens of processes, which a busy machine starts one by one.
vi.setConfig({ testTimeout: 300_000 });

const folder = folderOfNets();
const count = 20;

beforeAll(async () => {
  const sampler = await loadSampler(join(folder.path, 'grey.safetensors'));
  const { data, labels } = sampler.sample({ count, seed: 3 });
  for (const name of ['labelled', 'bare']) {
    await mkdir(join(folder.path, name));
    await writeFile(join(folder.path, name, 'x.npy'), npy([count, height, width], data as Uint8Array));
  }
  await writeFile(join(folder.path, 'labelled', 'labels.npy'), npy([count], Uint8Array.from(labels!)));
});

const greys = ['--binarisation', 'none', '--levels', '16', '--split', 'all'];
const evaluate = (data: string, ...args: string[]) =>
  pixelcnn(folder.path, ['eval', 'grey.safetensors', '--data', data, ...greys, ...args]);

it.each(['labelled', 'bare'])(
  'scores %s images in shards, of which merge makes what one process prints',
  async (data) => {
    const out = `scores-${data}`;
    const shard = (i: number, n = 3) => evaluate(data, '--shard', `${i}/${n}`, '--out', out);
    for (const i of [2, 0, 1]) expect((await shard(i)).code).toBe(0);
    const path = `${out}/part-000001-of-000003.json`;
    expect((await shard(1)).stdout).toMatch(
      new RegExp(
        `^part 1/3: images 6 to 12 of .*, is there and whole: ${path} and its arrays were left as they are\n$`,
      ),
    );
    const merge = (...args: string[]) => pixelcnn(folder.path, ['merge', out, '--out', `${out}.json`, ...args]);
    expect(await merge('--json')).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await evaluate(data, '--json');
    const { warnings: _, model: _path, ...alone } = JSON.parse(stdout);
    const { model, parts, ...merged } = JSON.parse(await readFile(join(folder.path, `${out}.json`), 'utf8'));
    expect(merged).toEqual(alone); // to the last bit of each mean
    expect({ model, parts }).toEqual({ model: expect.stringMatching(/^[0-9a-f]{64}$/), parts: 3 });
    const figures = (await merge()).stdout;
    expect(figures).toContain(
      `likelihood  ${alone.natsPerImage.toFixed(3)} nats an image, ${alone.bitsPerDim.toFixed(5)} bits/dim\n`,
    );
    if (data === 'labelled') expect(figures).toContain(`classified  ${alone.classifiedRight} of 20 right\n`);
    const against = await evaluate(data, '--against', `${out}.json`);
    expect(against.stdout).toContain('0.000 nats an image with a standard error of 0.000');
    const other = await evaluate(data, '--limit', '10', '--shard', '0/3', '--out', out);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain(
      `--out: expected a folder for 10 images in all, got ${out}, where part-000000-of-000003`,
    );
  },
);

it('refuses of a shard what only all images can tell', async () => {
  const { code, stderr } = await evaluate('bare', '--shard', '0/3', '--map', 'maps');
  expect({ code, stderr }).toEqual({ code: 2, stderr: 'pixelcnn: expected --shard or --map, got both\n' });
});

it('refuses a folder for a part that nobody asked for', async () => {
  const { code, stderr } = await evaluate('bare', '--out', 'maps');
  const sentence = '--out: expected --shard beside it, whose part goes there, got none';
  expect({ code, stderr }).toEqual({ code: 2, stderr: `pixelcnn: ${sentence}\n` });
});

it('scores in more shards than there are images', async () => {
  for (let i = 0; i < 3; i++) {
    const { code, stdout } = await evaluate('labelled', '--limit', '2', '--shard', `${i}/3`, '--out', 'few');
    expect(code).toBe(0);
    if (i === 0) expect(stdout).toContain('part 0/3: no images');
  }
  expect((await pixelcnn(folder.path, ['merge', 'few', '--out', 'few.json'])).stdout).toContain('images      2: ');
});
