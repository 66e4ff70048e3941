import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadCore } from '../../ts/core.js';
import { type TrainerEvent, trainSteps } from '../../ts/train/trainer.js';
import { blobs, openTestBackend, present, smallConfig } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-train-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('on native TensorFlow, goes on from a checkpoint bit for bit, with a constant number of live tensors', async (context) => {
  const backend = present(await openTestBackend('tensorflow'), context);
  const core = await loadCore();
  const data = blobs(100, smallConfig);
  const options = { data, backend, core, config: smallConfig, batchSize: 40, seed: 1, checkpointFolder: folder };
  const recipe = { warmupSteps: 2, clipNorm: 0.5, emaDecay: 0.9 };
  const run = async (epochs: number, resume: boolean): Promise<Float32Array> => {
    const counts: number[] = [];
    let end: TrainerEvent | undefined;
    for await (const event of trainSteps({ ...options, ...recipe, epochs, resume })) {
      if (event.type === 'step') counts.push(backend.tf.memory().numTensors);
      end = event;
    }
    expect(new Set(counts.slice(1)).size).toBe(1);
    if (end?.type !== 'end') throw new Error('expected the run to end');
    return end.result.weights;
  };
  const unbroken = await run(2, false);
  await run(1, false);
  expect(await run(2, true)).toEqual(unbroken);
});
