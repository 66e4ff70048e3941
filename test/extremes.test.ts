/** Nets from tiny to absurd, and hosts with little memory: every call ends in a result or OUT_OF_MEMORY, never in a trap. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Config, Description } from '../ts/config.js';
import { createSampler, loadSampler } from '../ts/index.js';
import { methods } from './corpus/make.js';
import { configJson, loadWasm, randomModel, wasmModule } from './wasm.js';

const wasm = loadWasm();
const good = randomModel(configJson({ height: 3, width: 3, filters: 2, blocks: 0 }), 1);
const LIMIT = 2 ** 26;

/** The code of the error that a call ends in; a trap fails the test. */
function codeOf(call: () => unknown): { code: string | null; message: string } {
  try {
    call();
    return { code: null, message: '' };
  } catch (error) {
    const { code, message, name } = error as Error & { code: string };
    expect(code, message).not.toBe('INTERNAL');
    return { code: name === 'RangeError' ? 'INVALID_ARGUMENT' : code, message };
  }
}

/** A model file of zeros. */
function zeros({ parameters }: Description, json: string): Uint8Array {
  return wasm.write_model(json, '{}', new Float32Array(parameters));
}

function drawGood(): void {
  const sampler = new wasm.Sampler(good);
  const run = sampler.sample(1, 1, 0, 1, 'wavefront');
  run.finish();
  run.free();
  sampler.free();
}

/** Multiply-adds up to which a whole image is drawn. As natively: `PIXELCNN_EXTREMES=1000000000 npx vitest run test/extremes.test.ts`. */
const budget = Number(process.env.PIXELCNN_EXTREMES ?? 1e6);
const nets = budget > 1e6 ? 2000 : 300;

it(`describes ${nets} nets from tiny to absurd, and draws, begins or refuses them by every method`, () => {
  const words = wasm.random_words(5, 3, 0, 0, nets * 48);
  let next = 0;
  const below = (bound: number) => words[next++]! % bound;
  /** From `low` to `high`, small numbers as likely as large ones. */
  const steeply = (low: number, high: number) =>
    low + below(Math.max(1, (high >> below(Math.ceil(Math.log2(high)) + 1)) - low + 1));
  const counts: Record<string, number> = {};
  for (let number = 0; number < nets; number++) {
    next = 48 * number;
    const isGated = below(2) === 1;
    const isNominal = below(2) === 1;
    const classes = below(2) * steeply(2, 1024);
    const json = configJson({
      architecture: isGated ? 'gated' : 'plain',
      height: steeply(1, 4096),
      width: steeply(1, 4096),
      levels: steeply(2, 512),
      input: isNominal ? 'nominal' : 'ordinal',
      embedding: isNominal ? below(2) * steeply(1, 512) : 0,
      classes,
      activation: ['relu', 'tanh', 'sigmoid'][below(isGated ? 2 : 3)]!,
      filters: isGated ? steeply(2, 4096) : 2 * steeply(1, 2048),
      blocks: steeply(0, 256),
      firstKernel: 2 * steeply(1, 15) + 1,
      blockKernel: 2 * steeply(0, 15) + 1,
      headLayers: steeply(0, 256),
      lean: isGated ? 0 : steeply(0, 8),
      dilations: Array.from({ length: steeply(1, 8) }, () => steeply(1, 16)),
    });
    const described = codeOf(() => wasm.describe(json)).code;
    expect([null, 'UNSUPPORTED_MODEL'], json).toContain(described);
    if (described !== null) continue;
    const description = JSON.parse(wasm.describe(json)) as Description;
    const { height, width } = JSON.parse(json) as Config;
    expect(description.macsPerImage).toBe(description.macsPerPixel * height * width);
    if (description.parameters > 2 ** 22) continue;
    let sampler: InstanceType<typeof wasm.Sampler> | undefined;
    const loaded = codeOf(() => {
      sampler = new wasm.Sampler(zeros(description, json), LIMIT, [undefined, 0, 2 ** 20, 2 ** 30][number % 4]);
    });
    expect([null, 'OUT_OF_MEMORY'], json).toContain(loaded.code);
    for (const method of sampler ? methods : []) {
      const kept = method === 'wavefront' || method === 'cached';
      const step = kept ? 0 : description.macsPerImage;
      if (step > budget) continue;
      const outcome = codeOf(() => {
        const run = sampler!.sample(1, 1, 0, 1, method, 'all', classes ? new Uint16Array(1) : undefined);
        try {
          if (description.macsPerImage + step * height * width <= budget) run.finish();
          else run.step();
        } finally {
          run.free();
        }
      });
      expect([null, 'OUT_OF_MEMORY'], `${method}: ${json}`).toContain(outcome.code);
      counts[String(outcome.code)] = (counts[String(outcome.code)] ?? 0) + 1;
    }
    sampler?.free();
    drawGood();
  }
  expect(counts.null).toBeGreaterThan(200);
  expect(counts.OUT_OF_MEMORY).toBeGreaterThan(5);
}, 7_200_000);

describe('sizes that do not fit in 32 bits', () => {
  const begin = (changes: Partial<Config>, method: string) => {
    const json = configJson(changes);
    const file = zeros(JSON.parse(wasm.describe(json)) as Description, json);
    const sampler = new wasm.Sampler(file);
    const outcome = codeOf(() => sampler.sample(1, 1, 0, 1, method).free());
    sampler.free();
    drawGood();
    return outcome;
  };
  const large = { height: 4096, width: 4096, blocks: 0, headLayers: 0 };

  it.each([
    [
      'activations of a deep net',
      'wavefront',
      { height: 4096, width: 4096, filters: 10, blocks: 256, blockKernel: 31, dilations: [16] },
    ],
    ['a whole image by the kernels', 'naive', { ...large, filters: 256 }],
    ['a whole image by plain loops', 'reference', { ...large, filters: 256 }],
  ])('%s', (_, method, changes) => {
    const { code, message } = begin(changes, method);
    expect(code).toBe('OUT_OF_MEMORY');
    expect(Number(/got a need of (\d+);/.exec(message)?.[1])).toBeGreaterThan(2 ** 33);
  });

  it('counts multiply-adds as they are', () => {
    const description = JSON.parse(wasm.describe(configJson({ height: 128, width: 128 }))) as Description;
    expect(description.macsPerImage).toBe(5_958_008_832);
  });

  it('refuses more random words than there is memory for', () => {
    expect(codeOf(() => wasm.random_words(1, 1, 0, 0, 2 ** 32 - 1)).code).toBe('OUT_OF_MEMORY');
    drawGood();
  });

  it('refuses metadata that no header has room for before it is copied', () => {
    const metadata = JSON.stringify({ training: 'é'.repeat(2 ** 24) });
    expect(codeOf(() => wasm.write_model(configJson(), metadata, new Float32Array(1))).code).toBe('INVALID_ARGUMENT');
    drawGood();
  });
});

it('holds a model, and each call with it, to memoryLimit', async () => {
  await expect(loadSampler(good, { memoryLimit: 1000 })).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
  const sampler = await loadSampler(good, { memoryLimit: 1_000_000 });
  expect(sampler.sample({ count: 4 }).shape[0]).toBe(4);
  // A call is made of runs: 256 images each of so small a size.
  expect(() => sampler.sample({ count: 256, method: 'wavefront' })).not.toThrow();
  for (const memoryLimit of [0, -1, 1.5, Number.NaN, 2 ** 60]) {
    await expect(loadSampler(good, { memoryLimit }), String(memoryLimit)).rejects.toThrow(RangeError);
  }
  await expect(loadSampler(good, { memoryLimit: '1' as unknown as number })).rejects.toThrow(TypeError);
  expect(() => createSampler({ module: wasmModule(), model: good, memoryLimit: 1000 })).toThrow(
    /at most the limit of 1000 bytes/,
  );
});

describe('with few pages of WebAssembly memory', () => {
  // 17 pages are what the module starts with, and 90 to 105 hold the packaged model and little else.
  for (const pages of [17, 18, 30, 40, 64, 90, 97, 105, 140, 200]) {
    it(`${pages} pages give results or OUT_OF_MEMORY`, { timeout: 120_000 }, () => {
      const child = fileURLToPath(new URL('extremes_child.ts', import.meta.url));
      const flags = [`--wasm-max-mem-pages=${pages}`, '--import', 'tsx', child];
      const outcomes = JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as Record<
        string,
        string
      >;
      expect(['OUT_OF_MEMORY', 'ok']).toEqual(expect.arrayContaining([...new Set(Object.values(outcomes))]));
      expect(outcomes.many).toBe('OUT_OF_MEMORY');
      if (outcomes.sample === 'ok') expect(outcomes['sample at last']).toBe('ok');
    });
  }
});
