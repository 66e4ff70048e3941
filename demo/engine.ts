/** A worker with a model in it, as the page sees it: promises, and a way to give work up. */

import type { Drawing, Kind, OpenedModel, Order, Report, Works } from './message.js';

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Told of pixels as they come, of work that draws. */
  readonly onDrawing?: (drawing: Drawing) => void;
}

interface Job {
  resolve(made: never): void;
  reject(error: unknown): void;
  readonly onDrawing: RunOptions['onDrawing'];
}

export class Engine {
  readonly model: OpenedModel;
  readonly #port: Port;

  private constructor(port: Port, model: OpenedModel) {
    this.#port = port;
    this.model = model;
  }

  /**
   * Starts a worker and opens a model in it.
   *
   * @param model The bytes of a model file, which are copied.
   */
  static async open(model: ArrayBuffer): Promise<Engine> {
    const port = new Port();
    try {
      return new Engine(port, await port.run('open', { model }, {}));
    } catch (error) {
      port.end();
      throw error;
    }
  }

  /** Rejects with the signal's reason once that is given up. */
  run<K extends Exclude<Kind, 'open'>>(
    kind: K,
    given: Works[K]['given'],
    options: RunOptions = {},
  ): Promise<Works[K]['made']> {
    return this.#port.run(kind, given, options);
  }

  dispose(): void {
    this.#port.end();
  }
}

/** Jobs under way in a worker, by number. */
class Port {
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  readonly #jobs = new Map<number, Job>();
  #last = 0;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<Report>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.#jobs.values())
        reject(new Error(event.message || 'the worker could not be started'));
      this.#jobs.clear();
    };
  }

  run<K extends Kind>(kind: K, given: Works[K]['given'], { signal, onDrawing }: RunOptions): Promise<Works[K]['made']> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const job = ++this.#last;
      this.#jobs.set(job, { resolve, reject, onDrawing });
      this.#post({ type: 'work', job, kind, given } as Order);
      signal?.addEventListener('abort', () => {
        if (!this.#jobs.delete(job)) return;
        this.#post({ type: 'stop', job });
        reject(signal.reason);
      });
    });
  }

  end(): void {
    this.#worker.terminate();
    this.#jobs.clear();
  }

  #post(order: Order): void {
    this.#worker.postMessage(order);
  }

  #hear(report: Report): void {
    const job = this.#jobs.get(report.job);
    if (job === undefined) return; // given up meanwhile
    if (report.type === 'step') {
      job.onDrawing?.(report.step);
      return;
    }
    this.#jobs.delete(report.job);
    if (report.type === 'done') job.resolve(report.made as never);
    else job.reject(new Error(report.message));
  }
}

/** Work of which only the newest counts: each call gives the one before up. */
export class Newest {
  #controller = new AbortController();

  /** A signal for new work. */
  next(): AbortSignal {
    this.#controller.abort(superseded);
    this.#controller = new AbortController();
    return this.#controller.signal;
  }
}

const superseded = new DOMException('newer work has taken its place', 'AbortError');

/** Whether work was given up for newer work, of which nobody need be told. */
export function isSuperseded(error: unknown): boolean {
  return error === superseded;
}
