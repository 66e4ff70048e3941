// Everything there is to see of a run, in one folder.

import { join } from 'node:path';
import { checkBoolean, checkFunction, checkText, ownOptions } from '../../arguments.js';
import { lossCurve } from './loss_curve.js';
import { metricsFile } from './metrics.js';
import { type SampleGridOptions, sampleGrid } from './sample_grid.js';
import { tensorBoard } from './tensorboard.js';
import { type Watcher, watchers } from './watcher.js';

/** Options of `watchRun`. */
export interface WatchOptions {
  /** The grids of samples; false for none. Default: 25 images of seed 0. */
  readonly samples?: SampleGridOptions | false;
  /** Also TensorBoard's event files, in `tensorboard/`. Default: false. */
  readonly tensorBoard?: boolean;
  /** Told, once each, what could not be drawn or written and why; the run goes on. Default: nobody. */
  readonly warn?: (line: string) => void;
}

/** Keeps `metrics.jsonl`, `loss.svg`, `loss.png`, and `samples/epoch-0001.png` and so on, in `folder`. Throws RangeError, TypeError. */
export function watchRun(folder: string, options: WatchOptions = {}): Watcher {
  checkText('folder', folder);
  const known = ['samples', 'tensorBoard', 'warn'];
  const { samples = {}, tensorBoard: events = false, warn = () => {} } = ownOptions('options', options, known);
  checkBoolean('tensorBoard', events);
  checkFunction('warn', warn);
  const metrics = join(folder, 'metrics.jsonl');
  return watchers(
    [
      metricsFile(metrics),
      ...(events ? [tensorBoard(join(folder, 'tensorboard'), { metrics })] : []),
      ...(samples === false ? [] : [sampleGrid(join(folder, 'samples'), samples)]),
      lossCurve(folder),
    ],
    warn,
  );
}
