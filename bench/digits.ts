/** Digits, others in each pass: one by one with everything, something or nothing skipped, and all together. */

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

const skippings: readonly Skipping[] = ['none', 'rows', 'all'];

/** Digits drawn one at a time. */
export interface DigitTimes {
  readonly precision: Precision;
  readonly skipping: Skipping;
  /** Milliseconds of a digit, in the mean and of the slowest: the median over the passes of the first digit, the second, and so on. */
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

/** Draws `count` digits in each of `passes` passes, all variants in turn for each digit; the first pass warms up and is not counted. */
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
      for (const variant of single) {
        const { precision, skipping, sampler, times } = variant;
        // Others in each pass: what was drawn before is remembered.
        const startIndex = pass * count + digit;
        const [time, drawn] = timed(() => draw(sampler, { method: 'wavefront', skipping, count: 1, seed, startIndex }));
        if (pass === 0) continue;
        times[digit]!.push(time);
        variant.macs += drawn.macs;
        if (precision === 'f32' && skipping === 'none') ink += inkOf(drawn.images);
      }
    }
    for (const { sampler, times } of together) {
      const [time] = timed(() => draw(sampler, { ...everything, count, seed, startIndex: pass * count }));
      if (pass > 0) times.push(time / count);
    }
  }
  for (const { sampler } of [...single, ...together]) sampler.free();
  const dense = (precision: Precision) => single.find((v) => v.precision === precision && v.skipping === 'none')!.macs;
  return {
    count,
    passes,
    ink: ink / (count * passes),
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
