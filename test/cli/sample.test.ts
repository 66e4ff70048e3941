import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { workersFor } from '../../ts/cli/drawing.js';
import { type Description, loadSampler } from '../../ts/index.js';
import { cli, pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const size = 12 * 11;

interface Printed {
  seed: number;
  ink: number;
  nats: number;
  ms: number;
  workers: number;
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

  const ink = Array.from(wanted.data).reduce((sum, level) => sum + level, 0) / 5;
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

it('draws the same images on several threads', async () => {
  const args = (workers: number) => [
    '--count',
    '50',
    '--seed',
    '3',
    '--workers',
    `${workers}`,
    '--out',
    `by${workers}`,
  ];
  const sample = ['sample', '--model', 'tiny.safetensors', '--no-picture'];
  const [one, three] = await Promise.all([1, 3].map((n) => pixelcnn(folder.path, [...sample, '--json', ...args(n)])));
  expect([one!.stderr, three!.stderr]).toEqual(['', '']);
  const [first, second] = [one!, three!].map(({ stdout }) => JSON.parse(stdout) as Printed);
  expect([first!.workers, second!.workers]).toEqual([1, 3]);
  expect(second!.images).toEqual(first!.images);
  const pictures = (by: string) =>
    Promise.all([7, 49].map((i) => readFile(join(folder.path, by, `0000${i < 10 ? '0' : ''}${i}.png`))));
  expect(await pictures('by3')).toEqual(await pictures('by1'));
  expect((await pixelcnn(folder.path, [...sample, ...args(2)])).stdout).toMatch(/images\/s, wavefront, 2 workers\)\n/);
});

it('draws on one thread where no other starts, and says so', async () => {
  const code =
    "process.getBuiltinModule('node:worker_threads').Worker = class { constructor() { throw Error('none left') } }";
  const args = ['sample', '--model', 'tiny.safetensors', '--count', '3', '--workers', '2', '--json', '--out', 'alone'];
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
  const { stdout, stderr } = await pixelcnn(folder.path, args, env);
  expect(stderr).toBe(
    'pixelcnn: drawing on one thread: expected a worker that starts, got one that did not: none left\n',
  );
  expect(JSON.parse(stdout)).toMatchObject({ workers: 1, count: 3 });
});

it('uses several threads only where each has enough to do', () => {
  const digits = { macsPerImage: 3e8, naiveMacsPerImage: 3e11 } as Description;
  const most = availableParallelism();
  expect(workersFor(16, 'wavefront', digits)).toBe(1);
  expect(workersFor(70, 'wavefront', digits)).toBe(Math.min(2, most));
  expect(workersFor(2 ** 20, 'cached', digits)).toBe(most);
  expect(workersFor(1, 'naive', digits)).toBe(1);
  expect(workersFor(2, 'naive', digits)).toBe(Math.min(2, most));
});

it.each([1, 2])(
  'keeps what is whole when it is interrupted, and says how far it came, on %i threads',
  async (workers) => {
    const out = join(folder.path, `many${workers}`);
    const args = [
      'sample',
      '--model',
      'tiny.safetensors',
      '--count',
      '1000000',
      '--workers',
      `${workers}`,
      '--out',
      out,
    ];
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
  },
);
