/**
 * Trains a PixelCNN with TensorFlow.js, and tells how likely a model finds a data set. Node only; the sampler alone is
 * `pixelcnn`.
 *
 * @module
 */

export { cacheFolder } from '../node/cache.js';
// Data
export { binarise, binariseImages, referenceThreshold, trainingBinarisation } from './data/binarisation.js';
export {
  type Binarisation,
  binarisations,
  type DataOrigin,
  firstImages,
  type ImageSet,
  referenceValidationSplit,
  splitCounts,
  splitImages,
} from './data/image_set.js';
export { type DataOptions, dataSplits, loadData } from './data/load_data.js';
export { loadMnist, type MnistOptions } from './data/published.js';
export type { NamedImages, PublishedSet, RawImages } from './data/raw.js';
// Layers of TensorFlow.js
export {
  type LayersTf,
  type PixelConvConfig,
  type PixelLayers,
  pixelLayers,
  type ResidualBlockConfig,
} from './net/layers.js';
export { referenceConfig } from './net/reference.js';
export type { EpochRecord } from './run/checkpoint.js';
export type { TrainerEvent, TrainResult } from './run/event.js';
export {
  type PresetName,
  presets,
  type Recipe,
  type RecipeOptions,
  recipeOf,
  type ScheduleName,
} from './run/recipe.js';
export { readTrainingOrigin, readValidation } from './run/record.js';
// Likelihoods
export {
  type Compared,
  type Comparison,
  checkComparable,
  compareEvaluations,
  readEvaluation,
} from './score/compare.js';
export { type EvaluateEvent, type EvaluateOptions, evaluate } from './score/evaluate.js';
export { type Evaluation, likelihood, type Protocol, protocolOf, type TrainingOrigin } from './score/protocol.js';
// Backends
export { type Backend, type BackendOptions, type Device, devices, openBackend } from './tensorflow/backend.js';
export { findTensorflow, type NativeTensorflow } from './tensorflow/find.js';
export { type Gpu, hasNvidiaDriver, inspectNvidia, type NvidiaHost } from './tensorflow/nvidia.js';
export { cleanTensorflow, type SetupOptions, setUpTensorflow } from './tensorflow/setup.js';
// Training
export { type TrainEvent, type TrainOptions, train } from './train.js';
// Reporting
export { epochLine, epochTitle } from './watch/log.js';
// Watching
export { lossCurve } from './watch/loss_curve.js';
export { type MetricsLine, metricsFile, readMetrics } from './watch/metrics.js';
export { type SampleGridOptions, sampleGrid } from './watch/sample_grid.js';
export { type TensorBoardOptions, tensorBoard } from './watch/tensorboard.js';
export { type WatchOptions, watchRun } from './watch/watch_run.js';
export { type Watcher, watchers } from './watch/watcher.js';
