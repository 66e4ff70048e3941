import { describe } from 'vitest';
import { testModelOn } from './model_cases.js';

describe('the model on tensorflow', () => testModelOn('tensorflow'));
