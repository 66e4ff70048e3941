/** Naive against incremental: the same kernels, the same pixels, on the visitor's own machine. */

import { button, duration, integer, make } from './dom.js';
import { type Engine, isSuperseded } from './engine.js';
import { GridView } from './grid_view.js';
import type { Drawn } from './message.js';

/** Images on the incremental side's wall. */
const wallSize = 64;

/** @param open Starts a worker with the model. */
export function race(open: () => Promise<Engine>, seedOf: () => number): HTMLElement {
  const start = button('Start the race', () => void begin(), { class: 'main' });
  const stop = button('Stop', () => controller.abort(new DOMException('stopped', 'AbortError')), { disabled: true });
  const verdict = make('p', { class: 'status', role: 'status' });
  const slow = lane('Naive', 'The whole net for the whole image, again for each pixel.');
  const fast = lane('Incremental', 'Keeps what it has computed; for each front of pixels only what is new.');
  const element = make(
    'div',
    { class: 'race' },
    make('div', { class: 'actions' }, start, stop),
    verdict,
    make('div', { class: 'lanes' }, slow.element, fast.element),
  );
  let controller = new AbortController();
  let engines: Promise<readonly [Engine, Engine]> | undefined;

  async function begin(): Promise<void> {
    controller = new AbortController();
    const { signal } = controller;
    start.disabled = true;
    stop.disabled = false;
    verdict.textContent = 'Two workers open the model …';
    try {
      // Each has a thread of its own, so that neither waits for the other.
      engines ??= Promise.all([open(), open()]);
      const [one, other] = await engines;
      await run(one, other, signal);
    } catch (error) {
      if (!signal.aborted && !isSuperseded(error)) {
        engines = undefined;
        verdict.textContent = `The race could not be run: ${(error as Error).message}`;
      } else verdict.textContent = 'Stopped.';
    } finally {
      start.disabled = false;
      stop.disabled = true;
    }
  }

  async function run(one: Engine, other: Engine, signal: AbortSignal): Promise<void> {
    const { model } = one;
    const seed = seedOf();
    slow.begin(one, 1);
    fast.begin(other, wallSize);
    verdict.textContent = `Both draw image 0 of seed ${seed}.`;
    await other.run('draw', { seed, count: 1 }, { signal }); // so that neither side is charged for the first call's compiling
    const times: number[] = [];
    let first: Drawn | undefined;
    let isOver = false;
    const drawing = one
      .run(
        'draw',
        { seed, count: 1, method: 'naive' },
        {
          signal,
          onDrawing: ({ pixels, steps, ms }) => {
            slow.grid.show(pixels);
            slow.tell(
              `${integer(steps)} of ${integer(model.passes)}`,
              'forward passes',
              `${duration(ms)} so far; ${duration(ms / steps)} a pass`,
            );
          },
        },
      )
      .finally(() => {
        isOver = true;
      });
    drawing.catch(() => {}); // awaited below
    while (!isOver) {
      const index = times.length;
      const drawn = await other.run('draw', { seed, count: 1, startIndex: index }, { signal });
      first ??= drawn;
      times.push(drawn.ms);
      fast.grid.put(index % wallSize, drawn.data);
      fast.tell(
        '1 of 1',
        `forward pass, in ${integer(model.fronts)} fronts`,
        `${duration(mean(times))} an image; ${integer(times.length)} image${times.length === 1 ? '' : 's'} so far`,
      );
    }
    const naive = await drawing;
    const isSame = naive.data.every((level, i) => level === first!.data[i]);
    const ratio = naive.ms / mean(times);
    verdict.textContent =
      `Naive: ${duration(naive.ms)} for one image. Incremental: ${duration(mean(times))}, the mean of ${integer(times.length)} images. ` +
      `${integer(ratio)} times as fast here, and ${isSame ? 'every pixel of the image is the same' : 'the pixels differ, which they must not'}.`;
  }

  return element;
}

interface Lane {
  readonly element: HTMLElement;
  readonly grid: GridView;
  begin(engine: Engine, count: number): void;
  tell(count: string, of: string, more: string): void;
}

function lane(name: string, what: string): Lane {
  const canvas = make('canvas', { class: 'grid', role: 'img', 'aria-label': `What ${name.toLowerCase()} has drawn` });
  const count = make('strong', {}, '–');
  const of = make('span', {}, '');
  const more = make('p', { class: 'small' });
  let grid: GridView | undefined;
  const element = make(
    'section',
    { class: 'lane' },
    make('h3', {}, name),
    make('p', { class: 'small' }, what),
    make('p', { class: 'counter' }, count, make('br'), of),
    more,
    make('div', { class: 'wall' }, canvas),
  );
  return {
    element,
    get grid() {
      return grid!;
    },
    begin({ model: { config } }, images) {
      grid ??= new GridView(config, canvas);
      grid.clear(images, Math.ceil(Math.sqrt(images)), config);
    },
    tell(counted, unit, rest) {
      count.textContent = counted;
      of.textContent = unit;
      more.textContent = rest;
    },
  };
}

/** Not the median: whatever else the machine does meanwhile, the other side is charged for too. */
function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
