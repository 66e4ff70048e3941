/** Many images at once: a sampler in each of several worker threads, behind one face. */

import { abortable, onAbort, reasonOf, throwIfAborted } from '../abort.js';
import { type Checked, checkFunction, checkOptions, checkSignal, integerIn } from '../arguments.js';
import { compileBinary, type WasmBuilds, type WasmSource } from '../binary.js';
import type { Config } from '../config.js';
import { asyncDisposeSymbol } from '../dispose.js';
import { coreCount } from '../host.js';
import { checkImages, type Images, imageSize, type Levels } from '../images.js';
import { whenCollected } from '../instance.js';
import { loadChecks, namingModel } from '../load.js';
import { modelOf } from '../metadata.js';
import { type LoadProgress, type ModelSource, readModel } from '../model_source.js';
import {
  checkSampleOptions,
  checkScoreOptions,
  checkWalkOptions,
  type Part,
  type SampleOptions,
  type SampleRequest,
  type ScoreOptions,
  sampleOf,
  type WalkOptions,
} from '../sample_options.js';
import { type Classification, checkHasClasses, emptySamples, roomForClasses, type Samples } from '../sampler.js';
import type { Sharing } from '../sharing.js';
import { Crew, type Running } from './crew.js';
import type { OpenedModel, Works } from './message.js';
import { checkThreads, checkWorker, type WorkerSource } from './thread.js';

/** Options of `loadSamplerPool`. */
export interface PoolOptions {
  /** Worker threads: an integer from 1 to 1024. Default: as many as the host says can run at once. */
  workers?: number;
  /** Bytes that each worker's model, and each part of a call, may take: an integer of at least 1. Default: 4 GiB. */
  memoryLimit?: number;
  /** Rows of activations that each worker remembers from one part of a call to the next. Default: 16 MB of them. */
  sharing?: Sharing;
  /** Gives up loading; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** As for `loadSampler`. */
  wasm?: WasmSource | WasmBuilds;
  /**
   * The workers' script, `pixelcnn/worker`, where it is not found beside this module: its URL or path, of another origin too, or a
   * function that starts one of it, as `() => new Worker(...)`. Another script that runs and never answers is waited for; a `signal` is
   * the way out. Default: the package's own.
   */
  worker?: WorkerSource;
  /** As for `loadSampler`. */
  onProgress?: (progress: LoadProgress) => void;
}

/** How far a call is, in pixels, which do not come image by image. */
export interface PoolProgress {
  /** Pixels done. Falls back by what a lost worker had done of its last images. */
  readonly done: number;
  /** Pixels in all: count x height x width x channels. */
  readonly total: number;
}

/** What every call of a pool takes. */
export interface PoolCallOptions {
  /** Gives the call up, within about 50 ms; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Told how far the call is: about 20 times a second by each worker. What it throws, the call rejects with. */
  onProgress?: (progress: PoolProgress) => void;
}

/** Options of a pool's `sample` and `sampleStream`. */
export interface PoolSampleOptions extends SampleOptions, PoolCallOptions {}

/** Options of a pool's `logProb`. */
export interface PoolScoreOptions extends ScoreOptions, PoolCallOptions {}

/** Options of a pool's `classify`. */
export interface PoolWalkOptions extends WalkOptions, PoolCallOptions {}

/** The range of `workers`. */
export const workersRange = { min: 1, max: 1024 };

/**
 * Loads a model into worker threads, for many images. Each worker has its own copy of the model and its own WebAssembly
 * instance; nothing is shared, so no page needs to be cross-origin isolated. Threads of Node, Deno and Bun, and web workers.
 *
 * Idle workers do not keep a process of Node, Deno or Bun running. In a browser they stay until `dispose()`.
 *
 * @param model As for `loadSampler`.
 * @returns A pool whose workers have all started.
 * @throws As `loadSampler` does; `WORKERS_UNAVAILABLE` where the host has no threads, `WORKER_LOST` where one does not start.
 *
 * @example
 * await using pool = await loadSamplerPool('models/mnist-binary.safetensors');
 * const images = await pool.sample({ count: 256, seed: 1 }); // what a sampler's sample({ count: 256, seed: 1 }) returns
 */
export async function loadSamplerPool(model: ModelSource, options: PoolOptions = {}): Promise<SamplerPool> {
  const checks = { workers: integerIn(workersRange), ...loadChecks, worker: checkWorker };
  const asked = checkOptions('options', options, checks);
  const { workers = defaultWorkers(), signal, wasm, onProgress, worker, ...limits } = asked;
  checkThreads(worker);
  const [bytes, module] = await abortable(signal, (own) =>
    Promise.all([readModel(model, own, onProgress), compileBinary(wasm)]),
  );
  const argument = wasm === undefined ? undefined : 'wasm';
  const crew = new Crew(workers, { module, argument, model: bytes, ...limits }, worker);
  try {
    return new SamplerPool(crew, workers, await abortable(signal, () => crew.open()));
  } catch (error) {
    await crew.dispose();
    throw namingModel(error, model);
  }
}

/** Workers of a pool where nobody says how many. */
export function defaultWorkers(): number {
  return Math.min(workersRange.max, coreCount());
}

/**
 * A model that draws and scores images on several threads at once. Made by `loadSamplerPool`.
 *
 * Image i of a seed is the same image as a `Sampler` draws, whatever the number of workers. Calls may overlap; their images
 * are drawn in the order of the calls. A worker that stops is replaced and its images are drawn again, up to three times.
 *
 * Every method rejects as the sampler's do, and with `DISPOSED` and `WORKER_LOST`; `sampleStream` throws at once for wrong options, and
 * the rest at the part that it is about. After any of these but `DISPOSED` the pool goes on.
 */
export class SamplerPool {
  /** Worker threads. */
  readonly workers: number;
  /** The blueprint of the net. */
  declare readonly config: Config;
  /** What the model file says about itself, by name: format, config, and the record of its training. */
  declare readonly metadata: Readonly<Record<string, string>>;
  /** What each class is called, `[classes]`; undefined where the model file does not say. */
  declare readonly classNames: readonly string[] | undefined;
  /** The character that each level stands for, `[levels]`, of a model of maps in text. */
  declare readonly alphabet: readonly string[] | undefined;
  readonly #crew: Crew;

  /** @internal */
  constructor(crew: Crew, workers: number, { config, metadata }: OpenedModel) {
    this.#crew = crew;
    this.workers = workers;
    Object.assign(this, modelOf(config, metadata));
    whenCollected(this, () => void crew.dispose());
  }

  /** Draws images, the same as a sampler's `sample` does. */
  async sample(options: PoolSampleOptions = {}): Promise<Samples> {
    const request = checkSampleOptions(options, this, callChecks);
    return gather(this.#draw(request), emptySamples(request, this.config));
  }

  /**
   * Draws images and yields them part by part, in order, up to 16 at a time, so that any number fits into memory. Workers draw
   * some parts ahead and then wait for the loop. Nothing starts before its first step; leaving it ends the drawing.
   *
   * @example
   * for await (const { data, shape, startIndex } of pool.sampleStream({ count: 10_000, seed: 1 })) save(startIndex, data);
   */
  sampleStream(options: PoolSampleOptions = {}): AsyncGenerator<Samples, void, void> {
    // Checked here and not in the generator, which would tell of a wrong argument only at its first step.
    return this.#draw(checkSampleOptions(options, this, callChecks));
  }

  /**
   * The log likelihood of each image, `[count]`: ln p(image) in nats, at most 0, the same as a sampler's `logProb`, of a net with
   * classes with `labels` and without.
   *
   * @param images Whole images of levels.
   */
  async logProb(images: Images, options: PoolScoreOptions = {}): Promise<Float64Array> {
    const levels = checkImages(images, this.config);
    const made = { logProb: new Float64Array(levels.length / imageSize(this.config)) };
    const request = checkScoreOptions(options, made.logProb.length, this, callChecks);
    return (await gather(this.#score('logProb', levels, request), made)).logProb;
  }

  /**
   * What a net with classes takes images for, the same as a sampler's `classify`.
   *
   * @param images Whole images of levels.
   */
  async classify(images: Images, options: PoolWalkOptions = {}): Promise<Classification> {
    const request = checkWalkOptions(options, callChecks);
    checkHasClasses(this.config);
    const levels = checkImages(images, this.config);
    const made = roomForClasses(levels.length / imageSize(this.config), this.config);
    return gather(this.#score('classify', levels, request), made);
  }

  /** Ends all workers at once. Calls under way and later ones reject with `DISPOSED`. */
  dispose(): Promise<void> {
    return this.#crew.dispose();
  }

  /** {@link dispose}, for `await using`. */
  [asyncDisposeSymbol](): Promise<void> {
    return this.dispose();
  }

  #draw({ signal, onProgress, ...request }: SampleRequest & Call): AsyncGenerator<Samples, void, void> {
    return this.#inOrder(request.count, { signal, onProgress }, (part, progress) =>
      this.#crew.run('sample', sampleOf(request, part, this), progress),
    );
  }

  #score<Kind extends 'logProb' | 'classify'>(
    kind: Kind,
    levels: Levels,
    { signal, onProgress, labels, ...walk }: WalkOptions & { labels?: Uint16Array | undefined } & Call,
  ): AsyncGenerator<Works[Kind]['made'], void, void> {
    const size = imageSize(this.config);
    // What is scored under each class in turn is done when it was under all.
    const times = labels === undefined ? Math.max(1, this.config.classes ?? 0) : 1;
    return this.#inOrder(levels.length / size, { signal, onProgress }, ({ first, count }, progress) => {
      const given = {
        ...walk,
        ...(labels && { labels: labels.slice(first, first + count) }),
        images: levels.slice(first * size, (first + count) * size), // without the rest of its buffer, which would be sent too
      };
      return this.#crew.run(kind, given, (pixels) => progress(Math.floor(pixels / times)));
    });
  }

  /** Runs the parts of a call, some at a time, and yields what they give in the order of the images. */
  async *#inOrder<Made>(
    count: number,
    { signal, onProgress }: Call,
    run: (part: Part, progress: (pixels: number) => void) => Running<Made>,
  ): AsyncGenerator<Made, void, void> {
    const size = imageSize(this.config);
    const total = count * size;
    let done = 0;
    const open: Running<Made>[] = [];
    let failed: { reason: unknown } | undefined;
    const fail = (reason: unknown) => {
      failed ??= { reason };
      for (const running of open) running.stop(failed.reason);
    };
    const start = (part: Part) => {
      let mine = 0;
      const progress = (pixels: number) => {
        done += pixels - mine;
        mine = pixels;
        if (failed) return;
        try {
          // Of an asynchronous listener too, whose rejection would otherwise end a process of Node.
          Promise.resolve(onProgress?.({ done, total }) as unknown).catch(fail);
        } catch (error) {
          fail(error);
        }
      };
      const running = run(part, progress);
      running.made.then(() => progress(part.count * size)).catch(fail);
      open.push(running);
    };
    const next = async () => {
      const made = await open[0]!.made;
      if (failed) throw failed.reason; // though this part came through
      this.#crew.throwIfDisposed(); // though all parts may have
      open.shift();
      return made;
    };
    throwIfAborted(signal);
    const leave = signal && onAbort(signal, () => fail(reasonOf(signal)));
    // So many that no worker waits, should one part take as long as a few.
    const most = 4 * this.workers;
    try {
      for (const part of splitCall(count, this.workers)) {
        if (open.length === most) yield await next();
        if (failed) throw failed.reason; // while the loop was elsewhere
        start(part);
      }
      while (open.length > 0) yield await next();
    } finally {
      leave?.();
      fail(undefined); // what is left when the loop was
    }
  }
}

/** Images that the core computes in step; more at a time are no faster. */
const group = 16;

/**
 * Splits a call into parts, in order: of 16 while there are many, then of about half of each worker's share of what is left,
 * so that the workers end together. One worker's are all of 16.
 */
export function* splitCall(count: number, workers: number): Generator<Part, void, void> {
  for (let first = 0; first < count; ) {
    const size = Math.min(group, Math.ceil((count - first) / (2 * workers - 1)));
    yield { first, count: size };
    first += size;
  }
}

/** The pool's own options of a call, checked. */
const callChecks = { signal: checkSignal, onProgress: checkFunction };

type Call = Checked<typeof callChecks>;

/** Puts the arrays of parts, which come in their order, one behind the other into those of the whole. */
async function gather<Whole extends object>(parts: AsyncIterable<object>, whole: Whole): Promise<Whole> {
  // Of each array what is still to come.
  const rest = Object.fromEntries(Object.entries(whole).filter(([, one]) => ArrayBuffer.isView(one)));
  for await (const part of parts as AsyncIterable<Readonly<Record<string, Uint8Array>>>) {
    for (const name in rest) {
      rest[name].set(part[name]!);
      rest[name] = rest[name].subarray(part[name]!.length);
    }
  }
  return whole;
}
