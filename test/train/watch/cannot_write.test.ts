import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { TrainEvent } from '../../../ts/train/train.js';
import { lossCurve } from '../../../ts/train/watch/loss_curve.js';
import { metricsFile, readMetrics } from '../../../ts/train/watch/metrics.js';
import { sampleGrid } from '../../../ts/train/watch/sample_grid.js';
import type { Watcher } from '../../../ts/train/watch/watcher.js';
import { configJson, randomModel } from '../../wasm.js';
import { smallConfig } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-cannot-write-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'file');
writeFileSync(file, '');

const start: TrainEvent = {
  ...{ epoch: 0, stepInEpoch: 0, stepsPerEpoch: 3, history: [] },
  type: 'start',
} as unknown as TrainEvent;
const epoch: TrainEvent = {
  ...{ epoch: 1, epochs: 1, steps: 3, seconds: 1, loss: 1, valLoss: 1 },
  type: 'epoch',
  model: async () => randomModel(configJson(smallConfig), 1),
};

it.each<[what: string, watch: (where: string) => Watcher, event: TrainEvent]>([
  ['figures', (where) => metricsFile(join(where, 'metrics.jsonl')), start],
  ['a curve', lossCurve, start],
  ['samples', (where) => sampleGrid(where, { count: 1 }), epoch],
])('says what could not be written: %s', async (_, watch, event) => {
  const error = {
    name: 'PixelCnnError',
    code: 'WRITE_FAILED',
    message: expect.stringContaining(`expected to write ${file}`),
  };
  await expect(watch(file)(event)).rejects.toMatchObject(error);
  await expect(watch(folder)(undefined as never)).rejects.toMatchObject({ name: 'TypeError', argument: 'event' });
});

it('says so where a folder stands in the place of figures', async () => {
  const place = join(folder, 'metrics.jsonl');
  mkdirSync(place);
  await expect(readMetrics(place)).rejects.toMatchObject({ code: 'INVALID_DATA', name: 'PixelCnnError' });
  await expect(metricsFile(place)(start)).rejects.toMatchObject({ name: 'PixelCnnError' });
});
