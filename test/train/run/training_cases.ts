import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadCore } from '../../../ts/train/net/core.js';
import { readCheckpoint } from '../../../ts/train/run/checkpoint.js';
import type { TrainerEvent } from '../../../ts/train/run/event.js';
import type { TrainerOptions } from '../../../ts/train/run/plan.js';
import { planOf } from '../../../ts/train/run/plan.js';
import { trainSteps } from '../../../ts/train/run/trainer.js';
import type { Backend } from '../../../ts/train/tensorflow/backend.js';
import { type BackendName, blobs, openTestBackend, present, smallConfig } from '../support.js';

const core = await loadCore();

/** Everything that a recipe can have; images are shuffled always. */
const rich = { warmupSteps: 2, schedule: 'cosine', clipNorm: 0.5, emaDecay: 0.9 } as const;
const plain = {};
/** Of 45 images; micro-batches divide none of the batches. */
const threeAndThree = { epochs: 2, batchSize: 20 };
const six = { epochs: 1, batchSize: 8 };

/** What training must do on every backend; see model_cases.ts on why each has a file of its own. */
export function testTrainingOn(name: BackendName): void {
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-training-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let opened: Backend | undefined;
  beforeAll(async () => {
    opened = await openTestBackend(name);
  });
  let folders = 0;
  const options = (backend: Backend) => {
    const fixed = { data: blobs(50, smallConfig), backend, core, config: smallConfig, learningRate: 0.01, seed: 3 };
    return { ...fixed, checkpointFolder: join(folder, String(folders++)) };
  };

  it.for([
    [3, six, rich],
    [3, threeAndThree, rich],
    [1, threeAndThree, rich],
    [2, threeAndThree, plain],
    [4, threeAndThree, plain],
    [5, threeAndThree, rich],
  ] as const)(
    'ends after %i of 6 updates and the others as after 6 at once: %o %o',
    async ([stopAfter, ...parts], context) => {
      const asked = { ...options(present(opened, context)), ...parts[0], ...parts[1] };
      const unbroken = await endOf(asked);
      // By a limit after an epoch's validation, by a signal before it: the two ways to stop.
      for (const stop of ['limit', 'signal']) {
        const checkpointFolder = `${asked.checkpointFolder}-${stop}`;
        const broken = { ...asked, checkpointFolder };
        const controller = new AbortController();
        const reason = new Error('stopped by the test');
        const first = (async () => {
          const limit = stop === 'limit' ? { maxSteps: stopAfter } : { signal: controller.signal };
          let updates = 0;
          for await (const event of trainSteps({ ...broken, ...limit })) {
            if (event.type === 'step' && ++updates === stopAfter) controller.abort(reason);
          }
        })();
        await (stop === 'limit' ? expect(first).resolves.toBeUndefined() : expect(first).rejects.toBe(reason));
        expect((await readCheckpoint(checkpointFolder))?.state.step).toBe(stopAfter);
        const { weights, history } = await endOf({ ...broken, resume: true });
        expect(weights).toEqual(unbroken.weights);
        expect(history.map(({ loss, valLoss }) => [loss, valLoss])).toEqual(
          unbroken.history.map(({ loss, valLoss }) => [loss, valLoss]),
        );
      }
    },
  );

  it('holds forbidden weights, their averages and their moments at exactly 0 in every checkpoint', async (context) => {
    const asked = { ...options(present(opened, context)), ...threeAndThree, ...rich };
    const { mask } = planOf(asked).layout;
    const forbidden = [...mask.keys()].filter((i) => mask[i] === 0);
    expect(forbidden.length).toBeGreaterThan(50);
    let checkpoints = 0;
    for await (const event of trainSteps({ ...asked, checkpointEvery: 1, patience: 5 })) {
      if (event.type !== 'checkpoint') continue;
      checkpoints++;
      const { arrays } = (await readCheckpoint(asked.checkpointFolder))!;
      for (const [array, values] of Object.entries(arrays)) {
        const bad = forbidden.filter((i) => values[i] !== 0);
        expect(bad, `${array} after checkpoint ${checkpoints}`).toEqual([]);
        expect(values.some((value) => value !== 0)).toBe(true);
      }
    }
    expect(checkpoints).toBe(6);
  });

  const steps = process.env.PIXELCNN_TEST_ALL === '1' ? 2000 : 200;
  it(`keeps the number of live tensors over ${steps} steps, and the memory of the process in bounds`, async (context) => {
    const backend = present(opened, context);
    const before = backend.tf.memory().numTensors;
    const tiny = { ...smallConfig, filters: 4, blocks: 1, firstKernel: 3, headLayers: 0 };
    const asked = {
      ...options(backend),
      config: tiny,
      ...rich,
      epochs: steps / 10,
      batchSize: 4,
      validationSplit: 0.2,
    };
    const counts = new Set<number>();
    let [update, settled, last] = [0, 0, 0];
    for await (const event of trainSteps({ ...asked, checkpointEvery: 50 })) {
      if (event.type !== 'step') continue;
      update++;
      if (update > 1) counts.add(backend.tf.memory().numTensors);
      if (update === steps / 4) settled = process.memoryUsage().rss;
      last = process.memoryUsage().rss;
    }
    expect(update).toBe(steps);
    expect(counts.size).toBe(1);
    expect(backend.tf.memory().numTensors).toBe(before);
    // The garbage collector leaves some 20 MB lying.
    expect(last - settled).toBeLessThan(64 * 2 ** 20);
  }, 300_000);
}

async function endOf(options: TrainerOptions) {
  let last: TrainerEvent | undefined;
  for await (const event of trainSteps(options)) last = event;
  if (last?.type !== 'end') throw new Error(`expected the run to end, got ${last?.type}`);
  return last.result;
}
