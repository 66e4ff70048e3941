import { expect, it } from 'vitest';
import type { EpochRecord } from '../../../ts/train/run/checkpoint.js';
import { curveOf } from '../../../ts/train/watch/loss_curve.js';

const record = (epoch: number, loss: number, valLoss: number): EpochRecord => ({
  ...{ epoch, steps: 3, seconds: 7, loss, valLoss },
});

/** The title and what stands under it, how far the axis goes, and each curve's name and points. */
function shown(history: readonly EpochRecord[]) {
  const { title, xAxis, series } = curveOf(history) as {
    title: { text: string; subtext: string };
    xAxis: { min: number; max: number };
    series: { name: string; data: [number, number][] }[];
  };
  const curves = Object.fromEntries(series.map(({ name, data }) => [name, data]));
  expect(title.text).toBe('Loss, nats a pixel');
  return { says: title.subtext, axis: [xAxis.min, xAxis.max], curves };
}

it('draws both losses over epochs, and tells the last ones and the least that validation gave', () => {
  expect(shown([record(1, 0.5, 0.4), record(2, 0.3, 0.21236), record(3, 0.29999, 0.25)])).toEqual({
    says: 'after epoch 3: training 0.3000, validation 0.2500, best 0.2124',
    axis: [0, 3],
    curves: {
      training: [
        [1, 0.5],
        [2, 0.3],
        [3, 0.29999],
      ],
      validation: [
        [1, 0.4],
        [2, 0.21236],
        [3, 0.25],
      ],
    },
  });
});

it('has one curve without validation images, and none before the first epoch', () => {
  expect(shown([record(1, 0.5, Number.NaN), record(2, 0.3, Number.NaN)])).toEqual({
    says: 'after epoch 2: training 0.3000',
    axis: [0, 2],
    curves: {
      training: [
        [1, 0.5],
        [2, 0.3],
      ],
    },
  });
  expect(shown([])).toEqual({ says: '', axis: [0, 1], curves: {} });
});

it('marks each point while there are few', () => {
  const marked = (epochs: number) => {
    const { series } = curveOf(Array.from({ length: epochs }, (_, i) => record(i + 1, 0.5, 0.4)));
    return (series as { showSymbol: boolean }[]).map(({ showSymbol }) => showSymbol);
  };
  expect(marked(60)).toEqual([true, true]);
  expect(marked(61)).toEqual([false, false]);
});
