/** Which earlier pixels a pixel depends on: every path through the layers, from the logits back to the pixels. */

import type { Description } from 'pixelcnn';

/** Rows and columns from the pixel that is being drawn. */
export type Offset = readonly [dy: number, dx: number];

export function receptiveField({ config, layers }: Pick<Description, 'config' | 'layers'>): Offset[] {
  const fields = new Map<string, Map<string, Offset>>();
  const pixels = new Map<string, Offset>([['0,0', [0, 0]]]);
  const fieldOf = (source: string) => (source === 'pixels' ? pixels : fields.get(source)!);
  for (const { name, inputs, start, residual } of layers) {
    const own = new Map<string, Offset>();
    const add = (source: string, [dy, dx]: Offset) => {
      for (const [y, x] of fieldOf(source).values()) own.set(`${y + dy},${x + dx}`, [y + dy, x + dx]);
    };
    for (const { source, taps } of inputs) for (const tap of taps) add(source, tap);
    if (start !== null) add(start, [0, 0]);
    if (residual !== null) add(residual, [0, 0]);
    fields.set(name, own);
  }
  // What no pixel has in any image of this size is left out.
  const fits = ([dy, dx]: Offset) => Math.abs(dy) < config.height && Math.abs(dx) < config.width;
  return [...fields.get(layers.at(-1)!.name)!.values()].filter(fits);
}
