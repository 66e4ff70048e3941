import { expect, it } from 'vitest';
import { type Compared, compareEvaluations, readEvaluation } from '../../../ts/train/score/compare.js';

const protocol = { source: 'MNIST', split: 'the last 10 %', binarisation: 'pixel 1 iff value >= 84.48', sha256: 'ab' };
const one: Compared = { images: 4, natsPerImage: 71, bitsPerDim: 0.13, protocol, imageNats: [70, 80, 60, 74] };
const other: Compared = { images: 4, natsPerImage: 72.5, bitsPerDim: 0.14, protocol, imageNats: [72, 81, 60, 77] };

const apart = 'expected two likelihoods under one protocol, got two that differ in';

it('tells the difference, and its standard error from the differences image by image', () => {
  const { natsPerImage, bitsPerDim, standardError } = compareEvaluations(one, other);
  expect(natsPerImage).toBe(-1.5);
  expect(bitsPerDim).toBeCloseTo(-0.01, 12);
  // Differences -2, -1, 0, -3: variance (0.25 + 0.25 + 2.25 + 2.25) / 3.
  expect(standardError).toBeCloseTo(Math.sqrt(5 / 3 / 4), 12);
});

it('tells no standard error where the nats of each image are not known of both', () => {
  const { imageNats: _, ...record } = other;
  expect(compareEvaluations(one, record)).toEqual({ natsPerImage: -1.5, bitsPerDim: expect.closeTo(-0.01, 12) });
});

it.each([
  ['source', 'the data (MNIST; there: x)'],
  ['split', 'the split (the last 10 %; there: x)'],
  ['binarisation', 'the binarisation (pixel 1 iff value >= 84.48; there: x)'],
  ['sha256', "the images' sha256 (ab; there: x)"],
])('refuses two that differ in their %s', (key, words) => {
  const differing = { ...other, protocol: { ...protocol, [key]: 'x' } };
  expect(() => compareEvaluations(one, differing)).toThrow(
    expect.objectContaining({ code: 'INCOMPARABLE', message: `${apart} ${words}; score both alike` }),
  );
});

it('refuses a likelihood given the class beside one that is not', () => {
  const given: Compared = { ...other, protocol: { ...protocol, given: 'class' } };
  expect(readEvaluation(given, 'a.json')).toEqual(given);
  expect(compareEvaluations(given, given).natsPerImage).toBe(0);
  expect(() => compareEvaluations(one, given)).toThrow(
    expect.objectContaining({
      code: 'INCOMPARABLE',
      message: `${apart} what is given (nothing; there: class); score both alike`,
    }),
  );
});

it('names all that differs, and the hash that follows from it not', () => {
  const differing = { ...other, protocol: { ...protocol, split: 'all', binarisation: 'drawn', sha256: 'cd' } };
  expect(() => compareEvaluations(one, differing)).toThrow(
    expect.objectContaining({
      code: 'INCOMPARABLE',
      message:
        `${apart} the split (the last 10 %; there: all) and the binarisation (pixel 1 iff value >= 84.48; there: drawn); ` +
        'score both alike',
    }),
  );
});

it('reads what eval --json printed, and names the field that is not as it prints it', () => {
  const printed: unknown = JSON.parse(JSON.stringify({ model: 'a', ...one, warnings: [] }));
  expect(readEvaluation(printed, 'a.json')).toEqual(one);
  for (const [value, message] of [
    [3, 'expected an object, as eval --json prints, got 3'],
    [null, 'expected an object, as eval --json prints, got null'],
    [{ ...one, images: '4' }, 'expected a finite number in images, as eval --json prints, got "4"'],
    [{ ...one, natsPerImage: null }, 'expected a finite number in natsPerImage, as eval --json prints, got null'],
    [{ ...one, bitsPerDim: Number.NaN }, 'expected a finite number in bitsPerDim, as eval --json prints, got NaN'],
    [{ ...one, protocol: 'MNIST' }, 'expected an object in protocol, as eval --json prints, got "MNIST"'],
    [
      { ...one, protocol: { ...protocol, split: 1 } },
      'expected a string in protocol.split, as eval --json prints, got 1',
    ],
    [{ ...one, imageNats: {} }, 'expected an array in imageNats, as eval --json prints, got an object of type Object'],
    [{ ...one, imageNats: [1, '3'] }, 'expected a finite number in imageNats[1], as eval --json prints, got "3"'],
  ] as const) {
    expect(() => readEvaluation(value, 'a.json')).toThrow(
      expect.objectContaining({ code: 'INVALID_DATA', message: `a.json: ${message}` }),
    );
  }
});

it('takes two pairs for the fewest that tell a standard error, and only where each image has its pair', () => {
  const few = (imageNats: number[]): Compared => ({ ...one, imageNats });
  expect(compareEvaluations(few([1, 2]), few([3, 6])).standardError).toBeCloseTo(1, 12); // differences -2, -4
  expect(compareEvaluations(few([1]), few([3]))).not.toHaveProperty('standardError');
  expect(compareEvaluations(few([1, 2, 3]), few([3, 6]))).not.toHaveProperty('standardError');
});
