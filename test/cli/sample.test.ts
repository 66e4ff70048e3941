import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { loadSampler } from '../../ts/index.js';
import { cli, pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const size = 12 * 11;

interface Printed {
  seed: number;
  ink: number;
  nats: number;
  ms: number;
  images: { index: number; ink: number; nats: number }[];
  files: string[];
}

it('draws the images of the seed, shows them, and writes each and a grid', async () => {
  const args = [
    'sample',
    '--model',
    'tiny.safetensors',
    '--count',
    '5',
    '--seed',
    '3',
    '--start-index',
    '40',
    '--out',
    'five',
  ];
  const { code, stdout, stderr } = await pixelcnn(folder.path, args, {
    COLUMNS: '80',
    FORCE_COLOR: '1',
    NO_COLOR: undefined,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' }); // no bar where there is no terminal
  expect(stdout).not.toContain('\x1b');
  expect((await readdir(join(folder.path, 'five'))).sort()).toEqual([
    ...[40, 41, 42, 43, 44].map((index) => `0000${index}.png`),
    'grid.png',
  ]);

  const sampler = await loadSampler(join(folder.path, 'tiny.safetensors'));
  const wanted = sampler.sample({ count: 5, seed: 3, startIndex: 40 });
  for (let i = 0; i < 5; i++) {
    const png = PNG.sync.read(await readFile(join(folder.path, 'five', `0000${40 + i}.png`)));
    expect([png.width, png.height]).toEqual([11, 12]);
    const on = Uint8Array.from({ length: size }, (_, p) => (png.data[4 * p] === 255 ? 1 : 0));
    expect(on).toEqual(wanted.data.subarray(i * size, (i + 1) * size));
  }

  const ink = wanted.data.reduce((sum, level) => sum + level, 0) / 5;
  const nats = wanted.nats.reduce((sum, x) => sum + x, 0) / 5;
  expect(stdout).toContain('images 40 to 44 of seed 3, 12x11, in ');
  expect(stdout).toContain(`mean ink   ${ink.toFixed(1)} of ${size}\n`);
  expect(stdout).toContain(`mean cost  ${nats.toFixed(2)} nats an image, `);
  expect(stdout).toContain('wrote      five/000040.png to five/000044.png and five/grid.png\n');
  expect(stdout).toMatch(/^[█▀▄ \n]{60,}\n/);
});

it('prints one JSON object for programs, the same images by every method', async () => {
  const args = (method: string) => [
    'sample',
    '--model',
    'tiny.safetensors',
    '--seed',
    '3',
    '--json',
    '--out',
    method,
    '--method',
    method,
  ];
  const methods = ['wavefront', 'cached', 'naive'];
  const runs = await Promise.all(methods.map((method) => pixelcnn(folder.path, args(method))));
  const printed = runs.map(({ stdout }) => JSON.parse(stdout) as Printed);
  const [first] = printed;
  expect(first!.files).toHaveLength(17);
  expect(first!.files.every((file) => existsSync(join(folder.path, file)))).toBe(true);
  expect(first!.images.map((image) => image.index)).toEqual(Array.from({ length: 16 }, (_, i) => i));
  expect(first!.images.reduce((sum, image) => sum + image.ink, 0) / 16).toBeCloseTo(first!.ink, 9);
  expect(first!.images.reduce((sum, image) => sum + image.nats, 0) / 16).toBeCloseTo(first!.nats, 9);
  for (const { images } of printed) expect(images).toEqual(first!.images);
  expect(runs.every(({ stdout }) => stdout.trim().split('\n').length === 1)).toBe(true);
});

it('reports the seed that it drew, which draws the same again', async () => {
  const run = async (...more: string[]) => {
    const { stdout } = await pixelcnn(folder.path, [
      'sample',
      '--model',
      'tiny.safetensors',
      '--count',
      '2',
      '--json',
      ...more,
    ]);
    return JSON.parse(stdout) as Printed;
  };
  const first = await run();
  expect((await run('--seed', String(first.seed))).images).toEqual(first.images);
});

it('keeps what is whole when it is interrupted, and says how far it came', async () => {
  const out = join(folder.path, 'many');
  const args = ['sample', '--model', 'tiny.safetensors', '--count', '1000000', '--out', out];
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder.path });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  while (!existsSync(join(out, '000100.png'))) await setTimeout(10);
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([130, null]);
  const names = await readdir(out);
  expect(stderr).toBe(`pixelcnn: interrupted; ${names.length} of 1000000 images are in ${out}\n`);
  expect(names.every((name) => /^\d{6}\.png$/.test(name))).toBe(true);
});
