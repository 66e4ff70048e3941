/**
 * Draws images from a PixelCNN on any CPU, and tells how likely images are.
 *
 * @module pixelcnn
 */

// Loading
export type { WasmBuilds, WasmSource } from './binary.js';
// The net
export type { CellName, Config, Description, Layer, LayerInput, TensorInfo } from './config.js';
// Converting
export {
  type Conversion,
  type ConvertOptions,
  conversionsOf,
  optimizeModel,
  quantizeModel,
} from './convert.js';
// Loading
export { createSampler, type SamplerParts } from './create.js';
// Errors
export { PixelCnnError, type PixelCnnErrorCode, type PixelCnnErrorOptions } from './error.js';

// Sampling and scoring
export type { GivenPixels } from './given.js';
export type { ImageShape, Images, Levels, OwnLevels } from './images.js';
export type { Label, Labels } from './labels.js';
export { type LoadOptions, loadSampler } from './load.js';
export type { LoadProgress, ModelSource } from './model_source.js';
// Looking
export { encodePng, type PictureConfig, type PictureOptions, type PngOptions, type Rgba, toRgba } from './picture.js';
export {
  loadSamplerPool,
  type PoolCallOptions,
  type PoolOptions,
  type PoolProgress,
  type PoolSampleOptions,
  type PoolScoreOptions,
  type PoolWalkOptions,
  type SamplerPool,
} from './pool/pool.js';
export type { WorkerLike, WorkerSource } from './pool/thread.js';
export type { Method, SampleOptions, ScoreOptions, Skipping, WalkOptions } from './sample_options.js';
export type { Classification, Front, LogitMap, PixelMap, Sampler, Samples } from './sampler.js';
export type { Sharing } from './sharing.js';
export { toText } from './text.js';
