import { describe } from 'vitest';
import { type TensorflowBackend, tensorflowOps } from '../../../ts/train/net/ops_tensorflow.js';
import { testModelOn } from './model_cases.js';

describe('the model on tensorflow', () => testModelOn('tensorflow'));

// A CPU computes them too.
describe('the model on tensorflow, by the operations that a GPU is given', () =>
  testModelOn('tensorflow', (backend) => {
    const native = backend.tf.findBackend('tensorflow') as unknown as TensorflowBackend;
    return { ...backend, ops: tensorflowOps(backend.tf, native, true) };
  }));
