// All parameters of a net as ONE flat array, kernels cropped to their causal rows. A step then updates, masks, clips and
// stores them in a handful of large operations instead of a few for each of some forty tensors.

import type { Description } from '../../config.js';
import type { Core } from './core.js';
import { randomPurpose } from './reference.js';

/** Where one tensor lives in the flat array. */
export interface Slot {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  /** Cropped: `[rows, kernelSize, in, out]` for a kernel, `[out]` for a bias. */
  readonly shape: readonly number[];
  /** As in the file: `[kernelSize, kernelSize, in, out]` for a kernel, `[out]` for a bias. */
  readonly fullShape: readonly number[];
  readonly fanIn: number;
  readonly fanOut: number;
}

export interface Layout {
  /** In the order of `Description.tensors`. */
  readonly slots: readonly Slot[];
  readonly slot: (name: string) => Slot;
  readonly size: number;
  readonly fullSize: number;
  /** 1 where a weight may be non-zero, 0 where the mask forbids it; `[size]`. */
  readonly mask: Float32Array;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Lays the tensors of `net` out, and marks in `mask` what each kernel's taps allow. */
export function layoutOf(net: Description): Layout {
  const taps = new Map(net.layers.flatMap((layer) => layer.inputs.map((input) => [input.kernel, input.taps] as const)));
  const byName = new Map<string, Slot>();
  let offset = 0;
  for (const { name, shape: fullShape, fanIn, fanOut } of net.tensors) {
    const kernelTaps = taps.get(name);
    const shape = kernelTaps === undefined ? fullShape : [causalRows(kernelTaps), ...fullShape.slice(1)];
    const slot: Slot = { name, offset, size: product(shape), shape, fullShape, fanIn, fanOut };
    byName.set(name, slot);
    offset += slot.size;
  }
  const slots = [...byName.values()];
  const mask = new Float32Array(offset).fill(1);
  for (const slot of slots) {
    const kernelTaps = taps.get(slot.name);
    if (kernelTaps === undefined) continue;
    const [rows = 1, columns = 1, inputs = 1, outputs = 1] = slot.shape;
    const perTap = inputs * outputs;
    mask.fill(0, slot.offset, slot.offset + slot.size);
    for (const [dy, dx] of kernelTaps) {
      const at = slot.offset + ((dy + rows - 1) * columns + dx + (columns - 1) / 2) * perTap;
      mask.fill(1, at, at + perTap);
    }
  }
  return {
    slots,
    slot: (name) => {
      const slot = byName.get(name);
      if (slot === undefined) throw new Error(`no tensor is called ${name}`);
      return slot;
    },
    size: offset,
    fullSize: net.tensors.reduce((sum, { shape }) => sum + product(shape), 0),
    mask,
  };
}

/** The rows from the farthest one above down to the pixel's own: 4 of a 7x7 kernel. */
function causalRows(taps: readonly (readonly [number, number])[]): number {
  return 1 + Math.max(...taps.map(([dy]) => -dy));
}

/** Uncropped tensors, concatenated in file order; forbidden rows come back as zeros. */
export function toFull(layout: Layout, flat: Float32Array): Float32Array {
  const full = new Float32Array(layout.fullSize);
  forEachTensor(layout, (slot, fullOffset) => {
    full.set(flat.subarray(slot.offset, slot.offset + slot.size), fullOffset + rowSkip(slot));
  });
  return full;
}

/** The inverse of `toFull`: whatever stands in forbidden places is dropped. */
export function fromFull(layout: Layout, full: Float32Array): Float32Array {
  if (full.length !== layout.fullSize) {
    throw new RangeError(`weights: expected ${layout.fullSize} numbers, got ${full.length}`);
  }
  const flat = new Float32Array(layout.size);
  forEachTensor(layout, (slot, fullOffset) => {
    const from = fullOffset + rowSkip(slot);
    flat.set(full.subarray(from, from + slot.size), slot.offset);
  });
  for (let i = 0; i < flat.length; i++) if (layout.mask[i] === 0) flat[i] = 0;
  return flat;
}

function forEachTensor(layout: Layout, visit: (slot: Slot, fullOffset: number) => void): void {
  let fullOffset = 0;
  for (const slot of layout.slots) {
    visit(slot, fullOffset);
    fullOffset += product(slot.fullShape);
  }
}

/** How many numbers of a full kernel stand above its first causal row (a kernel with farther taps than its centre has none). */
function rowSkip(slot: Slot): number {
  if (slot.shape.length < 4) return 0;
  const [rows = 1, ...rest] = slot.shape;
  const centre = ((slot.fullShape[0] ?? 1) - 1) / 2;
  return (centre - (rows - 1)) * product(rest);
}

/**
 * Glorot-uniform kernels with the fans of the full kernel, as Keras draws them, zero biases, and zeros where the mask
 * forbids a weight. Numbers are Philox's by (seed, tensor, index in the full tensor), so they depend on no order.
 */
export function initialParameters(net: Description, layout: Layout, core: Core, seed: number): Float32Array {
  const full = new Float32Array(layout.fullSize);
  forEachTensor(layout, (slot, fullOffset) => {
    if (slot.fanIn === 0) return;
    const limit = Math.sqrt(6 / (slot.fanIn + slot.fanOut));
    const item = net.tensors.findIndex(({ name }) => name === slot.name);
    const words = core.randomWords(seed, randomPurpose.initialise, 0, item, product(slot.fullShape));
    for (let i = 0; i < words.length; i++) {
      full[fullOffset + i] = (((words[i] as number) >>> 8) * 2 ** -23 - 1) * limit;
    }
  });
  return fromFull(layout, full);
}
