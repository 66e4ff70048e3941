import { expect, it } from 'vitest';
import type { TrainEvent } from '../../../ts/train/train.js';
import { metricsLine } from '../../../ts/train/watch/metrics.js';

it('puts each figure of an update and of an epoch under its own name, counted over the whole run', () => {
  const figures = { loss: 0.5, batchLoss: 0.25, learningRate: 0.125, gradientNorm: 8, seconds: 17 };
  const step: TrainEvent = { type: 'step', epoch: 3, step: 2, steps: 10, ...figures };
  expect(metricsLine(step)).toEqual({ type: 'step', step: 22, epoch: 3, ...figures });
  const record = { epoch: 3, steps: 10, seconds: 19, loss: 0.5, valLoss: 0.75 };
  const epoch: TrainEvent = { type: 'epoch', epochs: 4, ...record, model: async () => new Uint8Array() };
  const line = { type: 'epoch', step: 30, epoch: 3, loss: 0.5, valLoss: 0.75, seconds: 19 };
  expect(metricsLine(epoch)).toEqual(line);
  expect(metricsLine({ ...epoch, valLoss: Number.NaN })).toEqual({ ...line, valLoss: null });
  expect(metricsLine({ type: 'validate', epoch: 3, done: 1, total: 2 })).toBeUndefined();
});
