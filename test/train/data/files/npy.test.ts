import { expect, it } from 'vitest';
import { parseNpyImages } from '../../../../ts/train/data/files/npy.js';
import { npy } from '../npy.js';

const shapes =
  'shape (count, height, width), or with one channel (count, height, width, 1) or (count, 1, height, width)';

it.each([
  [[7], 7, `${shapes}, got (7,); is it a file of labels?`],
  [[2, 784], 1568, `${shapes}, got (2, 784); write it again after x.reshape(-1, 28, 28)`],
  [[2, 3, 4, 3], 72, `${shapes}, got (2, 3, 4, 3), colours; write them again in grey, as by x.mean(3).round()`],
  [[2, 3, 4, 1, 1], 24, `${shapes}, got (2, 3, 4, 1, 1)`],
  [[0, 28, 28], 0, 'at least one image of at least one pixel, got shape (0, 28, 28)'],
  [[2, 0, 28, 1], 0, 'at least one image of at least one pixel, got shape (2, 0, 28, 1)'],
  [[2 ** 20, 2 ** 10, 1], 4, '1073741824 bytes of values for shape (1048576, 1024, 1), got 4'], // the most that are taken
  [[2 ** 20, 2 ** 10, 2], 4, 'at most 1073741824 pixels, got shape (1048576, 1024, 2)'],
  [[2, 3, 4], 23, '24 bytes of values for shape (2, 3, 4), got 23'],
  [[2, 3, 4], 25, '24 bytes of values for shape (2, 3, 4), got 25'],
])('says of a .npy file of shape %o with %i values what shape it wants', (shape, length, message) => {
  const wrong = { code: 'INVALID_DATA', message: `some/file: expected ${message}` };
  expect(() => parseNpyImages(npy(shape, new Uint8Array(length)), 'some/file')).toThrow(expect.objectContaining(wrong));
});

it.each([
  ['(-1, 3, 4)', '-1'],
  ['(2, 3, - 4)', '-4'],
  [`(2, 3, ${'9'.repeat(60)}L)`, '9'.repeat(40)],
])('says which number of the shape %s is none of a shape', (told, got) => {
  const bytes = npy([2, 3, 4], new Uint8Array(24), { told });
  const message = `some/file: expected a shape of whole numbers below 10^16, got ${got} in it`;
  expect(() => parseNpyImages(bytes, 'some/file')).toThrow(expect.objectContaining({ code: 'INVALID_DATA', message }));
});
