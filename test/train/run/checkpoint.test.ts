import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import {
  type Checkpoint,
  type EpochRecord,
  readCheckpoint,
  writeCheckpoint,
} from '../../../ts/train/run/checkpoint.js';
import { environmentOf, environmentWarnings } from '../../../ts/train/run/resume.js';
import { smallConfig } from '../support.js';
import { backend, collect, net, only } from './run.js';

/** What the fake disk does with files that are written: where this is set, none is. */
const disk = vi.hoisted(() => ({ failure: undefined as string | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const open = async (path: string, flags: string): Promise<FileHandle> => {
    if (flags === 'w' && disk.failure !== undefined) throw Object.assign(new Error('fake'), { code: disk.failure });
    return real.open(path, flags);
  };
  return { ...real, open };
});

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-checkpoint-'));
const mounted: string[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  disk.failure = undefined;
});
afterAll(() => {
  for (const path of mounted) execFileSync('umount', [path]);
  rmSync(root, { recursive: true });
});

let folders = 0;
const newFolder = (): string => join(root, String(folders++));

/** A file system of `size` bytes in memory at a new folder; undefined where only the administrator may have one. */
function mountSmall(size: number): string | undefined {
  const path = newFolder();
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  mounted.push(path);
  return path;
}

const epochOf = (epoch: number, valLoss: number): EpochRecord => ({ epoch, steps: 10, seconds: 1, loss: 1, valLoss });

function checkpointOf(step: number, history: readonly EpochRecord[] = []): Checkpoint {
  const arrays = { parameters: Float32Array.of(step, 1), m: Float32Array.of(2, 3), v: Float32Array.of(4, 5) };
  const recipe = {
    epochs: 2,
    batchSize: 1,
    learningRate: 1,
    warmupSteps: 0,
    schedule: 'constant',
    clipNorm: 0,
    emaDecay: 0,
  } as const;
  return {
    state: {
      ...{ format: 2, config: smallConfig, seed: 1, recipe, validationImages: 5, data: 'sha', epoch: history.length },
      ...{ stepInEpoch: 0, lossSum: 0, secondsInEpoch: 0, step, history, environment: environmentOf(backend) },
    },
    arrays,
  };
}

const stepsIn = (folder: string): string[] => readdirSync(folder).sort();

it('reads what it wrote, and nothing where nothing was written', async () => {
  const folder = newFolder();
  expect(await readCheckpoint(folder)).toBeUndefined();
  const checkpoint = checkpointOf(10, [epochOf(1, Number.NaN)]);
  const path = await writeCheckpoint(folder, checkpoint, 2);
  expect(await readCheckpoint(folder)).toEqual({ ...checkpoint, path, skipped: [] });
});

it('keeps the newest, and the one after the best epoch', async () => {
  const folder = newFolder();
  const history: EpochRecord[] = [];
  for (const [i, valLoss] of [3, 1, 2, 1, 4, 5].entries()) {
    history.push(epochOf(i + 1, valLoss));
    await writeCheckpoint(folder, checkpointOf(10 * (i + 1), [...history]), 2);
  }
  expect(stepsIn(folder)).toEqual(['LATEST', 'step-00000020', 'step-00000050', 'step-00000060']);
});

it('sweeps up what a killed process left', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, '.step.12345.tmp'), { recursive: true });
  writeFileSync(join(folder, '.step.12345.tmp', 'm.f32'), 'half');
  await writeCheckpoint(folder, checkpointOf(1), 1);
  expect(stepsIn(folder)).toEqual(['LATEST', 'step-00000001']);
});

it.each([
  ['a flipped bit in an array', 'm.f32', (bytes: Buffer) => bytes.fill(bytes[5]! ^ 1, 5, 6), 'the sha256 of m.f32'],
  ['an array cut short', 'v.f32', (bytes: Buffer) => bytes.subarray(0, 3), 'the sha256 of v.f32'],
  [
    'another number in the state',
    'checkpoint.json',
    (bytes: Buffer) => bytes.toString().replace('"step": 7', '"step": 9'),
    'the sha256 of checkpoint.json',
  ],
  ['half a state', 'checkpoint.json', (bytes: Buffer) => bytes.subarray(0, 99), 'JSON'],
  ['an empty state', 'checkpoint.json', () => '{}', 'expected a checkpoint of format 2'],
  [
    'a later format',
    'checkpoint.json',
    (bytes: Buffer) => bytes.toString().replace('"format": 2', '"format": 3'),
    'got 3',
  ],
])('goes back to the checkpoint before one with %s, and says so', async (_, file, spoil, reason) => {
  const folder = newFolder();
  const before = await writeCheckpoint(folder, checkpointOf(6), 3);
  const spoilt = await writeCheckpoint(folder, checkpointOf(7), 3);
  const path = join(spoilt, file);
  writeFileSync(path, spoil(readFileSync(path)));
  const found = await readCheckpoint(folder);
  expect(found).toMatchObject({ path: before, state: { step: 6 } });
  expect(found!.skipped).toEqual([expect.stringContaining(`${spoilt} is not whole: `)]);
  expect(found!.skipped[0]).toContain(reason);
  // The way on from there makes another checkpoint after as many steps, and clears the spoilt one away in time.
  const again = await writeCheckpoint(folder, checkpointOf(7), 3);
  expect(basename(again)).toBe('step-00000007-1');
  expect(await readCheckpoint(folder)).toMatchObject({ path: again, skipped: [] });
  await writeCheckpoint(folder, checkpointOf(8), 2);
  expect(stepsIn(folder)).toEqual(['LATEST', 'step-00000007-1', 'step-00000008']);
});

it('finds a file missing, LATEST lost, and LATEST naming what is not there', async () => {
  const folder = newFolder();
  const before = await writeCheckpoint(folder, checkpointOf(6), 3);
  const newest = await writeCheckpoint(folder, checkpointOf(7), 3);
  rmSync(join(newest, 'm.f32'));
  expect(await readCheckpoint(folder)).toMatchObject({ path: before });
  rmSync(newest, { recursive: true });
  const { skipped } = (await readCheckpoint(folder))!;
  expect(skipped).toEqual([`${join(folder, 'LATEST')} names "step-00000007", which is not there`]);
  rmSync(join(folder, 'LATEST'));
  expect(await readCheckpoint(folder)).toMatchObject({ path: before, skipped: [] });
});

it('trusts no state without a hash, nor more of a LATEST than a name', async () => {
  const folder = newFolder();
  const path = await writeCheckpoint(folder, checkpointOf(6), 1);
  const { sha256: _, ...manifest } = JSON.parse(readFileSync(join(path, 'checkpoint.json'), 'utf8'));
  writeFileSync(join(path, 'checkpoint.json'), JSON.stringify(manifest));
  await expect(readCheckpoint(folder)).rejects.toThrow('the sha256 of checkpoint.json is not recorded');
  const newest = await writeCheckpoint(folder, checkpointOf(7), 2);
  writeFileSync(join(folder, 'LATEST'), 'x'.repeat(2 ** 20));
  const found = (await readCheckpoint(folder))!;
  expect(found.path).toBe(newest);
  expect(found.skipped.join().length).toBeLessThan(200);
});

it('says of JSON of another kind, and of none, that it is no checkpoint', async () => {
  const folder = newFolder();
  const path = await writeCheckpoint(folder, checkpointOf(6), 1);
  for (const [text, what] of [
    ['null', 'expected a checkpoint of format 2, got undefined'],
    ['{"state"', 'checkpoint.json is no JSON, cut off or damaged'],
  ] as const) {
    writeFileSync(join(path, 'checkpoint.json'), text);
    await expect(readCheckpoint(folder)).rejects.toThrow(`(${path} is not whole: ${what})`);
  }
});

it.skipIf(process.platform === 'win32')('says of a folder that it cannot be read', async () => {
  const folder = newFolder();
  symlinkSync(basename(folder), folder); // to itself, which not even root can read
  const message = `expected a folder of checkpoints that can be read at ${folder}, got: links lead round in a circle`;
  await expect(readCheckpoint(folder)).rejects.toMatchObject({ code: 'INVALID_CHECKPOINT', message });
});

it.skipIf(process.platform === 'win32')('waits for no FIFO in the place of its files', async () => {
  const folder = newFolder();
  const before = await writeCheckpoint(folder, checkpointOf(6), 3);
  for (const [step, file] of [
    [7, 'checkpoint.json'],
    [8, 'm.f32'],
  ] as const) {
    const path = join(await writeCheckpoint(folder, checkpointOf(step), 3), file);
    rmSync(path);
    execFileSync('mkfifo', [path]);
  }
  rmSync(join(folder, 'LATEST'));
  execFileSync('mkfifo', [join(folder, 'LATEST')]);
  const { path, skipped } = (await readCheckpoint(folder))!;
  expect(path).toBe(before);
  expect(skipped.map((line) => line.split(': ')[1])).toEqual(new Array(2).fill('a device or FIFO stands in its place'));
});

it('names every checkpoint where none is whole', async () => {
  const folder = newFolder();
  const paths = [await writeCheckpoint(folder, checkpointOf(6), 2), await writeCheckpoint(folder, checkpointOf(7), 2)];
  for (const path of paths) rmSync(join(path, 'checkpoint.json'));
  const refused = readCheckpoint(folder);
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_CHECKPOINT' });
  for (const path of paths) await expect(refused).rejects.toThrow(`${path} is not whole: no such file or folder`);
});

it('goes on from the checkpoint before a damaged one, with a warning, to the same end', async () => {
  const checkpointFolder = newFolder();
  await collect({ checkpointFolder, epochs: 1, checkpointEvery: 1, keepCheckpoints: 3 });
  writeFileSync(join(checkpointFolder, 'step-00000003', 'v.f32'), 'spoilt');
  const resumed = await collect({ checkpointFolder, epochs: 2, resume: true });
  const [start] = only(resumed, 'start');
  expect(start).toMatchObject({ epoch: 0, stepInEpoch: 2 });
  expect(start!.warnings).toEqual([expect.stringContaining('step-00000003 is not whole')]);
  expect(only(resumed, 'model')[0]!.bytes).toEqual(only(await collect(), 'model')[0]!.bytes);
});

it('ends with one sentence on a full disk, the checkpoint before whole', async () => {
  const room = 100_000; // for four files of the small net, not for three checkpoints
  const small = mountSmall(room);
  const checkpointFolder = small ?? newFolder();
  const events: string[] = [];
  const run = (async () => {
    const { train } = await import('../../../ts/train/train.js');
    const { plain } = await import('./run.js');
    for await (const event of train({
      ...plain,
      checkpointFolder,
      checkpointEvery: 1,
      keepCheckpoints: 50,
      epochs: 20,
    })) {
      if (event.type === 'checkpoint') events.push(event.path);
      if (small === undefined && events.length === 2) disk.failure = 'ENOSPC';
    }
  })();
  await expect(run).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  const last = events.at(-1)!;
  expect(events.length).toBeGreaterThan(1);
  await expect(run).rejects.toThrow(
    `expected to write a checkpoint into ${checkpointFolder}, got: the disk is full; resume from ${last}, which is whole`,
  );
  expect(readdirSync(checkpointFolder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(await readCheckpoint(checkpointFolder)).toMatchObject({ path: last, skipped: [] });
});

it('says before the first step that a folder cannot be written', async () => {
  const small = mountSmall(1_000_000);
  const checkpointFolder = small ?? newFolder();
  const before = await writeCheckpoint(checkpointFolder, checkpointOf(6), 2);
  if (small === undefined) disk.failure = 'EROFS';
  else execFileSync('mount', ['-o', 'remount,ro', small]);
  await expect(collect({ checkpointFolder })).rejects.toMatchObject({
    code: 'WRITE_FAILED',
    message: `expected a folder that can be written at ${checkpointFolder}, got: the file system is read-only`,
  });
  await expect(writeCheckpoint(checkpointFolder, checkpointOf(7), 2)).rejects.toThrow(
    `got: the file system is read-only; resume from ${before}, which is whole`,
  );
  expect(await readCheckpoint(checkpointFolder)).toMatchObject({ path: before, skipped: [] });
});

it('says so where a folder stands under a file', async () => {
  const file = newFolder();
  writeFileSync(file, '');
  await expect(collect({ checkpointFolder: join(file, 'checkpoints'), config: net })).rejects.toThrow(
    'got: a file stands in its place',
  );
});

it('warns at a resume of what may change the last bits, and of a GPU that sums up in any order', () => {
  const cpu = environmentOf(backend);
  expect(environmentWarnings(cpu, cpu)).toEqual([]);
  expect(environmentWarnings(cpu, { ...cpu, threads: cpu.threads + 1, version: '9' })).toEqual([
    expect.stringMatching(
      /^the checkpoint's version was .* and is now 9: the resumed run is as good, but not bit-equal/,
    ),
    expect.stringMatching(/^the checkpoint's threads was \d+ and is now \d+: /),
  ]);
  const gpu = { ...cpu, device: 'gpu', gpu: 'H100', tf32: false, deterministic: true };
  expect(environmentWarnings(gpu, gpu)).toEqual([]);
  expect(environmentWarnings(gpu, cpu)).toContainEqual(expect.stringContaining('gpu was H100 and is now none'));
  const loose = { ...gpu, deterministic: false };
  expect(environmentWarnings(loose, loose)).toEqual([expect.stringContaining('unless it is told to be deterministic')]);
});

it('counts the threads that TensorFlow is told to take, or else those that the process may use', () => {
  for (const [told, threads] of [
    ['3', 3],
    ['0', availableParallelism()],
    ['', availableParallelism()],
  ] as const) {
    vi.stubEnv('TF_NUM_INTRAOP_THREADS', told);
    expect(environmentOf(backend).threads, told).toBe(threads);
  }
});
