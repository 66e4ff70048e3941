/** Draws images of one model as the visitor asks for them, and shows what the model thought. */

import { paletteOf } from './colours.js';
import { seedControl, select, slider } from './controls.js';
import { button, choice, duration, integer, make } from './dom.js';
import { type Engine, isSuperseded, Newest } from './engine.js';
import { GridView } from './grid_view.js';
import { Inspector } from './inspector.js';
import type { Drawn, Levels } from './message.js';
import type { Settings } from './settings.js';
import { isCalm } from './theme.js';

export type StudioSettings = Pick<Settings, 'seed' | 'count' | 'label' | 'temperature' | 'pace'>;

export interface StudioOptions {
  readonly engine: Engine;
  /** What the model's file is called on the command line. */
  readonly file: string;
  readonly settings: StudioSettings;
  /** Told of what the visitor changes. */
  readonly onChange: (patch: Partial<StudioSettings>) => void;
  /** Controls of the caller's, before the others. */
  readonly before?: readonly HTMLElement[];
}

const counts = [1, 16, 64];

export class Studio {
  readonly element: HTMLElement;
  readonly #options: StudioOptions;
  readonly #grid: GridView;
  readonly #inspector: Inspector;
  readonly #status = make('p', { class: 'status', role: 'status' });
  readonly #command = make('code', {});
  readonly #newest = new Newest();
  readonly #looking = new Newest();
  #settings: StudioSettings;
  #drawn: Drawn | undefined;
  /** The logits of images that were looked at. */
  #logits = new Map<number, Float32Array>();
  #cursor = { image: 0, y: 0, x: 0 };

  constructor(options: StudioOptions) {
    this.#options = options;
    const { classes = 0 } = options.engine.model.config;
    this.#settings = { ...options.settings, label: options.settings.label < classes ? options.settings.label : -1 };
    const canvas = make('canvas', {
      class: 'grid',
      tabindex: 0,
      role: 'application',
      'aria-roledescription': 'drawn images',
      'aria-label': 'Drawn images. Arrow keys walk from pixel to pixel, page up and page down from image to image.',
    });
    this.#grid = new GridView(options.engine.model.config, canvas);
    this.#inspector = new Inspector(options.engine.model, (y, x) => this.#look({ ...this.#cursor, y, x }));
    const point = (event: PointerEvent) => {
      const at = this.#grid.at(event);
      if (at !== undefined) this.#look(at);
    };
    canvas.addEventListener('pointermove', point);
    canvas.addEventListener('pointerdown', point);
    canvas.addEventListener('keydown', (event) => this.#walk(event));
    this.#inspector.words.append(this.#commandLine());
    this.element = make(
      'div',
      { class: 'studio' },
      make('div', { class: 'stage' }, make('div', { class: 'wall' }, canvas), this.#status),
      this.#controls(),
      this.#inspector.element,
    );
  }

  async draw(): Promise<void> {
    const { seed, count, label, temperature, pace } = this.#settings;
    const { engine } = this.#options;
    const signal = this.#newest.next();
    this.#looking.next();
    this.#drawn = undefined;
    this.#logits.clear();
    this.#inspector.clear();
    this.#grid.clear(count, columnsOf(count, engine.model.config));
    this.#tellCommand();
    this.#status.textContent = `Drawing ${images(count)} …`;
    try {
      const asked = { seed, count, temperature, pace: isCalm() ? 0 : pace, ...(label < 0 ? {} : { label }) };
      const drawn = await engine.run('draw', asked, { signal, onDrawing: ({ pixels }) => this.#grid.show(pixels) });
      this.#drawn = drawn;
      const mean = drawn.nats.reduce((sum, nats) => sum + nats, 0) / count;
      this.#status.textContent = `${images(count)} of seed ${seed} in ${duration(drawn.ms)} of computing, ${mean.toFixed(1)} nats each.`;
    } catch (error) {
      if (!isSuperseded(error)) this.#status.textContent = `It could not be drawn: ${(error as Error).message}`;
    }
  }

  #change(patch: Partial<StudioSettings>): void {
    this.#settings = { ...this.#settings, ...patch };
    this.#options.onChange(patch);
    void this.draw();
  }

  #controls(): HTMLElement {
    const { engine, before = [] } = this.#options;
    const { classNames, config } = engine.model;
    const { classes = 0 } = config;
    const { seed, count, label, temperature, pace } = this.#settings;
    const names = Array.from({ length: classes }, (_, i) => ({ value: i, text: classNames?.[i] ?? String(i) }));
    const choose = (label: number) => this.#change({ label });
    const labels = [{ value: -1, text: 'all' }, ...names];
    const few = names.length <= 12 && names.every(({ text }) => text.length <= 12);
    const paces = [
      { value: 0, text: 'at full speed' },
      { value: 14, text: 'to watch' },
      { value: 90, text: 'slowly' },
    ];
    return make(
      'div',
      { class: 'controls' },
      ...before,
      ...(classes === 0 ? [] : [few ? choice('Class', labels, label, choose) : select('Class', labels, label, choose)]),
      choice(
        'Images',
        counts.map((value) => ({ value, text: String(value) })),
        count,
        (count) => this.#change({ count }),
      ),
      choice('Draw', paces, pace, (pace) => this.#change({ pace })),
      seedControl(seed, (seed) => this.#change({ seed })),
      slider(
        'Temperature',
        { min: 0, max: 1.5, step: 0.05, value: temperature },
        (value) => value.toFixed(2),
        (temperature) => this.#change({ temperature }),
      ),
      make(
        'div',
        { class: 'actions' },
        button('Draw again', () => void this.draw(), { class: 'main' }),
        button('Save as PNG', () => this.#save()),
      ),
    );
  }

  #commandLine(): HTMLElement {
    this.#tellCommand();
    return make('p', { class: 'command' }, 'The same pixels on the command line:', this.#command);
  }

  #tellCommand(): void {
    const { seed, count, label, temperature } = this.#settings;
    const more = `${label < 0 ? '' : ` --label ${label}`}${temperature === 1 ? '' : ` --temperature ${temperature}`}`;
    this.#command.textContent = `npx pixelcnn sample --model ${this.#options.file} --count ${count} --seed ${seed}${more}`;
  }

  /** Keys go from pixel to pixel as a pointer does. */
  #walk(event: KeyboardEvent): void {
    const { height } = this.#options.engine.model.config;
    const { image, y, x } = this.#cursor;
    const width = this.#grid.rowLength;
    const to = {
      ArrowUp: { image, y: Math.max(0, y - 1), x },
      ArrowDown: { image, y: Math.min(height - 1, y + 1), x },
      ArrowLeft: { image, y, x: Math.max(0, x - 1) },
      ArrowRight: { image, y, x: Math.min(width - 1, x + 1) },
      PageUp: { image: Math.max(0, image - 1), y, x },
      PageDown: { image: Math.min(this.#settings.count - 1, image + 1), y, x },
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    void this.#look(to);
  }

  async #look(at: { image: number; y: number; x: number }): Promise<void> {
    const drawn = this.#drawn;
    if (drawn === undefined) return;
    this.#cursor = at;
    this.#grid.select(at.image);
    const label = drawn.labels?.[at.image];
    const levels = this.#image(drawn, at.image);
    const signal = this.#looking.next();
    let logits = this.#logits.get(at.image);
    if (logits === undefined) {
      try {
        logits = await this.#options.engine.run('look', { image: levels, label }, { signal });
      } catch (error) {
        if (isSuperseded(error)) return;
        throw error;
      }
      this.#logits.set(at.image, logits);
    }
    this.#inspector.show({ levels, label, logits }, at.y, at.x);
  }

  #image({ data }: Drawn, image: number): Levels {
    return data.slice(image * this.#grid.size, (image + 1) * this.#grid.size);
  }

  /** The images as a PNG file, each pixel eight wide. */
  #save(): void {
    if (this.#drawn === undefined) return;
    const { config } = this.#options.engine.model;
    const view = this.#grid.canvas;
    const zoom = Math.max(1, Math.min(8, Math.floor(4096 / Math.max(view.width, view.height))));
    const canvas = make('canvas', { width: view.width * zoom, height: view.height * zoom });
    const context = canvas.getContext('2d')!;
    context.fillStyle = `rgb(${paletteOf(config)[0]!.join(' ')})`;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    context.drawImage(view, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => {
      if (blob === null) return;
      const link = make('a', { href: URL.createObjectURL(blob), download: `pixelcnn-seed-${this.#settings.seed}.png` });
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
}

/** Columns of a grid that is about as wide as high. */
function columnsOf(count: number, { width, height }: { width: number; height: number }): number {
  return Math.max(1, Math.round(Math.sqrt((count * height) / width)));
}

function images(count: number): string {
  return `${integer(count)} image${count === 1 ? '' : 's'}`;
}
