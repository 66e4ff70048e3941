// The net that is trained by default, and which random numbers training draws. Nothing in ts/train knows an architecture:
// it walks the list of layers that the Rust core expands from a config.

import type { Config } from '../../config.js';

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

/** Purposes of the core's random numbers: no two share any, and sampling has 0. */
export const randomPurpose = { initialise: 1, shuffle: 2, binarise: 3 } as const;
