import { testLayersOn } from './layers_cases.js';

testLayersOn('wasm');
