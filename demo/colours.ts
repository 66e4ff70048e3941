/** The colour of each level of a model, under the page's theme. */

import type { Config } from 'pixelcnn';
import { levelColours } from '../ts/colours.js';
import { ink, type Rgb } from './theme.js';

/** From paper to ink for amounts; kinds of things as the command line colours them. */
export function paletteOf({ levels, input }: Config): readonly Rgb[] {
  if (input === 'nominal') return levelColours(levels, 'nominal');
  const { paper, ink: dark } = ink();
  return Array.from({ length: levels }, (_, level) => mix(paper, dark, level / (levels - 1)));
}

export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const part = (i: 0 | 1 | 2) => Math.round(from[i] + (to[i] - from[i]) * share);
  return [part(0), part(1), part(2)];
}
