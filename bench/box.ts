/** A kernel as frameworks know them: dense, its rows and columns at one distance from each other. */

import type { LayerInput } from '../ts/config.js';

export interface Box {
  readonly rows: number;
  readonly columns: number;
  /** Pixels from one of its rows or columns to the next. */
  readonly dilation: number;
  /** Rows and columns of zeros that the input needs around it; below 0 as many of the input are never read. */
  readonly pads: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number };
  /** Where in the box the weights of each tap are: row * columns + column. */
  readonly places: readonly number[];
}

/** The kernel as it stands in the file, where its places lie as a framework's do, else the least box that holds its taps. */
export function boxOf({ shape, taps, places }: LayerInput): Box {
  const dilation = taps.flat().reduce(divisor, 0) || 1;
  const units = taps.map(([dy, dx]) => [dy / dilation, dx / dilation] as const);
  const [rows, columns] = shape;
  const above = units.map(([dy], tap) => Math.floor(places[tap]! / columns) - dy);
  const before = units.map(([, dx], tap) => (places[tap]! % columns) - dx);
  const isWhole = [above, before].every((all) => all.every((distance) => distance === all[0]));
  const [dys, dxs] = [units.map(([dy]) => dy), units.map(([, dx]) => dx)];
  const [top, left] = isWhole ? [above[0]!, before[0]!] : [-Math.min(...dys), -Math.min(...dxs)];
  const bottom = isWhole ? rows - 1 - top : Math.max(...dys);
  const right = isWhole ? columns - 1 - left : Math.max(...dxs);
  const width = left + 1 + right;
  return {
    rows: top + 1 + bottom,
    columns: width,
    dilation,
    pads: { top: top * dilation, left: left * dilation, bottom: bottom * dilation, right: right * dilation },
    places: units.map(([dy, dx]) => (dy + top) * width + dx + left),
  };
}

function divisor(a: number, b: number): number {
  const [large, small] = [Math.max(Math.abs(a), Math.abs(b)), Math.min(Math.abs(a), Math.abs(b))];
  return small === 0 ? large : divisor(small, large % small);
}

/** The weights of a kernel in its box, `[outputs, channels, rows, columns]`, as ONNX lays them out. */
export function boxed(kernel: Float32Array, { shape, places }: LayerInput, box: Box): Float32Array {
  const [, , channels, sums] = shape;
  const size = box.rows * box.columns;
  const values = new Float32Array(size * channels * sums);
  box.places.forEach((to, tap) => {
    const from = places[tap]! * channels * sums;
    for (let channel = 0; channel < channels; channel++) {
      for (let sum = 0; sum < sums; sum++) {
        values[(sum * channels + channel) * size + to] = kernel[from + channel * sums + sum]!;
      }
    }
  });
  return values;
}
