import { expect, it } from 'vitest';
import { loadCore } from '../../../ts/train/net/core.js';
import { fromFull, initialParameters, layoutOf, toFull } from '../../../ts/train/net/parameters.js';
import { referenceConfig } from '../../../ts/train/net/reference.js';
import { noise, smallConfig } from '../support.js';

const core = await loadCore();

it('crops the reference net to its causal rows, and allows exactly its 365,633 weights', () => {
  const net = core.describe(referenceConfig);
  const layout = layoutOf(net);
  expect(layout.fullSize).toBe(532_673);
  expect(layout.slot('stem.kernel').shape).toEqual([4, 7, 1, 128]);
  expect(layout.slot('blocks.0.conv.kernel').shape).toEqual([2, 3, 128, 64]);
  expect(layout.mask.reduce((sum, allowed) => sum + allowed, 0)).toBe(365_633);
});

it('lets a mask allow the taps that describe() names, and no other', () => {
  const net = core.describe(smallConfig);
  const layout = layoutOf(net);
  const full = toFull(layout, layout.mask);
  let offset = 0;
  for (const { name, shape } of net.tensors) {
    const input = net.layers.flatMap(({ inputs }) => inputs).find(({ kernel }) => kernel === name);
    const [rows = 1, columns = 1, ...rest] = shape;
    const perTap = rest.reduce((a, b) => a * b, 1);
    if (input !== undefined) {
      const allowed = input.places;
      for (let tap = 0; tap < rows * columns; tap++) {
        const values = full.subarray(offset + tap * perTap, offset + (tap + 1) * perTap);
        expect(new Set(values), `${name} tap ${tap}`).toEqual(new Set([allowed.includes(tap) ? 1 : 0]));
      }
    }
    offset += shape.reduce((a, b) => a * b, 1);
  }
});

it('loses nothing between flat and full, and drops what stands in forbidden places', () => {
  const layout = layoutOf(core.describe(smallConfig));
  const flat = noise(layout.size, 1).map((value, i) => (layout.mask[i] === 1 ? value : 0));
  expect(fromFull(layout, toFull(layout, flat))).toEqual(flat);
  const everywhere = fromFull(layout, new Float32Array(layout.fullSize).fill(1));
  expect(everywhere).toEqual(layout.mask);
  expect(() => fromFull(layout, new Float32Array(3))).toThrow(
    expect.objectContaining({ name: 'RangeError', message: `weights: expected ${layout.fullSize} numbers, got 3` }),
  );
});

it('draws Glorot-uniform kernels with the fans of the full kernel, zero biases, and zeros where the mask forbids', () => {
  const net = core.describe(referenceConfig);
  const layout = layoutOf(net);
  const flat = initialParameters(net, layout, core, 1);
  for (const { name, offset, size, fanIn, fanOut } of layout.slots) {
    const values = flat.subarray(offset, offset + size);
    const allowed = values.filter((_, i) => layout.mask[offset + i] === 1);
    expect(values.filter((_, i) => layout.mask[offset + i] === 0).every((value) => value === 0)).toBe(true);
    if (fanIn === 0) {
      expect(values.every((value) => value === 0)).toBe(true);
      continue;
    }
    const limit = Math.sqrt(6 / (fanIn + fanOut));
    const largest = allowed.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    expect(largest, name).toBeLessThanOrEqual(Math.fround(limit));
    expect(largest, name).toBeGreaterThan(0.9 * limit);
    const below = allowed.filter((value) => value < 0).length / allowed.length;
    expect(Math.abs(below - 0.5), name).toBeLessThan(3 / Math.sqrt(allowed.length)); // six standard deviations
  }
  const again = (seed: number) => Buffer.compare(Buffer.from(initialParameters(net, layout, core, seed).buffer), bytes);
  const bytes = Buffer.from(flat.buffer);
  expect(again(1)).toBe(0);
  expect(again(2)).not.toBe(0);
});
