/** The machine that reports in these tests were made on. */

import type { Machine } from '../../bench/machine.js';

export const machine: Machine = {
  cpu: 'A CPU',
  cores: 2,
  platform: 'linux x64',
  node: '24.1.0',
  v8: '13.6',
  rustc: 'rustc 1.95.0',
  flags: ['-Ctarget-feature=+simd128'],
  load: 0,
  date: '2026-11-24',
};

export const roof = {
  clock: 3.2,
  f32: { rate: 26, shape: '14 chains' },
  int8: { rate: 44, shape: '6 streams' },
  loads: { f32: 70, int8: 70 },
  steady: 1,
};
