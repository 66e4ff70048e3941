import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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
      'encodePng',
      'loadSampler',
      'loadSamplerPool',
      'optimizeModel',
      'quantizeModel',
      'toRgba',
      'toText',
    ],
  ],
  [
    './train',
    training,
    [
      'binariseImages',
      'codeImages',
      'compareEvaluations',
      'evaluate',
      'firstImages',
      'labelImages',
      'loadData',
      'lossCurve',
      'metricsFile',
      'nets',
      'openBackend',
      'presets',
      'quantiseImages',
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

/** The types that an entry's file exports by name, sorted. */
function typesOf(path: string): string[] {
  const source = readFileSync(fileURLToPath(new URL(`../ts/${path}`, import.meta.url)), 'utf8');
  const listed = [...source.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, all, names]) =>
    names!.split(',').flatMap((part) => {
      const [, type, name] = /^\s*(type )?(\w+)\s*$/.exec(part) ?? [];
      return name !== undefined && (all ?? type) !== undefined ? [name] : [];
    }),
  );
  const own = [...source.matchAll(/^export (?:type|interface) (\w+)/gm)].map(([, name]) => name!);
  return [...listed, ...own].sort();
}

it.each<[entry: string, types: string]>([
  [
    'index.ts',
    'CellName Classification Config Conversion ConvertOptions Description Front GivenPixels ImageShape Images Label ' +
      'Labels Layer LayerInput Levels LoadOptions LoadProgress LogitMap Method ModelSource OwnLevels PictureConfig ' +
      'PictureOptions PixelCnnErrorCode PixelCnnErrorOptions PixelMap PngOptions PoolCallOptions PoolOptions PoolProgress ' +
      'PoolSampleOptions PoolScoreOptions PoolWalkOptions Rgba SampleOptions Sampler SamplerParts SamplerPool ' +
      'Samples ScoreOptions Sharing Skipping TensorInfo WalkOptions WasmBuilds WasmSource WorkerLike WorkerSource',
  ],
  [
    'train/index.ts',
    'Ancestor Backend BackendOptions Binarisation CodeOptions Compared Comparison DataOptions DataOrigin Device EpochRecord ' +
      'EvaluateEvent EvaluateOptions Evaluation Gpu ImageSet LevelRule Levels Likelihood MapOptions MetricsLine NativeTensorflow NetName PresetName ' +
      'Protocol PublishedSet RawImages Recipe RecipeOptions RunEvent SampleGridOptions ScheduleName Scorer SetupOptions ' +
      'TensorBoardOptions TrainEvent TrainOptions TrainResult TrainRun TrainedModel WatchOptions Watcher',
  ],
  ['train/net/layers.ts', 'LayersTf PixelConvConfig PixelLayers ResidualBlockConfig'],
])('exports the types of %s that are documented, and no more', (entry, types) => {
  expect(typesOf(entry).join(' ')).toBe(types);
});
