import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { PixelCnnError, PoolOptions, Sampler, SamplerPool } from '../../ts/index.js';
import { splitCall } from '../../ts/pool/pool.js';
import { temporaryFolder } from '../cli/run.js';
import { configJson, loadWasm, randomModel } from '../wasm.js';

/** The built package: its workers are JavaScript files. The tests' set-up builds it. */
const entry = new URL('../../dist/index.js', import.meta.url).href;
const { loadSampler, loadSamplerPool } = (await import(entry)) as typeof import('../../ts/index.js');

const config = { height: 12, width: 11, filters: 8, blocks: 2 };
const size = 12 * 11;
const model = randomModel(configJson(config), 7, { background: '0' });
const folder = temporaryFolder();

/** The threads that pools start, by a class in the place of Node's own. */
const threads = process.getBuiltinModule('node:worker_threads');
const NodeWorker = threads.Worker;
let started: Worker[] = [];

/** Lets a test see to each thread as it starts. */
function onStart(see: (worker: Worker) => void = () => {}): void {
  threads.Worker = class extends NodeWorker {
    constructor(...parameters: ConstructorParameters<typeof NodeWorker>) {
      super(...parameters);
      started.push(this);
      see(this);
    }
  };
}

let sampler: Sampler;
const pools: SamplerPool[] = [];

async function load(options: PoolOptions = {}): Promise<SamplerPool> {
  const pool = await loadSamplerPool(model, options);
  pools.push(pool);
  return pool;
}

beforeAll(async () => {
  sampler = await loadSampler(model);
});

afterEach(async () => {
  threads.Worker = NodeWorker;
  started = [];
  vi.unstubAllGlobals();
  await Promise.all(pools.splice(0).map((pool) => pool.dispose()));
});

/** What a call that must fail rejects with. */
function failure(call: Promise<unknown>): Promise<PixelCnnError> {
  return call.then(
    () => expect.unreachable(),
    (error) => error,
  );
}

it('splits a call into parts that follow each other, of up to 16 images and smaller towards the end', () => {
  for (const workers of [1, 2, 3, 8, 64]) {
    for (const count of [1, 2, 16, 17, 100, 256, 1001]) {
      const parts = [...splitCall(count, workers)];
      let next = 0;
      for (const part of parts) {
        expect(part.first).toBe(next);
        expect(part.count).toBeGreaterThan(0);
        expect(part.count).toBeLessThanOrEqual(16);
        next += part.count;
      }
      expect(next).toBe(count);
      if (workers > 1) expect(parts.at(-1)!.count).toBe(1);
    }
  }
  expect([...splitCall(40, 1)].map((part) => part.count)).toEqual([16, 16, 8]);
});

it('draws what one thread draws, whatever the number of workers and of images', async () => {
  for (const workers of [1, 2, 3]) {
    const pool = await load({ workers });
    expect(pool).toMatchObject({ workers, config: sampler.config, metadata: sampler.metadata });
    for (const options of [
      { count: 1, seed: 0 },
      { count: 5, seed: 2 ** 53 - 1, temperature: 0.5 },
      { count: 37, seed: 3, startIndex: 1001, method: 'cached', skipping: 'none' },
      { count: 70, seed: 3, startIndex: 2 ** 53 - 71 },
    ] as const) {
      expect(await pool.sample(options)).toEqual(sampler.sample(options));
    }
  }
});

it('keeps calls apart that overlap', async () => {
  const pool = await load({ workers: 2 });
  const seeds = [1, 2, 3, 4];
  const made = await Promise.all(seeds.map((seed) => pool.sample({ count: 20, seed })));
  expect(made).toEqual(seeds.map((seed) => sampler.sample({ count: 20, seed })));
});

it('draws a seed where none is given, and reports it', async () => {
  const pool = await load({ workers: 2 });
  const first = await pool.sample({ count: 9 });
  expect(await pool.sample({ count: 9, seed: first.seed })).toEqual(first);
  expect((await pool.sample()).seed).not.toBe(first.seed);
});

it('scores what one thread scores', async () => {
  const pool = await load({ workers: 2 });
  const images = sampler.sample({ count: 45, seed: 1 });
  expect(await pool.logProb(images)).toEqual(sampler.logProb(images));
  const inside = new Uint8Array(2000).subarray(7, 7 + 3 * size); // of a buffer with more in it
  expect(await pool.logProb(inside, { skipping: 'none' })).toEqual(sampler.logProb(inside));
});

it('tells how far it is, up to the end', async () => {
  const pool = await load({ workers: 2 });
  const told: number[] = [];
  await pool.sample({
    count: 50,
    onProgress: ({ done, total }) => {
      expect(total).toBe(50 * size);
      told.push(done);
    },
  });
  expect(told.at(-1)).toBe(50 * size);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(told.length).toBeGreaterThan(3);
});

it('streams parts in order, and draws only so far ahead of the loop', async () => {
  const pool = await load({ workers: 2 });
  const wanted = sampler.sample({ count: 300, seed: 4, startIndex: 10 });
  let next = 10;
  let done = 0;
  const options = {
    count: 300,
    seed: 4,
    startIndex: 10,
    onProgress: (progress: { done: number }) => ({ done } = progress),
  };
  for await (const part of pool.sampleStream(options)) {
    const [first, end] = [next - 10, next - 10 + part.shape[0]];
    expect(part).toMatchObject({ seed: 4, startIndex: next, shape: [end - first, 12, 11, 1] });
    expect(part.data).toEqual(wanted.data.subarray(first * size, end * size));
    expect(part.nats).toEqual(wanted.nats.subarray(first, end));
    if (first === 0) {
      // 8 parts of 16 are under way; while the loop rests, they end and no other begins.
      await vi.waitFor(() => expect(done).toBe(8 * 16 * size), 30_000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(done).toBe(8 * 16 * size);
    }
    next += part.shape[0];
  }
  expect(next).toBe(310);
});

it('ends the drawing of a stream that is left, and goes on with the next call', async () => {
  const pool = await load({ workers: 2 });
  let last = 0;
  for await (const part of pool.sampleStream({ count: 2 ** 20, seed: 4, onProgress: ({ done }) => (last = done) })) {
    expect(part.startIndex).toBe(0);
    break;
  }
  const left = last;
  expect(await pool.sample({ count: 40, seed: 4 })).toEqual(sampler.sample({ count: 40, seed: 4 }));
  expect(last).toBe(left);
});

it('gives up when told to, before and during, without losing a worker', async () => {
  const reports: string[] = [];
  onStart((worker) => {
    worker.on('message', ({ job, pixels, made }) => {
      if (job > 0 && pixels === undefined) reports.push(made ? 'done' : 'stopped');
    });
  });
  const pool = await load({ workers: 2 });
  const reason = new Error('enough');
  expect(await failure(pool.sample({ signal: AbortSignal.abort(reason) }))).toBe(reason);
  expect(await failure(pool.logProb(new Uint8Array(size), { signal: AbortSignal.abort(reason) }))).toBe(reason);

  const controller = new AbortController();
  // Slow enough to be told of while the first images are drawn.
  const drawing = pool.sample({
    count: 2 ** 20,
    method: 'reference',
    signal: controller.signal,
    onProgress: ({ done }) => {
      expect(done).toBeLessThan(16 * size);
      controller.abort(reason);
    },
  });
  expect(await failure(drawing)).toBe(reason);
  await vi.waitFor(() => expect(reports.filter((end) => end === 'stopped')).toHaveLength(2), 30_000);
  expect(reports).not.toContain('done'); // the images under way were left as they were
  expect(await pool.sample({ count: 40, seed: 4 })).toEqual(sampler.sample({ count: 40, seed: 4 }));
  expect(started).toHaveLength(2);
});

it('does not mind what becomes of images after the call', async () => {
  const pool = await load({ workers: 1 });
  const images = new Uint8Array(sampler.sample({ count: 100, seed: 1 }).data);
  const wanted = sampler.logProb(images);
  const scoring = pool.logProb(images);
  const shaped = pool.logProb({ data: images, shape: [100, 12, 11, 1] });
  structuredClone(images.buffer, { transfer: [images.buffer] }); // gone while most of them wait
  expect(await scoring).toEqual(wanted);
  expect(await shaped).toEqual(wanted);
  expect(await failure(pool.logProb(images))).toMatchObject({ name: 'TypeError', argument: 'images' });
});

it('reads options from a prototype, as a sampler does, and each once', async () => {
  const pool = await load({ workers: 1 });
  expect(await pool.sample(Object.create({ count: 3, seed: 1 }))).toEqual(sampler.sample({ count: 3, seed: 1 }));
  const counts = [3, 4];
  const options = {
    seed: 1,
    get count() {
      return counts.shift()!;
    },
  };
  expect(await pool.sample(options)).toEqual(sampler.sample({ count: 3, seed: 1 }));
});

it('waits for a signal with one listener, however many calls there are', async () => {
  const pool = await load({ workers: 1 });
  const controller = new AbortController();
  const { signal } = controller;
  const calls = Promise.all(Array.from({ length: 20 }, () => pool.sample({ count: 2, signal })));
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  await calls;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('gives up loading when told to, and leaves no thread behind', async () => {
  onStart();
  const reason = new Error('enough');
  expect(await failure(load({ signal: AbortSignal.abort(reason) }))).toBe(reason);
  expect(started).toEqual([]);
  const controller = new AbortController();
  onStart(() => controller.abort(reason));
  expect(await failure(load({ workers: 2, signal: controller.signal }))).toBe(reason);
  await vi.waitFor(() => expect(started.map((worker) => worker.threadId)).toEqual([-1, -1]), 30_000);
});

it('rejects with what onProgress throws', async () => {
  const pool = await load({ workers: 2 });
  const reason = new Error('from the listener');
  const onProgress = () => {
    throw reason;
  };
  expect(await failure(pool.sample({ count: 1, onProgress }))).toBe(reason);
  expect(await failure(pool.sample({ count: 100, onProgress }))).toBe(reason);
  expect(await failure(pool.sample({ count: 100, onProgress: async () => onProgress() }))).toBe(reason);
  expect((await pool.sample({ count: 3 })).shape[0]).toBe(3);
});

it('replaces workers that stop, for whatever reason, and draws their images again', async () => {
  const ways: ((worker: Worker) => unknown)[] = [
    (worker) => worker.terminate(),
    (worker) => worker.postMessage(null), // no order: an error that nothing catches
    (worker) => worker.emit('messageerror', new Error('garbled')),
    (worker) => {
      const failure = { name: 'PixelCnnError', code: 'INTERNAL', message: 'the WebAssembly code stopped' };
      worker.emit('message', { job: 1, failure }); // as after a trap
    },
  ];
  for (const stop of ways) {
    started = [];
    onStart();
    const pool = await load({ workers: 2 });
    expect(started).toHaveLength(2);
    const [first] = started;
    const gone = new Promise((resolve) => first!.on('exit', resolve));
    let stopped = false;
    const options = { count: 40, seed: 6, method: 'naive' } as const;
    const made = await pool.sample({
      ...options,
      onProgress: () => {
        if (!stopped) stop(first!);
        stopped = true;
      },
    });
    expect(stopped).toBe(true);
    await gone;
    expect(made).toEqual(sampler.sample({ ...options, method: 'wavefront' }));
    expect(started).toHaveLength(3);
  }
});

it('does not mind what else a worker says, such as what a bundler has put into it', async () => {
  const say = () => {
    for (const worker of started) {
      for (const said of [null, undefined, 'ready', {}, { job: 'sample' }, { type: 'connected' }])
        worker.emit('message', said);
    }
  };
  onStart(() => queueMicrotask(say));
  const pool = await load({ workers: 2 });
  say(); // with nothing to do
  const drawing = pool.sample({ count: 40, seed: 4 });
  say();
  expect(await drawing).toEqual(sampler.sample({ count: 40, seed: 4 }));
  expect(started).toHaveLength(2);
});

it('names the option that another binary came by', async () => {
  const wasm = await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  expect(await failure(load({ workers: 1, wasm }))).toMatchObject({
    code: 'WASM_LOAD_FAILED',
    argument: 'wasm',
    message: expect.stringMatching(/^wasm: expected the compiled pixelcnn_bg.wasm of this very version/),
  });
});

it('draws again what a lost worker had before it draws anything else', async () => {
  const orders: number[] = [];
  onStart((worker) => {
    const { postMessage } = worker;
    worker.postMessage = (order, transfer) => {
      if (order.kind === 'sample') orders.push(order.given.startIndex);
      if (orders.length === 1 && order.kind === 'sample') worker.terminate();
      else postMessage.call(worker, order, transfer);
    };
  });
  const pool = await load({ workers: 1 });
  const made = await Promise.all([0, 100].map((startIndex) => pool.sample({ count: 18, seed: 6, startIndex })));
  expect(made).toEqual([0, 100].map((startIndex) => sampler.sample({ count: 18, seed: 6, startIndex })));
  expect(orders).toEqual([0, 0, 16, 100, 116]);
});

it('takes back what it told of images whose worker was lost', async () => {
  let lost = false;
  onStart((worker) => {
    const { postMessage } = worker;
    worker.postMessage = (order, transfer) => {
      if (order.kind !== 'sample' || lost) return postMessage.call(worker, order, transfer);
      lost = true;
      for (const pixels of [50, 80]) worker.emit('message', { job: order.job, pixels });
      return worker.terminate();
    };
  });
  const pool = await load({ workers: 1 });
  const told: number[] = [];
  await pool.sample({ count: 1, onProgress: ({ done }) => told.push(done) });
  expect(told.slice(0, 3)).toEqual([50, 80, 0]);
  expect(told.at(-1)).toBe(size);
});

it('hands out nothing of a call that was given up', async () => {
  const orders: number[] = [];
  const controller = new AbortController();
  onStart((worker) => {
    const { postMessage } = worker;
    worker.postMessage = (order, transfer) => {
      postMessage.call(worker, order, transfer);
      if (order.kind === 'sample') orders.push(order.given.startIndex);
      if (order.kind === 'sample' && orders.length === 1) queueMicrotask(() => controller.abort());
    };
  });
  const pool = await load({ workers: 1 });
  const given = pool.sample({ count: 64, method: 'reference', signal: controller.signal });
  expect(await failure(given)).toBe(controller.signal.reason);
  expect(await pool.sample({ count: 1, seed: 1, startIndex: 1000 })).toMatchObject({ startIndex: 1000 });
  expect(orders).toEqual([0, 1000]);
});

it('leaves no listener on a signal, however the call ends', async () => {
  const pool = await load({ workers: 2 });
  const { signal } = new AbortController();
  await pool.sample({ count: 40, signal });
  await pool.logProb(new Uint8Array(size), { signal });
  for await (const _ of pool.sampleStream({ count: 40, signal })) break;
  const onProgress = () => {
    throw new Error('from the listener');
  };
  await failure(pool.sample({ count: 40, signal, onProgress }));
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('replaces a worker that stops while it is idle', async () => {
  onStart();
  const bytes = new Uint8Array(model);
  const pool = await loadSamplerPool(bytes, { workers: 1 });
  pools.push(pool);
  bytes.fill(0); // the caller's own, to do with as it likes
  await started[0]!.terminate();
  expect(await pool.sample({ count: 3, seed: 1 })).toEqual(sampler.sample({ count: 3, seed: 1 }));
  expect(started).toHaveLength(2);
});

it('gives up on images that stop every worker, in one sentence, and goes on with the next call', async () => {
  let deadly = true;
  onStart((worker) => {
    const { postMessage } = worker;
    worker.postMessage = (order, transfer) => {
      if (deadly && order.kind === 'sample') worker.terminate();
      else postMessage.call(worker, order, transfer);
    };
  });
  const pool = await load({ workers: 2 });
  const error = await failure(pool.sample({ count: 100 }));
  expect(error).toMatchObject({ name: 'PixelCnnError', code: 'WORKER_LOST' });
  expect(error.message).toMatch(
    /^expected a worker that ends its work, lost 3 over the same images: it exited with code [01]$/,
  );
  expect(error.cause).toBeInstanceOf(Error);
  deadly = false;
  expect(await pool.sample({ count: 40, seed: 4 })).toEqual(sampler.sample({ count: 40, seed: 4 }));
});

it('says so where workers do not start', async () => {
  threads.Worker = class extends NodeWorker {
    constructor() {
      super(new URL('./no_such_worker.js', import.meta.url));
    }
  };
  const missing = await failure(load({ workers: 2 }));
  expect(missing).toMatchObject({ name: 'PixelCnnError', code: 'WORKER_LOST' });
  expect(missing.message).toMatch(/^expected a worker that starts, got one that did not: .*no_such_worker\.js/);
  threads.Worker = class {
    constructor() {
      throw new Error('no threads left');
    }
  } as unknown as typeof NodeWorker;
  expect(await failure(load({ workers: 2 }))).toMatchObject({
    code: 'WORKER_LOST',
    message: 'expected a worker that starts, got one that did not: no threads left',
  });
});

it('says so where the host has no threads', async () => {
  vi.stubGlobal('process', undefined);
  const error = await failure(load());
  vi.unstubAllGlobals();
  expect(error).toMatchObject({
    name: 'PixelCnnError',
    code: 'WORKERS_UNAVAILABLE',
    message:
      'expected a host that starts worker threads, got one that does not; use loadSampler, which draws the same images',
  });
});

it('refuses wrong arguments before any worker starts or works', async () => {
  onStart();
  const workers = 'workers: expected an integer from 1 to 1024, got';
  for (const [options, name, message] of [
    [{ workers: 0 }, 'RangeError', `${workers} 0`],
    [{ workers: 1025 }, 'RangeError', `${workers} 1025`],
    [{ workers: 1.5 }, 'RangeError', `${workers} 1.5`],
    [{ workers: '2' }, 'TypeError', `${workers} "2"`],
    [{ workers: null }, 'TypeError', `${workers} null`],
    [
      { threads: 2 },
      'TypeError',
      'options: expected only workers, signal, memoryLimit, sharing, wasm, onProgress, worker, got "threads"',
    ],
    [{ signal: 1 }, 'TypeError', 'signal: expected an AbortSignal, got 1'],
    [null, 'TypeError', 'options: expected a plain object, got null'],
  ] as [object, string, string][]) {
    expect(await failure(load(options as PoolOptions))).toMatchObject({ name, message });
  }
  expect(await failure(loadSamplerPool(join(folder.path, 'none')))).toMatchObject({ code: 'MODEL_NOT_FOUND' });
  expect(started).toEqual([]);

  const pool = await load({ workers: 1 });
  const told = vi.spyOn(started[0]!, 'postMessage');
  const seed = 'seed: expected an integer from 0 to 9007199254740991, got';
  for (const [options, name, message] of [
    [{ count: 0 }, 'RangeError', 'count: expected an integer from 1 to 1048576, got 0'],
    [{ seed: -1 }, 'RangeError', `${seed} -1`],
    [{ seed: '1' }, 'TypeError', `${seed} "1"`],
    [
      { startIndex: 2 ** 53 },
      'RangeError',
      'startIndex: expected an integer from 0 to 9007199254740990, got 9007199254740992',
    ],
    [
      { temprature: 1 },
      'TypeError',
      'options: expected only signal, onProgress, count, seed, temperature, startIndex, method, skipping, label, given, got "temprature"; did you mean temperature?',
    ],
    [{ method: 'fast' }, 'RangeError', 'method: expected one of wavefront, cached, naive, reference, got "fast"'],
    [{ signal: 'x' }, 'TypeError', 'signal: expected an AbortSignal, got "x"'],
    [{ onProgress: 1 }, 'TypeError', 'onProgress: expected a function, got 1'],
    [null, 'TypeError', 'options: expected a plain object, got null'],
    [[], 'TypeError', 'options: expected a plain object, got an array of 0'],
  ] as [object, string, string][]) {
    expect(await failure(pool.sample(options))).toMatchObject({ name, message });
    expect(() => pool.sampleStream(options)).toThrow(expect.objectContaining({ name, message }));
  }
  expect(await failure(pool.logProb(new Uint8Array(5)))).toMatchObject({
    name: 'RangeError',
    message: 'images: expected whole images of [12, 11, 1], 132 pixels each, got 5 pixels',
  });
  expect(await failure(pool.logProb(new Uint8Array(size), { method: 'fast' as never }))).toMatchObject({
    name: 'RangeError',
    message: 'method: expected one of wavefront, cached, naive, reference, got "fast"',
  });
  expect(told).not.toHaveBeenCalled();
});

it('passes on what is wrong with a model, with the name of its file', async () => {
  const path = join(folder.path, 'bad.safetensors');
  await writeFile(path, 'this is not a model');
  const error = await failure(loadSamplerPool(path, { workers: 2 }));
  expect(error.name).toBe('PixelCnnError');
  expect(error.message).toMatch(new RegExp(`^${path}: model file: `));
  expect(error.code).toBe((await failure(loadSampler(path))).code);
  expect(error.argument).toBe('model'); // which has crossed from a worker's thread
});

it('passes on what drawing finds, without losing a worker over it', async () => {
  onStart();
  const wasm = loadWasm();
  const json = configJson({ height: 2, width: 2, filters: 2, blocks: 0, headLayers: 1, firstKernel: 3 });
  const { parameters } = JSON.parse(wasm.describe(json)) as { parameters: number };
  const weights = new Float32Array(parameters);
  weights.fill(3e38, -9); // the biases and kernels of the last layers, where no mask stands
  const pool = await loadSamplerPool(wasm.write_model(json, '{}', weights), { workers: 2 });
  pools.push(pool);
  expect(await failure(pool.sample({ count: 40, startIndex: 5 }))).toMatchObject({
    name: 'PixelCnnError',
    code: 'NON_FINITE_LOGIT',
    message: expect.stringMatching(/^image \d+, pixel 0: /), // the first to be told of
  });
  expect(started).toHaveLength(2);
});

it('rejects what is under way when it is disposed of, and all that comes after', async () => {
  onStart();
  const pool = await load({ workers: 2 });
  const stream = pool.sampleStream({ count: 1000 });
  await stream.next();
  const calls = [pool.sample({ count: 2 ** 20, method: 'naive' }), pool.logProb(new Uint8Array(100 * size))];
  const failures = Promise.all(calls.map(failure));
  await pool.dispose();
  for (const error of await failures) expect(error).toMatchObject({ name: 'PixelCnnError', code: 'DISPOSED' });
  expect(started.map((worker) => worker.threadId)).toEqual([-1, -1]);
  expect(await failure(stream.next())).toMatchObject({ code: 'DISPOSED' });
  expect(await failure(pool.sample())).toMatchObject({
    code: 'DISPOSED',
    message: 'expected a pool in use, got one after dispose(); load the model again',
  });
  await pool.dispose();
  expect(started).toHaveLength(2);
});

it('yields nothing more after it was disposed of, though all was drawn before', async () => {
  const pool = await load({ workers: 2 });
  let stream: ReturnType<SamplerPool['sampleStream']>;
  await new Promise<unknown>((resolve) => {
    const onProgress = ({ done, total }: { done: number; total: number }) => done === total && resolve(done);
    stream = pool.sampleStream({ count: 20, onProgress });
    stream.next();
  });
  await pool.dispose();
  expect(await failure(stream!.next())).toMatchObject({ code: 'DISPOSED' });
});

it('disposes of itself at the end of `await using`', async () => {
  onStart();
  {
    await using pool = await loadSamplerPool(model, { workers: 1 });
    await pool.sample();
  }
  expect(started.map((worker) => worker.threadId)).toEqual([-1]);
});

it('lets a process end that has nothing more to do, and holds one that waits for images', async () => {
  await writeFile(join(folder.path, 'model.safetensors'), model);
  const program = `
    const { loadSamplerPool } = await import(${JSON.stringify(entry)});
    const pool = await loadSamplerPool('model.safetensors', { workers: 2 });
    await pool.sample({ count: 3, seed: 1 });
    pool.sample({ count: 40, seed: 1 }).then(({ nats }) => console.log(JSON.stringify([...nats])));`;
  // By a flag that threads refuse.
  const args = ['--input-type=module', '--eval', program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: folder.path });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual([...sampler.sample({ count: 40, seed: 1 }).nats]);
});
