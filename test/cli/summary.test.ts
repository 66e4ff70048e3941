import { expect, it } from 'vitest';
import { summary } from '../../ts/cli/summary.js';
import { loadCore } from '../../ts/train/net/core.js';
import { configJson } from '../wasm.js';

const core = await loadCore();

it('tells of each group of layers its kernels, shape and parameters, and of the net its totals', () => {
  const net = core.describe(JSON.parse(configJson({ height: 5, width: 4, filters: 8, blocks: 1 })));
  // 7x7 of 1 to 8 with 24 taps of 49; 1x1 of 8 to 8, 3x3 of 8 to 4 with 5 taps of 9, 1x1 of 4 to 8; each with biases.
  expect(summary(net).split('\n')).toEqual([
    '┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓',
    '┃ Layer (type)                                   ┃ Output shape ┃ Parameters ┃ Can be non-zero ┃',
    '┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩',
    '│ pixels (input)                                 │ (n, 5, 4, 1) │          0 │               0 │',
    '├────────────────────────────────────────────────┼──────────────┼────────────┼─────────────────┤',
    '│ stem (conv 7x7 mask A)                         │ (n, 5, 4, 8) │        400 │             200 │',
    '├────────────────────────────────────────────────┼──────────────┼────────────┼─────────────────┤',
    '│ blocks.0 (residual block 1x1, 3x3 mask B, 1x1) │ (n, 5, 4, 8) │        404 │             276 │',
    '├────────────────────────────────────────────────┼──────────────┼────────────┼─────────────────┤',
    '│ heads.0 (conv 1x1)                             │ (n, 5, 4, 8) │         72 │              72 │',
    '├────────────────────────────────────────────────┼──────────────┼────────────┼─────────────────┤',
    '│ heads.1 (conv 1x1)                             │ (n, 5, 4, 8) │         72 │              72 │',
    '├────────────────────────────────────────────────┼──────────────┼────────────┼─────────────────┤',
    '│ logits (conv 1x1)                              │ (n, 5, 4, 1) │          9 │               9 │',
    '└────────────────────────────────────────────────┴──────────────┴────────────┴─────────────────┘',
    'Parameters: 957 (3.8 kB), of which 629 (2.5 kB) can be other than 0: masks hold the rest at 0',
  ]);
  expect(summary(net, 128)).toContain('│ (128, 5, 4, 8) │');
});

it('tells of a gated net its kernels of several shapes, and of an embedding its vectors', () => {
  const changes = { architecture: 'gated', levels: 9, input: 'nominal', embedding: 4, blocks: 3, filters: 8 };
  const lines = summary(core.describe(JSON.parse(configJson({ ...changes, headLayers: 0 })))).split('\n');
  const rows = lines.filter((line) => line.startsWith('│')).map((line) => line.split('│').map((cell) => cell.trim()));
  expect(rows.map(([, name, shape]) => `${name} ${shape}`)).toEqual([
    'pixels (input) (n, 28, 28, 1)',
    'embedding (of 9 kinds) (n, 28, 28, 4)',
    'stem (gated conv 3x7, 1x3, 1x1, 1x1) (n, 28, 28, 8)',
    'blocks.0 (gated residual block 2x3, 1x2, 1x1, 1x1) (n, 28, 28, 8)',
    'blocks.1 (gated residual block 2x3, 1x2, 1x1, 1x1) (n, 28, 28, 8)',
    'blocks.2 (gated conv 2x3, 1x2, 1x1) (n, 28, 28, 8)',
    'skip (conv 4 of 1x1) (n, 28, 28, 16)',
    'logits (conv 1x1) (n, 28, 28, 9)',
  ]);
  const sizes = rows.map((row) => Number(row[3]!.replaceAll(',', '')));
  expect(sizes[1]).toBe(36);
  expect(lines.at(-1)).toMatch(/^Parameters: [\d,]+ \([\d.]+ kB\)$/);
  expect(Number(/[\d,]+/.exec(lines.at(-1)!)![0].replaceAll(',', ''))).toBe(sizes.reduce((a, b) => a + b));
});
