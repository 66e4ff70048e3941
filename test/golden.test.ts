import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadWasm } from './wasm.js';

interface Golden {
  model: string;
  samples: {
    count: number;
    seed: number;
    startIndex: number;
    temperature: number;
    pixels: string;
    logits: string;
    nats: string;
  }[];
}

const folder = new URL('./golden/', import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden;

/** The bits of each number as eight hexadecimal digits. */
function hex(values: Float32Array): string {
  return Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length), (bits) =>
    bits.toString(16).padStart(8, '0'),
  ).join('');
}

const cases = [read('tiny.json'), read('tiny-int16.json')].flatMap((golden) =>
  ['wavefront', 'cached', 'naive', 'reference'].map((method) => ({ golden, method })),
);

for (const { golden, method } of cases) {
  it(`gives the frozen bits of ${golden.model} by ${method}, as native code does`, () => {
    const { Sampler } = loadWasm();
    const sampler = new Sampler(readFileSync(new URL(golden.model, folder)));
    for (const sample of golden.samples) {
      const run = sampler.sample(sample.count, sample.seed, sample.startIndex, sample.temperature, method, 'all');
      const size = sample.pixels.length / sample.count;
      const logits = new Float32Array(sample.pixels.length);
      while (run.step() > 0) {
        const front = run.front();
        run.front_logits().forEach((logit, i) => {
          logits[(front[3 * i] as number) * size + (front[3 * i + 1] as number)] = logit;
        });
      }
      expect(run.pixels().join('')).toBe(sample.pixels);
      expect(hex(logits)).toBe(sample.logits);
      expect(hex(run.nats())).toBe(sample.nats);
      run.free();
    }
    sampler.free();
  });
}
