/** Drawing part by part, on one thread or on several: the same images. */

import type { Description } from '../config.js';
import { PixelCnnError } from '../error.js';
import { inTurns } from '../node/in_turns.js';
import { defaultWorkers, loadSamplerPool, type PoolOptions, type SamplerPool } from '../pool/pool.js';
import type { WorkerLike } from '../pool/thread.js';
import { checkSampleOptions, type Method, type SampleOptions, sampleOf } from '../sample_options.js';
import type { Front, Sampler, Samples } from '../sampler.js';
import type { Sharing } from '../sharing.js';
import { isSource, startSource } from './from_source.js';
import { tell } from './terminal.js';

export interface Drawing {
  /** Threads that draw. */
  workers: number;
  /**
   * Draws images in order, some at a time; throws the signal's reason when it aborts.
   *
   * @param progress Told how much of all is drawn, 0 to 1.
   */
  draw(progress: (share: number) => void): AsyncIterator<Samples, void, void>;
  /** Milliseconds in which nothing was drawn, since somebody watched. Default: none. */
  rested?(): number;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** Somebody who looks on while images are drawn. */
export interface Watcher {
  /** Images that are drawn at a time. */
  readonly images: number;
  /** Told of images that are about to be drawn; `first` is counted from 0 within the call. */
  begin(first: number, count: number): void;
  /** Told of each front, and waited for. */
  front(front: Front): Promise<void>;
  close(): void;
}

export interface DrawingOptions {
  model: string | Uint8Array;
  sampler: Sampler;
  request: SampleOptions & { count: number; startIndex: number; method: Method };
  /** Default: as many as draw fastest. */
  workers?: number | undefined;
  sharing?: Sharing | undefined;
  /** Who looks on; one thread draws then. */
  watcher?: Watcher | undefined;
  signal: AbortSignal;
}

/** Multiply-adds that are worth a thread, which starts in the time of about a tenth of them. */
const macsPerWorker = 1e10;

/** How many threads draw images fastest: as many as can run at once, but none that would have little to do. */
export function workersFor(count: number, method: Method, description: Description): number {
  return Math.max(
    1,
    Math.min(count, defaultWorkers(), Math.floor((count * macsOf(method, description)) / macsPerWorker)),
  );
}

/** Multiply-adds of an image. */
export function macsOf(method: Method, { macsPerImage, naiveMacsPerImage }: Description): number {
  return method === 'naive' || method === 'reference' ? naiveMacsPerImage : macsPerImage;
}

/** Multiply-adds of a step that the slowest method has done in a fraction of a second. */
const macsPerStep = 1e8;

/** Whether a step is so long that this thread would not hear of a signal in time. */
function isLongStep({ count, method }: DrawingOptions['request'], description: Description): boolean {
  return (Math.min(group, count) * macsOf(method, description)) / stepsOf(method, description) > macsPerStep;
}

/** Steps in which an image is drawn. */
export function stepsOf(method: Method, { schedule, config }: Description): number {
  return method === 'wavefront' ? schedule.fronts : config.height * config.width;
}

export async function startDrawing(options: DrawingOptions): Promise<Drawing> {
  const { model, sampler, request, sharing, watcher, signal } = options;
  if (watcher !== undefined) {
    let rested = 0;
    const rest = (ms: number) => {
      rested += ms;
    };
    return {
      workers: 1,
      draw: () => drawWatched(options, watcher, rest),
      rested: () => rested,
      close: async () => watcher.close(),
    };
  }
  const description = sampler.describe();
  // One that would have nothing to do takes its time to start all the same.
  const asked = options.workers ?? workersFor(request.count, request.method, description);
  const workers = Math.min(asked, request.count);
  const threads = workers > 1 || isLongStep(request, description);
  const pool = threads ? await openPool(model, { workers, sharing, signal }, 'drawing') : undefined;
  if (pool === undefined) {
    return { workers: 1, draw: (progress) => drawHere(options, progress), close: async () => {} };
  }
  return {
    workers,
    draw: (progress) =>
      pool.sampleStream({ ...request, signal, onProgress: ({ done, total }) => progress(done / total) }),
    close: () => pool.dispose(),
  };
}

/** A pool; nothing, and a word on it, where threads do not start: one thread does the same. */
export async function openPool(
  model: string | Uint8Array,
  options: PoolOptions,
  what: 'drawing' | 'scoring',
): Promise<SamplerPool | undefined> {
  try {
    return await loadSamplerPool(model, isSource ? { worker: startSourceWorker, ...options } : options);
  } catch (error) {
    const lost = error instanceof PixelCnnError && ['WORKERS_UNAVAILABLE', 'WORKER_LOST'].includes(error.code);
    if (!lost) throw error;
    tell(`pixelcnn: ${what} on one thread: ${error.message}`);
    return undefined;
  }
}

function startSourceWorker(): WorkerLike {
  return startSource(new URL('../pool/worker.ts', import.meta.url));
}

/** Images drawn at a time: the 16 that the core computes in step. */
const group = 16;

/** Draws in this thread, looking up between two steps. */
async function* drawHere(
  { sampler, request, signal }: DrawingOptions,
  progress: (share: number) => void,
): AsyncGenerator<Samples, void, void> {
  const checked = checkSampleOptions(request, sampler);
  for (let first = 0; first < request.count; first += group) {
    const count = Math.min(group, request.count - first);
    const steps = sampler.drawSteps(sampleOf(checked, { first, count }, sampler));
    yield await inTurns(steps, ({ done, total }) => {
      signal.throwIfAborted();
      progress((first + (count * done) / total) / request.count);
    });
  }
}

/** Draws in this thread while somebody looks on; `rest` is told of milliseconds that this took. */
async function* drawWatched(
  { sampler, request, signal }: DrawingOptions,
  watcher: Watcher,
  rest: (ms: number) => void,
): AsyncGenerator<Samples, void, void> {
  const checked = checkSampleOptions(request, sampler);
  for (let first = 0; first < request.count; first += watcher.images) {
    const count = Math.min(watcher.images, request.count - first);
    const steps = sampler.drawSteps(sampleOf(checked, { first, count }, sampler));
    watcher.begin(first, count);
    try {
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done) {
          yield step.value;
          break;
        }
        const before = performance.now();
        await watcher.front(step.value);
        signal.throwIfAborted();
        rest(performance.now() - before);
      }
    } finally {
      steps.return(undefined as never); // frees the run
    }
  }
}
