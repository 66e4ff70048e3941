import { expect, it } from 'vitest';
import { countingNats } from '../../judge/counting.js';

const images = (count: number, pixels: readonly number[]) => ({
  pixels: Uint8Array.from(pixels),
  ...{ count, height: 1, width: pixels.length / count, levels: 2 },
});

it('gives what one can count by hand', () => {
  // No context: 3 of 4 cells are 1, of two different levels; p(1) = (3 + 2 x 1/2) / (4 + 2), p(0) = (1 + 1) / 6.
  const train = images(2, [1, 1, 0, 1]);
  const [one, zero] = [4 / 6, 2 / 6];
  expect(countingNats(train, images(1, [1, 0]), [])).toBeCloseTo(-Math.log(one) - Math.log(zero), 12);
  // At the left edge: one 1 and one 0, then as above; behind a 1 a 1 alone; behind a 0 a 1 alone.
  const atEdge = (1 + 2 * one) / (2 + 2);
  const behindOne = (1 + one) / (1 + 1);
  expect(countingNats(train, images(1, [1, 1]), [[0, -1]])).toBeCloseTo(-Math.log(atEdge) - Math.log(behindOne), 12);
});

it('sums to one over all images, whatever was counted', () => {
  const train = images(3, [0, 1, 1, 0, 0, 1, 1, 1, 0]);
  const context = [
    [0, -1],
    [0, -2],
  ] as const;
  let sum = 0;
  for (let image = 0; image < 8; image++) {
    sum += Math.exp(-countingNats(train, images(1, [image & 1, (image >> 1) & 1, image >> 2]), context));
  }
  expect(sum).toBeCloseTo(1, 12);
});
