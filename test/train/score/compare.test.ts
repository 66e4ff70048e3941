import { expect, it } from 'vitest';
import { type Compared, compareEvaluations, readEvaluation } from '../../../ts/train/score/compare.js';

const protocol = { source: 'MNIST', split: 'the last 10 %', binarisation: 'pixel 1 iff value >= 84.48', sha256: 'ab' };
const one: Compared = { images: 4, natsPerImage: 71, bitsPerDim: 0.13, protocol, imageNats: [70, 80, 60, 74] };
const other: Compared = { images: 4, natsPerImage: 72.5, bitsPerDim: 0.14, protocol, imageNats: [72, 81, 60, 77] };

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
  ['source', 'in the data (MNIST; there: x); score'],
  ['split', 'in the split (the last 10 %; there: x); score'],
  ['binarisation', 'in the binarisation (pixel 1 iff value >= 84.48; there: x); score'],
  ['sha256', "in the images' sha256 (ab; there: x); score"],
])('refuses two that differ in their %s', (key, words) => {
  const differing = { ...other, protocol: { ...protocol, [key]: 'x' } };
  expect(() => compareEvaluations(one, differing)).toThrow(
    expect.objectContaining({ code: 'INCOMPARABLE', message: expect.stringContaining(words) }),
  );
});

it('names all that differs, and the hash that follows from it not', () => {
  const differing = { ...other, protocol: { ...protocol, split: 'all', binarisation: 'drawn', sha256: 'cd' } };
  expect(() => compareEvaluations(one, differing)).toThrow(
    /differ in the split \(.*\) and the binarisation \([^)]*\); score both alike$/,
  );
});

it('reads what eval --json printed, and names the field that is not as it prints it', () => {
  const printed: unknown = JSON.parse(JSON.stringify({ model: 'a', ...one, warnings: [] }));
  expect(readEvaluation(printed, 'a.json')).toEqual(one);
  const wrong = (change: object) => expect(() => readEvaluation({ ...one, ...change }, 'a.json'));
  wrong({ natsPerImage: null }).toThrow(
    'a.json: expected a finite number in natsPerImage, as eval --json prints, got null',
  );
  wrong({ protocol: 'MNIST' }).toThrow('a.json: expected an object in protocol, as eval --json prints, got "MNIST"');
  wrong({ protocol: { ...protocol, split: 1 } }).toThrow('expected a string in protocol.split, as eval');
  wrong({ imageNats: {} }).toThrow('expected an array in imageNats');
  wrong({ imageNats: [1, 2, '3', 4] }).toThrow('expected a finite number in imageNats[2]');
  expect(() => readEvaluation(3, 'a.json')).toThrow('a.json: expected an object, as eval --json prints, got 3');
});
