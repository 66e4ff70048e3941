import { expect, it } from 'vitest';
import type { JsonRow, Results } from '../../bench/format.js';
import { quotation, withQuotation } from '../../bench/quote.js';
import { machine, roof } from './machine.js';

const row = (name: string, kind: JsonRow['kind'], ms: number): JsonRow => ({
  name,
  kind,
  precision: name.startsWith('int8') ? 'int8' : 'f32',
  batch: 1,
  threads: 1,
  ink: null,
  ms_per_image: ms,
  ms_per_image_quartiles: [ms, ms],
  ms_per_image_best: ms,
  us_per_pixel: ms / 0.784,
  images_per_second: 1000 / ms,
  gmac_per_second: 10,
  dense_gmac_per_second: 10,
  executed_share: 1,
  roof_share: kind === 'native' ? null : 0.5,
  ratio_to_own_naive: null,
  ratio_to_tfjs_wasm: 25_000 / ms,
  runs: 15,
  extrapolated: false,
});

const results: Results = {
  machine,
  models: { f32: 'a', int8: 'b' },
  roof,
  rows: [
    row('int8 skipping all', 'ours', 5.25),
    row('f32 wavefront, batch 4', 'ours', 16),
    row('a native peer, naive', 'native', 4000),
    row('a peer, naive', 'wasm', 25_000),
    row('a peer, naive, a whole image', 'wasm', 25_100),
  ],
  missing: [],
  sizes: [],
  first: [],
  digits: {
    count: 64,
    passes: 5,
    ink: 98.6,
    single: [
      { precision: 'f32', skipping: 'all', mean: 10.04, worst: 13, executed: 0.482 },
      { precision: 'int8', skipping: 'all', mean: 5.5, worst: 7.25, executed: 0.48 },
    ],
    together: [],
  },
  bounds: [
    { name: 'what holds', value: 1, atLeast: 1, holds: true },
    { name: 'what does not', value: 1, atLeast: 2, holds: false },
  ],
};

it('quotes peers before us, the slowest first, with what was drawn and what was missed', () => {
  const text = quotation(results, '2026-11-24-a-cpu-node24');
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  expect(lines.slice(2)).toEqual([
    '| a peer, naive | 25,000 | 0.50 | 1.00 |',
    '| a native peer, naive | 4,000 | - | 6.25 |',
    '| **ours**, int8 skipping all | 5.25 | 0.50 | 4,762 |',
  ]);
  expect(text).toContain('(bench/results/2026-11-24-a-cpu-node24.png)');
  expect(text).toContain('the 64 drawn here have 99 pixels of ink');
  expect(text).toContain('48 % of the arithmetic is left');
  expect(text).toContain('10.0 ms in f32 (the slowest 13.0) and 5.50 ms in int8 (7.25)');
  expect(text).toContain('Bounds that this run missed: what does not.');
});

it('replaces what stands between the markers, again and again, and nothing else', () => {
  const begin = '<!-- npm run bench -- quote: begin -->';
  const end = '<!-- npm run bench -- quote: end -->';
  const readme = `before\n${begin}\nold\n${end}\nafter\n`;
  const once = withQuotation(readme, 'new');
  expect(once).toBe(`before\n${begin}\nnew\n${end}\nafter\n`);
  expect(withQuotation(once, 'new')).toBe(once);
  expect(() => withQuotation('before\nafter\n', 'new')).toThrow(RangeError);
});
