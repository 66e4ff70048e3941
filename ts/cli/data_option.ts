/** Which images a command reads, for the commands that read some. */

import { PixelCnnError } from '../error.js';
import type { ImageSet } from '../train/index.js';
import { UsageError } from './failure.js';

export interface DataOptions {
  /** `mnist`, or a folder of IDX files. */
  data: string;
  /** How many of them, from the first. */
  limit?: number;
  /** Never fetches. */
  offline?: boolean;
}

export const dataHelp =
  'mnist (fetched once, if it is not there), or a folder with MNIST or your own images as IDX files';

/** Reads and binarises the images, as the reference does. */
export async function readData({ data, limit, offline }: DataOptions, signal: AbortSignal): Promise<ImageSet> {
  const { binarise, firstImages, loadMnist } = await import('../train/index.js');
  try {
    const images = await loadMnist({
      ...(data !== 'mnist' && { folder: data }),
      ...(offline !== undefined && { offline }),
      signal,
      say: (line) => console.error(line),
    });
    const set = binarise(images, images.source);
    return limit === undefined ? set : firstImages(set, limit);
  } catch (error) {
    const named = data !== 'mnist' && error instanceof PixelCnnError && error.code === 'DATA_NOT_FOUND';
    if (!named) throw error;
    throw new UsageError(`--data: ${error.message.replace(/^data: /, '')}`, { cause: error });
  }
}
