/** The surprise of each pixel as pictures: what it costs the model, -ln p in nats, beside the image that it is of. */

import { PNG } from 'pngjs';
import { type Colour, levelColours } from '../colours.js';
import type { Sampler } from '../sampler.js';
import type { ImageSet } from '../train/data/image_set.js';

/**
 * Surprise that is drawn in the last colour: p of 2 % of two levels, and as much less of more. It depends on nothing else, so that
 * pictures of two models can be held side by side.
 */
function brightestNats(levels: number): number {
  return 4 + Math.log(levels / 2);
}

/** What the colours mean. */
export function surpriseScale(levels: number): string {
  const most = Math.round(100 * brightestNats(levels)) / 100;
  return `beside each image what its pixels cost, black 0 to white ${most} nats and more`;
}

/** Red, green, blue in equal steps of surprise; each lighter than the one before, for print and for the colour-blind. */
const colours = [
  [0, 0, 0],
  [60, 15, 105],
  [160, 40, 110],
  [230, 95, 60],
  [252, 180, 60],
  [255, 255, 230],
] as const;

/** The colour of a surprise, between the nearest two. */
export function surpriseColour(nats: number, levels = 2): Colour {
  const at = Math.min(1, nats / brightestNats(levels)) * (colours.length - 1);
  const below = Math.min(Math.floor(at), colours.length - 2);
  const [from, to] = [colours[below]!, colours[below + 1]!];
  const between = (i: 0 | 1 | 2) => Math.round(from[i] + (at - below) * (to[i] - from[i]));
  return [between(0), between(1), between(2)];
}

/** One image and its map, side by side. */
interface Pair {
  readonly image: (y: number, x: number) => Colour;
  readonly map: (y: number, x: number) => Colour;
}

/** What these pictures are called. */
export const surpriseName = /^surprise(-\d+)?\.png$/;

/** A picture of the chosen images together, `surprise.png`, and one of each, named by its number in the data. */
export function surprisePngs(
  sampler: Sampler,
  data: ImageSet,
  chosen: readonly number[],
): { name: string; bytes: Buffer }[] {
  const { height, width, channels, levels, pixels, labels } = data;
  const size = height * width * channels;
  const ofLevels = levelColours(levels, sampler.config.input);
  const classes = sampler.config.classes ?? 0;
  const pairs = chosen.map((index): Pair => {
    const image = pixels.subarray(index * size, (index + 1) * size);
    const label = classes > 0 ? labels?.[index] : undefined;
    const nats = sampler.pixelNats(image, label === undefined ? {} : { labels: label }).data;
    return {
      image: (y, x) => ofLevels[image[(y * width + x) * channels]!]!,
      map: (y, x) => {
        const at = (y * width + x) * channels;
        const cost = nats.subarray(at, at + channels).reduce((sum, value) => sum + value, 0);
        return surpriseColour(cost, levels);
      },
    };
  });
  const number = (index: number) => String(index).padStart(6, '0');
  return [
    { name: 'surprise.png', bytes: sheet(pairs, height, width) },
    ...pairs.map((pair, i) => ({ name: `surprise-${number(chosen[i]!)}.png`, bytes: sheet([pair], height, width) })),
  ];
}

const margin = 2;

/** Of the space between images, which must be told from black and from white. */
const marginColour: Colour = [64, 64, 64];

/** Pairs in rows, enlarged by a whole number to about 1,024 pixels where they are smaller. */
function sheet(pairs: readonly Pair[], height: number, width: number): Buffer {
  const columns = Math.ceil(Math.sqrt(pairs.length / 2));
  const [cellHeight, cellWidth] = [height + margin, 2 * width + 2 * margin];
  const small = {
    width: columns * cellWidth + margin,
    height: Math.ceil(pairs.length / columns) * cellHeight + margin,
  };
  const factor = Math.max(1, Math.floor(1024 / Math.max(small.width, small.height)));
  const png = new PNG({ width: small.width * factor, height: small.height * factor, inputHasAlpha: false });
  png.data = Buffer.alloc(3 * png.width * png.height);
  for (let y = 0; y < png.height; y++) {
    for (let x = 0; x < png.width; x++) {
      png.data.set(colourAt(Math.floor(y / factor), Math.floor(x / factor)), 3 * (y * png.width + x));
    }
  }
  return PNG.sync.write(png, { colorType: 2, inputColorType: 2, inputHasAlpha: false });

  function colourAt(y: number, x: number): Colour {
    const [row, column] = [Math.floor((y - margin) / cellHeight), Math.floor((x - margin) / cellWidth)];
    const pair = y < margin || x < margin ? undefined : pairs[row * columns + column];
    const [inY, inX] = [(y - margin) % cellHeight, (x - margin) % cellWidth];
    if (pair === undefined || inY >= height) return marginColour;
    if (inX < width) return pair.image(inY, inX);
    const mapX = inX - width - margin;
    return mapX >= 0 && mapX < width ? pair.map(inY, mapX) : marginColour;
  }
}
