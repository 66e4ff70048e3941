/** What the model thinks of a digit that the visitor draws: how likely each pixel is, and which class it is of. */

import { mix } from './colours.js';
import { bars } from './controls.js';
import { make, percent } from './dom.js';
import { type Engine, isSuperseded, Newest } from './engine.js';
import type { Scored } from './message.js';
import { handOf, SketchPad, throttled } from './sketch_pad.js';
import { ink, onTheme } from './theme.js';

const zoom = 10;

/** Nats from which a pixel is as hot as can be: one that had a chance of 1 in 150. */
const hottest = 5;

/** @param example An image to begin with. */
export function judgement(engine: Engine, example: () => Promise<Uint8Array<ArrayBuffer>>): HTMLElement {
  const { config, classNames } = engine.model;
  const map = make('canvas', {
    ...{ class: 'heat', width: config.width * zoom, height: config.height * zoom, role: 'img' },
    'aria-label': 'How unexpected each pixel of the drawing is',
  });
  const classes = make('div', {});
  const status = make('p', { class: 'status', role: 'status' });
  const newest = new Newest();
  let last: { scored: Scored; levels: Uint8Array } | undefined;
  const judge = throttled(150, () => void score());
  const pad = new SketchPad({ model: engine.model, name: 'A digit to be judged', onChange: judge });

  async function score(): Promise<void> {
    const signal = newest.next();
    const image = pad.levels.slice();
    try {
      const scored = await engine.run('score', { image }, { signal });
      last = { scored, levels: image };
      paint();
      const { nats, probabilities } = scored;
      const bits = nats / Math.LN2 / image.length;
      status.textContent = `The whole drawing costs ${nats.toFixed(1)} nats, ${bits.toFixed(3)} bits a pixel.`;
      if (probabilities !== undefined) {
        const named = [...probabilities].map((share, i) => ({
          name: classNames?.[i] ?? String(i),
          share,
          text: percent(share),
        }));
        const best = named.reduce((a, b) => (b.share > a.share ? b : a));
        status.textContent += ` The model takes it for ${best.name}, at ${best.text}.`;
        classes.replaceChildren(bars(named));
      } else
        classes.replaceChildren(
          make('p', { class: 'small' }, 'This model has no classes, so it tells only how likely a drawing is.'),
        );
    } catch (error) {
      if (!isSuperseded(error)) status.textContent = `It could not be judged: ${(error as Error).message}`;
    }
  }

  /** Ink faintly, heat over it. */
  function paint(): void {
    if (last === undefined) return;
    const context = map.getContext('2d')!;
    const { paper, ink: dark, glow } = ink();
    last.scored.pixelNats.forEach((nats, i) => {
      const below = mix(paper, dark, last!.levels[i] === 1 ? 0.45 : 0);
      const heat = Math.min(1, nats / hottest) ** 0.6;
      context.fillStyle = `rgb(${mix(below, glow, heat).join(' ')})`;
      context.fillRect((i % config.width) * zoom, Math.floor(i / config.width) * zoom, zoom, zoom);
    });
  }
  onTheme(paint);

  const element = make(
    'div',
    { class: 'judgement' },
    handOf(pad, example),
    make(
      'figure',
      { class: 'map' },
      map,
      make(
        'figcaption',
        {},
        'Paper is as expected; the hotter a pixel, the less the model expected it, given those before.',
      ),
    ),
    make('div', { class: 'verdict' }, status, classes),
  );
  void example().then((image) => pad.isBlank && pad.set(image));
  return element;
}
