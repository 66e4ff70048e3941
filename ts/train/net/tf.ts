// Types of TensorFlow.js. Only backend.ts ever loads the library itself, so that one process holds one copy of it. Whoever has none,
// and checks the declarations of the packages they use, is not told that it is missing: to them its types are `any`.

// biome-ignore lint/suspicious/noTsIgnore: there is an error only where the package is missing.
/** @ts-ignore */
export type {
  NumericDataType,
  Rank,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor4D,
  TensorInfo,
} from '@tensorflow/tfjs-core';

/** The object that `import * as tf from '@tensorflow/tfjs-core'` gives. */
// biome-ignore lint/suspicious/noTsIgnore: there is an error only where the package is missing.
/** @ts-ignore */
export type Tf = typeof import('@tensorflow/tfjs-core');

/** The object that `import * as tf from '@tensorflow/tfjs-layers'` gives. */
// biome-ignore lint/suspicious/noTsIgnore: there is an error only where the package is missing.
/** @ts-ignore */
export type TfLayers = typeof import('@tensorflow/tfjs-layers');
// biome-ignore lint/suspicious/noTsIgnore: there is an error only where the package is missing.
/** @ts-ignore */
export type { serialization } from '@tensorflow/tfjs-core';
// biome-ignore lint/suspicious/noTsIgnore: there is an error only where the package is missing.
/** @ts-ignore */
export type { LayerVariable, Shape } from '@tensorflow/tfjs-layers';
