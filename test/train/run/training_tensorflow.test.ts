import { describe } from 'vitest';
import { testTrainingOn } from './training_cases.js';

describe('training on tensorflow', () => testTrainingOn('tensorflow'));
