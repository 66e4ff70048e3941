import { expect, it } from 'vitest';
import { receptiveField } from '../../demo/field.js';
import { loadSampler } from '../../ts/index.js';
import { configJson, randomModel } from '../wasm.js';

it.each([
  {},
  { blockKernel: 5, dilations: [1, 2] },
  { lean: 1 },
  { architecture: 'gated' },
  { height: 5, width: 5, blocks: 4 },
])('finds as many pixels as the core, all of them earlier: %j', async (changes) => {
  const config = configJson({ height: 12, width: 11, filters: 8, blocks: 2, ...changes });
  const description = (await loadSampler(randomModel(config, 7))).describe();
  const field = receptiveField(description);
  const { pixels, above, left, right } = description.receptiveField;
  expect(field.every(([dy, dx]) => dy < 0 || (dy === 0 && dx < 0))).toBe(true);
  const reach = (of: (offset: readonly [number, number]) => number) => Math.max(0, ...field.map(of));
  expect([field.length, reach(([dy]) => -dy), reach(([, dx]) => -dx), reach(([, dx]) => dx)]).toEqual([
    pixels,
    above,
    left,
    right,
  ]);
});
