/** The workers of a pool: hands out jobs in order, one at a time to each, and replaces workers that are lost. */

import { messageOf } from '../brand.js';
import { PixelCnnError } from '../error.js';
import {
  foreseenError,
  type Made,
  type OpenedModel,
  type Opening,
  type Order,
  type Report,
  type Work,
  type Works,
} from './message.js';
import { startThread, type WorkerLike, type WorkerSource } from './thread.js';

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
  thread?: WorkerLike;
  job?: Job | undefined;
}

interface Job {
  /** Counted from 1; 0 is to open the model, which each thread does first. */
  readonly id: number;
  readonly work: Work;
  readonly done: Deferred<Made>;
  readonly progress: (pixels: number) => void;
  /** Workers lost over it so far. */
  lost: number;
  /** Whether nobody waits for it any more. */
  over: boolean;
}

export class Crew {
  readonly #members: readonly Member[];
  readonly #opening: Opening;
  readonly #worker: WorkerSource | undefined;
  #waiting: Job[] = [];
  #lastId = 0;
  #disposed = false;

  /**
   * @param opening What each worker opens; the bytes of the model stay as they are.
   * @param worker How workers are started. Default: by the package's own script.
   */
  constructor(size: number, opening: Opening, worker?: WorkerSource) {
    this.#members = Array.from({ length: size }, () => ({}));
    this.#opening = opening;
    this.#worker = worker;
  }

  /** Starts all workers; resolves when each has opened the model. */
  async open(): Promise<OpenedModel> {
    const opened = this.#members.map((member) => {
      member.job = newJob(0, { kind: 'open', given: this.#opening }, () => {});
      this.#start(member);
      return member.job.done.promise;
    });
    return (await Promise.all(opened))[0] as OpenedModel;
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
    const job = newJob(++this.#lastId, { kind, given } as Work, progress);
    const { id, done } = job;
    if (this.#disposed) done.reject(disposedError());
    else this.#waiting.push(job);
    this.#handOut();
    const stop = (reason: unknown) => {
      job.over = true;
      this.#members
        .find((member) => member.job === job)
        ?.thread?.postMessage({ job: id, kind: 'stop' } satisfies Order, []);
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
      const { thread, job } = member;
      delete member.thread;
      job?.done.reject(disposedError());
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
        member.thread?.unref?.();
        continue;
      }
      if (member.thread === undefined) this.#start(member);
      member.thread?.ref?.();
      member.thread?.postMessage({ job: job.id, ...job.work } satisfies Order, []);
    }
  }

  #start(member: Member): void {
    let thread: WorkerLike;
    // What comes of it when it is no longer the member's is of the past.
    const its = (act: () => void) => member.thread === thread && act();
    try {
      thread = startThread(this.#worker, {
        report: (report) => its(() => this.#hear(member, report)),
        died: (cause) => its(() => this.#lose(member, cause)),
      });
    } catch (cause) {
      queueMicrotask(() => this.#lose(member, cause)); // not before the caller is done with the member
      return;
    }
    const model = new Uint8Array(this.#opening.model); // its own copy, which then moves
    member.thread = thread;
    const order: Order = { job: 0, kind: 'open', given: { ...this.#opening, model } };
    thread.postMessage(order, [model.buffer]);
  }

  #hear(member: Member, report: Report): void {
    const { job: id, pixels, made, failure } = Object(report) as Report;
    if (typeof id !== 'number') return; // what a bundler or an inspector has put into the worker says, too
    const { job } = member;
    const error = failure && foreseenError(failure);
    if (failure && (id === 0 || error === undefined)) {
      this.#lose(member, error ?? new Error(failure.message));
    } else if (job?.id !== id) {
      // A thread in the place of a lost one has opened the model.
    } else if (pixels !== undefined) {
      if (!job.over) job.progress(pixels);
    } else {
      if (error) job.done.reject(error);
      else job.done.resolve(made!); // of one that was stopped, in vain
      delete member.job;
      this.#handOut();
    }
  }

  /** Takes a lost worker out. Its job goes first in line, unless it has taken enough of them. */
  #lose(member: Member, cause: unknown): void {
    if (this.#disposed) return;
    const { thread, job } = member;
    delete member.thread;
    delete member.job;
    thread?.terminate(); // one on the web lives on after an error
    if (job !== undefined && !job.over) {
      job.lost++;
      job.progress(0);
      if (job.id === 0) {
        const wanted = 'expected a worker that starts, got one that did not';
        job.done.reject(cause instanceof PixelCnnError ? cause : lostError(wanted, cause));
      } else if (job.lost < maxLost) this.#waiting.unshift(job);
      else
        job.done.reject(lostError(`expected a worker that ends its work, lost ${maxLost} over the same images`, cause));
    }
    this.#handOut();
  }
}

function newJob(id: number, work: Work, progress: (pixels: number) => void): Job {
  return { id, work, done: deferred(), progress, lost: 0, over: false };
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
