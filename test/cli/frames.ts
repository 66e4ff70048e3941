import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { idx } from '../train/data/idx.js';
import { blobs } from '../train/support.js';

const size = { height: 7, width: 6 };

/** Forty small images as IDX files in `frames` below a folder. */
export async function writeFrames(folder: string): Promise<void> {
  await mkdir(join(folder, 'frames'));
  for (const [file, count] of [
    ['train', 30],
    ['t10k', 10],
  ] as const) {
    const pixels = blobs(count, size).pixels.map((level) => 255 * level);
    const bytes = idx(count, size.height, size.width, pixels);
    await writeFile(join(folder, 'frames', `${file}-images-idx3-ubyte`), bytes);
  }
}

/** The smallest training there is: a step takes less than its checkpoint. */
export const tinyTraining = [
  ...['train', '--data', 'frames', '--device', 'javascript', '--seed', '5', '--batch-size', '4', '--samples', '0'],
  ...['--filters', '4', '--blocks', '0', '--head-layers', '0', '--first-kernel', '3'],
];
