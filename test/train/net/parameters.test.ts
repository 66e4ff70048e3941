import { expect, it } from 'vitest';
import { loadCore } from '../../../ts/train/net/core.js';
import { type Offset, windowOf } from '../../../ts/train/net/ops.js';
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

it('reads a kernel in an even grid around the pixel, and one that leans far tap by tap', () => {
  const rows = (...parts: (readonly [dy: number, dxs: readonly number[]])[]) =>
    parts.flatMap(([dy, dxs]) => dxs.map((dx): Offset => [dy, dx]));
  const square = windowOf(rows([-1, [-1, 0, 1]], [0, [-1, 0]]));
  expect(square).toMatchObject({ rows: 2, columns: 3, dilation: [1, 1] });
  expect(square.padding).toEqual({ top: 1, bottom: 0, left: 1, right: 1 });
  expect(square.offsets).toEqual(rows([-1, [-1, 0, 1]], [0, [-1, 0, 1]]));
  const dilated = windowOf(rows([-3, [-2, 0, 2]], [0, [-2, 0]]));
  expect(dilated).toMatchObject({ rows: 2, columns: 3, dilation: [3, 2] });
  expect(dilated.padding).toEqual({ top: 3, bottom: 0, left: 2, right: 2 });
  const above = windowOf(rows([-2, [-1, 0, 1]], [-1, [-1, 0, 1]]));
  expect(above).toMatchObject({ rows: 3, columns: 3, dilation: [1, 1] });
  const leaning = rows([-2, [6, 7, 8, 9, 10]], [-1, [2, 3, 4, 5, 6]], [0, [-2, -1, 0]]);
  expect(windowOf(leaning)).toEqual({
    ...{ rows: 1, columns: 13, offsets: leaning },
    padding: { top: 2, bottom: 0, left: 2, right: 10 },
  });
  expect(windowOf([[0, 0]])).toMatchObject({ rows: 1, columns: 1, dilation: [1, 1] });
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

it('begins embeddings with vectors of a norm of about 1, and class vectors, as biases, with zeros', () => {
  const net = core.describe({ ...smallConfig, levels: 512, input: 'nominal', embedding: 16, classes: 3 });
  const layout = layoutOf(net);
  const flat = initialParameters(net, layout, core, 1);
  const values = (name: string) => {
    const { offset, size } = layout.slot(name);
    return flat.subarray(offset, offset + size);
  };
  const squares = values('embedding').map((value) => value * value);
  expect(squares.reduce((a, b) => a + b) / 512).toBeCloseTo(1, 1);
  expect(new Set(values('stem.class'))).toEqual(new Set([0]));
  expect(new Set(values('stem.bias'))).toEqual(new Set([0]));
});
