// Long work of one thread that goes step by step.

import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work after which signals and timers are let in. */
const turn = 50;

/**
 * Runs steps to their end, and now and then lets signals and timers in; `look` is then told of the step before, and may throw.
 * However it ends, the steps end too, which frees what they hold.
 */
export async function inTurns<Step, Result>(
  steps: Generator<Step, Result, void>,
  look: (step: Step) => void,
): Promise<Result> {
  let looked = Number.NEGATIVE_INFINITY;
  try {
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (performance.now() - looked < turn) continue;
      await setImmediate();
      look(step.value);
      looked = performance.now();
    }
  } finally {
    steps.return(undefined as never);
  }
}
