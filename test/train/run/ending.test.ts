import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { loadSampler } from '../../../ts/load.js';
import { readCheckpoint } from '../../../ts/train/run/checkpoint.js';
import { isOutOfPatience, limitsOf, lossBound } from '../../../ts/train/run/ending.js';
import type { TrainerOptions } from '../../../ts/train/run/plan.js';
import { type TrainEvent, type TrainOptions, train } from '../../../ts/train/train.js';
import { collect, only, plain, rich } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-ending-'));
afterAll(() => rmSync(folder, { recursive: true }));
let folders = 0;
const newFolder = (): string => join(folder, String(folders++));

const model = (events: TrainEvent[]) => only(events, 'model')[0]!;

it.each([
  [1, '0.1 0.2 1.0 1.1 1.2'],
  [2, '0.2 1.1'],
  [4, '1.1'],
])(
  'stops after every %i updates, after the last of an epoch with its validation, and comes to the same end',
  async (maxSteps, stops) => {
    const checkpointFolder = newFolder();
    const places: string[] = [];
    let events: TrainEvent[] = [];
    while (only(events, 'model').length === 0) {
      events = await collect({ ...rich, checkpointFolder, maxSteps, resume: places.length > 0 });
      for (const { limit, epoch, stepInEpoch, checkpoint } of only(events, 'pause')) {
        expect(limit).toBe('maxSteps');
        expect(events.at(-1)!.type).toBe('pause');
        expect((await readCheckpoint(checkpointFolder))!.path).toBe(checkpoint);
        places.push(`${epoch}.${stepInEpoch}`);
      }
    }
    expect(places).toEqual(stops.split(' '));
    expect(model(events).bytes).toEqual(model(await collect(rich)).bytes);
  },
);

it('stops after the minutes it was given', async () => {
  const checkpointFolder = newFolder();
  const events = await collect({ checkpointFolder, maxMinutes: 0 });
  expect(only(events, 'pause')).toMatchObject([{ limit: 'maxMinutes', epoch: 0, stepInEpoch: 1 }]);
  expect(only(await collect({ checkpointFolder, maxMinutes: 60, resume: true }), 'model')).toHaveLength(1);
});

it('counts minutes from its first call and updates from where the run went on', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const limit = limitsOf({ ...plain, maxSteps: 5, maxMinutes: 2 } as TrainerOptions, 10);
  const none = limitsOf(plain as TrainerOptions, 10);
  vi.advanceTimersByTime(2 * 60_000 - 1);
  expect([limit(11), limit(14), limit(15), limit(16)]).toEqual([undefined, undefined, 'maxSteps', 'maxSteps']);
  vi.advanceTimersByTime(1);
  expect([limit(11), limit(15), none(1e9)]).toEqual(['maxMinutes', 'maxSteps', undefined]);
  vi.useRealTimers();
});

it.each(['maxSteps', 'maxMinutes', 'checkpointEvery'])('asks for a checkpoint folder beside %s', async (name) => {
  await expect(collect({ [name]: 1 })).rejects.toThrow(
    new TypeError(`${name}: expected a checkpointFolder beside it, got none`),
  );
});

/** Rates too high to settle: val_loss goes up and down. */
const rough: TrainOptions = { learningRate: 0.3, epochs: 12, seed: 5 };

it('ends once epochs bring no better val_loss, with the weights of the best one, also across a stop', async () => {
  const patience = 2;
  const checkpointFolder = newFolder();
  const files = new Map<number, Uint8Array>();
  const whole: TrainEvent[] = [];
  for await (const event of train({ ...plain, ...rough, patience, checkpointFolder })) {
    if (event.type === 'epoch') files.set(event.epoch, await event.model());
    whole.push(event);
  }
  const { result, bytes } = model(whole);
  const losses = result.history.map(({ valLoss }) => valLoss);
  const best = losses.indexOf(Math.min(...losses)) + 1;
  expect(losses).toHaveLength(best + patience);
  expect(best + patience).toBeLessThan(12);
  expect(result.epoch).toBe(best);
  const [written, then] = await Promise.all([loadSampler(bytes), loadSampler(files.get(best)!)]);
  const noise = Uint8Array.from({ length: 42 }, (_, i) => (i * 7) % 2);
  expect(written.logProb(noise)).toEqual(then.logProb(noise));
  expect(written.metadata).toMatchObject({
    'training.epochs': String(best),
    'training.valLoss': Math.min(...losses).toFixed(6),
    'training.ended': `after ${best + patience} epochs, with the weights of the best one, epoch ${best}`,
  });
  expect(readdirSync(checkpointFolder)).toContain(`step-${String(3 * best).padStart(8, '0')}`);
  written.dispose();
  then.dispose();

  const broken = newFolder();
  const first = await collect({ ...rough, patience, checkpointFolder: broken, maxSteps: 3 * best + 1 });
  expect(only(first, 'pause')).toHaveLength(1);
  const second = await collect({ ...rough, patience, checkpointFolder: broken, resume: true });
  expect(model(second).bytes).toEqual(bytes);
  // What has ended stays ended, and gives the same again.
  const third = await collect({ ...rough, patience, checkpointFolder: broken, resume: true });
  expect(only(third, 'step')).toEqual([]);
  expect(model(third).bytes).toEqual(bytes);
});

it('writes the best weights at the last epoch too', async () => {
  const { result } = model(await collect({ ...rough, patience: 12 }));
  const losses = result.history.map(({ valLoss }) => valLoss);
  expect(losses).toHaveLength(12);
  expect(result.epoch).toBe(losses.indexOf(Math.min(...losses)) + 1);
});

it('counts from where patience is first asked for, and wants images to validate on', async () => {
  const checkpointFolder = newFolder();
  await collect({ checkpointFolder });
  const resumed = await collect({ checkpointFolder, epochs: 3, patience: 1, resume: true });
  expect(only(resumed, 'start')[0]!.warnings).toEqual([expect.stringContaining('patience was not asked for before')]);
  expect(model(resumed).result.epoch).toBe(3);
  await expect(collect({ patience: 1, validationSplit: 0 })).rejects.toThrow(
    'patience: expected images to validate on',
  );
  expect(isOutOfPatience([], 0, 1)).toBe(false);
  expect(isOutOfPatience([], 0, undefined)).toBe(false);
});

it.each([
  ['not a number', 1e38],
  ['without bounds', 1e3],
])('stops where the loss grows %s, names the step, and leaves the checkpoint before', async (_, learningRate) => {
  const checkpointFolder = newFolder();
  // A gentle start, so that there is a checkpoint to keep; then a rate that no net stands.
  const options = { learningRate, warmupSteps: 1, epochs: 50, checkpointFolder, checkpointEvery: 1 };
  const paths: string[] = [];
  const run = (async () => {
    for await (const event of train({ ...plain, ...options })) if (event.type === 'checkpoint') paths.push(event.path);
  })();
  await expect(run).rejects.toMatchObject({ code: 'DIVERGED' });
  const found = await readCheckpoint(checkpointFolder);
  const got = '(NaN|Infinity|\\d\\.\\d\\de\\+\\d+|\\d+) nats a value at step [123] of epoch \\d+';
  const advice = 'start a new run with a lower learning rate or with gradients clipped to norm 1';
  const kept = `${found?.path} holds the run as it was after ${found?.state.step} updates in all`;
  await expect(run).rejects.toThrow(
    new RegExp(`^training: expected the loss to fall, got ${got}; ${advice}; ${kept}$`),
  );
  expect(found?.path).toBe(paths.at(-1));
  for (const values of Object.values(found?.arrays ?? {})) expect(values.every(Number.isFinite)).toBe(true);
});

it('takes a loss for lost at a hundred times that of a guess, or of the first batch', () => {
  expect(lossBound(2, 0.7)).toBeCloseTo(70);
  expect(lossBound(2, 0.1)).toBeCloseTo(100 * Math.LN2);
  expect(lossBound(2, Number.POSITIVE_INFINITY)).toBe(Number.MAX_VALUE);
  expect(lossBound(2, Number.NaN)).toBeNaN();
});
