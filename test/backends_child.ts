// Makes integers of small nets of many forms and draws by them, with the binary that is named, and where that is said adding products by
// pairs or by fours; prints which backend ran, and a hash of every
// logit. That each method gives the same is looked at here, and that no number of rows that are remembered changes a bit, no batch and no order.

import { createHash } from 'node:crypto';
import * as pkg from '../scripts/core_face.js';
import { randomWeights } from '../scripts/random_weights.js';
import type { Config, Description } from '../ts/config.js';
import { referenceConfig } from '../ts/train/net/reference.js';

const [, , binary = '', products = ''] = process.argv;
pkg.startBinary(binary);
if (products) pkg.add_by_fours(products === 'fours');

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

/** Bytes of rows that are remembered: none, so few that each net fills and empties them, the default, and more than all take. */
const tables = [0, 3 << 10, undefined, 64 << 20];
/** Images that are scored together, in this order: what was remembered of some serves others. */
const parts = [
  [5, 6],
  [0, 8],
  [3, 5],
  [7, 8],
  [0, 8],
] as const;

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
    const integers = pkg.quantize(float, images, '{}', labels);
    /** The logits of some images, one run after the other, each image's in raster order. */
    const logits = (sampler: pkg.Sampler, method: string, [from, to]: readonly [number, number]): string[] => {
      const run = sampler.score(images.slice(from * size, to * size), method, 'all', labels?.slice(from, to));
      const found = new Map<number, Buffer>();
      for (let step = run.step(); step > 0; step = run.step()) {
        const [front, ofFront] = [run.front(), run.front_logits()];
        const each = ofFront.length / step;
        for (let i = 0; i < step; i++) {
          found.set(
            front[3 * i]! * size + front[3 * i + 1]!,
            Buffer.from(ofFront.slice(i * each, (i + 1) * each).buffer),
          );
        }
      }
      run.free();
      const all = [...found].sort(([a], [b]) => a - b).map(([, values]) => values.toString('hex'));
      return Array.from({ length: to - from }, (_, image) => all.slice(image * size, (image + 1) * size).join());
    };
    const sampler = new pkg.Sampler(integers);
    const wanted = logits(sampler, 'reference', [0, 8]);
    const check = (found: string[], of: string[], how: string) => {
      if (found.join() !== of.join()) throw new Error(`${how}: other logits than the plain loops', ${json}`);
    };
    for (const method of ['wavefront', 'cached', 'naive']) {
      check(logits(sampler, method, [0, 8]), wanted, method);
    }
    sampler.free();
    for (const bytes of tables) {
      const sampler = new pkg.Sampler(integers, undefined, bytes);
      for (const [from, to] of parts) {
        check(logits(sampler, 'wavefront', [from, to]), wanted.slice(from, to), `${bytes} bytes, ${from} to ${to}`);
      }
      sampler.free();
    }
    hash.update(wanted.join());
    nets++;
  }
}
console.log(JSON.stringify({ backend: pkg.simd_backend(), nets, hash: hash.digest('hex') }));
