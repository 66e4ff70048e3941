// The backend of whoever calls. All copies of TensorFlow.js in a process share one engine, and with it the backend that computes:
// what a run sets, the caller's own programs compute on.

import type { Tf } from '../net/tf.js';

type Engine = ReturnType<Tf['engine']>;

/** What is put back. */
interface Chosen {
  readonly engine: Engine;
  readonly backend: string;
  /** Whether it leaves out checks and advertisements, which a portable backend is told to. */
  readonly production: boolean;
}

/** Runs under way: the last one puts back what the first one found. */
let runs = 0;
let found: Promise<Chosen | undefined> | undefined;

/** Remembers the backend that computes, before another is opened. Returns what puts it back. */
export async function keepCallersBackend(): Promise<() => Promise<void>> {
  if (runs++ === 0) found = chosen();
  const before = found;
  let kept = true;
  const putBack = async (): Promise<void> => {
    if (!kept) return;
    kept = false;
    if (--runs > 0) return;
    const { engine, backend, production } = (await before) ?? {};
    if (engine === undefined || backend === undefined) return;
    engine.ENV.set('PROD', production === true);
    if (engine.backendName !== backend) await engine.setBackend(backend);
  };
  await before;
  return putBack;
}

/** What the caller's next operation would compute on; undefined where TensorFlow.js is not loaded, or without a backend. */
async function chosen(): Promise<Chosen | undefined> {
  const engine = (globalThis as { _tfengine?: Engine })._tfengine; // where each copy looks for one of another
  if (engine === undefined || engine.backendNames().length === 0) return undefined;
  try {
    await engine.ready();
  } catch {
    return undefined; // none that works
  }
  return { engine, backend: engine.backendName, production: engine.ENV.getBool('PROD') };
}
