/** A sheet to draw an image of two levels on, by finger, mouse, pen or keys. */

import { mix, paletteOf } from './colours.js';
import { button, make } from './dom.js';
import type { OpenedModel } from './message.js';
import { ink, onTheme } from './theme.js';

const zoom = 10;

/** Of the pen, in pixels of the image: strokes are about as wide as MNIST's. */
const penRadius = 1.25;

export interface PadOptions {
  readonly model: OpenedModel;
  readonly name: string;
  /** Told when the image has changed; during a stroke too. */
  readonly onChange: () => void;
}

/**
 * A pad, and a button that puts an image of the model's on it.
 *
 * @param example Draws one.
 */
export function handOf(pad: SketchPad, example: () => Promise<Uint8Array<ArrayBuffer>>): HTMLElement {
  const put = () => void example().then((image) => pad.set(image));
  return make('div', { class: 'hand' }, pad.element, button('Begin with a drawn one', put));
}

export class SketchPad {
  readonly element: HTMLElement;
  readonly #options: PadOptions;
  readonly #canvas: HTMLCanvasElement;
  #levels: Uint8Array<ArrayBuffer>;
  #history: Uint8Array<ArrayBuffer>[] = [];
  /** Rows that can be drawn on; the others belong to the model. */
  #rows: number;
  #cursor: { y: number; x: number };
  #hasFocus = false;
  #last: { y: number; x: number } | undefined;
  /** Whether the stroke takes ink away. */
  #erases = false;

  constructor(options: PadOptions) {
    this.#options = options;
    const { height, width } = options.model.config;
    this.#levels = new Uint8Array(height * width);
    this.#rows = height;
    this.#cursor = { y: Math.floor(height / 4), x: Math.floor(width / 2) };
    this.#canvas = make('canvas', {
      class: 'pad',
      width: width * zoom,
      height: height * zoom,
      tabindex: 0,
      role: 'application',
      'aria-roledescription': 'drawing pad',
      'aria-label': `${options.name}. Draw with a pointer, or move with the arrow keys and press space for ink, delete for paper.`,
    });
    this.#listen();
    const erase = make('input', { type: 'checkbox', on: { change: () => (this.#erases = erase.checked) } });
    this.element = make(
      'div',
      { class: 'sheet' },
      this.#canvas,
      make(
        'div',
        { class: 'actions' },
        button('Undo', () => this.#undo()),
        button('Clear', () => this.#clear()),
        make('label', { class: 'check' }, erase, ' Eraser'),
      ),
    );
    onTheme(() => this.#paint());
    this.#paint();
  }

  /** `[height, width]`, 1 for ink. */
  get levels(): Uint8Array<ArrayBuffer> {
    return this.#levels;
  }

  get isBlank(): boolean {
    return !this.#levels.includes(1);
  }

  set(levels: Uint8Array<ArrayBuffer>): void {
    this.#remember();
    this.#levels = levels.slice();
    this.#cut();
    this.#changed();
  }

  set rows(rows: number) {
    this.#rows = rows;
    this.#cut();
    this.#paint();
  }

  /** Nothing stays on rows that are the model's. */
  #cut(): void {
    this.#levels.fill(0, this.#rows * this.#options.model.config.width);
  }

  #listen(): void {
    const canvas = this.#canvas;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.#remember();
      this.#last = this.#at(event);
      this.#stroke(this.#last);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.#last === undefined) return;
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length > 0 ? all : [event]) this.#stroke(this.#at(one));
    });
    const lift = () => {
      this.#last = undefined;
    };
    canvas.addEventListener('pointerup', lift);
    canvas.addEventListener('pointercancel', lift);
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('focus', () => {
      this.#hasFocus = canvas.matches(':focus-visible');
      this.#paint();
    });
    canvas.addEventListener('blur', () => {
      this.#hasFocus = false;
      this.#paint();
    });
  }

  #at({ clientX, clientY }: PointerEvent): { y: number; x: number } {
    const box = this.#canvas.getBoundingClientRect();
    const { height, width } = this.#options.model.config;
    return { y: ((clientY - box.top) / box.height) * height, x: ((clientX - box.left) / box.width) * width };
  }

  /** Ink along the line from where the pen was. */
  #stroke(to: { y: number; x: number }): void {
    const from = this.#last ?? to;
    const { width } = this.#options.model.config;
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.y - from.y, to.x - from.x)));
    for (let step = 0; step <= steps; step++) {
      const y = from.y + ((to.y - from.y) * step) / steps;
      const x = from.x + ((to.x - from.x) * step) / steps;
      for (let row = Math.max(0, Math.floor(y - penRadius)); row <= y + penRadius && row < this.#rows; row++) {
        for (let column = Math.max(0, Math.floor(x - penRadius)); column <= x + penRadius && column < width; column++) {
          if (Math.hypot(row + 0.5 - y, column + 0.5 - x) > penRadius) continue;
          this.#levels[row * width + column] = this.#erases ? 0 : 1;
        }
      }
    }
    this.#last = to;
    this.#changed();
  }

  #key(event: KeyboardEvent): void {
    const { width } = this.#options.model.config;
    const { y, x } = this.#cursor;
    const to = {
      ArrowUp: { y: Math.max(0, y - 1), x },
      ArrowDown: { y: Math.min(this.#rows - 1, y + 1), x },
      ArrowLeft: { y, x: Math.max(0, x - 1) },
      ArrowRight: { y, x: Math.min(width - 1, x + 1) },
    }[event.key];
    const level = { ' ': 1, Enter: 1, Delete: 0, Backspace: 0 }[event.key];
    if (to === undefined && level === undefined) return;
    event.preventDefault();
    this.#hasFocus = true;
    if (to !== undefined) this.#cursor = to;
    if (level === undefined) {
      this.#paint();
      return;
    }
    this.#remember();
    this.#levels[y * width + x] = level;
    this.#changed();
  }

  #remember(): void {
    this.#history.push(this.#levels.slice());
    if (this.#history.length > 100) this.#history.shift();
  }

  #undo(): void {
    const before = this.#history.pop();
    if (before === undefined) return;
    this.#levels = before;
    this.#cut();
    this.#changed();
  }

  #clear(): void {
    this.set(new Uint8Array(this.#levels.length));
  }

  #changed(): void {
    this.#paint();
    this.#options.onChange();
  }

  #paint(): void {
    const context = this.#canvas.getContext('2d')!;
    const { config } = this.#options.model;
    const [paper, dark] = paletteOf(config);
    const { unknown, glow } = ink();
    for (let i = 0; i < this.#levels.length; i++) {
      const [row, column] = [Math.floor(i / config.width), i % config.width];
      const colour = row >= this.#rows ? unknown : this.#levels[i] === 1 ? dark! : paper!;
      // A faint weave, so that pixels can be told apart while there are none.
      const isWoven = (row + column) % 2 === 0 && row < this.#rows && this.#levels[i] === 0;
      const shade = isWoven ? mix(colour, unknown, 0.35) : colour;
      context.fillStyle = `rgb(${shade.join(' ')})`;
      context.fillRect(column * zoom, row * zoom, zoom, zoom);
    }
    context.strokeStyle = context.fillStyle = `rgb(${glow.join(' ')})`;
    if (this.#rows < config.height) context.fillRect(0, this.#rows * zoom - 1, config.width * zoom, 2);
    if (!this.#hasFocus) return;
    context.lineWidth = 3;
    context.strokeRect(this.#cursor.x * zoom - 1, this.#cursor.y * zoom - 1, zoom + 2, zoom + 2);
  }
}

/** Calls back at most every so often, and after the last call once more. */
export function throttled(ms: number, act: () => void): () => void {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    setTimeout(() => {
      isWaiting = false;
      act();
    }, ms);
  };
}
