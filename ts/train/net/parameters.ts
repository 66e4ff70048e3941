// All parameters of a net as ONE flat array, kernels cropped to what their taps reach. A step then updates, masks, clips
// and stores them in a handful of large operations instead of a few for each of some forty tensors.

import type { Description, LayerInput, TensorInfo } from '../../config.js';
import type { Core } from './core.js';
import { type Offset, type Window, windowOf } from './ops.js';
import { randomPurpose } from './reference.js';

/** Where one tensor lives in the flat array. */
export interface Slot {
  readonly name: string;
  readonly role: TensorInfo['role'];
  readonly offset: number;
  readonly size: number;
  /** Of a kernel `[rows, columns, channels, sums]` of its window, else as in the file. */
  readonly shape: readonly number[];
  /** As in the file. */
  readonly fullShape: readonly number[];
  readonly fanIn: number;
  readonly fanOut: number;
  /** Of a kernel: where its places read, and which place of the flat kernel is which of the file's, tap by tap. */
  readonly kernel?: { readonly window: Window; readonly places: readonly (readonly [flat: number, full: number])[] };
}

export interface Layout {
  /** In the order of `Description.tensors`. */
  readonly slots: readonly Slot[];
  readonly slot: (name: string) => Slot;
  /** Where the places of a kernel read. */
  readonly window: (kernel: string) => Window;
  readonly size: number;
  readonly fullSize: number;
  /** 1 where a weight may be non-zero, 0 where no tap is; `[size]`. */
  readonly mask: Float32Array;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Lays the tensors of `net` out, and marks in `mask` what each kernel's taps allow. */
export function layoutOf(net: Description): Layout {
  const inputs = new Map(net.layers.flatMap((layer) => layer.inputs.map((input) => [input.kernel, input] as const)));
  const byName = new Map<string, Slot>();
  let offset = 0;
  for (const { name, role, shape: fullShape, fanIn, fanOut } of net.tensors) {
    const input = inputs.get(name);
    const kernel = input && kernelOf(input);
    const shape = kernel === undefined ? fullShape : [kernel.window.rows, kernel.window.columns, ...fullShape.slice(2)];
    const size = product(shape);
    byName.set(name, { name, role, offset, size, shape, fullShape, fanIn, fanOut, ...(kernel && { kernel }) });
    offset += size;
  }
  const slots = [...byName.values()];
  const mask = new Float32Array(offset).fill(1);
  for (const { kernel, shape, offset, size } of slots) {
    if (kernel === undefined) continue;
    const perPlace = product(shape.slice(2));
    mask.fill(0, offset, offset + size);
    for (const [flat] of kernel.places) mask.fill(1, offset + flat * perPlace, offset + (flat + 1) * perPlace);
  }
  const slot = (name: string): Slot => {
    const found = byName.get(name);
    if (found === undefined) throw new Error(`no tensor is called ${name}`);
    return found;
  };
  return {
    slots,
    slot,
    window: (name) => {
      const { kernel } = slot(name);
      if (kernel === undefined) throw new Error(`${name} is no kernel`);
      return kernel.window;
    },
    size: offset,
    fullSize: net.tensors.reduce((sum, { shape }) => sum + product(shape), 0),
    mask,
  };
}

function kernelOf({ taps, places }: LayerInput): NonNullable<Slot['kernel']> {
  const window = windowOf(taps);
  const placeOf = ([dy, dx]: Offset): number =>
    window.offsets.findIndex(([row, column]) => row === dy && column === dx);
  return { window, places: taps.map((tap, index) => [placeOf(tap), places[index] as number]) };
}

/** Whole tensors, concatenated in file order; where no tap is, zeros. */
export function toFull(layout: Layout, flat: Float32Array): Float32Array {
  const full = new Float32Array(layout.fullSize);
  forEachPart(layout, (flatAt, fullAt, size) => full.set(flat.subarray(flatAt, flatAt + size), fullAt));
  return full;
}

/** The inverse of `toFull`: whatever stands where no tap is is dropped. */
export function fromFull(layout: Layout, full: Float32Array): Float32Array {
  if (full.length !== layout.fullSize) {
    throw new RangeError(`weights: expected ${layout.fullSize} numbers, got ${full.length}`);
  }
  const flat = new Float32Array(layout.size);
  forEachPart(layout, (flatAt, fullAt, size) => flat.set(full.subarray(fullAt, fullAt + size), flatAt));
  return flat;
}

/** Each run of numbers that both arrays have, of a kernel tap by tap. */
function forEachPart(layout: Layout, visit: (flatAt: number, fullAt: number, size: number) => void): void {
  forEachTensor(layout, ({ kernel, offset, size, shape }, fullOffset) => {
    if (kernel === undefined) return visit(offset, fullOffset, size);
    const perPlace = product(shape.slice(2));
    for (const [flat, full] of kernel.places) visit(offset + flat * perPlace, fullOffset + full * perPlace, perPlace);
  });
}

function forEachTensor(layout: Layout, visit: (slot: Slot, fullOffset: number) => void): void {
  let fullOffset = 0;
  for (const slot of layout.slots) {
    visit(slot, fullOffset);
    fullOffset += product(slot.fullShape);
  }
}

/**
 * Glorot-uniform kernels with the fans of the full kernel, as Keras draws them; an embedding's vectors, uniform too, of an
 * expected squared norm of 1; zero biases and class vectors, so that a net begins with all classes alike. Numbers are
 * Philox's by (seed, tensor, index in the full tensor), so they depend on no order.
 */
export function initialParameters(net: Description, layout: Layout, core: Core, seed: number): Float32Array {
  const full = new Float32Array(layout.fullSize);
  forEachTensor(layout, (slot, fullOffset) => {
    const limit = limitOf(slot);
    if (limit === 0) return;
    const item = net.tensors.findIndex(({ name }) => name === slot.name);
    const words = core.randomWords(seed, randomPurpose.initialise, 0, item, product(slot.fullShape));
    for (let i = 0; i < words.length; i++) {
      full[fullOffset + i] = (((words[i] as number) >>> 8) * 2 ** -23 - 1) * limit;
    }
  });
  return fromFull(layout, full);
}

/** The numbers of a tensor begin between minus this and this. */
function limitOf({ role, fullShape, fanIn, fanOut }: Slot): number {
  if (role === 'kernel') return Math.sqrt(6 / (fanIn + fanOut));
  return role === 'embedding' ? Math.sqrt(3 / (fullShape[1] as number)) : 0;
}
