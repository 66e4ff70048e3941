/** One image from near: for a pixel its probability, and which pixels it could look at; beside it what the model expected everywhere. */

import { mix, paletteOf } from './colours.js';
import { integer, make, percent } from './dom.js';
import type { Levels, OpenedModel } from './message.js';
import { ink, onTheme, type Rgb } from './theme.js';

/** Screen pixels for a pixel of an image, in the canvas. */
const zoom = 8;

export interface Looked {
  readonly levels: Levels;
  readonly label: number | undefined;
  /** As `logits` gives them. */
  readonly logits: Float32Array;
}

export class Inspector {
  readonly element: HTMLElement;
  /** What stands beside the pictures. */
  readonly words: HTMLElement;
  readonly #model: OpenedModel;
  readonly #seen: HTMLCanvasElement;
  readonly #expected: HTMLCanvasElement;
  readonly #text = make('p', { class: 'reading', 'aria-live': 'polite' });
  readonly #onPick: (y: number, x: number) => void;
  #image: Looked | undefined;
  #pixel: readonly [y: number, x: number] = [0, 0];

  /** @param onPick Told of a pixel that the visitor points at here. */
  constructor(model: OpenedModel, onPick: (y: number, x: number) => void) {
    this.#model = model;
    this.#onPick = onPick;
    const { height, width, channels } = model.config;
    const canvas = (name: string) =>
      make('canvas', { width: width * channels * zoom, height: height * zoom, role: 'img', 'aria-label': name });
    this.#seen = canvas('The chosen image, with the pixels that the chosen one could look at');
    this.#expected = canvas('What the model expected of each pixel');
    for (const one of [this.#seen, this.#expected]) {
      one.addEventListener('pointermove', (event) => this.#pick(one, event));
      one.addEventListener('pointerdown', (event) => this.#pick(one, event));
    }
    const figure = (one: HTMLCanvasElement, text: string) => make('figure', {}, one, make('figcaption', {}, text));
    this.words = make('div', {}, this.#text);
    this.element = make(
      'div',
      { class: 'inspector' },
      make(
        'div',
        { class: 'near' },
        figure(this.#seen, 'what it could look at'),
        figure(
          this.#expected,
          model.config.levels === 2 ? 'p(ink), before it was drawn' : 'how sure it was of each pixel',
        ),
      ),
      this.words,
    );
    this.clear();
    onTheme(() => this.#paint());
  }

  clear(): void {
    this.#image = undefined;
    this.#text.textContent = 'Point at a pixel, tap it, or walk there with the arrow keys.';
    for (const canvas of [this.#seen, this.#expected]) {
      canvas.getContext('2d')!.clearRect(0, 0, canvas.width, canvas.height);
    }
  }

  show(image: Looked, y: number, x: number): void {
    this.#image = image;
    this.#pixel = [y, x];
    this.#paint();
  }

  #pick(canvas: HTMLCanvasElement, { clientX, clientY }: PointerEvent): void {
    if (this.#image === undefined) return;
    const box = canvas.getBoundingClientRect();
    const { height, width, channels } = this.#model.config;
    const x = Math.floor(((clientX - box.left) / box.width) * width * channels);
    const y = Math.floor(((clientY - box.top) / box.height) * height);
    if (x >= 0 && y >= 0 && x < width * channels && y < height) this.#onPick(y, x);
  }

  #paint(): void {
    if (this.#image === undefined) return;
    const { config, field } = this.#model;
    const { levels } = this.#image;
    const [rowLength, { channels }] = [config.width * config.channels, config];
    const [y, x] = this.#pixel;
    const column = Math.floor(x / channels);
    const { paper, glow, ink: dark } = ink();
    const colours = paletteOf(config);
    const inside = field
      .map(([dy, dx]) => [y + dy, column + dx] as const)
      .filter(([row, at]) => row >= 0 && at >= 0 && at < config.width);
    const isSeen = new Set(inside.map(([row, at]) => row * config.width + at));
    fill(this.#seen, rowLength, config.height, (i) => {
      const seen = isSeen.has(Math.floor(i / rowLength) * config.width + Math.floor((i % rowLength) / channels));
      const colour = colours[levels[i]!]!;
      return seen ? mix(colour, glow, 0.38) : mix(colour, paper, 0.5);
    });
    outline(this.#seen, y, x, glow);
    fill(this.#expected, rowLength, config.height, (i) =>
      mix(paper, dark, config.levels === 2 ? this.#shareOf(i, 1) : this.#shareOf(i, levels[i]!)),
    );
    outline(this.#expected, y, x, glow);
    const others = inside.filter(([row, at]) => levels[(row * config.width + at) * channels] !== 0).length;
    const what = `Row ${y + 1}, column ${column + 1}: ${this.#nameOf(levels[y * rowLength + x]!)}.`;
    const kind = config.levels === 2 ? 'ink' : 'other than the first level';
    const saw = `It could look at ${integer(inside.length)} pixels before it, ${integer(others)} of them ${kind}`;
    this.#text.textContent = `${what} ${this.#odds(y * rowLength + x)} ${saw}; the net reaches ${integer(field.length)} at most.`;
  }

  /** p(level) of a pixel. */
  #shareOf(pixel: number, level: number): number {
    const { levels } = this.#model.config;
    const { logits } = this.#image!;
    if (levels === 2) return 1 / (1 + Math.exp(level === 1 ? -logits[pixel]! : logits[pixel]!));
    const own = logits.subarray(pixel * levels, (pixel + 1) * levels);
    const most = Math.max(...own);
    const all = own.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
    return Math.exp(own[level]! - most) / all;
  }

  #odds(pixel: number): string {
    const { levels } = this.#model.config;
    if (levels === 2) return `p(ink) was ${percent(this.#shareOf(pixel, 1))}.`;
    const shares = Array.from({ length: levels }, (_, level) => ({ level, share: this.#shareOf(pixel, level) }));
    const likeliest = shares.sort((a, b) => b.share - a.share).slice(0, 3);
    const odds = likeliest.map(({ level, share }) => `${this.#nameOf(level)} ${percent(share)}`).join(', ');
    return `Likeliest: ${odds}.`;
  }

  #nameOf(level: number): string {
    const { config, alphabet } = this.#model;
    if (alphabet !== undefined) return alphabet[level] === ' ' ? 'space' : `“${alphabet[level]}”`;
    if (config.levels === 2) return level === 1 ? 'ink' : 'paper';
    return `level ${level}`;
  }
}

function fill(canvas: HTMLCanvasElement, width: number, height: number, colour: (pixel: number) => Rgb): void {
  const context = canvas.getContext('2d')!;
  for (let i = 0; i < width * height; i++) {
    context.fillStyle = `rgb(${colour(i).join(' ')})`;
    context.fillRect((i % width) * zoom, Math.floor(i / width) * zoom, zoom, zoom);
  }
}

function outline(canvas: HTMLCanvasElement, y: number, x: number, [red, green, blue]: Rgb): void {
  const context = canvas.getContext('2d')!;
  context.lineWidth = 3;
  context.strokeStyle = `rgb(${red} ${green} ${blue})`;
  context.strokeRect(x * zoom - 1, y * zoom - 1, zoom + 2, zoom + 2);
}
