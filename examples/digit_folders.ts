/**
 * Handwritten digits as grey PNG files in a folder for each class, halved to 14x14: data of a kind that people have, from a set that is
 * at hand.
 *
 *     npx tsx examples/digit_folders.ts FOLDER [IMAGES]    writes FOLDER/train/0/00001.png ... and FOLDER/test, a tenth as many
 *                                                          (default: 10000)
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadData } from 'pixelcnn/train';
import { PNG } from 'pngjs';

const side = 14;

/** Grey values `[28, 28]` as `[14, 14]`: of each square of four, the mean. */
function halve(pixels: ArrayLike<number>): Uint8Array {
  const at = (y: number, x: number) => pixels[y * 2 * side + x]!;
  return Uint8Array.from({ length: side * side }, (_, i) => {
    const [y, x] = [2 * Math.floor(i / side), 2 * (i % side)];
    return (at(y, x) + at(y, x + 1) + at(y + 1, x) + at(y + 1, x + 1)) / 4;
  });
}

function encode(grey: Uint8Array): Buffer {
  const png = new PNG({ width: side, height: side, colorType: 0, inputColorType: 0, inputHasAlpha: false });
  png.data = Buffer.from(grey);
  return PNG.sync.write(png, { colorType: 0, inputColorType: 0, inputHasAlpha: false });
}

const [folder, wanted = '10000'] = process.argv.slice(2);
if (folder === undefined) throw new Error('expected the name of a folder');
for (const [part, split, images] of [
  ['train', 'standard', Number(wanted)],
  ['test', 'test', Math.ceil(Number(wanted) / 10)],
] as const) {
  // 256 levels of values from 0 to 255 are these values.
  const { pixels, labels, classNames, count } = await loadData({
    ...{ data: 'mnist', split, limit: images, classes: true, levels: 256 },
  });
  for (const name of classNames!) mkdirSync(join(folder, part, name), { recursive: true });
  for (let image = 0; image < count; image++) {
    const grey = halve(pixels.subarray(image * 4 * side ** 2, (image + 1) * 4 * side ** 2));
    const name = `${String(image).padStart(5, '0')}.png`;
    writeFileSync(join(folder, part, classNames![labels![image]!]!, name), encode(grey));
  }
  console.log(`${join(folder, part)}: ${count} images of ${side}x${side} in ${classNames!.length} folders`);
}
