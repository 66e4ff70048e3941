import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Run } from '../scripts/core_face.js';
import type { Config } from '../ts/config.js';
import { loadWasm } from './wasm.js';

/** What a run must give: levels as a character each, logits and costs as the bits of each number, all in raster order. */
interface Walked {
  labels?: string;
  pixels: string;
  logits: string;
  nats: string;
}

interface Sample extends Walked {
  count: number;
  seed: number;
  startIndex: number;
  temperature: number;
  given?: string;
}

interface Golden {
  model: string;
  samples: Sample[];
  scores: Walked[];
}

const folder = new URL('./golden/', import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Golden;

/** Levels of their characters; a dot is one to be drawn. */
function levels(text: string | undefined): Uint16Array | undefined {
  return text === undefined ? undefined : Uint16Array.from(text, (c) => (c === '.' ? 65535 : Number.parseInt(c, 36)));
}

/** The bits of each number as eight hexadecimal digits. */
function hex(values: Float32Array): string {
  return Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length), (bits) =>
    bits.toString(16).padStart(8, '0'),
  ).join('');
}

/** Ends a run, whose images have as many pixels as `size`. */
function expectFrozen(run: Run, size: number, { pixels, logits, nats }: Walked): void {
  const each = logits.length / 8 / pixels.length;
  const found = new Float32Array(pixels.length * each);
  for (let step = run.step(); step > 0; step = run.step()) {
    const front = run.front();
    const ofFront = run.front_logits();
    for (let i = 0; i < step; i++) {
      const at = front[3 * i]! * size + front[3 * i + 1]!;
      found.set(ofFront.subarray(i * each, (i + 1) * each), at * each);
    }
  }
  expect(Array.from(run.pixels(), (level) => level.toString(36)).join('')).toBe(pixels);
  expect(hex(found)).toBe(logits);
  expect(hex(run.nats())).toBe(nats);
  run.free();
}

const cases = [
  'tiny',
  'tiny-int8',
  'gated',
  'gated-int8',
  'nominal',
  'nominal-int8',
  'embedded',
  'embedded-int8',
  'leaning',
  'leaning-int8',
].flatMap((name) => ['wavefront', 'cached', 'naive', 'reference'].map((method) => ({ golden: read(name), method })));

for (const { golden, method } of cases) {
  it(`gives the frozen bits of ${golden.model} by ${method}, as native code does`, () => {
    const { Sampler } = loadWasm();
    const sampler = new Sampler(readFileSync(new URL(golden.model, folder)));
    const { height, width } = JSON.parse(sampler.config()) as Config;
    for (const sample of golden.samples) {
      const { count, seed, startIndex, temperature, labels, given } = sample;
      const known = [levels(labels), levels(given)];
      const run = sampler.sample(count, seed, startIndex, temperature, method, 'all', ...known);
      expectFrozen(run, height * width, sample);
    }
    for (const score of golden.scores) {
      const run = sampler.score(levels(score.pixels)!, method, 'all', levels(score.labels));
      expectFrozen(run, height * width, score);
    }
    expect(golden.samples.length).toBeGreaterThanOrEqual(3);
    expect(golden.scores).toHaveLength(1);
    sampler.free();
  });
}
