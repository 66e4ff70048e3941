import { describe } from 'vitest';
import { testTrainingOn } from './training_cases.js';

describe('training on wasm', () => testTrainingOn('wasm'));
