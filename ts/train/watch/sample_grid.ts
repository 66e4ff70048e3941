// What the model draws after each epoch, always of one seed, so that one sees the same images grow sharper.

import { join } from 'node:path';
import { loadSampler } from '../../load.js';
import { replaceFile } from '../../node/files.js';
import { gridPng } from '../../node/png.js';
import type { Watcher } from './watcher.js';

export interface SampleGridOptions {
  /** Images of a grid, at least 1. Default: 25. */
  readonly count?: number;
  /** Default: 0. */
  readonly seed?: number;
}

/** Writes `epoch-0001.png` and so on into `folder`, drawn by the WASM sampler from the weights that were just validated. */
export function sampleGrid(folder: string, { count = 25, seed = 0 }: SampleGridOptions = {}): Watcher {
  return async (event) => {
    if (event.type !== 'epoch') return;
    const sampler = await loadSampler(await event.model());
    try {
      const { data, shape } = sampler.sample({ count, seed });
      const name = `epoch-${String(event.epoch).padStart(4, '0')}.png`;
      await replaceFile(join(folder, name), gridPng(data, shape, sampler.config.levels));
    } finally {
      sampler.dispose();
    }
  };
}
