/** The workers of a pool: hands out jobs in order, one at a time to each, and replaces workers that are lost. */

import { messageOf } from '../brand.js';
import { PixelCnnError } from '../error.js';
import { foreseenError, type Limits, type OpenedModel, type Report, type Work, type Works } from './message.js';
import { startThread, type Thread, type WorkerSource } from './thread.js';

/** Workers that may be lost over one job before it is given up. */
const maxLost = 3;

/** A job that a crew was given. */
export interface Running<Made> {
  readonly made: Promise<Made>;
  /** Rejects `made`, unless it is there already, and lets the worker go on to another job. */
  stop(reason: unknown): void;
}

/** A place in the crew. Its thread comes when there is work, and goes when it is lost. */
interface Member {
  thread?: Thread;
  job?: Job;
  /** Who waits for its first thread to open the model. */
  opening?: Deferred<OpenedModel>;
}

interface Job {
  readonly id: number;
  readonly work: Work;
  readonly done: Deferred<Works[keyof Works]['made']>;
  readonly progress: (pixels: number) => void;
  /** Workers lost over it so far. */
  lost: number;
  /** Whether nobody waits for it any more. */
  over: boolean;
}

/** What each worker's sampler may take, and how it is started. */
export interface CrewOptions extends Limits {
  /** How workers are started. Default: by the package's own script. */
  worker?: WorkerSource | undefined;
}

export class Crew {
  readonly #members: readonly Member[];
  readonly #module: WebAssembly.Module;
  readonly #model: Uint8Array;
  readonly #options: CrewOptions;
  #waiting: Job[] = [];
  #lastId = 0;
  #disposed = false;

  /**
   * @param model The bytes of a model file, which stay as they are.
   */
  constructor(size: number, module: WebAssembly.Module, model: Uint8Array, options: CrewOptions = {}) {
    this.#members = Array.from({ length: size }, () => ({}));
    this.#module = module;
    this.#model = model;
    this.#options = options;
  }

  /** Starts all workers; resolves when each has opened the model. */
  async open(): Promise<OpenedModel> {
    const opened = this.#members.map((member) => {
      member.opening = deferred();
      this.#start(member);
      return member.opening.promise;
    });
    return (await Promise.all(opened))[0]!;
  }

  /**
   * Gives a job to the next worker that is free.
   *
   * @param progress Told now and then how many pixels of the job are done; 0 again when its worker was lost.
   */
  run<Kind extends keyof Works>(
    kind: Kind,
    given: Works[Kind]['given'],
    progress: (pixels: number) => void,
  ): Running<Works[Kind]['made']> {
    const done = deferred<Works[keyof Works]['made']>();
    const job: Job = { id: ++this.#lastId, work: { kind, given } as Work, done, progress, lost: 0, over: false };
    if (this.#disposed) done.reject(disposedError());
    else this.#waiting.push(job);
    this.#handOut();
    const stop = (reason: unknown) => {
      job.over = true;
      this.#members.find((member) => member.job === job)?.thread?.post({ type: 'stop', job: job.id });
      done.reject(reason);
    };
    return { made: done.promise as Promise<Works[Kind]['made']>, stop };
  }

  /** Throws `DISPOSED` after `dispose()`. */
  throwIfDisposed(): void {
    if (this.#disposed) throw disposedError();
  }

  /** Ends all workers, whatever they do. Jobs under way are rejected with `DISPOSED`. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    const ending = this.#members.map((member) => {
      const { thread, job, opening } = member;
      delete member.thread;
      job?.done.reject(disposedError());
      opening?.reject(disposedError());
      return thread?.terminate();
    });
    for (const job of this.#waiting.splice(0)) job.done.reject(disposedError());
    await Promise.all(ending);
  }

  #handOut(): void {
    for (const member of this.#members) {
      if (member.job !== undefined) continue;
      do member.job = this.#waiting.shift();
      while (member.job?.over);
      const { job } = member;
      if (job === undefined) {
        member.thread?.hold(false);
        continue;
      }
      if (member.thread === undefined) this.#start(member);
      member.thread?.hold(true);
      member.thread?.post({ type: 'work', job: job.id, work: job.work });
    }
  }

  #start(member: Member): void {
    let thread: Thread;
    try {
      thread = startThread(this.#options.worker, {
        report: (report) => this.#hear(member, report),
        died: (cause) => this.#lose(member, cause),
      });
    } catch (cause) {
      queueMicrotask(() => this.#lose(member, cause)); // not before the caller is done with the member
      return;
    }
    member.thread = thread;
    const model = new Uint8Array(this.#model); // its own copy, which then moves
    const { memoryLimit, sharing } = this.#options;
    thread.post({ type: 'open', module: this.#module, model, memoryLimit, sharing }, [model.buffer]);
  }

  #hear(member: Member, report: Report): void {
    const { job, opening } = member;
    switch (report.type) {
      case 'opened':
        opening?.resolve(report.model);
        if (job === undefined) member.thread?.hold(false);
        return;
      case 'progress':
        if (job !== undefined && !job.over) job.progress(report.pixels);
        return;
      case 'done':
        job?.done.resolve(report.made);
        break;
      case 'stopped':
        break;
      case 'refused':
      case 'failed': {
        const error = foreseenError(report.failure);
        if (report.type === 'refused' || error === undefined) {
          member.thread?.terminate();
          this.#lose(member, error ?? new Error(report.failure.message));
          return;
        }
        job?.done.reject(error);
        break;
      }
    }
    delete member.job;
    this.#handOut();
  }

  /** Takes a lost worker out. Its job goes first in line, unless it has taken enough of them. */
  #lose(member: Member, cause: unknown): void {
    if (this.#disposed) return;
    const { job, opening } = member;
    delete member.thread;
    delete member.job;
    if (cause instanceof PixelCnnError) opening?.reject(cause);
    else opening?.reject(lostError('expected a worker that starts, got one that did not', cause));
    if (job !== undefined && !job.over) {
      job.lost++;
      job.progress(0);
      if (job.lost < maxLost) this.#waiting.unshift(job);
      else
        job.done.reject(lostError(`expected a worker that ends its work, lost ${maxLost} over the same images`, cause));
    }
    this.#handOut();
  }
}

function disposedError(): PixelCnnError {
  return new PixelCnnError('DISPOSED', 'expected a pool in use, got one after dispose(); load the model again');
}

function lostError(sentence: string, cause: unknown): PixelCnnError {
  return new PixelCnnError('WORKER_LOST', `${sentence}: ${messageOf(cause)}`, { cause });
}

/** A promise, and how to settle it. */
interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'>;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle! };
}
