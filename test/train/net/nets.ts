// Nets in which all that a net can have occurs.

import type { Config } from '../../../ts/config.js';
import { smallConfig } from '../support.js';

/** A net for each cell, head, kind of input and shape of kernel. */
const nets: Readonly<Record<string, Partial<Config>>> = {
  'plain, kernels of 3 rows': {},
  // No padding of TensorFlow's own makes these causal.
  'plain, kernels of 5 rows': { blockKernel: 5 },
  'tanh, 5 levels': { activation: 'tanh', levels: 5 },
  'sigmoid, 3 kinds one-hot, 2 classes': { activation: 'sigmoid', levels: 3, input: 'nominal', classes: 2 },
  '9 kinds embedded, 3 classes': { levels: 9, input: 'nominal', embedding: 4, classes: 3 },
  'kernels that lean': { lean: 1, blockKernel: 3 },
  'kernels that lean further than their box': { lean: 3, blockKernel: 5 },
  'dilated kernels': { dilations: [2, 1], blocks: 3 },
  'dilated kernels that lean': { dilations: [2], lean: 2 },
  gated: { architecture: 'gated' },
  'gated, relu, 4 levels, 3 classes': { architecture: 'gated', activation: 'relu', levels: 4, classes: 3 },
  'gated, embedded, dilated': {
    ...{ architecture: 'gated', levels: 6, input: 'nominal', embedding: 3, dilations: [1, 2], blockKernel: 5 },
  },
};

/** The same, whole, by what they are called. */
export const configs = Object.entries(nets).map(([name, changes]) => [name, { ...smallConfig, ...changes }] as const);
