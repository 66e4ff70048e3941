// Makes integers of small nets of many forms and draws by them, with the binary that is named; prints which backend ran, and a hash of every
// logit. That each method gives the same is looked at here.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { randomWeights } from '../scripts/random_weights.js';
import type { Config, Description } from '../ts/config.js';
import { referenceConfig } from '../ts/train/net/reference.js';
import * as pkg from '../ts/wasm/pkg/pixelcnn.js';

pkg.initSync({ module: readFileSync(new URL(`../ts/wasm/pkg/${process.argv[2]}`, import.meta.url)) });

const small = { ...referenceConfig, height: 5, width: 6, blocks: 2, firstKernel: 5, headLayers: 1 };
const forms: Partial<Config>[] = [
  {},
  { classes: 3, blockKernel: 5 },
  { lean: 1, dilations: [1, 2] },
  { activation: 'tanh' },
  { activation: 'sigmoid', levels: 4 },
  { levels: 300 },
  { levels: 5, input: 'nominal' },
  { levels: 5, input: 'nominal', embedding: 3, classes: 2 },
  { architecture: 'gated', activation: 'tanh', classes: 2 },
  { architecture: 'gated', activation: 'relu', levels: 17, input: 'nominal', embedding: 2 },
];

const hash = createHash('sha256');
let nets = 0;
for (const form of forms) {
  for (const filters of [6, 16, 34]) {
    const config = { ...small, ...form, filters };
    const json = JSON.stringify(config);
    const float = pkg.write_model(json, '{}', randomWeights(JSON.parse(pkg.describe(json)) as Description, filters));
    const size = config.height * config.width;
    const images = Uint16Array.from({ length: 8 * size }, (_, i) => ((i * 7919) >> 3) % config.levels);
    const labels = config.classes ? Uint8Array.from({ length: 8 }, (_, i) => i % config.classes!) : undefined;
    const sampler = new pkg.Sampler(pkg.quantize(float, images, '{}', undefined, labels));
    const logits = (method: string) => {
      const run = sampler.score(images, method, 'all', labels);
      const found = new Map<number, Float32Array>();
      for (let step = run.step(); step > 0; step = run.step()) {
        const [front, ofFront] = [run.front(), run.front_logits()];
        const each = ofFront.length / step;
        for (let i = 0; i < step; i++) {
          found.set(front[3 * i]! * size + front[3 * i + 1]!, ofFront.slice(i * each, (i + 1) * each));
        }
      }
      run.free();
      const all = [...found].sort(([a], [b]) => a - b).map(([, values]) => Buffer.from(values.buffer));
      return Buffer.concat(all).toString('hex');
    };
    const wanted = logits('reference');
    for (const method of ['wavefront', 'cached', 'naive']) {
      if (logits(method) !== wanted) throw new Error(`${method} gives other logits than the plain loops: ${json}`);
    }
    hash.update(wanted);
    nets++;
    sampler.free();
  }
}
console.log(JSON.stringify({ backend: pkg.simd_backend(), nets, hash: hash.digest('hex') }));
