/** Pools of nets with classes and many levels, and given pixels: what a sampler gives, by any number of workers. */

import { afterEach, expect, it, vi } from 'vitest';
import type { PoolOptions, SamplerPool } from '../../ts/index.js';
import { classModel } from '../class_model.js';
import { failure } from '../failure.js';
import { configJson } from '../wasm.js';

/** The built package: its workers are JavaScript files. The tests' set-up builds it. */
const entry = new URL('../../dist/index.js', import.meta.url).href;
const { loadSampler, loadSamplerPool } = (await import(entry)) as typeof import('../../ts/index.js');

const [height, width, classes] = [6, 5, 3];
const size = height * width;
const names = {
  classNames: ['cat', 'dog', 'cow'],
  alphabet: Array.from({ length: 300 }, (_, i) => String.fromCodePoint(0x4e00 + i)),
};
const config = configJson({
  height,
  width,
  filters: 4,
  blocks: 1,
  classes,
  levels: 300,
  input: 'nominal',
  embedding: 4,
});
const metadata = { classNames: JSON.stringify(names.classNames), alphabet: JSON.stringify(names.alphabet) };
const model = classModel(config, 2, metadata);
const sampler = await loadSampler(model);

const pools: SamplerPool[] = [];
async function load(options: PoolOptions): Promise<SamplerPool> {
  const pool = await loadSamplerPool(model, options);
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.dispose()));
});

it('draws by class and around given pixels, each part with its own', async () => {
  for (const workers of [1, 3]) {
    const pool = await load({ workers });
    expect(pool).toMatchObject(names);
    const { data } = sampler.sample({ count: 40, seed: 8 });
    const known = Uint8Array.from(data, (_, i) => ((i * 5) % 7 < 3 ? 1 : 0));
    const one = { data: data.slice(0, size), known: known.slice(0, size) };
    for (const options of [
      { count: 40, seed: 1 },
      { count: 40, seed: 1, startIndex: 100 },
      { count: 40, seed: 1, label: 'dog' },
      {
        count: 40,
        seed: 1,
        label: Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 'cow' : 1)),
        given: { data, known },
      },
      { count: 40, seed: 1, given: one },
    ]) {
      const made = await pool.sample(options);
      expect(made).toEqual(sampler.sample(options));
      expect(made.data).toBeInstanceOf(Uint16Array);
      const labels: number[] = [];
      for await (const part of pool.sampleStream(options)) labels.push(...part.labels!);
      expect(Uint16Array.from(labels)).toEqual(made.labels);
    }
  }
});

it('scores with classes and without, and classifies', async () => {
  const pool = await load({ workers: 2 });
  const images = sampler.sample({ count: 45, seed: 1 });
  expect(await pool.logProb(images, { labels: images.labels! })).toEqual(
    sampler.logProb(images, { labels: images.labels! }),
  );
  expect(await pool.logProb(images, { labels: 'cat' })).toEqual(sampler.logProb(images, { labels: 'cat' }));
  expect(await pool.logProb(images)).toEqual(sampler.logProb(images));
  expect(await pool.classify(images, { method: 'cached' })).toEqual(sampler.classify(images));
});

it('tells how far a mixture is in pixels of images, whatever the number of classes', async () => {
  const pool = await load({ workers: 2 });
  const images = sampler.sample({ count: 20, seed: 1 });
  for (const call of ['logProb', 'classify'] as const) {
    const told: number[] = [];
    await pool[call](images, {
      onProgress: ({ done, total }) => {
        expect(total).toBe(20 * size);
        told.push(done);
      },
    });
    expect(told.at(-1)).toBe(20 * size);
    expect(told.every((done, i) => done >= (told[i - 1] ?? 0) && Number.isInteger(done))).toBe(true);
  }
});

it('gives scoring up within its images, and goes on to other calls', async () => {
  const reports: string[] = [];
  const threads = process.getBuiltinModule('node:worker_threads');
  const NodeWorker = threads.Worker;
  threads.Worker = class extends NodeWorker {
    constructor(...parameters: ConstructorParameters<typeof NodeWorker>) {
      super(...parameters);
      this.on('message', ({ pixels, made }) => reports.push(pixels === undefined && !made ? 'stopped' : 'other'));
    }
  };
  // Some seconds of work for any machine, in one part.
  const long = classModel(configJson({ filters: 32, blocks: 3, classes: 100 }), 1);
  const pool = await loadSamplerPool(long, { workers: 1 });
  pools.push(pool);
  threads.Worker = NodeWorker;
  const reason = new Error('enough');
  const controller = new AbortController();
  const scoring = pool.classify(new Uint8Array(16 * 28 * 28), {
    skipping: 'none',
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  expect(await failure(() => scoring)).toBe(reason);
  await vi.waitFor(() => expect(reports).toContain('stopped'), 30_000);
  expect(reports).not.toContain('done');
  const again = { count: 3, seed: 1 };
  expect(await pool.sample(again)).toEqual((await loadSampler(long)).sample(again));
});

it('refuses wrong classes and given pixels before any worker works', async () => {
  const pool = await load({ workers: 1 });
  for (const [options, argument, message] of [
    [
      { label: 'dgo' },
      'label',
      'label: expected a class from 0 to 2, or its name ("cat", "dog", "cow"), got "dgo"; did you mean dog?',
    ],
    [{ label: [0], count: 2 }, 'label', 'label: expected one class for all, or 2, one for each image, got 1'],
    [{ given: {} }, 'given', 'given: expected its data as a Uint8Array or a Uint16Array of levels, got undefined'],
  ] as [object, string, string][]) {
    expect(await failure(() => pool.sample(options))).toMatchObject({ argument, message });
    expect(() => pool.sampleStream(options)).toThrow(expect.objectContaining({ argument, message }));
  }
  const images = new Uint8Array(size);
  expect(await failure(() => pool.logProb(images, { labels: [0, 1] }))).toMatchObject({ argument: 'labels' });
  expect(await failure(() => pool.classify(images, { labels: 1 } as never))).toMatchObject({
    message: 'options: expected only method, skipping, signal, onProgress, got "labels"',
  });
  const plain = await loadSamplerPool(classModel(configJson({ height, width, filters: 4, blocks: 1 }), 1), {
    workers: 1,
  });
  pools.push(plain);
  expect(await failure(() => plain.classify(images))).toMatchObject({
    argument: 'model',
    message: 'model: expected one with classes to classify by, got one without',
  });
});
