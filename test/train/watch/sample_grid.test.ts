import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { loadSampler } from '../../../ts/load.js';
import { gridPng } from '../../../ts/node/png.js';
import { Sampler } from '../../../ts/sampler.js';
import type { TrainEvent } from '../../../ts/train/train.js';
import { sampleGrid } from '../../../ts/train/watch/sample_grid.js';
import { configJson, randomModel } from '../../wasm.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-grid-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('draws 25 images of seed 0 unless asked otherwise, names them by epoch, and keeps no sampler', async () => {
  const bytes = randomModel(configJson({ height: 6, width: 5, filters: 4, blocks: 1 }), 3);
  const sampler = await loadSampler(bytes);
  const { data, shape } = sampler.sample({ count: 25, seed: 0 });
  sampler.dispose();
  const dispose = vi.spyOn(Sampler.prototype, 'dispose');
  const figures = { epochs: 20, steps: 3, seconds: 1, loss: 1, valLoss: 1 };
  const event: TrainEvent = { type: 'epoch', epoch: 12, ...figures, model: async () => bytes };
  await sampleGrid(folder)(event);
  expect(readdirSync(folder)).toEqual(['epoch-0012.png']);
  expect(readFileSync(join(folder, 'epoch-0012.png'))).toEqual(gridPng(data, shape, 2));
  expect(dispose).toHaveBeenCalledOnce();
});

it('is given up soon after the run is stopped, and leaves no file', async () => {
  const bytes = randomModel(configJson({ height: 128, width: 128, filters: 64, blocks: 6 }), 3);
  const figures = { epochs: 20, steps: 3, seconds: 1, loss: 1, valLoss: 1 };
  const stop = new AbortController();
  const event: TrainEvent = { type: 'epoch', epoch: 1, ...figures, model: async () => bytes, signal: stop.signal };
  setTimeout(() => stop.abort(), 10);
  const stopped = join(folder, 'stopped');
  await expect(sampleGrid(stopped)(event)).rejects.toThrow(
    'samples: expected time to draw those of epoch 1, got stopped meanwhile',
  );
  expect(existsSync(stopped)).toBe(false);
});
