/** The same digits drawn again and again: one by one with everything, something or nothing skipped, and all together. */

import {
  type Contender,
  draw,
  everything,
  inkOf,
  type Precision,
  precisions,
  reopened,
  type Skipping,
  seed,
} from './core.js';
import { summary } from './harness.js';

const skippings: readonly Skipping[] = ['none', 'background', 'all'];

/** Digits drawn one at a time. */
export interface DigitTimes {
  readonly precision: Precision;
  readonly skipping: Skipping;
  /** Milliseconds of a digit, in the mean and of the slowest: each digit's median over the passes. */
  readonly mean: number;
  readonly worst: number;
  /** Multiply-adds issued, over those of the dense run. */
  readonly executed: number;
}

export interface Digits {
  readonly count: number;
  readonly passes: number;
  readonly ink: number;
  readonly single: readonly DigitTimes[];
  /** All digits in one call, everything skipped: milliseconds of a digit, the median over the passes. */
  readonly together: readonly { readonly precision: Precision; readonly time: number }[];
}

/** Draws `count` digits in `passes` passes, all variants in turn for each digit; the first pass warms up and is not counted. */
export function timeDigits(contenders: Record<Precision, Contender>, count: number, passes: number): Digits {
  const variants = precisions.flatMap((precision) => skippings.map((skipping) => ({ precision, skipping })));
  const single = variants.map((variant) => ({
    ...variant,
    sampler: reopened(contenders[variant.precision]),
    times: Array.from({ length: count }, (): number[] => []),
    macs: 0,
  }));
  const together = precisions.map((precision) => ({
    precision,
    sampler: reopened(contenders[precision]),
    times: [] as number[],
  }));
  let ink = 0;
  for (let pass = 0; pass <= passes; pass++) {
    for (let digit = 0; digit < count; digit++) {
      for (const { precision, skipping, sampler, times } of single) {
        const drawing = { method: 'wavefront', skipping, count: 1, seed, startIndex: digit } as const;
        const [time, drawn] = timed(() => draw(sampler, drawing));
        if (pass > 0) times[digit]!.push(time);
        else if (precision === 'f32' && skipping === 'none') ink += inkOf(drawn.images);
      }
    }
    for (const { sampler, times } of together) {
      const [time] = timed(() => draw(sampler, { ...everything, count, seed, startIndex: 0 }));
      if (pass > 0) times.push(time / count);
    }
  }
  // Counted apart: the first pass also computed the constants.
  for (const variant of single) {
    for (let digit = 0; digit < count; digit++) {
      const drawing = { method: 'wavefront', skipping: variant.skipping, count: 1, seed, startIndex: digit } as const;
      variant.macs += draw(variant.sampler, drawing).macs;
    }
  }
  for (const { sampler } of [...single, ...together]) sampler.free();
  const dense = (precision: Precision) => single.find((v) => v.precision === precision && v.skipping === 'none')!.macs;
  return {
    count,
    passes,
    ink: ink / count,
    single: single.map(({ precision, skipping, times, macs }) => {
      const medians = times.map((list) => summary(list).median);
      return {
        precision,
        skipping,
        mean: medians.reduce((a, b) => a + b) / count,
        worst: Math.max(...medians),
        executed: macs / dense(precision),
      };
    }),
    together: together.map(({ precision, times }) => ({ precision, time: summary(times).median })),
  };
}

function timed<T>(call: () => T): [milliseconds: number, made: T] {
  const start = performance.now();
  const made = call();
  return [performance.now() - start, made];
}
