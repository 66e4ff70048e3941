/** Threads of a checkout that tsx runs as it stands, without dist/: with tsx, which threads of Node 20 do not take over. */

import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Whether this is such a checkout. */
export const isSource = import.meta.url.endsWith('.ts');

/** Starts a module of `ts/` in a thread. */
export function startSource(module: URL, options: WorkerOptions = {}): Worker {
  const start = `import('tsx/esm/api').then((tsx) => (tsx.register(), import(${JSON.stringify(module.href)})))`;
  return new Worker(start, { ...options, eval: true });
}
