// Types of TensorFlow.js. Only backend.ts ever loads the library itself, so that one process holds one copy of it.

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
export type Tf = typeof import('@tensorflow/tfjs-core');

/** The object that `import * as tf from '@tensorflow/tfjs-layers'` gives. */
export type TfLayers = typeof import('@tensorflow/tfjs-layers');
export type { serialization } from '@tensorflow/tfjs-core';
export type { LayerVariable, Shape } from '@tensorflow/tfjs-layers';
