/** What a run of the bench found, and the figures that follow from its times. */

import type { Precision } from './core.js';
import type { Digits } from './digits.js';
import type { FirstImage } from './first.js';
import type { Grids } from './grids.js';
import type { Timing } from './harness.js';
import type { Machine } from './machine.js';
import type { PackagedTime } from './packaged.js';
import type { Peak } from './roof.js';
import type { Row } from './rows.js';
import type { SizeFigures } from './sizes.js';
import type { TileRate } from './tile.js';

export interface Report {
  readonly machine: Machine;
  readonly models: Readonly<Record<Precision, string>>;
  readonly pixels: number;
  /** Multiply-adds of an image with kept activations. */
  readonly macsPerImage: number;
  /** `steady` is the median over the best of the f32 probe, taken between the rows: 1 on a quiet machine. */
  readonly roof: {
    readonly clock: number;
    readonly f32: Peak;
    readonly int8: Peak;
    readonly loads: Readonly<Record<Precision, number>>;
    readonly steady: number;
  };
  readonly rows: readonly Row[];
  /** Names of the rows that others refer to, where they were run. */
  readonly ownNaive: Readonly<Record<Precision, string>>;
  readonly peerNaive: string;
  readonly fastestPeer?: string;
  readonly cropped?: string;
  /** Why peers are missing, a sentence each. */
  readonly missing: readonly string[];
  readonly digits?: Digits;
  readonly sizes: readonly SizeFigures[];
  readonly first: readonly FirstImage[];
  readonly tile?: readonly TileRate[];
  readonly grids?: Grids;
  readonly packaged?: readonly PackagedTime[];
  /** A loop of arithmetic alone on a thread, and one on each of two threads at once. */
  readonly probes?: { readonly alone: Timing; readonly together: Timing };
}

/** A row's derived figures. */
export interface Figures {
  readonly msPerImage: number;
  readonly low: number;
  readonly high: number;
  readonly usPerPixel: number;
  /** Of multiply-adds issued, at the median. */
  readonly gmacs: number;
  /** Of the multiply-adds that a dense image with kept activations takes. */
  readonly denseGmacs: number;
  /** Null where the roof is not the row's. */
  readonly roofShare: number | null;
  /** Multiply-adds issued, over those of a dense image with kept activations. */
  readonly executedShare: number;
  readonly toOwnNaive: number | null;
  readonly toPeerNaive: number | null;
}

export function figures(row: Row, report: Report): Figures {
  const { timing, imagesPerRun, macsPerImage, precision, kind, threads } = row;
  const msPerImage = timing.median / imagesPerRun;
  const rate = (ms: number) => macsPerImage / ms / 1e6;
  const ratio = (name: string) => {
    const other = report.rows.find((r) => r.name === name);
    return other ? other.timing.median / other.imagesPerRun / msPerImage : null;
  };
  const roof = report.roof[precision].rate * threads;
  // At the median: the shortest run may have drawn the thinnest digit, which is less work and no higher rate.
  if (kind === 'ours' && rate(msPerImage) > roof) {
    throw new Error(`"${row.name}" ran faster than the roof, so the roof probe reads low; please report this machine`);
  }
  return {
    msPerImage,
    low: timing.low / imagesPerRun,
    high: timing.high / imagesPerRun,
    usPerPixel: (1000 * msPerImage) / report.pixels,
    gmacs: rate(msPerImage),
    denseGmacs: report.macsPerImage / msPerImage / 1e6,
    roofShare: kind === 'native' ? null : rate(msPerImage) / roof,
    executedShare: macsPerImage / report.macsPerImage,
    toOwnNaive: ratio(report.ownNaive[precision]),
    toPeerNaive: ratio(report.peerNaive),
  };
}
