/** One picture of a report: seconds for an image, by peers and by us. */

import { type ChartOption, renderChart } from '../ts/node/chart.js';
import { short } from './format.js';
import { machineLine } from './machine.js';
import { figures, type Report } from './report.js';
import { naiveName, poolName, type Row, rowName } from './rows.js';

const colours = { native: '#7a7a7a', wasm: '#a8a8a8', ours: '#1f6fb2' } as const;

/** Our rows in the picture, the slowest first; peers stand above them. */
const ours: readonly string[] = [
  naiveName('f32'),
  rowName('f32', 'cached'),
  rowName('f32', 'wavefront'),
  rowName('f32', 'skipping all'),
  // Results of version 0.1.0 have integers of 16 bits.
  ...['int16', 'int8'].flatMap((integers) => [
    rowName(integers, 'wavefront'),
    rowName(integers, 'skipping all'),
    rowName(integers, 'skipping all, batch 64'),
    poolName(integers, 2),
  ]),
];

/** The rows that pictures and the README show, from the slowest peer to our fastest way. */
export function shown<T extends Pick<Row, 'name' | 'kind'>>(rows: readonly T[], time: (row: T) => number): T[] {
  const peers = rows.filter(({ kind, name }) => kind !== 'ours' && !name.endsWith('a whole image'));
  const mine = ours.flatMap((name) => rows.filter((row) => row.name === name));
  return [...peers.sort((a, b) => time(b) - time(a)), ...mine];
}

/** The chart as SVG text. */
export function chartSvg(report: Report): Promise<string> {
  const seconds = (row: Row) => figures(row, report).msPerImage / 1000;
  const rows = shown(report.rows, seconds);
  const from = 10 ** Math.floor(Math.log10(Math.min(...rows.map(seconds)) / 2));
  const option: ChartOption = {
    title: {
      text: `Seconds for one image of ${report.pixels} pixels, the same net`,
      subtext: `${machineLine(report.machine).replace(/, load.*/, '')}. One thread unless workers are named.\nLogarithmic: each line is ten times the one before.`,
      left: 16,
      top: 8,
      textStyle: { fontSize: 16 },
      subtextStyle: { color: '#555', fontSize: 11 },
    },
    grid: { left: 300, right: 70, top: 84, bottom: 36 },
    // Bars begin at the axis, not at 1 second, whose logarithm is 0.
    xAxis: { type: 'log', min: from, startValue: from, axisLabel: { formatter: (value: number) => `${value} s` } },
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows.map(({ name, kind }) => (kind === 'ours' ? `ours, ${name}` : name)),
      axisTick: { show: false },
      axisLabel: { color: '#222', fontSize: 11 },
    },
    series: [
      {
        type: 'bar',
        barWidth: '68%',
        data: rows.map((row) => ({
          value: seconds(row),
          itemStyle: { color: colours[row.kind] },
          label: { formatter: `${secondsText(seconds(row))}` },
        })),
        label: { show: true, position: 'right', color: '#222', fontSize: 11 },
      },
    ],
  };
  return renderChart(option, { width: 900, height: 120 + 26 * rows.length });
}

function secondsText(seconds: number): string {
  return seconds < 1 ? `${short(seconds * 1000)} ms` : `${short(seconds)} s`;
}
