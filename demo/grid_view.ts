/** Images in a grid on a canvas. Pixels glow when they come, and cool. */

import type { Config } from 'pixelcnn';
import { mix, paletteOf } from './colours.js';
import type { Levels } from './message.js';
import { ink, isCalm, onTheme } from './theme.js';

/** Milliseconds until a pixel has cooled. */
const coolAfter = 420;

/** Pixels between two images. */
const gap = 2;

const undrawn = 0xffff;

export class GridView {
  readonly canvas: HTMLCanvasElement;
  #config: Config;
  #count = 1;
  #columns = 1;
  /** Of all images; `undrawn` where nothing is drawn yet. */
  #levels = new Uint16Array();
  /** When each pixel came. */
  #came = new Float64Array();
  #frame = 0;
  #selected = -1;

  constructor(config: Config, canvas: HTMLCanvasElement) {
    this.#config = config;
    this.canvas = canvas;
    onTheme(() => this.#ask());
    new ResizeObserver(() => this.#fit()).observe(canvas.parentElement ?? canvas);
  }

  get size(): number {
    return this.#config.height * this.rowLength;
  }

  /** Pixels of a row: of several channels these side by side. */
  get rowLength(): number {
    return this.#config.width * this.#config.channels;
  }

  /** Starts anew, with nothing drawn. */
  clear(count: number, columns: number, config = this.#config): void {
    this.#config = config;
    this.#count = count;
    this.#columns = Math.min(columns, count);
    this.#levels = new Uint16Array(count * this.size).fill(undrawn);
    this.#came = new Float64Array(count * this.size);
    this.#selected = -1;
    const rows = Math.ceil(count / this.#columns);
    this.canvas.width = this.#columns * (this.rowLength + gap) + gap;
    this.canvas.height = rows * (config.height + gap) + gap;
    this.#fit();
    this.#ask();
  }

  /** Pixels as a worker reports them. */
  show(pixels: Uint32Array): void {
    const now = isCalm() ? 0 : performance.now();
    for (let i = 0; i < pixels.length; i += 3) {
      const at = pixels[i]! * this.size + pixels[i + 1]!;
      this.#levels[at] = pixels[i + 2]!;
      this.#came[at] = now;
    }
    this.#ask();
  }

  /** Whole images at once. */
  set(levels: Levels): void {
    this.#levels.set(levels);
    this.#came.fill(0);
    this.#ask();
  }

  /** One image, just drawn. */
  put(image: number, levels: Levels): void {
    this.#levels.set(levels, image * this.size);
    this.#came.fill(isCalm() ? 0 : performance.now(), image * this.size, (image + 1) * this.size);
    this.#ask();
  }

  select(image: number): void {
    if (image === this.#selected) return;
    this.#selected = image;
    this.#ask();
  }

  /** What lies under a pointer. */
  at({ clientX, clientY }: { clientX: number; clientY: number }): { image: number; y: number; x: number } | undefined {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    const [cellX, cellY] = [this.rowLength + gap, this.#config.height + gap];
    const [left, top] = [(clientX - box.left) * scale - gap, (clientY - box.top) * scale - gap];
    const [column, row] = [Math.floor(left / cellX), Math.floor(top / cellY)];
    const [x, y] = [Math.floor(left - column * cellX), Math.floor(top - row * cellY)];
    const image = row * this.#columns + column;
    const isIn = column >= 0 && column < this.#columns && row >= 0 && image < this.#count;
    return isIn && x >= 0 && x < this.rowLength && y >= 0 && y < this.#config.height ? { image, y, x } : undefined;
  }

  /** As wide as it may be while each pixel is a whole number of the screen's. */
  #fit(): void {
    const room = (this.canvas.parentElement?.clientWidth ?? 0) * devicePixelRatio;
    if (room === 0) return;
    const scale = Math.max(1, Math.floor(room / this.canvas.width));
    this.canvas.style.width = `${(scale * this.canvas.width) / devicePixelRatio}px`;
  }

  #ask(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#paint(now));
  }

  #paint(now: number): void {
    this.#frame = 0;
    const context = this.canvas.getContext('2d')!;
    const { paper, glow, unknown } = ink();
    const colours = paletteOf(this.#config);
    const [width, height] = [this.rowLength, this.#config.height];
    const picture = context.createImageData(width, height);
    let isWarm = false;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (let image = 0; image < this.#count; image++) {
      for (let i = 0; i < this.size; i++) {
        const at = image * this.size + i;
        const level = this.#levels[at]!;
        let colour = level === undrawn ? unknown : (colours[level] ?? paper);
        const age = now - this.#came[at]!;
        if (level !== undrawn && age < coolAfter) {
          isWarm = true;
          // Ink stays hot; paper shows the front and is soon cold.
          const heat = 1 - Math.max(0, age) / coolAfter;
          colour = mix(colour, glow, level === 0 ? 0.5 * heat ** 3 : heat);
        }
        const to = 4 * i;
        picture.data[to] = colour[0];
        picture.data[to + 1] = colour[1];
        picture.data[to + 2] = colour[2];
        picture.data[to + 3] = 255;
      }
      const [left, top] = [
        gap + (image % this.#columns) * (width + gap),
        gap + Math.floor(image / this.#columns) * (height + gap),
      ];
      if (image === this.#selected) {
        context.fillStyle = `rgb(${glow.join(' ')})`;
        context.fillRect(left - 1, top - 1, width + 2, height + 2);
      }
      context.putImageData(picture, left, top);
    }
    if (isWarm) this.#ask();
  }
}
