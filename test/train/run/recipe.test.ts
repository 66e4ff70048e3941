import { expect, it } from 'vitest';
import { describeRecipe, emaDecayAt, learningRateAt, presets, recipeOf } from '../../../ts/train/run/recipe.js';

it("is the reference's unless asked otherwise, and changes what is asked", () => {
  expect(recipeOf({})).toEqual({ ...presets.reference, epochs: 50, batchSize: 128, learningRate: 0.0005 });
  expect(recipeOf({ preset: 'fast', epochs: 2, emaDecay: undefined })).toEqual({ ...presets.fast, epochs: 2 });
});

it('has the numbers of the Keras example, and those that the packaged model was trained by', () => {
  expect(presets).toEqual({
    reference: {
      ...{ epochs: 50, batchSize: 128, learningRate: 0.0005, warmupSteps: 0, schedule: 'constant' },
      ...{ clipNorm: 0, emaDecay: 0 },
    },
    fast: {
      ...{ epochs: 8, batchSize: 32, learningRate: 0.001, warmupSteps: 600, schedule: 'cosine' },
      ...{ clipNorm: 1, emaDecay: 0.999 },
    },
  });
});

it('takes each number that is asked for, the least ones too', () => {
  const least = { epochs: 1, batchSize: 1, learningRate: 0, warmupSteps: 0, clipNorm: 0, emaDecay: 0 };
  expect(recipeOf({ preset: 'fast', ...least })).toEqual({ ...least, schedule: 'cosine' });
  const other = { epochs: 3, batchSize: 7, learningRate: 0.1, warmupSteps: 2, clipNorm: 5, emaDecay: 0.5 };
  expect(recipeOf({ ...other, schedule: 'cosine' })).toEqual({ ...other, schedule: 'cosine' });
});

it('raises the rate in equal steps, holds it, or lets it fall to 0 at the last update', () => {
  const constant = recipeOf({ learningRate: 0.2, warmupSteps: 4 });
  const rates = [1, 2, 4, 5, 100].map((update) => learningRateAt(constant, update, 100));
  expect(rates.map((rate) => expect.closeTo(rate))).toEqual([0.05, 0.1, 0.2, 0.2, 0.2]);
  const cosine = recipeOf({ learningRate: 0.2, warmupSteps: 4, schedule: 'cosine' });
  expect(learningRateAt(cosine, 2, 104)).toBeCloseTo(0.1);
  expect(learningRateAt(cosine, 4, 104)).toBeCloseTo(0.2);
  expect(learningRateAt(cosine, 54, 104)).toBeCloseTo(0.1);
  expect(learningRateAt(cosine, 104, 104)).toBe(0);
  expect(learningRateAt(cosine, 110, 104)).toBe(0);
  expect(learningRateAt(recipeOf({}), 1, 1)).toBe(0.0005);
});

it('lets the average follow quickly at first', () => {
  const recipe = recipeOf({ emaDecay: 0.999 });
  expect(emaDecayAt(recipe, 1)).toBeCloseTo(2 / 11);
  expect(emaDecayAt(recipe, 1e6)).toBe(0.999);
});

it.each([
  [{ preset: 'slow' }, 'preset: expected one of reference, fast, got "slow"'],
  [{ epochs: 0 }, 'epochs: expected an integer from 1 to 9007199254740991, got 0'],
  [{ warmupSteps: -1 }, 'warmupSteps: expected an integer from 0 to 9007199254740991, got -1'],
  [{ schedule: 'linear' }, 'schedule: expected one of constant, cosine, got "linear"'],
  [{ clipNorm: -1 }, 'clipNorm: expected a finite number of at least 0, got -1'],
  [{ batchSize: 0 }, 'batchSize: expected an integer from 1 to 9007199254740991, got 0'],
  [{ learningRate: -0.1 }, 'learningRate: expected a finite number of at least 0, got -0.1'],
  [{ emaDecay: -0.1 }, 'emaDecay: expected a finite number of at least 0, got -0.1'],
  [{ emaDecay: 1 }, 'emaDecay: expected a number from 0 to below 1, got 1'],
])('refuses %o', (options, message) => {
  expect(() => recipeOf(options as object)).toThrow(new RangeError(message));
});

it('is told in words', () => {
  expect(describeRecipe(presets.reference)).toBe('Adam as Keras computes it, learning rate 0.0005');
  expect(describeRecipe(presets.fast)).toBe(
    'Adam as Keras computes it, learning rate 0.001, warmed up over 600 updates, cosine to 0 at the end, ' +
      'gradients clipped to norm 1, moving average of the weights with decay 0.999',
  );
});
