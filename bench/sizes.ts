/** Larger images of the same net: what a pixel costs, and what must be kept for an image. Nothing is skipped. */

import { type Contender, draw, type Precision, precisions, resized, seed } from './core.js';
import { type Budget, type Case, interleave } from './harness.js';

export interface SizeFigures {
  readonly precision: Precision;
  /** Rows and columns. */
  readonly side: number;
  /** Microseconds a pixel, the median. */
  readonly usPerPixel: number;
  /** Over that of the smallest side. */
  readonly toSmallest: number;
  /** Bytes of activations kept for an image. */
  readonly stateBytes: number;
}

export async function timeSizes(
  contenders: Record<Precision, Contender>,
  sides: readonly number[],
  budget: Budget,
): Promise<SizeFigures[]> {
  const drawing = { method: 'wavefront', skipping: 'none', count: 1, seed, startIndex: 0 } as const;
  const entries = precisions.flatMap((precision) =>
    sides.map((side) => {
      const { sampler } = resized(contenders[precision], side, side);
      const name = `${precision} ${side}`;
      const run = () => void draw(sampler, drawing);
      return { precision, side, sampler, each: { name, run } satisfies Case };
    }),
  );
  const timings = await interleave(
    entries.map(({ each }) => each),
    budget,
  );
  const usPerPixel = ({ side, each }: (typeof entries)[number]) => (1000 * timings.get(each.name)!.median) / side ** 2;
  const figures = entries.map((entry) => {
    const { precision, side, sampler } = entry;
    const smallest = entries.find((e) => e.precision === precision)!;
    const [stateBytes] = draw(sampler, drawing).stateBytes;
    const us = usPerPixel(entry);
    return { precision, side, usPerPixel: us, toSmallest: us / usPerPixel(smallest), stateBytes };
  });
  for (const { sampler } of entries) sampler.free();
  return figures;
}
