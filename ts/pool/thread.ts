/** A worker thread of the kind that the host has: Node's, which Deno and Bun have too, or the web's. */

import { addressOf, textAddress } from '../address.js';
import { show, unlike, wrongKind } from '../arguments.js';
import { workerScript } from '../assets.js';
import { edgeLine } from '../binary.js';
import { isUrl } from '../brand.js';
import { PixelCnnError } from '../error.js';
import { builtin, isEdge, type NodeWorker, nodeWorker } from '../host.js';
import type { Report } from './message.js';

/** A web worker, or a thread of Node's, as far as a pool needs one. */
export interface WorkerLike {
  /** Sends a message, and hands buffers over. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  /** Ends it at once. */
  terminate(): unknown;
  /** Has the process not end before it. Browsers know no such thing. */
  ref?(): unknown;
  /** Lets the process end before it. */
  unref?(): unknown;
}

/** Where the script of a pool's workers is, `pixelcnn/worker`: its URL or path; or a function that starts one of it. */
export type WorkerSource = string | URL | (() => WorkerLike);

/** The option `worker`, checked. */
export function checkWorker(name: string, value: unknown): WorkerSource {
  if ((typeof value === 'string' && value !== '') || isUrl(value) || typeof value === 'function') {
    return value as WorkerSource;
  }
  throw unlike(name, 'the URL or path of pixelcnn/worker, or a function that starts a Worker of it', value);
}

export interface ThreadEvents {
  report(report: Report): void;
  /** It did not start, or stopped. */
  died(cause: unknown): void;
}

/** Throws where there are no threads at all, or it is not known by which script to start them. */
export function checkThreads(source: WorkerSource | undefined): void {
  if (isEdge()) throw unavailable(startsNone, `${edgeLine()}, which draws the same images`);
  const some = builtin('node:worker_threads') !== undefined || typeof Worker === 'function';
  if (!some && typeof source !== 'function')
    throw unavailable(startsNone, 'use loadSampler, which draws the same images');
  if (source !== undefined) return;
  try {
    workerScript();
  } catch (cause) {
    throw unavailable('this module to know its address, got none (as in a CommonJS bundle)', otherWays, cause);
  }
}

const startsNone = 'a host that starts worker threads, got one that does not';

function unavailable(wantedAndGot: string, todo: string, cause?: unknown): PixelCnnError {
  const message = `expected ${wantedAndGot}; ${todo}`;
  return new PixelCnnError('WORKERS_UNAVAILABLE', message, { cause });
}

/** Starts a thread, by the package's own script or as it is asked for. */
export function startThread(asked: WorkerSource | undefined, events: ThreadEvents): WorkerLike {
  const source = asked ?? workerScript();
  const worker = typeof source === 'function' ? made(source()) : startWorker(source);
  const listen = 'on' in worker ? listenToNode : listenToWeb;
  listen(worker as never, events);
  return worker;
}

/** What the caller's function gave. */
function made(worker: unknown): WorkerLike {
  const { postMessage, on, addEventListener } = Object(worker) as Readonly<Record<string, unknown>>;
  if (postMessage && (on || addEventListener)) return worker as WorkerLike;
  throw wrongKind('worker', `expected a function that starts a Worker, got one that gives ${show(worker)}`);
}

function startWorker(script: URL | string): WorkerLike {
  const address = addressOf(script);
  const path = typeof address === 'string' && builtin('node:path')?.resolve(address);
  return nodeWorker(path || address) ?? new Worker(webAddress(script), { type: 'module' });
}

/** Where a web worker is started from. */
function webAddress(script: URL | string): URL | string {
  const { location } = globalThis;
  if (location === undefined) return script;
  const url = new URL(isUrl(script) ? script.href : script, location.href);
  // Hosts start no worker of another origin than the page's, such as a CDN's; they do start a blob, which may import from anywhere.
  const isOther = /^https?:$/.test(url.protocol) && url.origin !== location.origin;
  return isOther ? textAddress(`import ${JSON.stringify(url.href)};`) : url;
}

function listenToWeb(worker: Worker, { report, died }: ThreadEvents): void {
  worker.addEventListener('message', ({ data }) => report(data));
  worker.addEventListener('messageerror', () => died(new Error('a message could not be read')));
  worker.addEventListener('error', (event) => {
    event.preventDefault(); // it is dealt with here
    died(event.error ?? new Error(event.message || `its script could not be loaded; ${otherWays}`));
  });
}

const otherWays = "import from 'pixelcnn/inline', or give the address of pixelcnn/worker as the option worker";

function listenToNode(worker: NodeWorker, { report, died }: ThreadEvents): void {
  worker.on('message', report);
  worker.on('messageerror', died);
  worker.on('error', died);
  worker.on('exit', (code) => died(new Error(`it exited with code ${code}`)));
}
