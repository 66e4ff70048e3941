/** `sample --shard` and `merge`: the images of one process, whatever befalls the parts. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { parseShard, rangeOf } from '../../ts/cli/shards/shard.js';
import { folderOfNets } from './nets.js';
import { cli, ended, pixelcnn } from './run.js';

// Dozens of processes, which a busy machine starts one by one.
vi.setConfig({ testTimeout: 300_000 });

const folder = folderOfNets();
const at = (...names: string[]) => join(folder.path, ...names);
const read = (...names: string[]) => readFileSync(at(...names));

const sample = (...args: string[]) => pixelcnn(folder.path, ['sample', '--model', 'tiny.safetensors', ...args]);
const merge = (...args: string[]) => pixelcnn(folder.path, ['merge', ...args]);

/** All shards of 20 images of seed 1, in some order, at once. */
async function parts(out: string, of = 3, ...more: string[]): Promise<void> {
  const ran = await Promise.all(
    Array.from({ length: of }, (_, i) =>
      sample('--shard', `${of - 1 - i}/${of}`, '--count', '20', '--seed', '1', '--out', out, ...more),
    ),
  );
  expect(ran.map(({ code, stderr }) => ({ code, stderr }))).toEqual(ran.map(() => ({ code: 0, stderr: '' })));
}

/** What one process writes of the same. */
async function alone(...args: string[]): Promise<Buffer> {
  const { code, stderr } = await sample('--count', '20', '--seed', '1', '--no-picture', '--npy', 'alone.npy', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return read('alone.npy');
}

it('gives every image to one shard, in shards that differ by one image at most, whatever the numbers', () => {
  for (const [count, of] of [
    [20, 3],
    [3, 7],
    [1, 1],
    [1_000_003, 1000],
    [Number.MAX_SAFE_INTEGER, 999_983],
  ] as const) {
    let next = 0;
    const sizes = new Set<number>();
    for (let index = 0; index < of; index++) {
      const { first, count: some } = rangeOf({ index, of }, count);
      if (first !== next) throw new Error(`shard ${index}/${of} begins at ${first}, the one before ends at ${next}`);
      next += some;
      sizes.add(some);
    }
    expect(next).toBe(count);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  }
  expect(parseShard('--shard', '03/10')).toEqual({ index: 3, of: 10 });
});

const wanted = '--shard: expected a part and how many there are, such as 0/4 to 3/4';

it.each([
  ['0/0', ', of 1 to 1000000 parts, got "0/0"'],
  ['3/2', ', counted from 0, got "3/2", whose last part is 1/2'],
  ['2/2', ', counted from 0, got "2/2", whose last part is 1/2'],
  ['-1/2', ', got "-1/2"'],
  ['1e9/1e9', ', got "1e9/1e9"'],
  ['1/1000001', ', of 1 to 1000000 parts, got "1/1000001"'],
  ['1', ', got "1"'],
  ['', ', got ""'],
  ['1/2/3', ', got "1/2/3"'],
  ['0/99999999999999999999', ', got "0/99999999999999999999"'],
])('refuses the shard %j', async (text, got) => {
  const { code, stdout, stderr } = await sample(`--shard=${text}`, '--count', '20', '--seed', '1', '--out', 'none');
  expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: `pixelcnn: ${wanted}${got}\n` });
  expect(existsSync(at('none'))).toBe(false);
});

it.each([
  [['--count', '20'], '--seed: expected the seed of all shards beside --shard, got none'],
  [['--seed', '1'], '--count: expected the images of all shards together beside --shard, got none'],
  [['--count', '20', '--seed', '1', '--npy', 'x.npy'], 'expected --shard or --npy, got both'],
  [
    ['--count', '9000000000', '--seed', '1'],
    '--shard: expected shards of at most 1048576 images, so at least 8584 of them, got 0/3, which has 3000000000',
  ],
  [
    ['--count', '20', '--seed', '1', '--start-index', '9007199254740991'],
    '--start-index: expected an integer from 0 to 9007199254740971, got 9007199254740991',
  ],
])('refuses %j beside a shard', async (args, sentence) => {
  const { code, stderr } = await sample('--shard', '0/3', '--out', 'none', ...args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: `pixelcnn: ${sentence}\n` });
  expect(existsSync(at('none', 'part-000000-of-000003.json'))).toBe(false);
});

it.each([1, 3])('makes of %i parts the bytes of one process', async (of) => {
  await parts(`by${of}`, of);
  const { code, stdout, stderr } = await merge(`by${of}`, '--out', `by${of}.npy`, '--model', 'tiny.safetensors');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(`parts   ${of}, each there once and whole\nimages  0 to 19 of seed 1\n`);
  expect(stdout).toContain(`wrote   by${of}.npy, by${of}.nats.npy and by${of}.json\n`);
  expect(read(`by${of}.npy`)).toEqual(await alone());
  const { images } = JSON.parse((await sample('--count', '20', '--seed', '1', '--json')).stdout);
  const nats = read(`by${of}.nats.npy`).subarray(128);
  const costs = Array.from({ length: 20 }, (_, i) => nats.readDoubleLE(8 * i));
  expect(costs).toEqual(images.map((image: { nats: number }) => image.nats));
});

it.each([
  ['grey', 20, ['--start-index', '7', '--temperature', '0.5']],
  ['grey', 20, ['--label', 'shoe']],
  ['grey', 21, ['--labels', 'shoe,0,shirt']],
  ['codes', 20, ['--workers', '2']],
] as const)('makes the images of one process, of the model %s, %i with %j', async (net, count, more) => {
  const out = `of-${net}-${more.join('')}`.replaceAll(/[-,.]/g, '');
  const args = ['--model', `${net}.safetensors`, '--count', `${count}`, '--seed', '5', ...more];
  const run = (...rest: string[]) => pixelcnn(folder.path, ['sample', ...args, ...rest]);
  for (const shard of ['0/4', '3/4', '1/4', '2/4']) expect((await run('--shard', shard, '--out', out)).stderr).toBe('');
  expect((await merge(out, '--out', `${out}.npy`)).stderr).toBe('');
  const { stdout } = await run('--json', '--npy', 'one.npy');
  expect(read(`${out}.npy`)).toEqual(read('one.npy'));
  const labels = JSON.parse(stdout).images.map((image: { label?: number }) => image.label);
  if (net !== 'grey') return expect(existsSync(at(`${out}.labels.npy`))).toBe(false);
  const file = read(`${out}.labels.npy`).subarray(128);
  expect(Array.from({ length: count }, (_, i) => file.readUInt16LE(2 * i))).toEqual(labels);
});

it('draws each image around its own given pixels', async () => {
  const given = '\x93NUMPY\x01\x00';
  const head = "{'descr': '|i1', 'fortran_order': False, 'shape': (20, 12, 11), }".padEnd(117);
  const values = Int8Array.from({ length: 20 * 12 * 11 }, (_, i) => ((i * 7) % 11 < 3 ? (i * 5) % 2 : -1));
  const bytes = Buffer.concat([
    Buffer.from(given, 'latin1'),
    Buffer.from([118, 0]),
    Buffer.from(`${head}\n`),
    Buffer.from(values.buffer),
  ]);
  await writeFile(at('given.npy'), bytes);
  await parts('given', 3, '--given', 'given.npy');
  await merge('given', '--out', 'given-all.npy');
  expect(read('given-all.npy')).toEqual(await alone('--given', 'given.npy'));
  const { code, stderr } = await sample('--shard', '0/3', '--count', '20', '--seed', '1', '--out', 'given');
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^pixelcnn: --out: expected a folder for no given pixels, got given, where part-000000-of-000003 is of given pixels of sha256 [0-9a-f]{12}\.\.\.; choose another folder\n$/,
  );
});

it('finds a part whole, and says so; draws again what is less, the same bytes', async () => {
  await parts('again');
  const names = readdirSync(at('again')).sort();
  const before = names.map((name) => read('again', name));
  const again = () => sample('--shard', '1/3', '--count', '20', '--seed', '1', '--out', 'again');
  const path = 'again/part-000001-of-000003';
  expect(await again()).toEqual({
    code: 0,
    stderr: '',
    stdout: `part 1/3: images 6 to 12 of seed 1, is there and whole: ${path}.json and its arrays were left as they are\n`,
  });
  const damage: (() => Promise<void>)[] = [
    () => rm(at(`${path}.json`)),
    () => truncate(at(`${path}.json`), 100),
    () => writeFile(at(`${path}.json`), '{}'),
    () => rm(at(`${path}.images.npy`)),
    () => truncate(at(`${path}.images.npy`), 500),
    async () => {
      const bytes = await readFile(at(`${path}.nats.npy`));
      bytes[150]! ^= 1;
      await writeFile(at(`${path}.nats.npy`), bytes);
    },
  ];
  for (const harm of damage) {
    await harm();
    const merged = await merge('again', '--out', 'again.npy');
    expect(merged.code).toBe(4);
    expect(merged.stderr).toMatch(/^pixelcnn: expected .*; run again with --shard 1\/3\n$/);
    expect(existsSync(at('again.npy'))).toBe(false);
    const { code, stdout } = await again();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^part 1\/3: images 6 to 12 of seed 1, in .*; wrote /);
    expect(readdirSync(at('again')).sort()).toEqual(names);
    expect(names.map((name) => read('again', name))).toEqual(before);
  }
});

it('tells parts that are missing, double, foreign, of another model or seed, or damaged, each in a sentence', async () => {
  await parts('good');
  const told = async (code: number, sentence: string, ...args: string[]) => {
    const { stderr, ...ran } = await merge(...args, '--out', 'bad.npy');
    expect({ ...ran, stderr }).toEqual({ code, stdout: '', stderr: `pixelcnn: ${sentence}\n` });
    expect(readdirSync(folder.path).filter((name) => name.startsWith('bad.') || name.endsWith('.tmp'))).toEqual([]);
  };
  const one = 'part-000000-of-000003';
  const copy = async (name: string) => {
    await cp(at('good'), at(name), { recursive: true });
    return (file: string) => at(name, file);
  };

  let inside = await copy('missing');
  await rm(inside(`${one}.json`));
  await rm(inside('part-000002-of-000003.json'));
  await told(4, 'expected 3 parts, got 1; run again with --shard 0/3, 2/3', 'missing');

  await mkdir(at('one'));
  await copyFile(at('good', `${one}.json`), at('one', `${one}.json`));
  const both = 'one of them out';
  await told(
    2,
    `expected each part once, got part 0/3 twice, good/${one}.json and one/${one}.json; leave ${both}`,
    'good',
    'one',
  );

  inside = await copy('seed');
  await rm(inside(`${one}.json`));
  await sample('--shard', '0/3', '--count', '20', '--seed', '2', '--out', 'seed');
  const second = 'part-000001-of-000003.json';
  await told(
    2,
    `expected parts of one job, got seed 2 in seed/${one}.json and seed 1 in seed/${second}; leave ${both}`,
    'seed',
  );

  await pixelcnn(folder.path, [
    'sample',
    '--model',
    'grey.safetensors',
    ...'--shard 0/3 --count 20 --seed 1 --out model'.split(' '),
  ]);
  const { stderr } = await merge('model', 'good', '--out', 'bad.npy');
  expect(stderr).toMatch(
    /^pixelcnn: expected parts of one job, got the model of sha256 [0-9a-f]{12}\.\.\. in model\/part-0.* and the model of sha256 [0-9a-f]{12}\.\.\. in good\/part-0.*; leave one of them out\n$/,
  );

  await cp(at('good'), at('mixed'), { recursive: true });
  await sample('--shard', '3/4', '--count', '20', '--seed', '1', '--out', 'mixed');
  await told(
    2,
    `expected parts of one job, got one of 3 parts in mixed/${one}.json and one of 4 in mixed/part-000003-of-000004.json; leave ${both}`,
    'mixed',
  );

  inside = await copy('renamed');
  await rename(inside(`${one}.json`), inside('part-000002-of-000003.json'));
  await told(
    2,
    'expected the manifest of 2/3 in renamed/part-000002-of-000003.json, got that of 0/3; leave it out, and run again with --shard 2/3',
    'renamed',
  );

  inside = await copy('changed');
  const bytes = await readFile(inside(`${one}.images.npy`));
  bytes[200]! ^= 1;
  await writeFile(inside(`${one}.images.npy`), bytes);
  await told(
    4,
    `expected ${one} whole, got one of which changed/${one}.images.npy has another sha256 than its manifest says; run again with --shard 0/3`,
    'changed',
  );

  await mkdir(at('empty'));
  await told(2, 'expected folders with parts, as --shard writes them, got none in empty', 'empty');
  await told(2, 'expected a folder with parts at nowhere, got: no such file or folder', 'nowhere');
  const wrongModel = await merge('good', '--out', 'bad.npy', '--model', 'grey.safetensors');
  expect(wrongModel.code).toBe(2);
  expect(wrongModel.stderr).toMatch(
    /^pixelcnn: --model: expected the model of the parts, sha256 .*, got grey.safetensors, sha256 .*\n$/,
  );
  const named = await merge('good', '--out', 'bad.json');
  expect(named).toMatchObject({
    code: 2,
    stderr: 'pixelcnn: --out: expected a name that ends with .npy for what sample made, got bad.json\n',
  });
});

it('takes no word of a manifest that is not of its own form', async () => {
  await parts('hostile');
  const path = at('hostile', 'part-000001-of-000003.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  const changes: [change: object, wrong: string][] = [
    [{ format: 'pixelcnn part 2' }, 'another format than "pixelcnn part 1"'],
    [{ first: 5 }, 'other images than those of its shard'],
    [{ shard: '9/3' }, 'no shard such as 0/4'],
    [{ job: { ...manifest.job, count: -1 } }, 'a job that this version does not know'],
    [{ job: { ...manifest.job, command: 'delete' } }, 'a job that this version does not know'],
    [{ files: { images: manifest.files.images } }, 'no length and sha256 of its nats'],
    [
      { files: { ...manifest.files, images: { ...manifest.files.images, bytes: 2 ** 40 } } },
      'no length and sha256 of its images',
    ],
  ];
  for (const [change, wrong] of changes) {
    await writeFile(path, JSON.stringify({ ...manifest, ...change }));
    const { code, stderr } = await merge('hostile', '--out', 'hostile.npy');
    const again = 'run again with --shard 1/3';
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr: `pixelcnn: expected a manifest in hostile/part-000001-of-000003.json, got ${wrong}; ${again}\n`,
    });
  }
  await writeFile(path, 'null');
  expect((await merge('hostile', '--out', 'hostile.npy')).code).toBe(4);
});

it('lets several processes make the same part at once', async () => {
  const same = Array.from({ length: 4 }, () => sample(...'--shard 0/1 --count 20 --seed 1 --out same'.split(' ')));
  expect((await Promise.all(same)).map(({ code, stderr }) => ({ code, stderr }))).toEqual(
    same.map(() => ({ code: 0, stderr: '' })),
  );
  expect(readdirSync(at('same')).sort()).toEqual([
    'part-000000-of-000001.images.npy',
    'part-000000-of-000001.json',
    'part-000000-of-000001.nats.npy',
  ]);
  expect((await merge('same', '--out', 'same.npy')).code).toBe(0);
  expect(read('same.npy')).toEqual(await alone());
});

it('leaves nothing that is taken for a part where the disk takes no more', async () => {
  const args = 'sample --model tiny.safetensors --shard 0/1 --count 20 --seed 1 --out full'.split(' ');
  const line = `ulimit -f 1; exec "$0" "$@"`; // a kilobyte, less than the images take
  const { code, stderr } = await ended('bash', ['-c', line, process.execPath, cli, ...args], folder.path);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      'pixelcnn: expected to write full/part-000000-of-000001.images.npy, got: it grew longer than the limit for files\n',
  });
  expect(readdirSync(at('full'))).toEqual([]);
  await parts('full', 1);
  const more = ['-c', 'ulimit -f 1; exec "$0" "$@"', process.execPath, cli, 'merge', 'full', '--out', 'full.npy'];
  const merged = await ended('bash', more, folder.path);
  expect({ code: merged.code, stderr: merged.stderr }).toEqual({
    code: 1,
    stderr: 'pixelcnn: expected to write full.npy, got: it grew longer than the limit for files\n',
  });
  expect(readdirSync(folder.path).filter((name) => name.startsWith('full.') || name.endsWith('.tmp'))).toEqual([]);
});

it('makes the bytes of one process though it is killed at any moment', async () => {
  // Large enough that there are moments while it draws and while it writes.
  const job = ['--model', 'tiny.safetensors', '--count', '1000', '--seed', '9'];
  let kills = 0;
  for (let moment = 0; ; moment++) {
    const child = spawn(process.execPath, [cli, 'sample', ...job, '--shard', '0/1', '--out', 'killed'], {
      cwd: folder.path,
      stdio: 'ignore',
    });
    const closed = once(child, 'close');
    const ends = await Promise.race([closed, setTimeout(150 * 1.5 ** moment)]);
    if (ends === undefined) child.kill('SIGKILL');
    const [code] = await closed;
    if (code === 0) break;
    kills++;
    const { code: merged } = await merge('killed', '--out', 'killed.npy');
    if (merged === 0) break; // all of it was written before the kill
    expect([2, 4]).toContain(merged);
  }
  expect(kills).toBeGreaterThan(0);
  expect((await pixelcnn(folder.path, ['sample', ...job, '--shard', '0/1', '--out', 'killed'])).code).toBe(0);
  expect((await merge('killed', '--out', 'killed.npy')).code).toBe(0);
  await pixelcnn(folder.path, ['sample', ...job, '--no-picture', '--npy', 'unbroken.npy']);
  expect(read('killed.npy')).toEqual(read('unbroken.npy'));
});

it('ends by SIGTERM without a part, and says so', async () => {
  const args = 'sample --model tiny.safetensors --shard 0/1 --count 1000000 --seed 1 --out stopped'.split(' ');
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder.path });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = once(child, 'close');
  while (!existsSync(at('stopped')) && child.exitCode === null) await setTimeout(20);
  await setTimeout(300);
  child.kill('SIGTERM');
  const [code] = await closed;
  expect({ code, stderr }).toEqual({ code: 143, stderr: 'pixelcnn: stopped by SIGTERM; no part was written\n' });
  expect(readdirSync(at('stopped'))).toEqual([]);
});
