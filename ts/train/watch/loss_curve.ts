// The loss of each epoch as a curve, drawn anew whenever there is one more.

import { join } from 'node:path';
import { checkText } from '../../arguments.js';
import { type ChartOption, pngOfSvg, renderChart } from '../../node/chart.js';
import { replaceFile } from '../../node/files.js';
import type { EpochRecord } from '../run/checkpoint.js';
import { type Watcher, writing } from './watcher.js';

/** Writes `loss.svg` and `loss.png` into `folder`, axes alone before the first epoch. Needs the packages of charts. */
export function lossCurve(folder: string): Watcher {
  checkText('folder', folder);
  let history: readonly EpochRecord[] = [];
  return writing(async (event) => {
    // At the start too, so that who lacks a package hears of it then, and not an epoch later.
    if (event.type !== 'start' && event.type !== 'epoch') return;
    history = event.type === 'start' ? event.history : [...history, event];
    const svg = await renderChart(curveOf(history), { width: 720, height: 440 });
    await replaceFile(join(folder, 'loss.svg'), svg);
    await replaceFile(join(folder, 'loss.png'), await pngOfSvg(svg));
  });
}

/** Training and validation loss over epochs. */
export function curveOf(history: readonly EpochRecord[]): ChartOption {
  const points = (of: (record: EpochRecord) => number): [number, number][] =>
    history.map((record): [number, number] => [record.epoch, of(record)]).filter(([, y]) => Number.isFinite(y));
  const curves = [
    { name: 'training', data: points(({ loss }) => loss), color: '#5070dd' },
    { name: 'validation', data: points(({ valLoss }) => valLoss), color: '#e8743b' },
  ].filter(({ data }) => data.length > 0);
  const best = history.reduce((least, { valLoss }) => (valLoss < least ? valLoss : least), Number.POSITIVE_INFINITY);
  const last = history.at(-1);
  const subtext = [
    ...(last === undefined ? [] : [`after epoch ${last.epoch}: training ${last.loss.toFixed(4)}`]),
    ...(last === undefined || Number.isNaN(last.valLoss) ? [] : [`validation ${last.valLoss.toFixed(4)}`]),
    ...(Number.isFinite(best) ? [`best ${best.toFixed(4)}`] : []),
  ].join(', ');
  return {
    title: { text: 'Loss, nats a pixel', subtext, left: 60, top: 8, textStyle: { fontSize: 16 } },
    legend: { right: 24, top: 12, itemGap: 28, icon: 'roundRect', itemHeight: 3 },
    grid: { left: 64, right: 24, top: 72, bottom: 52 },
    xAxis: {
      type: 'value',
      name: 'epoch',
      nameLocation: 'middle',
      nameGap: 28,
      min: 0,
      max: last?.epoch ?? 1,
      minInterval: 1,
      splitLine: { show: false },
    },
    yAxis: { type: 'value', scale: true, axisLabel: { formatter: (value: number) => value.toFixed(4) } },
    series: curves.map(({ name, data, color }) => ({
      type: 'line',
      name,
      data,
      color,
      symbol: 'circle',
      symbolSize: 5,
      showSymbol: data.length <= 60,
    })),
  };
}
