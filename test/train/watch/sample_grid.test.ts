import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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
