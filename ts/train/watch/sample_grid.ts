// What the model draws after each epoch, always of one seed, so that one sees the same images grow sharper.

import { join } from 'node:path';
import { checkInteger, checkText, ownOptions } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import { loadSampler } from '../../load.js';
import { replaceFile } from '../../node/files.js';
import { inTurns } from '../../node/in_turns.js';
import { gridPng } from '../../node/png.js';
import { countRange, maxSeed } from '../../sample_options.js';
import type { Front, Samples } from '../../sampler.js';
import type { TrainEvent } from '../train_run.js';
import { type Watcher, writing } from './watcher.js';

/** Options of `sampleGrid`. */
export interface SampleGridOptions {
  /** Images of a grid, at least 1. Default: 25. */
  readonly count?: number;
  /** Default: 0. */
  readonly seed?: number;
}

/** Writes `epoch-0001.png` and so on into `folder`, drawn by the WASM sampler from the weights that were just validated. */
export function sampleGrid(folder: string, options: SampleGridOptions = {}): Watcher {
  checkText('folder', folder);
  const asked = ownOptions('samples', options, ['count', 'seed']);
  const count = checkInteger('samples.count', asked.count ?? 25, countRange);
  const seed = checkInteger('samples.seed', asked.seed ?? 0, { min: 0, max: maxSeed });
  return writing(async (event) => {
    if (event.type !== 'epoch') return;
    const sampler = await loadSampler(await event.model());
    try {
      const { data, shape } = await drawn(sampler.sampleSteps({ count, seed }), event);
      const { levels, input } = sampler.config;
      const name = `epoch-${String(event.epoch).padStart(4, '0')}.png`;
      await replaceFile(join(folder, name), gridPng(data, shape, levels, { input }));
    } finally {
      sampler.dispose();
    }
  });
}

/** Milliseconds that a grid has left once the run is stopped. */
const patience = 400;

/** What `steps` come to. Large images of large nets take minutes: given up soon after the run is stopped. */
function drawn(
  steps: Generator<Front, Samples, void>,
  { epoch, signal }: Extract<TrainEvent, { type: 'epoch' }>,
): Promise<Samples> {
  let stopped = Number.POSITIVE_INFINITY;
  return inTurns(steps, () => {
    const now = performance.now();
    if (signal?.aborted) stopped = Math.min(stopped, now);
    if (now - stopped < patience) return;
    throw new PixelCnnError('STOPPED', `samples: expected time to draw those of epoch ${epoch}, got stopped meanwhile`);
  });
}
