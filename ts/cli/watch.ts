/** `sample --watch`: images in the terminal while they are drawn. */

import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Description } from '../config.js';
import type { GivenPixels } from '../given.js';
import { imageShape, imageSize, levelsArray } from '../images.js';
import type { Method } from '../sample_options.js';
import type { Sampler } from '../sampler.js';
import { macsOf, stepsOf, type Watcher } from './drawing.js';
import { thousands } from './format.js';
import { gap, linesOf, picture } from './picture.js';
import { colourBits, openScreen, tell, terminalSize } from './terminal.js';

export interface WatchRequest {
  readonly count: number;
  readonly seed: number;
  readonly startIndex: number;
  readonly method: Method;
  readonly given?: GivenPixels | undefined;
  /** Images that belong in one row. Default: as many as fit. */
  readonly perRow?: number | undefined;
}

/** All is drawn in so many milliseconds at least, by screens: 16 digits take a tenth of a second, which nobody sees. */
const leastTime = (screens: number): number => Math.min(10_000, Math.max(3000, 1000 * screens));

/** Milliseconds from one picture to the next. */
const frame = 40;

/** Multiply-adds of a step, by which something still moves and Ctrl-C is answered: a fraction of a second. */
const macsPerStep: Readonly<Record<Method, number>> = { wavefront: 2e9, cached: 2e9, naive: 4e9, reference: 5e8 };

/** Somebody who watches the terminal; undefined, after a sentence that says why, where nothing could be seen there. */
export function startWatching(sampler: Sampler, request: WatchRequest, signal: AbortSignal): Watcher | undefined {
  const plainly = (wanted: string, got: string): undefined => {
    tell(`--watch: expected ${wanted}, got ${got}; the images are drawn all the same`);
  };
  const { config, alphabet } = sampler;
  const { levels, input, height, width } = config;
  const look = { levels, input, alphabet, colourBits: colourBits() };
  const size = terminalSize();
  if (size === undefined) return plainly('a terminal', process.stdout.isTTY ? 'one that takes no commands' : 'none');
  const lines = linesOf(height, look);
  if (lines === undefined) return plainly(`a terminal with colours for ${levels} kinds of levels`, 'one without');
  const fits = { across: Math.floor((size.columns + gap) / (width + gap)), down: Math.floor(size.rows / (lines + 1)) };
  if (fits.across < 1 || fits.down < 1) {
    const wanted = `a terminal of at least ${width} columns and ${lines + 1} rows`;
    return plainly(wanted, `one of ${size.columns} and ${size.rows}`);
  }
  const most = mostAtOnce(request.method, sampler.describe());
  if (most < 1) return plainly('a net whose steps take a fraction of a second', 'one whose steps take longer');
  const { count, seed, startIndex, given, method } = request;
  const perRow = request.perRow !== undefined && request.perRow <= fits.across ? request.perRow : undefined;
  const images = Math.min((perRow ?? fits.across) * fits.down, most, count);
  const least = leastTime(count / images);
  const pixels = imageSize(config);
  const data = levelsArray(images * pixels, levels);
  const drawn = new Uint8Array(data.length);
  const screen = openScreen();
  const began = performance.now();
  let [first, now, shown, looked] = [0, 0, Number.NEGATIVE_INFINITY, 0];
  const show = (done: number): void => {
    const { columns, rows } = terminalSize() ?? size; // it may have another size by now
    const shape = imageShape(now, config);
    const room = { columns, rows: Math.floor(rows / (lines + 1)), ...(perRow !== undefined && { perRow }) };
    const { parts } = picture(data, shape, { ...look, ...room, drawn });
    const [from, to] = [startIndex + first, startIndex + first + now - 1];
    const which = count === 1 ? `image ${from}` : `images ${from} to ${to}, of ${thousands(count)}`;
    screen.show(...parts, `${which}, seed ${seed}, ${method}: ${thousands(done)} of ${thousands(now * pixels)} pixels`);
    shown = performance.now();
  };
  return {
    images,
    begin: (at, some) => {
      [first, now] = [at, some];
      drawn.fill(0);
      for (let i = 0; given !== undefined && i < some * pixels; i++) {
        const of = given.data.length === pixels ? i % pixels : at * pixels + i;
        if (given.known[of] !== 1) continue;
        data[i] = given.data[of]!;
        drawn[i] = 1;
      }
    },
    front: async ({ done, total, pixels: front }) => {
      for (let i = 0; i < front.length; i += 3) {
        const at = front[i]! * pixels + front[i + 1]!;
        data[at] = front[i + 2]!;
        drawn[at] = 1;
      }
      if (done === total || performance.now() - shown >= frame) show(done);
      const wait = began + (least * (first * pixels + done)) / (count * pixels) - performance.now();
      if (wait >= 1) await setTimeout(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
      else if (performance.now() - looked > frame)
        await setImmediate(); // lets Ctrl-C in
      else return;
      looked = performance.now();
    },
    close: screen.close,
  };
}

/** Images whose steps are short enough together. */
function mostAtOnce(method: Method, description: Description): number {
  return Math.floor((macsPerStep[method] * stepsOf(method, description)) / Math.max(1, macsOf(method, description)));
}
