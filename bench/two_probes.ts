/** What two threads of this machine reach at once: a loop of arithmetic alone, and twice, side by side. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Case } from './harness.js';

/** Plain JavaScript: Node 20 starts no worker from TypeScript. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const { memory, 0: run } = new WebAssembly.Instance(new WebAssembly.Module(workerData)).exports;
new Float32Array(memory.buffer).fill(1);
parentPort.on('message', (iterations) => {
  run(iterations, 0.5, 1, 1);
  parentPort.postMessage('done');
});`;

export interface TwoProbes {
  readonly alone: Case;
  readonly together: Case;
  end(): Promise<unknown>;
}

/** Starts two threads with a probe's module (`Probe.binary`); each run is `iterations` long. */
export function startTwoProbes(binary: Uint8Array, iterations: number, every: number): TwoProbes {
  const workers = [0, 1].map(() => new Worker(program, { eval: true, workerData: binary }));
  for (const worker of workers) worker.unref();
  const run = (threads: readonly Worker[]) => async () => {
    const start = performance.now();
    const done = threads.map((thread) => once(thread, 'message'));
    for (const thread of threads) {
      thread.ref();
      thread.postMessage(iterations);
    }
    await Promise.all(done);
    for (const thread of threads) thread.unref();
    return performance.now() - start;
  };
  return {
    alone: { name: 'a probe alone', every, run: run(workers.slice(0, 1)) },
    together: { name: 'two probes at once', every, run: run(workers) },
    end: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}
