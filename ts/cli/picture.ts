/** Images in the terminal, two pixels to a character. */

import type { ImageShape } from '../images.js';

export interface PictureOptions {
  /** Values of a pixel; what is at least half of the highest counts as on. */
  levels: number;
  /** Characters to a line. */
  columns: number;
  /** Rows of images, at most. */
  rows: number;
}

export interface Picture {
  text: string;
  /** Images that are in it. */
  shown: number;
}

const gap = 2; // characters between images

/** As many of the images as fit, several to a row; none where the terminal is narrower than one. */
export function picture(data: Uint8Array, shape: ImageShape, { levels, columns, rows }: PictureOptions): Picture {
  const [count, height, width, channels] = shape;
  const perRow = Math.floor((columns + gap) / (width + gap));
  const shown = Math.min(count, perRow * rows);
  const on = (image: number, y: number, x: number) =>
    y < height && data[((image * height + y) * width + x) * channels]! * 2 >= levels - 1;
  const lines: string[] = [];
  for (let first = 0; first < shown; first += perRow) {
    if (first > 0) lines.push('');
    for (let y = 0; y < height; y += 2) {
      const cells: string[] = [];
      for (let image = first; image < Math.min(first + perRow, shown); image++) {
        const cell = Array.from({ length: width }, (_, x) => halfBlock(on(image, y, x), on(image, y + 1, x)));
        cells.push(cell.join(''));
      }
      lines.push(cells.join(' '.repeat(gap)).trimEnd());
    }
  }
  return { text: lines.join('\n'), shown };
}

function halfBlock(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀';
  return lower ? '▄' : ' ';
}
