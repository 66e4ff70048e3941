/** Runs a task of the core in a thread that can be ended at any moment, whatever it does. */

import { Worker } from 'node:worker_threads';
import { PixelCnnError } from '../error.js';
import { foreseenError } from '../pool/message.js';
import type { Given, Made, Report, Tasks } from './core_tasks.js';
import { isSource, startSource } from './from_source.js';

/**
 * Runs a task; rejects with its error, or with the signal's reason as soon as that aborts.
 *
 * @param progress Told how many images are done, by tasks that count them.
 */
export async function inThread<Name extends keyof Tasks>(
  name: Name,
  given: Given<Name>,
  signal: AbortSignal,
  progress: (done: number) => void = () => {},
): Promise<Made<Name>> {
  signal.throwIfAborted();
  const worker = startWorker({ name, given });
  let stop = () => {};
  try {
    return await new Promise<Made<Name>>((resolve, reject) => {
      stop = () => reject(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      worker.on('message', (report: Report) => {
        if (report.type === 'progress') progress(report.done);
        else if (report.type === 'made') resolve(report.made as Made<Name>);
        else reject(foreseenError(report.failure) ?? report.error);
      });
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new PixelCnnError('WORKER_LOST', `the thread of ${name} ended with ${code}`)));
    });
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}

function startWorker(workerData: object): Worker {
  if (isSource) return startSource(new URL('./core_worker.ts', import.meta.url), { workerData });
  return new Worker(new URL('./core_worker.js', import.meta.url), { workerData });
}
