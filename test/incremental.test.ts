import { expect, it } from 'vitest';
import type { Run, Sampler } from '../scripts/core_face.js';
import type { Config, Description, LayerInput } from '../ts/config.js';
import { hasRelaxedSimd } from '../ts/simd.js';
import { configJson, loadWasm, randomModel } from './wasm.js';

const wasm = loadWasm();

/** Bytes of rows that are remembered: none, so few that small images fill and empty them, and more than those of all images. */
const tables = [0, 3000, 2 ** 16, 2 ** 22];

type Draw = (low: number, high: number) => number;

/** Whole numbers in a range, from a seeded sequence of so many. */
function draws(seed: number, count = 64): Draw {
  const words = wasm.random_words(seed, 3, 0xffffffff, 0, count);
  let next = 0;
  return (low, high) => low + (words[next++]! % (high - low + 1));
}

const pick = <T>(draw: Draw, items: readonly T[]): T => items[draw(0, items.length - 1)]!;

/** The bits of every logit, all levels and costs. */
interface Walked {
  logits: Uint32Array;
  pixels: Uint8Array | Uint16Array;
  nats: Float32Array;
}

/** Ends a run, in whatever order it goes, and gives what it found in raster order; `each` logits a pixel, `size` pixels an image. */
function walk(run: Run, size: number, each = 1): Walked {
  const logits = new Float32Array(run.pixels().length * each).fill(Number.NaN);
  for (let step = run.step(); step > 0; step = run.step()) {
    const front = run.front();
    const ofFront = run.front_logits();
    for (let i = 0; i < step; i++) {
      const at = front[3 * i]! * size + front[3 * i + 1]!;
      logits.set(ofFront.subarray(i * each, (i + 1) * each), at * each);
    }
  }
  const result = { logits: new Uint32Array(logits.buffer), pixels: run.pixels(), nats: run.nats() };
  run.free();
  return result;
}

/** Holds one walk to another. Comparing bytes is a hundred times as fast as `toEqual`, which then says what differs. */
function expectSame(found: Walked, wanted: Walked, name: string): void {
  const bytes = ({ logits, pixels, nats }: Walked) =>
    Buffer.concat(
      [logits, pixels, nats].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
    );
  if (bytes(found).equals(bytes(wanted))) return;
  expect(found, name).toEqual(wanted);
  expect.unreachable(name);
}

/** Some images of those that were walked over. */
function part({ logits, pixels, nats }: Walked, size: number, first: number, count: number): Walked {
  const each = logits.length / pixels.length;
  const [from, to] = [first * size, (first + count) * size];
  return { logits: logits.slice(from * each, to * each), pixels: pixels.slice(from, to), nats: nats.slice(from, to) };
}

it('is built with SIMD', () => {
  expect(wasm.simd_backend()).toMatch(hasRelaxedSimd() ? /^relaxed(, by fours)?$/ : /^simd128$/);
});

it('draws the same bits by every method and batch on 200 random nets', () => {
  for (let seed = 0; seed < 200; seed++) {
    const draw = draws(seed);
    const [height, width] = [draw(1, 6), draw(1, 7)];
    const config = configJson({
      height,
      width,
      filters: 2 * draw(1, 10),
      blocks: draw(0, 3),
      firstKernel: 3 + 2 * draw(0, 3),
      blockKernel: 1 + 2 * draw(0, 2),
      headLayers: draw(0, 2),
    });
    const temperature = [0, 0.4, 1, 1, 3][draw(0, 4)] as number;
    const sampler: Sampler = new wasm.Sampler(randomModel(config, seed), undefined, tables[draw(0, 3)]);
    const size = height * width;
    const sample = (count: number, start: number, method: string, skipping?: string) =>
      walk(sampler.sample(count, seed * 2 ** 40 + seed, start, temperature, method, skipping), size);
    const oracle = sample(3, 2, 'reference');
    for (const method of ['naive', 'cached', 'wavefront']) {
      for (const skipping of ['none', 'rows', 'all']) {
        const name = `${method}, skipping ${skipping}, seed ${seed}: ${config}`;
        expect(sample(3, 2, method, skipping), name).toEqual(oracle);
      }
    }
    const batch = sample(16, 0, 'wavefront');
    expect(batch.logits.subarray(2 * size, 5 * size), `batch of 16, seed ${seed}: ${config}`).toEqual(oracle.logits);
    expect(batch.pixels.subarray(2 * size, 5 * size)).toEqual(oracle.pixels);
    const one = sample(1, 3, 'wavefront');
    expect(one.logits, `batch of 1, seed ${seed}: ${config}`).toEqual(oracle.logits.subarray(size, 2 * size));
    for (const method of ['wavefront', 'cached', 'naive', 'reference']) {
      expect(walk(sampler.score(oracle.pixels, method), size), `score, ${method}`).toEqual(oracle);
    }
    sampler.free();
  }
});

/** Multiply-adds by plain loops of an image that is computed anew for each pixel, at most. */
const mostMacs = 1_500_000;

/** A random small config of any form that plain loops draw in little time. */
function randomConfig(draw: Draw): { json: string; config: Config } {
  for (;;) {
    const isGated = draw(0, 1) === 1;
    const isNominal = draw(0, 1) === 1;
    const config: Config = {
      architecture: isGated ? 'gated' : 'plain',
      height: draw(1, 7),
      width: pick(draw, [1, 2, 3, 4, 5, 6, 7, 9, 11]),
      channels: 1,
      levels: pick(draw, [2, 2, 2, 3, 3, 4, 5, 8, 17, 256, 300, 512]),
      input: isNominal ? 'nominal' : 'ordinal',
      embedding: isNominal ? pick(draw, [0, 0, 1, 3, 8, 9]) : 0,
      classes: pick(draw, [0, 0, 2, 3, 7]),
      activation: pick(draw, isGated ? ['relu', 'tanh'] : ['relu', 'tanh', 'sigmoid']),
      filters: isGated ? pick(draw, [2, 3, 4, 5, 8, 9, 12]) : pick(draw, [2, 6, 8, 14, 16, 18]),
      blocks: draw(0, 4),
      firstKernel: pick(draw, [3, 5, 7, 9]),
      blockKernel: pick(draw, [1, 3, 3, 5]),
      headLayers: draw(0, 2),
      lean: isGated ? 0 : pick(draw, [0, 0, 1, 2, 4]),
      dilations: Array.from({ length: draw(1, 3) }, () => pick(draw, [1, 1, 2, 3, 5])),
      precision: 'f32',
    };
    const json = JSON.stringify(config);
    const { layers } = JSON.parse(wasm.describe(json)) as Description;
    const ofInput = ({ taps, shape }: LayerInput) => taps.length * shape[2] * shape[3];
    const macs = layers.flatMap(({ inputs }) => inputs).reduce((sum, input) => sum + ofInput(input), 0);
    if (macs * (config.height * config.width) ** 2 <= mostMacs) return { json, config };
  }
}

it('draws the same bits by every method and batch on 300 random nets of any form, with classes and given pixels', () => {
  const seen = { gated: 0, softmax: 0, wide: 0, embedded: 0, classes: 0, apart: 0, narrow: 0, given: 0 };
  for (let seed = 0; seed < 300; seed++) {
    const draw = draws(10_000 + seed, 20_000);
    const { json, config } = randomConfig(draw);
    const sampler: Sampler = new wasm.Sampler(randomModel(json, seed), undefined, tables[draw(0, 3)]);
    const size = config.height * config.width;
    const each = config.levels === 2 ? 1 : config.levels;
    const temperature = pick(draw, [0, 0.4, 1, 1, 3]);
    const many = 19;
    const labels = config.classes ? Uint16Array.from({ length: many }, () => draw(0, config.classes! - 1)) : undefined;
    const holes = pick(draw, [0, 30, 70, 100]);
    const images = pick(draw, [0, 1, many]);
    const given = Uint16Array.from({ length: images * size }, () =>
      draw(1, 100) <= holes ? 65535 : draw(0, config.levels - 1),
    );
    const sample = (first: number, count: number, method: string, skipping = 'all') => {
      const ofEach = images === many ? given.slice(first * size, (first + count) * size) : given;
      const ofImages = labels?.slice(first, first + count);
      const run = sampler.sample(count, seed * 2 ** 40 + 1, first, temperature, method, skipping, ofImages, ofEach);
      return walk(run, size, each);
    };
    const oracle = sample(2, 3, 'reference');
    for (const method of ['naive', 'cached', 'wavefront']) {
      for (const skipping of ['none', 'rows', 'all']) {
        const name = `${method}, skipping ${skipping}, seed ${seed}: ${json}`;
        expectSame(sample(2, 3, method, skipping), oracle, name);
      }
    }
    for (const count of [16, many]) {
      const batch = part(sample(0, count, 'wavefront'), size, 2, 3);
      expectSame(batch, oracle, `batch of ${count}, seed ${seed}: ${json}`);
    }
    expectSame(sample(3, 1, 'wavefront'), part(oracle, size, 1, 1), `batch of 1, seed ${seed}: ${json}`);
    for (const method of ['wavefront', 'cached', 'naive', 'reference']) {
      const ofImages = labels?.slice(2, 5);
      const run = sampler.score(Uint16Array.from(oracle.pixels), method, 'all', ofImages);
      expectSame(walk(run, size, each), oracle, `score, ${method}, seed ${seed}: ${json}`);
    }
    const isWide = config.levels > 256;
    expect(oracle.pixels).toBeInstanceOf(isWide ? Uint16Array : Uint8Array);
    seen.gated += Number(config.architecture === 'gated');
    seen.softmax += Number(config.levels > 2);
    seen.wide += Number(isWide);
    seen.embedded += Number(config.embedding! > 0);
    seen.classes += Number(labels !== undefined);
    seen.apart += Number(config.blocks > 0 && (config.lean! > 0 || String(config.dilations) !== '1'));
    seen.narrow += Number(config.width <= 3);
    seen.given += Number(given.some((level) => level !== 65535));
    sampler.free();
  }
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(5);
});
