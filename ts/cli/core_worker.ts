/** What runs in the thread of a task. Loaded by its address, by core_thread.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import { failureOf } from '../pool/message.js';
import { type Given, type Report, type Tasks, tasks } from './core_tasks.js';

const { name, given } = workerData as { name: keyof Tasks; given: Given<keyof Tasks> };
const post = (report: Report) => parentPort!.postMessage(report);
const task = tasks[name] as (given: unknown, progress: (done: number) => void) => Promise<unknown>;
try {
  post({ type: 'made', made: await task(given, (done) => post({ type: 'progress', done })) });
} catch (error) {
  post({ type: 'failed', error, failure: failureOf(error) });
}
