import { testStepsOn } from './keras_steps_cases.js';

testStepsOn('wasm');
