// A page, in the lines that the README has, `await` at the top included.

import { loadSampler, loadSamplerPool } from 'pixelcnn';
import { model } from 'pixelcnn/models/mnist-binary.int8';
import { report } from './report.js';

const sampler = await loadSampler(model);
const pool = await loadSamplerPool(model, { workers: 2 });
report(async () => [sampler, pool]);
