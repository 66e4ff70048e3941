/** Images in a grid on a canvas. Pixels glow when they come, and cool. */

import type { Config } from 'pixelcnn';
import { mix, paletteOf } from './colours.js';
import type { Levels } from './message.js';
import { ink, isCalm, onTheme, type Rgb } from './theme.js';

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
  /** Whether each image is to be painted. */
  #changed = new Uint8Array();
  #picture: ImageData | undefined;
  /** The picture's pixels. */
  #dots = new Uint32Array();
  #tints: Tints | undefined;
  #frame = 0;
  #selected = -1;

  constructor(config: Config, canvas: HTMLCanvasElement) {
    this.#config = config;
    this.canvas = canvas;
    onTheme(() => this.#repaint());
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
    this.#changed = new Uint8Array(count).fill(1);
    this.#tints = undefined;
    this.#selected = -1;
    const rows = Math.ceil(count / this.#columns);
    this.canvas.width = this.#columns * (this.rowLength + gap) + gap;
    this.canvas.height = rows * (config.height + gap) + gap;
    this.#picture = new ImageData(this.canvas.width, this.canvas.height);
    this.#dots = new Uint32Array(this.#picture.data.buffer);
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
      this.#changed[pixels[i]!] = 1;
    }
    this.#ask();
  }

  /** Whole images at once. */
  set(levels: Levels): void {
    this.#levels.set(levels);
    this.#came.fill(0);
    this.#changed.fill(1);
    this.#ask();
  }

  /** One image, just drawn. */
  put(image: number, levels: Levels): void {
    this.#levels.set(levels, image * this.size);
    this.#came.fill(isCalm() ? 0 : performance.now(), image * this.size, (image + 1) * this.size);
    this.#changed[image] = 1;
    this.#ask();
  }

  select(image: number): void {
    if (image === this.#selected) return;
    for (const one of [this.#selected, image]) if (one >= 0) this.#changed[one] = 1;
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

  #repaint(): void {
    this.#tints = undefined;
    this.#changed.fill(1);
    if (this.#picture !== undefined) this.#ask();
  }

  /** As wide as it may be while each pixel is a whole number of the screen's; where that would be only one, as wide as it may be. */
  #fit(): void {
    const room = (this.canvas.parentElement?.clientWidth ?? 0) * devicePixelRatio;
    if (room === 0) return;
    const most = room / this.canvas.width;
    const scale = most < 2 ? most : Math.floor(most);
    this.canvas.style.width = `${(scale * this.canvas.width) / devicePixelRatio}px`;
  }

  #ask(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#paint(now));
  }

  /** Paints the images that have changed or are warm, and no others: a wall of them is to leave a frame's time to everything else. */
  #paint(now: number): void {
    this.#frame = 0;
    this.#tints ??= tintsOf(this.#config);
    const { colours, unknown, glow } = this.#tints;
    for (let image = 0; image < this.#count; image++) {
      if (this.#changed[image] === 0) continue;
      let isWarm = false;
      const [left, top] = this.#cornerOf(image);
      for (let i = 0; i < this.size; i++) {
        const at = image * this.size + i;
        const level = this.#levels[at]!;
        const age = now - this.#came[at]!;
        const heat = age < coolAfter ? Math.min(hottest, Math.ceil(hottest * (1 - age / coolAfter))) : 0;
        if (heat > 0) isWarm = true;
        const to = (top + Math.floor(i / this.rowLength)) * this.canvas.width + left + (i % this.rowLength);
        this.#dots[to] = level === undrawn ? unknown : colours[level * (hottest + 1) + heat]!;
      }
      this.#frameOf(image, image === this.#selected ? glow : 0);
      this.#changed[image] = isWarm ? 1 : 0;
      if (isWarm) this.#ask();
    }
    this.canvas.getContext('2d')!.putImageData(this.#picture!, 0, 0);
  }

  #cornerOf(image: number): [left: number, top: number] {
    const column = image % this.#columns;
    const row = Math.floor(image / this.#columns);
    return [gap + column * (this.rowLength + gap), gap + row * (this.#config.height + gap)];
  }

  /** The line around an image. */
  #frameOf(image: number, colour: number): void {
    const [left, top] = this.#cornerOf(image);
    const [right, bottom] = [left + this.rowLength, top + this.#config.height];
    for (let x = left - 1; x <= right; x++) {
      this.#dots[(top - 1) * this.canvas.width + x] = colour;
      this.#dots[bottom * this.canvas.width + x] = colour;
    }
    for (let y = top - 1; y <= bottom; y++) {
      this.#dots[y * this.canvas.width + left - 1] = colour;
      this.#dots[y * this.canvas.width + right] = colour;
    }
  }
}

/** Shades from cold to hot, without the first. */
const hottest = 24;

/** Colours as a canvas holds them: a number for each pixel. */
interface Tints {
  /** Of each level from cold to hot, `[levels, hottest + 1]`. */
  readonly colours: Uint32Array;
  readonly unknown: number;
  readonly glow: number;
}

function tintsOf(config: Config): Tints {
  const { glow, unknown } = ink();
  const colours = paletteOf(config).flatMap((colour, level) =>
    Array.from({ length: hottest + 1 }, (_, step) => {
      const heat = step / hottest;
      // Ink stays hot; paper shows the front and is soon cold.
      return packed(mix(colour, glow, level === 0 ? 0.5 * heat ** 3 : heat));
    }),
  );
  return { colours: Uint32Array.from(colours), unknown: packed(unknown), glow: packed(glow) };
}

/** In the order of a canvas's bytes; every machine that runs browsers has the lowest first. */
function packed([red, green, blue]: Rgb): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
