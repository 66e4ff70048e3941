/** Images with holes as an argument: some pixels are known, the others are to be drawn. */

import { lookedAt, unlike, wrongValue } from './arguments.js';
import { isBytes } from './brand.js';
import { ownNumbers } from './bytes.js';
import type { Config } from './config.js';
import { checkEvery, imageSize, isLevels, type Levels } from './images.js';

/** What is known of images before they are drawn: of one image for all, or of each, `[count, height, width, channels]`. */
export interface GivenPixels {
  /** Levels; what stands where a pixel is not known is not looked at. */
  readonly data: Levels;
  /** For each pixel 1 where its level is known and taken as it is, 0 where it is to be drawn. */
  readonly known: Uint8Array;
}

/**
 * Given pixels, checked, as the core takes them: levels of one image for all or of each, and 65535 for a pixel that is to be drawn.
 */
export function checkGiven(value: unknown, count: number, config: Config): Uint16Array {
  const { data, known } = lookedAt('given', () => {
    const { data, known } = Object(value) as { data?: unknown; known?: unknown };
    if (!isLevels(data)) throw unlike('given', 'its data as a Uint8Array or a Uint16Array of levels', data);
    if (!isBytes(known)) throw unlike('given', 'its known as a Uint8Array of 0 and 1', known);
    return { data: ownNumbers('given', data), known: ownNumbers('given', known) };
  });
  const size = imageSize(config);
  if ((data.length !== size && data.length !== count * size) || known.length !== data.length) {
    const all = count === 1 ? '' : `, or ${count} times as many, those of each image`;
    const got = `got ${data.length} and ${known.length}`;
    throw wrongValue('given', `expected data and known of ${size} pixels${all}, ${got}`);
  }
  checkEvery('given', known, '0 or 1 in known', (mark) => mark < 2);
  const { levels } = config;
  const wanted = `levels from 0 to ${levels - 1} where known is 1`;
  checkEvery('given', data, wanted, (level, at) => level < levels || known[at] === 0);
  return Uint16Array.from(data, (level, at) => (known[at] === 1 ? level : 2 ** 16 - 1));
}
