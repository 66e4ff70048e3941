import { loadSampler, loadSamplerPool } from 'pixelcnn/inline';
import model from 'pixelcnn/models/mnist-binary.int8.safetensors';
import { report } from './report.js';

report(async () => [await loadSampler(model), await loadSamplerPool(model, { workers: 2 })]);
