// Millions of values are gone over several times before they are images to train on.

import { setImmediate } from 'node:timers/promises';

/** Between two of those times: lets signals and timers in; throws the reason of a signal that has aborted. */
export async function letIn(signal?: AbortSignal): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
