/** Runs once before all tests: some of them use dist/ as its users do, so it is built here and not by several at a time. */

import { buildTsIfStale } from './build_ts.js';

export function setup(): void {
  try {
    buildTsIfStale();
  } catch (error) {
    // Types that do not check fail `npm run check`; tests that do not need dist/ run all the same.
    console.warn(String(error));
  }
}
