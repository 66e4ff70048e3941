import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { readCheckpoint } from '../../ts/train/run/checkpoint.js';
import { type TrainEvent, train } from '../../ts/train/train.js';
import { collect, only, plain } from './run/run.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-train-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('gives a result without being iterated, the same as the closing event of one that is', async () => {
  const { bytes, path, epoch, weights } = await train(plain).result;
  const events = await collect();
  const closing = events.filter(({ type }) => type === 'model' || type === 'pause');
  expect(closing).toEqual([events.at(-1)]);
  const [model] = only(events, 'model');
  expect(model).toEqual({ type: 'model', path, bytes, result: expect.objectContaining({ epoch, weights }) });
});

it('gives a result beside its events, asked for before or after them', async () => {
  const run = train(plain);
  const before = run.result;
  const events: TrainEvent[] = [];
  for await (const event of run) events.push(event);
  const [model] = only(events, 'model');
  expect((await before).bytes).toBe(model!.bytes);
  expect(await run.result).toEqual(await before);
});

it('begins only when it is asked', async () => {
  const said: string[] = [];
  const { backend: _, ...options } = plain;
  const run = train({ ...options, data: join(folder, 'none'), say: (line) => said.push(line) });
  await setTimeout(20);
  expect(said).toEqual([]);
  await expect(run.result).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
});

it('is iterated once', async () => {
  const run = train(plain);
  for await (const _ of run) break;
  expect(() => run[Symbol.asyncIterator]()).toThrow(
    new TypeError(
      'run: expected to be iterated once, and at once where its result is asked for too, got one that is iterated already; ' +
        'call train again for another run',
    ),
  );
  const awaited = train(plain);
  const { result } = awaited;
  await new Promise(setImmediate);
  await expect(async () => {
    for await (const _ of awaited);
  }).rejects.toThrow('got one that is awaited already');
  await result;
});

it.each([
  ['a step', (event: TrainEvent) => event.type === 'step' && event.epoch === 2 && event.step === 2],
  ['an epoch', (event: TrainEvent) => event.type === 'epoch'],
  ['validation', (event: TrainEvent) => event.type === 'validate'],
])(
  'stops with a checkpoint where its loop is left at %s, and goes on to the end of an unbroken run',
  async (at, is) => {
    const checkpointFolder = join(folder, at);
    const run = train({ ...plain, checkpointFolder });
    let steps = 0;
    for await (const event of run) {
      if (event.type === 'step') steps++;
      if (is(event)) break;
    }
    expect((await readCheckpoint(checkpointFolder))!.state.step).toBe(steps);
    await expect(run.result).rejects.toMatchObject({
      code: 'STOPPED',
      message:
        'training: expected to reach the last epoch, got left by the loop over its events; resume from its checkpoint, if it has one',
    });
    const resumed = await train({ ...plain, checkpointFolder, resume: true }).result;
    expect(resumed.bytes).toEqual((await train(plain).result).bytes);
  },
);

it('leaves nothing behind where its loop is left before the first update', async () => {
  const checkpointFolder = join(folder, 'unbegun');
  for await (const _ of train({ ...plain, checkpointFolder })) break;
  expect(existsSync(checkpointFolder) && (await readCheckpoint(checkpointFolder))).toBeFalsy();
});

it('is stopped before it has told of anything', async () => {
  const unbegun = train(plain);
  await unbegun[Symbol.asyncIterator]().return?.();
  await expect(unbegun.result).rejects.toMatchObject({ code: 'STOPPED' });
  const begun = train({ ...plain, epochs: 10_000 });
  const events = begun[Symbol.asyncIterator]();
  const first = events.next();
  await events.return?.();
  expect(await first).toMatchObject({ done: false, value: { type: 'backend' } });
  expect(await events.next()).toEqual({ done: true, value: undefined });
  await expect(begun.result).rejects.toMatchObject({ code: 'STOPPED' });
});

it('is left without a word by who aborts its signal and leaves the loop', async () => {
  const controller = new AbortController();
  const run = train({ ...plain, signal: controller.signal });
  for await (const { type } of run) {
    if (type !== 'step') continue;
    controller.abort(new Error('enough'));
    break;
  }
  await expect(run.result).rejects.toMatchObject({ code: 'STOPPED' });
});

it('throws out of the loop what its body throws, with a checkpoint written', async () => {
  const checkpointFolder = join(folder, 'thrown');
  const failed = (async () => {
    for await (const { type } of train({ ...plain, checkpointFolder })) if (type === 'step') throw new Error('mine');
  })();
  await expect(failed).rejects.toThrow('mine');
  expect((await readCheckpoint(checkpointFolder))!.state.step).toBe(1);
});

it('rejects its result where a limit stopped it, and says where to resume from', async () => {
  const checkpointFolder = join(folder, 'limit');
  const { result } = train({ ...plain, checkpointFolder, maxSteps: 1 });
  await expect(result).rejects.toMatchObject({
    code: 'STOPPED',
    message: `training: expected to reach the last epoch, got stopped by maxSteps in epoch 1, after 1 step; ${join(
      checkpointFolder,
      'step-00000001',
    )} is where to resume from`,
  });
});

it('is stopped by a signal, also while nobody iterates it', async () => {
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await expect(train({ ...plain, signal }).result).rejects.toBe(reason);
  const controller = new AbortController();
  const { result } = train({ ...plain, epochs: 10_000, signal: controller.signal });
  globalThis.setTimeout(() => controller.abort(reason), 50);
  await expect(result).rejects.toBe(reason);
});

/** Runs a program in a process of its own; returns what it printed. */
function program(source: string): string {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', source],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.trim();
}

it('leaves no rejection unhandled where only its events are asked for', () => {
  const printed = program(`
    import { train } from './ts/train/train.js';
    process.on('unhandledRejection', (reason) => console.log('unhandled', reason));
    try { for await (const _ of train({ data: '/nowhere/of/all' })); } catch (error) { console.log(error.code); }
    await new Promise((resolve) => setTimeout(resolve, 20));
  `);
  expect(printed).toBe('DATA_NOT_FOUND');
});

it("gives TensorFlow.js its caller's backend back: at the end, after an error, where the loop is left, after two at once", () => {
  const printed = program(`
    import { createRequire } from 'node:module';
    import { train } from './ts/train/train.js';
    import { blobs, smallConfig } from './test/train/support.js';
    const require = createRequire(import.meta.url);
    const tf = require('@tensorflow/tfjs-core');
    tf.env().set('IS_TEST', true); // keeps it from advertising
    require('@tensorflow/tfjs-backend-cpu');
    const options = { data: blobs(20, smallConfig), config: smallConfig, device: 'wasm', epochs: 1 };
    const seen = [];
    const state = () => tf.getBackend() + (tf.env().getBool('PROD') ? ' in production' : '');
    for await (const { type } of train(options)) if (type === 'step') seen.push(state());
    seen.push(state());
    for await (const { type } of train(options)) if (type === 'step') break;
    seen.push(state());
    await train({ ...options, learningRate: 1e38, epochs: 50 }).result.catch(({ code }) => seen.push(code));
    seen.push(state());
    const [first, second] = [train(options).result, train({ ...options, epochs: 3 }).result];
    await first;
    seen.push(state());
    await second;
    seen.push(state());
    console.log(seen.join(', '));
  `);
  const wasm = 'wasm in production';
  expect(printed).toBe([wasm, 'cpu', 'cpu', 'DIVERGED', 'cpu', wasm, 'cpu'].join(', '));
});

it('computes on the backend that it is given, whichever is the one of the moment', async () => {
  const require = createRequire(import.meta.url);
  const tf = require('@tensorflow/tfjs-core') as typeof import('@tensorflow/tfjs-core');
  require('@tensorflow/tfjs-backend-cpu');
  const { bytes } = await train(plain).result;
  await tf.setBackend('cpu');
  const backends = new Set<string>();
  for await (const event of train(plain)) {
    if (event.type === 'step') backends.add(tf.getBackend());
    if (event.type === 'model') expect(event.bytes).toEqual(bytes);
  }
  expect([...backends]).toEqual(['wasm']);
  expect(tf.getBackend()).toBe('cpu');
});
