/**
 * Trains a PixelCNN with TensorFlow.js, and tells how likely a model finds a data set. Node only; the sampler alone is
 * `pixelcnn`.
 *
 * @module
 */

// Backends
export { type Backend, type BackendOptions, type Device, devices, openBackend } from './backend.js';
// Data
export {
  type Binarisation,
  binarisations,
  binariseImages,
  trainingBinarisation,
} from './binarisation.js';
export { cacheFolder } from './cache.js';
export type { EpochRecord } from './checkpoint.js';
// Likelihoods
export { type Compared, type Comparison, checkComparable, compareEvaluations, readEvaluation } from './compare.js';
export {
  binarise,
  type DataOrigin,
  firstImages,
  type ImageSet,
  type NamedImages,
  type RawImages,
  referenceThreshold,
  referenceValidationSplit,
  splitCounts,
  splitImages,
} from './data.js';
export { type EvaluateEvent, type EvaluateOptions, type Evaluation, evaluate } from './evaluate.js';
// Layers of TensorFlow.js
export {
  type LayersTf,
  type PixelConvConfig,
  type PixelLayers,
  pixelLayers,
  type ResidualBlockConfig,
} from './layers.js';
export { type DataOptions, dataSplits, loadData } from './load_data.js';
// Reporting
export { epochLine, epochTitle } from './log.js';
export { loadMnist, type MnistOptions, type PublishedSet } from './mnist.js';
export { findTensorflow, type NativeTensorflow } from './native_find.js';
export { cleanTensorflow, type SetupOptions, setUpTensorflow } from './native_setup.js';
export { referenceConfig } from './net.js';
export { type Gpu, hasNvidiaDriver, inspectNvidia, type NvidiaHost } from './nvidia.js';
export { type Protocol, protocolOf, type TrainingOrigin } from './protocol.js';
export {
  type PresetName,
  presets,
  type Recipe,
  type RecipeOptions,
  recipeOf,
  type ScheduleName,
} from './recipe.js';
export { likelihood, readTrainingOrigin, readValidation } from './record.js';
// Training
export { type TrainEvent, type TrainOptions, train } from './train.js';
export type { TrainerEvent, TrainResult } from './trainer_event.js';
// Watching
export { lossCurve } from './watch/loss_curve.js';
export { type MetricsLine, metricsFile, readMetrics } from './watch/metrics.js';
export { type SampleGridOptions, sampleGrid } from './watch/sample_grid.js';
export { type TensorBoardOptions, tensorBoard } from './watch/tensorboard.js';
export { type WatchOptions, watchRun } from './watch/watch_run.js';
export { type Watcher, watchers } from './watch/watcher.js';
