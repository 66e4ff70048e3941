/** Runs once before all tests: some of them use dist/ as its users do, so it is built here and not by several at a time. */

import { buildTsIfStale } from './build_ts.js';

export function setup(): void {
  buildTsIfStale();
}
