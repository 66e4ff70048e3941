// Images as files hold them, before a rule makes levels of their values.

import { PixelCnnError } from '../../error.js';

/** Greyscale images as they are stored, `[count, height, width]`, 0..255. */
export interface RawImages {
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** All images of a data set, with what it is. */
export interface NamedImages extends RawImages {
  /** `MNIST, 60,000 training then 10,000 test images`. */
  readonly source: string;
  /** How many, the last ones, are test images; 0 where the set is not divided so. */
  readonly testImages: number;
}

export type PublishedSet = 'mnist' | 'fashion-mnist';

/** More than this many pixels, 1 GiB, is no data set that this package trains on. */
export const mostPixels = 2 ** 30;

/** Images of one size under one name: training images, and the test images behind them where there are some. */
export function joinImages(
  name: string,
  train: RawImages & { path: string },
  test?: RawImages & { path: string },
): NamedImages {
  if (test !== undefined && (test.height !== train.height || test.width !== train.width)) {
    throw new PixelCnnError(
      'INVALID_DATA',
      `${test.path}: expected images of ${train.height}x${train.width}, as the training images are, ` +
        `got ${test.height}x${test.width}`,
    );
  }
  const number = (count: number) => count.toLocaleString('en-US');
  const { height, width } = train;
  if (test === undefined) {
    const { count, pixels } = train;
    return { pixels, count, height, width, source: `${name}, ${number(count)} images`, testImages: 0 };
  }
  const pixels = new Uint8Array(train.pixels.length + test.pixels.length);
  pixels.set(train.pixels);
  pixels.set(test.pixels, train.pixels.length);
  const source = `${name}, ${number(train.count)} training then ${number(test.count)} test images`;
  return { pixels, count: train.count + test.count, height, width, source, testImages: test.count };
}
