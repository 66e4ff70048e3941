import '@tensorflow/tfjs-core/dist/register_all_gradients.js'; // which tfjs-core alone has not
import { describe } from 'vitest';
import { testModelOn } from './model_cases.js';

describe('the model on wasm', () => testModelOn('wasm'));
