import { expect, it } from 'vitest';
import * as sampling from '../ts/index.js';
import * as training from '../ts/train/index.js';
import * as layers from '../ts/train/net/layers.js';

/** All that a user can import, by entry. What is not listed here may change in any version. */
const entries: [name: string, entry: object, values: readonly string[]][] = [
  [
    '.',
    sampling,
    [
      'PixelCnnError',
      'conversionsOf',
      'createSampler',
      'loadSampler',
      'loadSamplerPool',
      'optimizeModel',
      'quantizeModel',
    ],
  ],
  [
    './train',
    training,
    [
      'binariseImages',
      'compareEvaluations',
      'evaluate',
      'firstImages',
      'loadData',
      'lossCurve',
      'metricsFile',
      'openBackend',
      'presets',
      'readEvaluation',
      'readMetrics',
      'readValidation',
      'referenceConfig',
      'sampleGrid',
      'setUpTensorflow',
      'splitImages',
      'tensorBoard',
      'train',
      'watchRun',
      'watchers',
    ],
  ],
  ['./layers', layers, ['pixelLayers']],
];

it.each(entries)('exports from %s what is documented, and no more', (_, entry, values) => {
  expect(Object.keys(entry).sort()).toEqual(values);
});
