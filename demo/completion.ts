/** The visitor draws the upper rows; the model draws the rest, ten times. */

import { change, settings } from './address.js';
import { packBits, unpackBits } from './bits.js';
import { bars, slider } from './controls.js';
import { choice, make, percent } from './dom.js';
import { type Engine, isSuperseded, Newest } from './engine.js';
import { GridView } from './grid_view.js';
import { handOf, SketchPad, throttled } from './sketch_pad.js';

/** Completions beside each other. */
const candidates = 10;

/** @param example An image to begin with, where the visitor has drawn none. */
export function completion(engine: Engine, example: () => Promise<Uint8Array<ArrayBuffer>>): HTMLElement {
  const { config, classNames } = engine.model;
  const { classes = 0, height, width } = config;
  const canvas = make('canvas', { class: 'grid', role: 'img', 'aria-label': 'Ten ways to go on' });
  const grid = new GridView(config, canvas);
  const costs = make('ol', { class: 'costs', 'aria-label': 'What the model’s part of each cost, in nats' });
  const shares = make('div', {});
  const status = make('p', { class: 'status', role: 'status' });
  const newest = new Newest();
  const as = () => (settings().as < classes ? settings().as : -1);
  const rows = () => Math.min(settings().rows, height - 1);
  const complete = throttled(120, () => void draw());
  const pad = new SketchPad({
    model: engine.model,
    name: 'The part of a digit that is given',
    onChange: () => {
      change({ hand: packBits(pad.levels) });
      complete();
    },
  });
  pad.rows = rows();

  async function draw(): Promise<void> {
    const signal = newest.next();
    grid.clear(candidates, 5);
    const given = pad.levels.slice();
    const isBlank = pad.isBlank;
    const known = Uint32Array.from(
      Array.from({ length: candidates }, (_, image) =>
        Array.from({ length: rows() * width }, (_, i) => [image, i, given[i]!]),
      ).flat(2),
    );
    grid.set(new Uint16Array(candidates * grid.size).fill(0xffff));
    grid.show(known);
    try {
      const made = await engine.run(
        'complete',
        {
          ...{ image: given, rows: rows(), count: candidates, seed: settings().seed, temperature: 1, pace: 4 },
          ...(as() < 0 ? {} : { label: as() }),
        },
        { signal, onDrawing: ({ pixels }) => grid.show(pixels) },
      );
      const least = Math.min(...made.drawnNats);
      costs.replaceChildren(
        ...[...made.drawnNats].map((nats, i) => {
          const name = made.labels === undefined ? '' : `${classNames?.[made.labels[i]!] ?? made.labels[i]}: `;
          return make('li', { class: nats === least ? 'likeliest' : undefined }, `${name}${nats.toFixed(1)}`);
        }),
      );
      if (made.shares !== undefined) {
        const named = [...made.shares].map((share, i) => ({
          name: classNames?.[i] ?? String(i),
          share,
          text: percent(share),
        }));
        shares.replaceChildren(make('h3', {}, 'What it could become'), bars(named));
      }
      const what = isBlank ? 'Nothing is drawn yet, so these are whatever begins with blank rows. ' : '';
      status.textContent = `${what}Ten ways to go on, in ${made.ms.toFixed(0)} ms; the cost of each in nats, least is likeliest.`;
    } catch (error) {
      if (!isSuperseded(error)) status.textContent = `It could not be finished: ${(error as Error).message}`;
    }
  }

  const names = Array.from({ length: classes }, (_, i) => ({ value: i, text: classNames?.[i] ?? String(i) }));
  const element = make(
    'div',
    { class: 'completion' },
    handOf(pad, example),
    make(
      'div',
      { class: 'outcome' },
      make('div', { class: 'wall' }, canvas),
      costs,
      status,
      make(
        'div',
        { class: 'controls' },
        slider(
          'Rows that are yours',
          { min: 1, max: height - 1, step: 1, value: rows() },
          (value) => `${value} of ${height}`,
          (value) => {
            change({ rows: value });
            pad.rows = value;
            complete();
          },
        ),
        ...(classes === 0
          ? []
          : [
              choice('As', [{ value: -1, text: 'whatever fits' }, ...names], as(), (chosen) => {
                change({ as: chosen });
                complete();
              }),
            ]),
      ),
      shares,
    ),
  );
  const { hand } = settings();
  if (hand === '') void example().then((image) => pad.isBlank && pad.set(image));
  else pad.set(unpackBits(hand, height * width));
  return element;
}
