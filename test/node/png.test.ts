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
