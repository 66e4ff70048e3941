/** How much memory a sampler takes, and how many rows of activations it remembers. */

import { type Checked, checkNumber, checkOptions, integerIn } from './arguments.js';

/**
 * Rows of activations that a sampler remembers from one image, and one call, to the next: what is read from the same rows again is not
 * computed again. It changes the speed, never a bit of a result.
 */
export interface Sharing {
  /**
   * The most that they may take, in megabytes of 10^6 bytes: a number from 0, which remembers none, to 2000. They count as part of
   * `memoryLimit`, which may leave them less. Each call that is open at the same time as another has its own. Default: 16, and none for a
   * net so small that looking its rows up takes as long as computing them.
   */
  megabytes?: number;
}

/** What a model, or each of a pool's, may take: the options, checked. */
export const limitChecks = { memoryLimit: integerIn({ min: 1, max: Number.MAX_SAFE_INTEGER }), sharing: checkSharing };

export type Limits = Checked<typeof limitChecks>;

function checkSharing(name: string, value: unknown): { readonly megabytes?: number } {
  return checkOptions(name, value, {
    megabytes: (_: string, value: unknown) => checkMegabytes('sharing.megabytes', value),
  });
}

/** A number of megabytes. */
export function checkMegabytes(name: string, megabytes: unknown): number {
  return checkNumber(name, megabytes, { min: 0, max: 2000 });
}
