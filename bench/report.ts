/** From times to figures: the table for the terminal, JSON for programs, Markdown for bench/results. */

import type { Timing } from './harness.js';
import { type Machine, machineLine } from './machine.js';
import type { Peak } from './roof.js';

/** One way to draw images, and what it took. */
export interface Row {
  readonly name: string;
  readonly precision: 'f32';
  /** Images drawn together. */
  readonly batch: number;
  readonly threads: number;
  /** Images of one timed run; 1/784 where one forward pass of 784 is timed. */
  readonly imagesPerRun: number;
  /** Multiply-adds that were really issued for one image. */
  readonly macsPerImage: number;
  readonly timing: Timing;
}

export interface Report {
  readonly machine: Machine;
  /** Which model ran, and the mean number of bright pixels in what it drew: a model of thin digits may look faster. */
  readonly model: {
    readonly origin: string;
    readonly ink: number;
    readonly pixels: number;
    readonly macsPerImage: number;
  };
  /** `steady` is the median over the best of the f32 probe, taken between the rows: 1 on a quiet machine. */
  readonly roof: { readonly clock: number; readonly f32: Peak; readonly loads: number; readonly steady: number };
  readonly rows: readonly Row[];
  /** Names of the rows that the ratios refer to, where they were run. */
  readonly ownNaive: string;
  readonly peerNaive: string;
}

/** A row's derived figures. */
export interface Figures {
  readonly msPerImage: number;
  readonly low: number;
  readonly high: number;
  readonly usPerPixel: number;
  /** Of multiply-adds issued, at the median. */
  readonly gmacs: number;
  readonly roofShare: number;
  /** Multiply-adds issued, over those of a dense image with kept activations. */
  readonly executedShare: number;
  readonly toOwnNaive: number | null;
  readonly toPeerNaive: number | null;
}

export function figures(row: Row, report: Report): Figures {
  const { timing, imagesPerRun, macsPerImage } = row;
  const msPerImage = timing.median / imagesPerRun;
  const rate = (ms: number) => macsPerImage / ms / 1e6;
  const ratio = (name: string) => {
    const other = report.rows.find((r) => r.name === name);
    return other ? other.timing.median / other.imagesPerRun / msPerImage : null;
  };
  if (rate(timing.best / imagesPerRun) > report.roof.f32.rate) {
    throw new Error(`"${row.name}" ran faster than the roof, so the roof probe reads low; please report this machine`);
  }
  return {
    msPerImage,
    low: timing.low / imagesPerRun,
    high: timing.high / imagesPerRun,
    usPerPixel: (1000 * msPerImage) / report.model.pixels,
    gmacs: rate(msPerImage),
    roofShare: rate(msPerImage) / report.roof.f32.rate,
    executedShare: macsPerImage / report.model.macsPerImage,
    toOwnNaive: ratio(report.ownNaive),
    toPeerNaive: ratio(report.peerNaive),
  };
}

const columns = [
  '',
  'ms/image',
  'quartiles',
  'us/pixel',
  'executed',
  'GMAC/s',
  'of roof',
  'x own naive',
  'x tfjs naive',
  'runs',
];

function cells(row: Row, report: Report): string[] {
  const f = figures(row, report);
  const times = (ratio: number | null) => (ratio === null ? '-' : short(ratio));
  return [
    row.name,
    short(f.msPerImage),
    `${short(f.low)} - ${short(f.high)}`,
    short(f.usPerPixel),
    f.executedShare >= 10 ? `${short(f.executedShare)}x` : f.executedShare.toFixed(2),
    f.gmacs.toFixed(1),
    f.roofShare.toFixed(2),
    times(f.toOwnNaive),
    times(f.toPeerNaive),
    String(row.timing.runs),
  ];
}

/** Everything a reader of the table must know. */
function notes({ machine, model, roof }: Report): string[] {
  const busy = roof.steady < 0.95 ? '; this machine is busy, so take the figures with care' : '';
  return [
    machineLine(machine),
    `WebAssembly by ${machine.rustc}, ${machine.flags.join(' ')}; one thread; f32`,
    `Model: ${model.origin}, mean ink ${model.ink.toFixed(0)} of ${model.pixels} pixels (MNIST: 107)`,
    `Roof: ${roof.f32.rate.toFixed(1)} GMAC/s of plain f32 mul + add (best probe: ${roof.f32.shape}); clock ${roof.clock.toFixed(2)} GHz; ` +
      `loads over the weights ${roof.loads.toFixed(0)} GB/s`,
    `Steadiness: the roof probe's median is ${roof.steady.toFixed(2)} of its best${busy}`,
    'Times are medians. Naive rows time one forward pass and multiply by the number of pixels.',
    'Executed: multiply-adds issued, over those of an image with kept activations; GMAC/s and the share of the roof count these.',
  ];
}

/** For the terminal. */
export function formatTable(report: Report): string {
  const lines = [columns, ...report.rows.map((row) => cells(row, report))];
  const widths = columns.map((_, c) => Math.max(...lines.map((line) => line[c]!.length)));
  const table = lines.map((line) =>
    line.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('  '),
  );
  return [...notes(report), '', ...table].join('\n');
}

/** For bench/results. */
export function formatMarkdown(report: Report): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `# Sampling, ${report.machine.date}`,
    '',
    ...notes(report).map((note) => `- ${note}`),
    '',
    line(columns),
    line(columns.map((_, c) => (c === 0 ? '---' : '---:'))),
    ...report.rows.map((row) => line(cells(row, report))),
    '',
  ].join('\n');
}

/** For programs. */
export function formatJson(report: Report): string {
  const { machine, model, roof } = report;
  const rows = report.rows.map((row) => {
    const f = figures(row, report);
    return {
      name: row.name,
      precision: row.precision,
      batch: row.batch,
      threads: row.threads,
      ms_per_image: f.msPerImage,
      ms_per_image_quartiles: [f.low, f.high],
      ms_per_image_best: row.timing.best / row.imagesPerRun,
      us_per_pixel: f.usPerPixel,
      images_per_second: 1000 / f.msPerImage,
      gmac_per_second: f.gmacs,
      executed_share: f.executedShare,
      roof_share: f.roofShare,
      ratio_to_own_naive: f.toOwnNaive,
      ratio_to_tfjs_wasm: f.toPeerNaive,
      runs: row.timing.runs,
      extrapolated: row.imagesPerRun < 1,
    };
  });
  return `${JSON.stringify({ machine, model, roof, rows }, null, 2)}\n`;
}

/** Three digits, thousands grouped. */
function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
