// The nets that have names, and which random numbers training draws. Nothing in ts/train knows an architecture: it walks the
// list of layers that the Rust core expands from a config.

import { type Config, completeConfig } from '../../config.js';

/** The net of the Keras example: 532,673 parameters, of which 365,633 can be other than 0. */
export const referenceConfig: Config = {
  architecture: 'plain',
  height: 28,
  width: 28,
  channels: 1,
  levels: 2,
  filters: 128,
  blocks: 5,
  firstKernel: 7,
  blockKernel: 3,
  headLayers: 2,
  precision: 'f32',
};

/** What a config can have. */
export const configNames = Object.keys(completeConfig(referenceConfig)) as (keyof Config)[];

/**
 * What of a config the images decide, and what is made of a trained model only.
 * @inline
 */
type OfImages = 'height' | 'width' | 'channels' | 'levels' | 'input' | 'classes' | 'precision';

/** The nets that can be asked for by name. */
export type NetName =
  /** The Keras example's. */
  | 'reference'
  /**
   * Narrow, deep and with large kernels: sees 89 % of the pixels before a pixel, where the reference's net sees 24 %, for as many
   * multiply-adds. docs/nets.md has what it was chosen from.
   */
  | 'deep'
  /** Two stacks of twelve layers, which see every earlier pixel of a 28 x 28 image; about half a million multiply-adds a pixel. */
  | 'gated';

/** What the names of nets stand for; the rest of a config comes from the images. */
export const nets: Readonly<Record<NetName, Omit<Config, OfImages>>> = {
  reference: { architecture: 'plain', filters: 128, blocks: 5, firstKernel: 7, blockKernel: 3, headLayers: 2 },
  deep: { architecture: 'plain', filters: 48, blocks: 19, firstKernel: 7, blockKernel: 5, headLayers: 2 },
  gated: { architecture: 'gated', filters: 32, blocks: 11, firstKernel: 7, blockKernel: 5, headLayers: 1 },
};

export const netNames = Object.keys(nets) as NetName[];

/** Purposes of the core's random numbers: no two share any, and sampling has 0. */
export const randomPurpose = { initialise: 1, shuffle: 2, binarise: 3 } as const;
