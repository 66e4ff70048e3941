import { describe } from 'vitest';
import { testParityOn } from './parity_cases.js';

describe('TensorFlow.js on wasm', () => testParityOn('wasm'));
