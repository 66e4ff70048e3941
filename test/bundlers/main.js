// A page, in the lines that the README has. Bundlers find the binary, the worker and the model by these imports alone.

import { loadSampler, loadSamplerPool } from 'pixelcnn';
import { model } from 'pixelcnn/models/mnist-binary.int8';
import { report } from './report.js';

report(async () => [await loadSampler(model), await loadSamplerPool(model, { workers: 2 })]);
