/** A worker thread of the kind that the host has: Node's, which Deno and Bun have too, or the web's. */

import { PixelCnnError } from '../error.js';
import { builtin } from '../host.js';
import type { Order, Report } from './message.js';

export interface Thread {
  post(order: Order, transfer?: Transferable[]): void;
  /** Whether the process must not end before the thread. Browsers know no such thing. */
  hold(busy: boolean): void;
  /** Ends it at once, whatever it does. */
  terminate(): Promise<void>;
}

export interface ThreadEvents {
  report(report: Report): void;
  /** It did not start, or stopped by itself: once, and not after `terminate`. */
  died(cause: unknown): void;
}

/** Throws where there are no threads at all. */
export function checkThreads(): void {
  const some = builtin('node:worker_threads') !== undefined || typeof Worker === 'function';
  if (!some || isWorkerd()) throw unavailable('a host that starts worker threads, got one that does not');
  if (hasAddress()) return;
  throw unavailable(
    'this module to know its address, by which threads are started, got none (as in a CommonJS bundle)',
  );
}

function unavailable(wantedAndGot: string): PixelCnnError {
  const todo = 'use createSampler({ module, model }), which draws the same images';
  return new PixelCnnError('WORKERS_UNAVAILABLE', `expected ${wantedAndGot}; ${todo}`);
}

/** Whether this module knows where it lies. */
function hasAddress(): boolean {
  try {
    return new URL(here) !== undefined;
  } catch {
    return false;
  }
}

/** It has Node's module of threads in name, whose threads do not start. */
function isWorkerd(): boolean {
  return globalThis.navigator?.userAgent === 'Cloudflare-Workers';
}

export function startThread(events: ThreadEvents): Thread {
  let live = true;
  let thread: Thread;
  const died = (cause: unknown) => {
    if (!live) return;
    thread.terminate().catch(() => {}); // one on the web lives on after an error
    events.died(cause);
  };
  const threads = builtin('node:worker_threads');
  const start = threads === undefined ? startWebWorker : startNodeThread.bind(undefined, threads);
  const started = start({ report: (report) => live && events.report(report), died });
  thread = {
    ...started,
    terminate: () => {
      live = false;
      return started.terminate();
    },
  };
  return thread;
}

function startWebWorker({ report, died }: ThreadEvents): Thread {
  // Written out in this form, which bundlers know and replace by the address of the file they emit.
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.addEventListener('message', ({ data }) => report(data));
  worker.addEventListener('messageerror', () => died(new Error('a message could not be read')));
  worker.addEventListener('error', (event) => {
    event.preventDefault(); // it is dealt with here
    died(event.error ?? new Error(event.message || 'the script could not be loaded'));
  });
  return {
    post: (order, transfer = []) => worker.postMessage(order, transfer),
    hold: () => {},
    terminate: async () => worker.terminate(),
  };
}

/** Named apart, so that bundlers, which have no use for Node's threads, do not take the file in a second time. */
const here = import.meta.url;

function startNodeThread({ Worker }: typeof import('node:worker_threads'), { report, died }: ThreadEvents): Thread {
  // Threads take the process's flags over and refuse this one: it speaks of the text after `node --eval`.
  const flags = process.execArgv.some((flag) => flag.startsWith('--input-type')) ? { execArgv: [] } : {};
  const worker = new Worker(new URL('./worker.js', here), flags);
  worker.on('message', report);
  worker.on('messageerror', died);
  worker.on('error', died);
  worker.on('exit', (code) => died(new Error(`it exited with code ${code}`)));
  return {
    post: (order, transfer = []) => worker.postMessage(order, transfer as Parameters<typeof worker.postMessage>[1]),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: async () => {
      await worker.terminate();
    },
  };
}
