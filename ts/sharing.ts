/** How many rows of activations a sampler remembers. */

import { checkNumber, checkOptions } from './arguments.js';

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

/** The option, checked: megabytes of rows; undefined where nobody says. */
export function checkSharing(value: unknown = {}): number | undefined {
  const { megabytes } = checkOptions('sharing', value, ['megabytes']);
  return megabytes === undefined ? undefined : checkMegabytes('sharing.megabytes', megabytes);
}

/** A number of megabytes. */
export function checkMegabytes(name: string, megabytes: unknown): number {
  return checkNumber(name, megabytes, { min: 0, max: 2000 });
}
