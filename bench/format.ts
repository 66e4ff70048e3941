/** From figures to tables: for the terminal, JSON for programs, Markdown for bench/results. */

import { type Bound, bounds } from './bounds.js';
import type { Digits } from './digits.js';
import type { FirstImage } from './first.js';
import type { Grids } from './grids.js';
import { machineLine } from './machine.js';
import type { PackagedTime } from './packaged.js';
import { figures, type Report } from './report.js';
import type { Peak } from './roof.js';
import type { Row } from './rows.js';
import type { SizeFigures } from './sizes.js';
import type { TileRate } from './tile.js';

type Table = readonly (readonly string[])[];

const columns = [
  '',
  'ms/image',
  'quartiles',
  'images/s',
  'us/pixel',
  'ink',
  'executed',
  'GMAC/s',
  'as dense',
  'of roof',
  'x own naive',
  'x tfjs naive',
  'runs',
];

function rowTable(report: Report): Table {
  return [columns, ...report.rows.map((row) => cells(row, report))];
}

function cells(row: Row, report: Report): string[] {
  const f = figures(row, report);
  const or = (value: number | null, show: (value: number) => string) => (value === null ? '-' : show(value));
  return [
    row.name,
    short(f.msPerImage),
    `${short(f.low)} - ${short(f.high)}`,
    short(1000 / f.msPerImage),
    short(f.usPerPixel),
    or(row.ink, (ink) => ink.toFixed(0)),
    f.executedShare >= 10 ? `${short(f.executedShare)}x` : f.executedShare.toFixed(2),
    f.gmacs.toFixed(1),
    short(f.denseGmacs),
    or(f.roofShare, (share) => share.toFixed(2)),
    or(f.toOwnNaive, short),
    or(f.toPeerNaive, short),
    String(row.timing.runs),
  ];
}

function digitTable({ single, together, ink }: Digits): Table {
  return [
    ['', 'mean ms', 'worst ms', 'executed', 'ink'],
    ...single.map(({ precision, skipping, mean, worst, executed }) => [
      `${precision}, skipping ${skipping}`,
      short(mean),
      short(worst),
      executed.toFixed(3),
      ink.toFixed(0),
    ]),
    ...together.map(({ precision, time }) => [
      `${precision}, skipping all, at once`,
      short(time),
      '-',
      '-',
      ink.toFixed(0),
    ]),
  ];
}

function sizeTable(sizes: readonly SizeFigures[]): Table {
  return [
    ['', 'us/pixel', `x that at ${sizes[0]!.side}`, 'state MB'],
    ...sizes.map(({ precision, side, usPerPixel, toSmallest, stateBytes }) => [
      `${precision}, ${side} x ${side}`,
      short(usPerPixel),
      toSmallest.toFixed(3),
      (stateBytes / 1e6).toFixed(3),
    ]),
  ];
}

function firstTable(first: readonly FirstImage[]): Table {
  return [
    ['', 'load ms', 'first image ms', 'quartiles', 'rows MB at most', 'instances'],
    ...first.map(({ precision, skipping, load, image, rowBytes }) => [
      `${precision}, skipping ${skipping}`,
      short(load.median),
      short(image.median),
      `${short(image.low)} - ${short(image.high)}`,
      (rowBytes / 1e6).toFixed(2),
      String(image.runs),
    ]),
  ];
}

function tileTable(tile: readonly TileRate[], roof: number): Table {
  return [
    ['', 'GMAC/s', 'of roof', 'of tile'],
    ...tile.map(({ name, best }) => [
      name,
      best.toFixed(1),
      (best / roof).toFixed(2),
      (best / tile[0]!.best).toFixed(2),
    ]),
  ];
}

function packagedTable(list: readonly PackagedTime[]): Table {
  return [
    ['', 'ms/image', 'quartiles', 'images/s', 'million MACs, dense', 'executed', 'ink'],
    ...list.map(({ name, batch, time, macs, executed, ink }) => [
      `${name}, ${batch === 1 ? 'one by one' : `${batch} at once`}`,
      short(time.median),
      `${short(time.low)} - ${short(time.high)}`,
      short(1000 / time.median),
      short(macs / 1e6),
      executed.toFixed(3),
      ink.toFixed(0),
    ]),
  ];
}

export function gridTable({ times }: Grids): Table {
  return [
    ['', 'ms/grid', 'quartiles', 'grids/s', 'x ours', 'runs'],
    ...times.map(({ name, time, toOurs }) => [
      name,
      short(time.median),
      `${short(time.low)} - ${short(time.high)}`,
      short(1000 / time.median),
      short(toOurs),
      String(time.runs),
    ]),
  ];
}

function boundTable(list: readonly Bound[]): Table {
  return [
    ['', 'here', 'wanted', ''],
    ...list.map(({ name, value, atLeast, atMost, holds }) => [
      name,
      value >= 10 ? short(value) : value.toFixed(3),
      atLeast !== undefined ? `>= ${atLeast}` : atMost !== undefined ? `<= ${atMost}` : '-',
      holds === null ? '' : holds ? 'holds' : 'MISSED',
    ]),
  ];
}

/** Tables after the first, with what to know of each. */
function sections(report: Report): { title: string; note: string; table: Table }[] {
  const { digits, sizes, first, tile, grids, packaged, roof } = report;
  const made = [];
  if (digits) {
    const note = `Each digit drawn alone, its median of ${digits.passes} passes; executed: over the dense run.`;
    made.push({ title: `${digits.count} sampled digits`, note, table: digitTable(digits) });
  }
  if (sizes.length > 0) {
    const note = 'Batch 1, nothing skipped; state: activations kept for one image.';
    made.push({ title: 'Larger images', note, table: sizeTable(sizes) });
  }
  if (first.length > 0) {
    const note = 'Fresh processes; the model file is in memory, load compiles and packs.';
    made.push({ title: 'The first image', note, table: firstTable(first) });
  }
  if (tile) {
    const note = 'f32, best of the run, in turn; `npm run bench -- tile` alone.';
    made.push({ title: 'The register tile alone', note, table: tileTable(tile, roof.f32.rate) });
  }
  if (grids) {
    const note =
      '8 x 8 codes of 512, by class, 15 layers of 64, random weights, f32, one thread. A peer: a forward pass times the codes of ' +
      'a grid. x ours: over the time of our wavefront in the same batch.';
    made.push({ title: 'Grids of codes', note: [note, ...grids.missing].join(' '), table: gridTable(grids) });
  }
  if (packaged) {
    const note =
      'Of one class after the other, everything skipped, one thread; executed: over the dense run. Levels are 10 x 10.';
    made.push({ title: 'The packaged models', note, table: packagedTable(packaged) });
  }
  const list = bounds(report);
  if (list.length > 0) {
    made.push({ title: 'What is claimed', note: 'From the figures above, unrounded.', table: boundTable(list) });
  }
  return made;
}

/** Everything a reader of the table must know. */
function notes({ machine, models, roof, missing, probes }: Report): string[] {
  const busy = roof.steady < 0.95 ? '; this machine is busy, so take the figures with care' : '';
  const peak = ({ rate, shape }: Peak) => `${rate.toFixed(1)} GMAC/s (best probe: ${shape})`;
  const twice = probes
    ? [`Two probes at once reach ${(probes.alone.median / probes.together.median).toFixed(2)} of twice the rate of one`]
    : [];
  return [
    machineLine(machine),
    `WebAssembly by ${machine.rustc}, ${machine.flags.join(' ')}; one thread unless workers are named`,
    `Models: f32 ${models.f32}; int8 ${models.int8}. Digits of MNIST have 116 pixels of ink, of 784`,
    `Roof: plain f32 mul + add ${peak(roof.f32)}; int8 dot products ${peak(roof.int8)}; clock ${roof.clock.toFixed(2)} GHz; ` +
      `loads over the weights ${roof.loads.f32.toFixed(0)} GB/s (f32), ${roof.loads.int8.toFixed(0)} GB/s (int8)`,
    `Steadiness: the f32 probe's median is ${roof.steady.toFixed(2)} of its best${busy}`,
    ...twice,
    'Times are medians. Naive rows, ours and others, time one forward pass and multiply by the number of pixels',
    'Executed: multiply-adds issued, over those of an image with kept activations; GMAC/s and the share of the roof count these; ' +
      'as dense: GMAC/s as if none were skipped and none done twice',
    ...missing,
  ];
}

/** For the terminal. */
export function formatTable(report: Report): string {
  const parts = sections(report).flatMap(({ title, note, table }) => ['', `${title}. ${note}`, ...aligned(table)]);
  return [...notes(report), '', ...aligned(rowTable(report)), ...parts].join('\n');
}

/** Columns under each other, all but the first to the right. */
export function aligned(table: Table): string[] {
  const widths = table[0]!.map((_, c) => Math.max(...table.map((line) => line[c]!.length)));
  return table.map((line) =>
    line
      .map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** For bench/results. `chart` is the file name of a picture beside it. */
export function formatMarkdown(report: Report, chart?: string): string {
  const parts = sections(report).flatMap(({ title, note, table }) => [
    `## ${title}`,
    '',
    note,
    '',
    ...piped(table),
    '',
  ]);
  return [
    `# Sampling, ${report.machine.date}`,
    '',
    ...(chart === undefined ? [] : [`![Seconds per image, the shorter the better](${chart})`, '']),
    ...notes(report).map((note) => `- ${note}`),
    '',
    ...piped(rowTable(report)),
    '',
    ...parts,
  ].join('\n');
}

/** For Markdown. */
export function piped([head, ...lines]: Table): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head!), line(head!.map((_, c) => (c === 0 ? '---' : '---:'))), ...lines.map(line)];
}

/** A row as JSON holds it. */
export interface JsonRow extends Pick<Row, 'name' | 'kind' | 'precision' | 'batch' | 'threads' | 'ink'> {
  readonly ms_per_image: number;
  readonly ms_per_image_quartiles: readonly [number, number];
  readonly ms_per_image_best: number;
  readonly us_per_pixel: number;
  readonly images_per_second: number;
  /** Of multiply-adds issued. */
  readonly gmac_per_second: number;
  /** As if none were skipped and none done twice. */
  readonly dense_gmac_per_second: number;
  readonly executed_share: number;
  readonly roof_share: number | null;
  /** In the same precision. */
  readonly ratio_to_own_naive: number | null;
  readonly ratio_to_tfjs_wasm: number | null;
  readonly runs: number;
  /** Whether a part of an image was timed, such as one forward pass of its 784. */
  readonly extrapolated: boolean;
}

/** What JSON holds. */
export interface Results
  extends Pick<
    Report,
    'machine' | 'models' | 'roof' | 'missing' | 'digits' | 'sizes' | 'first' | 'tile' | 'grids' | 'packaged' | 'probes'
  > {
  readonly rows: readonly JsonRow[];
  readonly bounds: readonly Bound[];
}

/** For programs. */
export function formatJson(report: Report): string {
  const rows = report.rows.map((row): JsonRow => {
    const f = figures(row, report);
    const { name, kind, precision, batch, threads, ink } = row;
    return {
      name,
      kind,
      precision,
      batch,
      threads,
      ink,
      ms_per_image: f.msPerImage,
      ms_per_image_quartiles: [f.low, f.high],
      ms_per_image_best: row.timing.best / row.imagesPerRun,
      us_per_pixel: f.usPerPixel,
      images_per_second: 1000 / f.msPerImage,
      gmac_per_second: f.gmacs,
      dense_gmac_per_second: f.denseGmacs,
      executed_share: f.executedShare,
      roof_share: f.roofShare,
      ratio_to_own_naive: f.toOwnNaive,
      ratio_to_tfjs_wasm: f.toPeerNaive,
      runs: row.timing.runs,
      extrapolated: row.imagesPerRun < 1,
    };
  });
  const { machine, models, roof, missing, digits, sizes, first, tile, grids, packaged, probes } = report;
  const optional = {
    ...(digits && { digits }),
    ...(tile && { tile }),
    ...(grids && { grids }),
    ...(packaged && { packaged }),
    ...(probes && { probes }),
  };
  const results: Results = { machine, models, roof, rows, missing, sizes, first, ...optional, bounds: bounds(report) };
  return `${JSON.stringify(results, null, 2)}\n`;
}

/** Three digits, thousands grouped; two of a small number. */
export function short(value: number): string {
  if (value > 0 && value < 0.1) return value.toPrecision(2);
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
