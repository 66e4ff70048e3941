/** What plain counting makes of images of levels: p(cell | a few cells before it), counted in the training images. */

import type { Levels } from '../ts/images.js';

/** The cells before a cell that a model looks at, `[dy, dx]`: above it, or to its left in its row. */
export type Context = readonly (readonly [dy: number, dx: number])[];

/** Of a window of rows and columns, the cells before the one in the middle of its last row; the nearest first. */
export const contexts = {
  'tile frequencies': [],
  'Markov chain, the cell to the left': [[0, -1]],
  'Markov chain, the two cells to the left': [
    [0, -1],
    [0, -2],
  ],
  '2x3 window: three above, one to the left': [
    [0, -1],
    [-1, 0],
    [-1, -1],
    [-1, 1],
  ],
  '3x3 window: three and three above, one to the left': [
    [0, -1],
    [-1, 0],
    [-1, -1],
    [-1, 1],
    [-2, 0],
    [-2, -1],
    [-2, 1],
  ],
  '3x5 window: five and five above, two to the left': [
    [0, -1],
    [-1, 0],
    [-1, -1],
    [-1, 1],
    [0, -2],
    [-2, 0],
    [-1, -2],
    [-1, 2],
    [-2, -1],
    [-2, 1],
    [-2, -2],
    [-2, 2],
  ],
} as const satisfies Record<string, Context>;

interface Images {
  /** `[count, height, width]`. */
  readonly pixels: Levels;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly levels: number;
}

/**
 * Mean nats an image of `test` under counts of `train`. Where a context was seen n times, before t different levels,
 * p = (count + t p') / (n + t), p' being that of the context without its last cell, and of no cell at all 1 / levels (Witten and Bell
 * 1991, method C): what was never seen costs something, what was seen often hardly any more than its share. Outside of the image is a
 * level of its own.
 */
export function countingNats(train: Images, test: Images, context: Context): number {
  const { levels } = train;
  // One table for each length of context; its keys are the cells' levels, as digits.
  const tables = Array.from({ length: context.length + 1 }, () => new Map<number, Uint32Array>());
  eachCell(train, context, (level, keys) => {
    for (const [length, key] of keys.entries()) {
      let counts = tables[length]!.get(key);
      if (counts === undefined) {
        counts = new Uint32Array(levels + 1); // the last is their sum
        tables[length]!.set(key, counts);
      }
      counts[level]!++;
      counts[levels]!++;
    }
  });
  let nats = 0;
  eachCell(test, context, (level, keys) => {
    let p = 1 / levels;
    for (const [length, key] of keys.entries()) {
      const counts = tables[length]!.get(key);
      if (counts === undefined) break;
      let different = 0;
      for (let of = 0; of < levels; of++) different += Number(counts[of]! > 0);
      p = (counts[level]! + different * p) / (counts[levels]! + different);
    }
    nats -= Math.log(p);
  });
  return nats / test.count;
}

/** Calls with each cell's level and, for each length of context from 0 on, the key of what stands there. */
function eachCell(
  { pixels, count, height, width, levels }: Images,
  context: Context,
  call: (level: number, keys: Float64Array) => void,
): void {
  const keys = new Float64Array(context.length + 1);
  for (let image = 0; image < count; image++) {
    const start = image * height * width;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (const [i, [dy, dx]] of context.entries()) {
          const [row, column] = [y + dy, x + dx];
          const inside = row >= 0 && column >= 0 && column < width;
          const level = inside ? pixels[start + row * width + column]! : levels;
          keys[i + 1] = keys[i]! * (levels + 1) + level;
        }
        call(pixels[start + y * width + x]!, keys);
      }
    }
  }
}
