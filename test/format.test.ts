import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Sampler as CoreSampler } from '../scripts/core_face.js';
import type { Config, Description } from '../ts/config.js';
import { foreignFormat } from '../ts/foreign.js';
import { build, type CorpusFile, corpusJson, methods } from './corpus/make.js';
import { loadWasm } from './wasm.js';

const { Sampler } = loadWasm();
const text = readFileSync(new URL('corpus/corpus.json', import.meta.url), 'utf8');
const files = JSON.parse(text) as CorpusFile[];
const valid = build(files[0] as CorpusFile, new Uint8Array());

/** The code of the error that a file gives, or null where it loads; a trap is neither, and fails the test. */
function load(bytes: Uint8Array): string | null {
  try {
    const sampler = new Sampler(bytes);
    sampler.free();
    return null;
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    expect(error).toBeInstanceOf(Error);
    expect(code).not.toBe('INTERNAL'); // a trap
    expect(message).toMatch(/^[a-z]\P{Cc}{10,500}$/u);
    return code;
  }
}

for (const file of files) {
  it(`gives ${file.code ?? 'a model'} for the file "${file.name}", and then loads a good one`, () => {
    const bytes = build(file, valid);
    // The face says whose file it is, where the core knows only that it is none of ours.
    expect(load(bytes)).toBe(foreignFormat(bytes) === undefined || bytes.length === 0 ? file.code : 'FOREIGN_FORMAT');
    expect(load(valid)).toBeNull();
  });
}

for (const file of files.filter(({ code }) => code === null)) {
  it(`describes and draws the file "${file.name}" by every method, and a good one after each`, () => {
    const sampler = new Sampler(build(file, valid), 2 ** 28);
    const { config } = JSON.parse(sampler.describe()) as Description;
    const isSmall = config.height * config.width <= 100;
    const images = new Set<string>();
    for (const method of methods) {
      const drawn = draw(sampler, method, isSmall);
      expect(drawn.code, method).toBe(file.runs?.[method] ?? null);
      if (isSmall && drawn.code === null) images.add(String(drawn.pixels));
      const good = new Sampler(valid);
      expect(draw(good, method, true).code).toBeNull();
      good.free();
    }
    expect(images.size).toBeLessThanOrEqual(1);
    sampler.free();
  });
}

/** What a method draws, or of a large image begins to; a trap fails the test. */
function draw(
  sampler: CoreSampler,
  method: string,
  whole: boolean,
): { code: string | null; pixels?: Uint8Array | Uint16Array } {
  try {
    const { classes } = JSON.parse(sampler.config()) as Config;
    const run = sampler.sample(1, 1, 0, 1, method, 'all', classes ? new Uint16Array(1) : undefined);
    try {
      if (whole) run.finish();
      else run.step();
      return { code: null, pixels: run.pixels() };
    } finally {
      run.free();
    }
  } catch (error) {
    const { code } = error as Error & { code: string };
    expect(code).not.toBe('INTERNAL'); // a trap
    return { code };
  }
}

it('knows at least 40 malformed files, as the program beside them makes them', () => {
  expect(files.filter((file) => file.code !== null).length).toBeGreaterThanOrEqual(40);
  expect(text).toBe(corpusJson());
});

it('gives an error for a file cut off at any byte', () => {
  for (let length = 0; length < valid.length; length++) {
    expect(load(valid.subarray(0, length)), `${length} bytes`).toBe('FILE_TOO_SHORT');
  }
});

it('gives an error or a model for thousands of damaged files, never a trap', () => {
  const { random_words } = loadWasm();
  const words = random_words(11, 2, 0, 0, 12_000);
  let loaded = 0;
  for (let i = 0; i < words.length; i += 3) {
    const [where, what, how] = words.subarray(i, i + 3) as unknown as [number, number, number];
    const bytes = Uint8Array.from(valid);
    const at = where % bytes.length;
    bytes[at] = how % 2 === 0 ? bytes[at]! ^ (1 << (what % 8)) : '{}[]":,0123456789-.eE\\u '.charCodeAt(what % 24);
    if (load(bytes) === null) loaded++;
  }
  expect(loaded).toBeGreaterThan(0);
  expect(loaded).toBeLessThan(words.length / 6);
});

it('gives back the memory of what it refuses', () => {
  const { memoryBytes } = loadWasm();
  const pass = () => {
    for (const file of files) load(build(file, valid));
    return memoryBytes();
  };
  const after = pass();
  expect(pass()).toBe(after);
});
