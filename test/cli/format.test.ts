import { expect, it } from 'vitest';
import { boxTable, bytes, labelled, thousands } from '../../ts/cli/format.js';
import { clock, progressLine, rate } from '../../ts/cli/progress.js';

it('writes numbers for people', () => {
  expect([thousands(532673), thousands(7), bytes(999), bytes(2130692), bytes(3.5e9)]).toEqual([
    '532,673',
    '7',
    '999 B',
    '2.1 MB',
    '3.5 GB',
  ]);
  expect([1000, 1049, 99_949, 999_949, 1e6, 999e6, 1e9].map(bytes)).toEqual([
    '1.0 kB',
    '1.0 kB',
    '99.9 kB',
    '999.9 kB',
    '1.0 MB',
    '999.0 MB',
    '1.0 GB',
  ]);
  expect([thousands(1234.5), thousands(0.4)]).toEqual(['1,235', '0']);
  expect([clock(7.4), clock(59.6), clock(723), clock(3723)]).toEqual(['0:07', '1:00', '12:03', '1:02:03']);
  expect([rate(51.26, 'images'), rate(4752.1, 'images'), rate(0.4, 'images')]).toEqual([
    '51.3 images/s',
    '4752 images/s',
    '2.5 s/image',
  ]);
});

it('puts values under each other, and labels as they will be printed', () => {
  expect(
    labelled([
      ['a', '1'],
      ['long', 'x\ny'],
      ['\x07\n', '2'],
    ]),
  ).toBe('a        1\nlong     x\n         y\n\\u0007   2');
});

it('ends no line with blanks', () => {
  expect(labelled(['images', 'of'].map((label) => [label, ''] as const))).toBe('images\nof');
});

it('draws a table, numbers to the right', () => {
  const table = boxTable(
    ['Layer', 'Parameters'],
    [
      ['stem', '6,400'],
      ['logits (conv)', '129'],
    ],
  );
  expect(table.split('\n')).toEqual([
    '┏━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┓',
    '┃ Layer         ┃ Parameters ┃',
    '┡━━━━━━━━━━━━━━━╇━━━━━━━━━━━━┩',
    '│ stem          │      6,400 │',
    '├───────────────┼────────────┤',
    '│ logits (conv) │        129 │',
    '└───────────────┴────────────┘',
  ]);
});

it('shows how far, how fast and how long still', () => {
  const state = { title: 'sampling', unit: 'images', progress: 0.25, done: 4, total: 16, seconds: 2 };
  expect(progressLine(state)).toBe(
    `sampling ${'█'.repeat(6)}${'░'.repeat(18)} 25%  4/16 images  2.0 images/s  0:06 left`,
  );
  // Of what has begun, images done round down, and all of them up: never 16 of 16 before the end.
  expect(progressLine({ ...state, progress: 0.999, done: 15.9, total: 15.95, seconds: 3 })).toBe(
    `sampling ${'█'.repeat(24)} 99%  15/16 images  5.3 images/s  0:00 left`,
  );
  expect(progressLine({ ...state, from: 2 })).toContain('4/16 images  1.0 images/s  0:12 left');
  expect(progressLine({ ...state, progress: 0, done: 0, seconds: 0, note: 'loss: 1' })).toBe(
    `sampling ${'░'.repeat(24)} 0%  0/16 images  loss: 1`,
  );
});
