import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { gridPng, imagePng } from '../../ts/node/png.js';

/** The grey values of a PNG file. */
function read(bytes: Buffer): { width: number; height: number; grey: number[] } {
  const { width, height, data } = PNG.sync.read(bytes);
  return { width, height, grey: Array.from({ length: width * height }, (_, i) => data[4 * i]!) };
}

it('writes an image pixel for pixel, from black to white', () => {
  const png = imagePng(Uint8Array.of(0, 1, 2, 3, 1, 0), [1, 2, 3, 1], 4);
  expect(read(png)).toEqual({ width: 3, height: 2, grey: [0, 85, 170, 255, 85, 0] });
  expect(png.readUInt8(24)).toBe(8); // bits
  expect(png.readUInt8(25)).toBe(0); // grey, without alpha
});

it('puts images into a grid with margins, enlarged by a whole number', () => {
  const data = Uint8Array.from({ length: 3 * 4 }, (_, i) => (i < 4 ? 1 : 0));
  const { width, height, grey } = read(gridPng(data, [3, 2, 2, 1], 2));
  const factor = Math.floor(1024 / 10); // two images of 2 and three margins of 2
  expect([width, height]).toEqual([10 * factor, 10 * factor]);
  const at = (x: number, y: number) => grey[(y * factor + factor - 1) * width + x * factor];
  expect([at(2, 2), at(3, 3), at(6, 2), at(2, 6)]).toEqual([255, 255, 0, 0]); // images 0, 0, 1, 2
  const margin = at(0, 0);
  expect(margin).toBe(64);
  expect([at(4, 2), at(6, 6), at(9, 9)]).toEqual([margin, margin, margin]); // between, no image 3, after
});

it('rounds grey to the nearest, and reads images that lie inside a larger buffer', () => {
  const inside = Uint8Array.of(9, 9, 0, 1, 2, 9).subarray(2, 5);
  expect(read(imagePng(inside, [1, 1, 3, 1], 3)).grey).toEqual([0, 128, 255]);
});

it('fills rows of an upright or lying image from the left, in as many columns as rows or one more', () => {
  // Five images of 3 x 1, the nth of which is white at its nth place, counted around.
  const data = Uint8Array.from({ length: 15 }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? 1 : 0));
  const { width, height, grey } = read(gridPng(data, [5, 3, 1, 1], 2));
  const factor = Math.floor(1024 / 12); // the longer side: two images of 3 and three margins of 2
  expect([width, height]).toEqual([11 * factor, 12 * factor]); // three images of 1 and four margins
  const at = (x: number, y: number) => grey[y * factor * width + x * factor];
  const image = (column: number, row: number) => [0, 1, 2].map((y) => at(2 + 3 * column, 2 + 5 * row + y));
  expect([image(0, 0), image(1, 0), image(2, 0)]).toEqual([
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
  ]);
  expect([image(0, 1), image(1, 1), image(2, 1)]).toEqual([
    [255, 0, 0],
    [0, 255, 0],
    [64, 64, 64],
  ]);
});

it('leaves a grid as it is that is larger than what it enlarges to', () => {
  const { width, height } = read(gridPng(new Uint8Array(2 * 1100), [2, 550, 2, 1], 2));
  expect([width, height]).toEqual([2 * 2 + 3 * 2, 550 + 2 * 2]);
  expect(read(gridPng(new Uint8Array(1100), [1, 1100, 1, 1], 2))).toMatchObject({ width: 5, height: 1104 });
});
