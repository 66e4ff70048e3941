import { expect, it } from 'vitest';
import { epochLine, epochTitle } from '../../../ts/train/watch/log.js';

it('tells of an epoch in the words of Keras', () => {
  expect(epochTitle(3, 50)).toBe('Epoch 3/50');
  const epoch = { epoch: 3, steps: 493, seconds: 26.6, loss: 0.11366, valLoss: 0.09334 };
  expect(epochLine(epoch)).toBe('493/493 - 27s - 54ms/step - loss: 0.1137 - val_loss: 0.0933');
  expect(epochLine({ ...epoch, valLoss: Number.NaN })).toBe('493/493 - 27s - 54ms/step - loss: 0.1137');
});
