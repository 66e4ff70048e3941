/** What runs in each worker of a pool: a sampler of its own, one job at a time. Loaded from dist/ by thread.ts. */

import { builtin } from '../host.js';
import { start } from '../instance.js';
import { openSampler, type Sampler } from '../sampler.js';
import { failureOf, type Made, type Order, type Report, type Work } from './message.js';

/** The other end of the thread: a port of Node's, or the web worker's own global. */
interface Port {
  addEventListener(type: 'message', listener: (event: { data: Order }) => void): void;
  postMessage(report: Report, transfer: Transferable[]): void;
  start?(): void;
}

const port = (builtin('node:worker_threads')?.parentPort ?? globalThis) as Port;
const post = (report: Report, transfer: Transferable[] = []) => port.postMessage(report, transfer);

let sampler: Sampler;
/** The job that is to end early. */
let stopping: number;

port.addEventListener('message', ({ data: { job, ...order } }) => {
  if (order.kind === 'stop') stopping = job;
  else run(job, order);
});
port.start?.();

async function run(job: number, work: Work): Promise<void> {
  try {
    const made = await doing(job, work);
    post({ job, made }, made && buffersOf(made));
  } catch (error) {
    post({ job, failure: failureOf(error) });
  }
}

async function doing(job: number, { kind, given }: Work): Promise<Made | undefined> {
  if (kind === 'open') {
    const { module, argument, model, ...limits } = given;
    start(module, argument);
    sampler = openSampler(model, limits);
    const { config, metadata } = sampler;
    return { config, metadata };
  }
  if (kind === 'sample') return stepping(job, sampler.drawSteps(given), (_, { done }) => done);
  const { images, ...options } = given;
  const add = (done: number, more: number) => done + more;
  if (kind === 'classify') return stepping(job, sampler.classifySteps(images, options), add);
  const logProb = await stepping(job, sampler.logProbSteps(images, options), add);
  return logProb && { logProb };
}

/** Milliseconds between two looks at what the pool has to say. */
const lookEvery = 50;

/** Goes through steps, telling how many pixels are done; undefined when it was told to stop. */
async function stepping<Step, Made>(
  job: number,
  steps: Generator<Step, Made, void>,
  count: (before: number, step: Step) => number,
): Promise<Made | undefined> {
  let looked = performance.now();
  let pixels = 0;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    pixels = count(pixels, step.value);
    if (performance.now() - looked < lookEvery) continue;
    post({ job, pixels });
    await turn();
    if (stopping === job) {
      steps.return(undefined as never); // frees the run
      return undefined;
    }
    looked = performance.now();
  }
}

function buffersOf(made: Made): Transferable[] {
  const arrays = Object.values(made).filter(ArrayBuffer.isView);
  return arrays.map(({ buffer }) => buffer as ArrayBuffer);
}

const { port1: here, port2: there } = new MessageChannel();

/**
 * Lets waiting messages in. Not by a timer, which waits for a millisecond, and in browsers for four; nor on Node by a message of
 * the worker's own, since a port there goes on as long as it has any, while others wait.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    here.onmessage = () => resolve();
    there.postMessage(undefined);
  });
}
