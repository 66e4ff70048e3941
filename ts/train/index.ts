/**
 * Trains a PixelCNN with TensorFlow.js, and tells how likely a model finds a data set. Node only; the sampler alone is
 * `pixelcnn`, layers for a model of your own are `pixelcnn/layers`.
 *
 * @module pixelcnn/train
 */

// Data
export type { Levels } from '../images.js';
export { binariseImages } from './data/binarisation.js';
export { type DataOrigin, firstImages, type ImageSet, splitImages } from './data/image_set.js';
export { labelImages } from './data/labels.js';
export { type CodeOptions, codeImages, quantiseImages } from './data/levels.js';
export { type DataOptions, loadData } from './data/load_data.js';
export type { PublishedSet, RawImages } from './data/raw.js';
export type { Binarisation, LevelRule, MapOptions } from './data/rule.js';
// Training
export { type NetName, nets, referenceConfig } from './net/reference.js';
export type { TrainOptions } from './options.js';
export type { EpochRecord } from './run/checkpoint.js';
export type { RunEvent, TrainResult } from './run/event.js';
export { type PresetName, presets, type Recipe, type RecipeOptions, type ScheduleName } from './run/recipe.js';
export { readValidation } from './run/record.js';
export type { Ancestor } from './run/starting_model.js';
// Likelihoods
export { type Compared, type Comparison, compareEvaluations, readEvaluation } from './score/compare.js';
export { type EvaluateEvent, type EvaluateOptions, evaluate, type Scorer } from './score/evaluate.js';
export type { Evaluation, Likelihood, Protocol } from './score/protocol.js';
// What computes
export { type Backend, type BackendOptions, type Device, openBackend } from './tensorflow/backend.js';
export type { NativeTensorflow } from './tensorflow/find.js';
export type { Gpu } from './tensorflow/nvidia.js';
export { type SetupOptions, setUpTensorflow } from './tensorflow/setup.js';
export { train } from './train.js';
export type { TrainEvent, TrainedModel, TrainRun } from './train_run.js';
// Watching
export { lossCurve } from './watch/loss_curve.js';
export { type MetricsLine, metricsFile, readMetrics } from './watch/metrics.js';
export { type SampleGridOptions, sampleGrid } from './watch/sample_grid.js';
export { type TensorBoardOptions, tensorBoard } from './watch/tensorboard.js';
export { type WatchOptions, watchRun } from './watch/watch_run.js';
export { type Watcher, watchers } from './watch/watcher.js';
