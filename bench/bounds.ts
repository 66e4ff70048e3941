/** What is claimed of the kernels, held against this run's figures. */

import type { Precision } from './core.js';
import type { Report } from './report.js';
import { naiveName, poolName, rowName } from './rows.js';

export interface Bound {
  readonly name: string;
  readonly value: number;
  /** What the value must not be below (`atLeast`) or above; neither where it is only shown. */
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Null where there is no bound. */
  readonly holds: boolean | null;
}

/** MB of activations that are kept for an image, by its side. */
const stateLimits: Readonly<Record<number, number>> = { 28: 0.2, 64: 0.4, 128: 0.7, 256: 1.3 };

/** All that this run's figures suffice for. */
export function bounds(report: Report): Bound[] {
  const { rows, digits, sizes, first, tile, probes } = report;
  const found: Bound[] = [];
  const add = (name: string, value: number | undefined, limit: { atLeast?: number; atMost?: number } = {}) => {
    if (value === undefined || !Number.isFinite(value)) return;
    const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = limit;
    const holds =
      limit.atLeast === undefined && limit.atMost === undefined ? null : value >= atLeast && value <= atMost;
    found.push({ name, value, ...limit, holds });
  };
  const msPerImage = (name: string | undefined): number => {
    const row = rows.find((r) => r.name === name);
    return row ? row.timing.median / row.imagesPerRun : Number.NaN;
  };
  const digit = (precision: Precision, skipping: string) =>
    digits?.single.find((d) => d.precision === precision && d.skipping === skipping);
  const mean = (precision: Precision, skipping: string) => digit(precision, skipping)?.mean ?? Number.NaN;

  if (tile) {
    const [alone, net] = tile;
    add('f32 dense, batch 1: rate of the net over the rate of its tile alone', net!.best / alone!.best, {
      atLeast: 0.88,
    });
  }
  for (const precision of ['f32', 'int8'] as const) {
    const share = digit(precision, 'rows')?.executed ?? Number.NaN;
    const cost = mean(precision, 'rows') / (share * mean(precision, 'none'));
    const limit = precision === 'f32' ? { atMost: 1.1 } : {};
    add(`${precision} skipping rows: time over (executed share x dense time)`, cost, limit);
  }
  for (const precision of ['f32', 'int8'] as const) {
    const gain = mean(precision, 'rows') / mean(precision, 'all');
    add(`${precision} skipping trailing zeros too: how many times faster`, gain, { atLeast: 1.05 });
  }
  add('int8 dense: times as fast as f32 dense', mean('f32', 'none') / mean('int8', 'none'), { atLeast: 1.6 });
  for (const [precision, atLeast] of [
    ['f32', 1200],
    ['int8', 2400],
  ] as const) {
    const ratio = msPerImage(report.peerNaive) / msPerImage(rowName(precision, 'wavefront'));
    add(`${precision} dense: times as fast as ${report.peerNaive}`, ratio, { atLeast });
  }
  const best = mean('int8', 'all');
  add(`int8 skipping all: times as fast as ${report.peerNaive}`, msPerImage(report.peerNaive) / best);
  add(
    `int8 skipping all: times as fast as the fastest peer, ${report.fastestPeer}`,
    msPerImage(report.fastestPeer) / best,
  );
  const cropped = rows.find(({ name }) => name === report.cropped);
  if (cropped) add(`int8 skipping all: times as fast as ${cropped.name}`, msPerImage(cropped.name) / best);
  for (const precision of ['f32', 'int8'] as const) {
    add(`${precision}: times as fast as our own naive`, msPerImage(naiveName(precision)) / mean(precision, 'all'));
  }
  for (const { precision, time } of digits?.together ?? []) {
    const name = `${precision} skipping all: ${digits!.count} digits at once, time over one by one`;
    add(name, time / mean(precision, 'all'), { atMost: 1 });
  }
  if (probes) {
    for (const precision of ['f32', 'int8'] as const) {
      const share = msPerImage(poolName(precision, 1)) / (2 * msPerImage(poolName(precision, 2)));
      const reached = probes.alone.median / probes.together.median;
      add(`${precision} 2 workers: share of twice the rate of one, over that of two probes`, share / reached, {
        atLeast: 0.92,
      });
    }
  }
  for (const { precision, side, toSmallest, stateBytes } of sizes) {
    const atMost = stateLimits[side];
    if (atMost !== undefined)
      add(`${precision}: MB kept for an image of ${side} x ${side}`, stateBytes / 1e6, { atMost });
    if (side === 256) add(`${precision} dense: a pixel at 256 x 256 over one at 28 x 28`, toSmallest, { atMost: 1.1 });
  }
  for (const precision of ['f32', 'int8'] as const) {
    const image = (skipping: string) =>
      first.find((f) => f.precision === precision && f.skipping === skipping)?.image.median ?? Number.NaN;
    add(`${precision}: the first image after loading, skipping over dense`, image('all') / image('none'), {
      atMost: 1.05,
    });
  }
  return found;
}
