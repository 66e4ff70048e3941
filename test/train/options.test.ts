import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { argumentOf } from '../../ts/arguments.js';
import { loadSampler } from '../../ts/load.js';
import { binariseImages } from '../../ts/train/data/binarisation.js';
import { firstImages, type ImageSet, splitImages } from '../../ts/train/data/image_set.js';
import { labelImages } from '../../ts/train/data/labels.js';
import { loadData } from '../../ts/train/data/load_data.js';
import { compareEvaluations } from '../../ts/train/score/compare.js';
import { evaluate } from '../../ts/train/score/evaluate.js';
import { openBackend } from '../../ts/train/tensorflow/backend.js';
import { setUpTensorflow } from '../../ts/train/tensorflow/setup.js';
import { type TrainOptions, train } from '../../ts/train/train.js';
import { lossCurve } from '../../ts/train/watch/loss_curve.js';
import { metricsFile } from '../../ts/train/watch/metrics.js';
import { sampleGrid } from '../../ts/train/watch/sample_grid.js';
import { tensorBoard } from '../../ts/train/watch/tensorboard.js';
import { watchRun } from '../../ts/train/watch/watch_run.js';
import { watchers } from '../../ts/train/watch/watcher.js';
import { configJson, randomModel } from '../wasm.js';
import { blobs, smallConfig } from './support.js';

const data = blobs(20, smallConfig);
const sampler = await loadSampler(randomModel(configJson(smallConfig), 1));
const greys = Uint8Array.from(data.pixels, (_, i) => (i * 97) % 256);

/** What a call throws at once. */
function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  return expect.unreachable();
}

const known =
  'expected only data, config, net, classes, from, device, backend, tf32, deterministic, out, checkpointFolder, resume, note, offline, signal, say, ' +
  'progress, preset, epochs, batchSize, learningRate, warmupSteps, schedule, clipNorm, emaDecay, validationSplit, seed, ' +
  'checkpointEvery, keepCheckpoints, patience, maxSteps, maxMinutes, got';
const most = Number.MAX_SAFE_INTEGER;
const size = data.pixels.length;

const wrong: [what: string, options: object, error: typeof RangeError | typeof TypeError, message: string][] = [
  ['a misspelt name', { epoch: 1 }, TypeError, `options: ${known} "epoch"; did you mean epochs?`],
  ['another case', { learningrate: 9 }, TypeError, `options: ${known} "learningrate"; did you mean learningRate?`],
  ['a name that none is like', { lr: 1 }, TypeError, `options: ${known} "lr"`],
  ['a part of the net', { filters: 4 }, TypeError, `options: ${known} "filters"; did you mean config: { filters }?`],
  [
    'another device',
    { device: 'tpu' },
    RangeError,
    'device: expected one of auto, gpu, cpu, wasm, javascript, got "tpu"',
  ],
  [
    'a device that is no text',
    { device: 3 },
    TypeError,
    'device: expected one of auto, gpu, cpu, wasm, javascript, got 3',
  ],
  ['null', { epochs: null }, TypeError, 'epochs: expected a value, or nothing at all, got null'],
  ['no epochs', { epochs: 0 }, RangeError, `epochs: expected an integer from 1 to ${most}, got 0`],
  ['epochs as text', { epochs: '3' }, TypeError, `epochs: expected an integer from 1 to ${most}, got "3"`],
  ['half an image', { batchSize: 1.5 }, RangeError, `batchSize: expected an integer from 1 to ${most}, got 1.5`],
  [
    'no rate',
    { learningRate: Number.NaN },
    RangeError,
    'learningRate: expected a finite number of at least 0, got NaN',
  ],
  ['a full decay', { emaDecay: 1 }, RangeError, 'emaDecay: expected a number from 0 to below 1, got 1'],
  ['a full split', { validationSplit: 1 }, RangeError, 'validationSplit: expected a number below 1, got 1'],
  ['a seed below 0', { seed: -1 }, RangeError, `seed: expected an integer from 0 to ${most}, got -1`],
  ['resume as text', { resume: 'yes' }, TypeError, 'resume: expected true or false, got "yes"'],
  ['resume alone', { resume: true }, TypeError, 'resume: expected a checkpointFolder beside it, got none'],
  [
    'a number for a path',
    { out: 3 },
    TypeError,
    'out: expected a text that is not empty and holds no zero byte, got 3',
  ],
  ['no path', { out: '' }, RangeError, 'out: expected a text that is not empty and holds no zero byte, got ""'],
  ['no function', { say: 'line' }, TypeError, 'say: expected a function, got "line"'],
  ['no signal', { signal: {} }, TypeError, 'signal: expected an AbortSignal, got an object of type Object'],
  ['no backend', { backend: {} }, TypeError, 'backend: expected what openBackend gives, got an object of type Object'],
  ['integers', { config: { precision: 'int8' } }, RangeError, 'config.precision: expected one of f32, got "int8"'],
  ['a field that no net has', { config: { filtres: 4 } }, TypeError, expect.stringContaining('did you mean filters?')],
  [
    'an even kernel',
    { config: { ...smallConfig, firstKernel: 4 } },
    RangeError,
    'config.firstKernel: must be odd, because the mask needs a centre, got 4',
  ],
  [
    'two parts that no net has, of which one is told of',
    { config: { ...smallConfig, filters: 1, firstKernel: 1 } },
    RangeError,
    expect.stringMatching(/^config\.(filters|firstKernel): must be an integer from \d+ to \d+, got 1$/),
  ],
  [
    'a split that leaves nothing to train on',
    { validationSplit: 0.999 },
    RangeError,
    expect.stringMatching(
      /^validationSplit: expected one that leaves at least 1 training image of \d+ images in all, got 0.999$/,
    ),
  ],
  ['another net', { net: 'big' }, RangeError, 'net: expected one of reference, deep, gated, got "big"'],
  ['classes by number', { classes: 10 }, TypeError, 'classes: expected true or false, got 10'],
  [
    'classes that nobody told',
    { classes: true },
    RangeError,
    'classes: expected images with labels, got images whose classes nobody told',
  ],
  [
    'a count of classes that nobody told',
    { config: { classes: 3 } },
    RangeError,
    'config.classes: expected images with labels, got images whose classes nobody told',
  ],
  [
    'another count of classes',
    { config: { classes: 3 }, data: labelImages(data, new Uint16Array(20), ['a', 'b']) },
    RangeError,
    'config.classes: expected 2, as the images have, got 3',
  ],
  [
    'a count of classes without classes',
    { classes: false, config: { classes: 2 } },
    RangeError,
    'config.classes: expected none, as classes is false, got 2',
  ],
  [
    'amounts as names',
    { config: { input: 'nominal' } },
    RangeError,
    'config.input: expected ordinal, as the images have, got "nominal"',
  ],
  [
    'an embedding of amounts',
    { config: { embedding: 3 } },
    RangeError,
    'config.embedding: expected none for levels that are amounts, as the images have, got 3',
  ],
  ['one dilation', { config: { dilations: 2 } }, TypeError, 'config.dilations: expected a list of integers, got 2'],
  [
    'a dilation that is no number',
    { config: { dilations: [1, '2'] } },
    TypeError,
    'config.dilations: expected finite numbers, got "2" at index 1',
  ],
  [
    'a model that is none',
    { from: 3 },
    TypeError,
    'from: expected a path, a URL, a Uint8Array, an ArrayBuffer, a Blob or a Response, got 3',
  ],
  [
    'a model to begin with at a resume',
    { from: 'a.safetensors', resume: true, checkpointFolder: 'a' },
    RangeError,
    'from: expected none at a resume, which goes on from the weights of its checkpoint, got a model',
  ],
  ['filters as text', { config: { filters: '4' } }, RangeError, 'config.filters: must be a whole number, got "4"'],
  ['another width', { config: { width: 9 } }, RangeError, 'config.width: expected 6, as the images have, got 9'],
  [
    'patience with nothing to validate on',
    { patience: 2, validationSplit: 0 },
    RangeError,
    'patience: expected images to validate on, got none: all of them train',
  ],
];

it.each(wrong)('refuses %s at the call, in one sentence', (_, options, kind, message) => {
  const error = thrownBy(() => train({ data, ...options } as TrainOptions));
  expect(error).toBeInstanceOf(kind);
  expect(error.message).toEqual(message);
  expect(argumentOf(error)).toBe(error.message.split(': ')[0]);
});

const wrongImages: [what: string, data: unknown, error: typeof RangeError | typeof TypeError, message: string][] = [
  [
    'grey values as levels',
    { ...data, pixels: greys },
    RangeError,
    'data.pixels: expected levels from 0 to 1, got 97 at index 1; binariseImages makes levels of grey values',
  ],
  [
    'a count of other images',
    { ...data, count: 100 },
    RangeError,
    `data.pixels: expected ${5 * size} values, as [100, 7, 6, 1] has, got ${size}`,
  ],
  [
    'halves of levels',
    { ...data, pixels: Float32Array.from(data.pixels, (v) => v / 2) },
    TypeError,
    'data.pixels: expected a Uint8Array, got an object of type Float32Array',
  ],
  [
    'greys of another shape',
    { ...data, greys: greys.subarray(1) },
    RangeError,
    `data.greys: expected ${size} values, as [20, 7, 6, 1] has, got ${size - 1}`,
  ],
  [
    "another set's hash",
    { ...data, pixels: data.pixels.map((level) => 1 - level) },
    RangeError,
    expect.stringMatching(
      /^data\.sha256: expected that of the images, [0-9a-f]{64}, got "[0-9a-f]{60}\.\.\."; a model's record/,
    ),
  ],
  [
    'pixels of two channels',
    { ...data, channels: 2, width: 3 },
    RangeError,
    'data: channels must be 1 in this version, got 2',
  ],
  ['one level', { ...data, levels: 1 }, RangeError, `data.levels: expected an integer from 2 to ${most}, got 1`],
  ['half an image', { ...data, count: 0.5 }, RangeError, `data.count: expected an integer from 1 to ${most}, got 0.5`],
  ['no source', { ...data, source: undefined }, TypeError, 'data.source: expected a text, got undefined'],
  ['bare pixels', data.pixels, TypeError, 'data: expected a plain object, got an object of type Uint8Array'],
  ['a number', 3, TypeError, 'data: expected a plain object, got 3'],
  [
    'an address on the web',
    new URL('https://example.com/mnist'),
    RangeError,
    'data: expected mnist, fashion-mnist, static-mnist, a path or a file: URL, got "https://example.com/mnist"',
  ],
  ['no name', '', RangeError, 'data: expected mnist, fashion-mnist, static-mnist, a folder or a file, got ""'],
];

it.each(wrongImages)('refuses %s as images at the call, in one sentence', (_, images, kind, message) => {
  const error = thrownBy(() => train({ data: images as ImageSet }));
  expect(error).toBeInstanceOf(kind);
  expect(error.message).toEqual(message);
});

it('refuses a device beside a backend that is open already', async () => {
  const backend = await openBackend('javascript');
  const error = thrownBy(() => train({ data, backend, device: 'gpu' }));
  expect(error.message).toBe('device: expected none beside a backend, which is open already, got "gpu"');
});

it('takes the images of another realm and of a subclass', () => {
  train({ data: { ...data, pixels: Buffer.from(data.pixels) } });
});

it('loads by name and by a file: URL what loadData loads', async () => {
  const start = { config: { ...smallConfig, height: 28, width: 28 }, device: 'javascript' } as const;
  const images = async (options: TrainOptions): Promise<ImageSet> => {
    for await (const event of train({ ...start, ...options })) if (event.type === 'backend') return event.data;
    return expect.unreachable();
  };
  const mnist = await loadData();
  expect((await images({ data: 'mnist' })).sha256).toBe(mnist.sha256);
  const nowhere = pathToFileURL('/nowhere/of/all');
  const missing =
    'data: expected mnist, fashion-mnist, static-mnist, a folder or a file, found nothing at /nowhere/of/all';
  await expect(images({ data: nowhere })).rejects.toThrow(missing);
  await expect(loadData({ data: nowhere })).rejects.toThrow(missing);
}, 120_000);

it.each<[what: string, call: () => Promise<unknown>, message: string]>([
  [
    'loadData: a URL',
    () => loadData(new URL('file:///a') as never),
    'options: expected a plain object, got an object of type URL',
  ],
  ['loadData: a name', () => loadData('mnist' as never), 'options: expected a plain object, got "mnist"'],
  ['loadData: a limit', () => loadData({ limit: 0 }), `limit: expected an integer from 1 to ${most}, got 0`],
  ['loadData: offline', () => loadData({ offline: 1 as never }), 'offline: expected true or false, got 1'],
  ['loadData: say', () => loadData({ say: 1 as never }), 'say: expected a function, got 1'],
  [
    'loadData: a split',
    () => loadData({ split: 'x' as never }),
    'split: expected one of reference, standard, test, all, got "x"',
  ],
  ['loadData: a threshold', () => loadData({ threshold: 257 }), 'threshold: expected a number from 0 to 256, got 257'],
  [
    'setUpTensorflow: a name',
    () => setUpTensorflow({ cuda: true } as never),
    'options: expected only variant, offline, signal, say, progress, got "cuda"',
  ],
  [
    'setUpTensorflow: a variant',
    () => setUpTensorflow({ variant: 'tpu' as never }),
    'variant: expected one of cpu, cuda, got "tpu"',
  ],
  [
    'openBackend: a device',
    () => openBackend('tpu' as never),
    'device: expected one of auto, gpu, cpu, wasm, javascript, got "tpu"',
  ],
  ['openBackend: tf32', () => openBackend('wasm', { tf32: 'no' as never }), 'tf32: expected true or false, got "no"'],
  [
    'binariseImages: a shape',
    () => binariseImages({ pixels: greys, count: 1, height: 2, width: 2 }, 'x'),
    `images.pixels: expected 4 values, as [1, 2, 2] has, got ${size}`,
  ],
  [
    'binariseImages: a source',
    () => binariseImages({ pixels: greys.subarray(0, 4), count: 1, height: 2, width: 2 }, undefined as never),
    'source: expected a text that is not empty and holds no zero byte, got undefined',
  ],
  [
    'binariseImages: a name',
    () => binariseImages({ pixels: greys.subarray(0, 4), count: 1, height: 2, width: 2 }, 'x', { seed: 3 } as never),
    'options: expected only binarisation, threshold, binarisationSeed, got "seed"',
  ],
  [
    'binariseImages: floats',
    () => binariseImages({ pixels: new Float32Array(4) as never, count: 1, height: 2, width: 2 }, 'x'),
    'images.pixels: expected a Uint8Array of grey values, got an object of type Float32Array',
  ],
])('refuses %s in one sentence', async (_, call, message) => {
  const error = await call().then(
    () => expect.unreachable(),
    (reason: Error) => reason,
  );
  expect(error.message).toBe(message);
  expect(argumentOf(error)).toBe(message.split(': ')[0]);
});

const watching: [what: string, call: () => unknown, message: string][] = [
  [
    'watchRun: a folder',
    () => watchRun(3 as never),
    'folder: expected a text that is not empty and holds no zero byte, got 3',
  ],
  [
    'watchRun: a name',
    () => watchRun('a', { tensorboard: true } as never),
    'options: expected only samples, tensorBoard, warn, got "tensorboard"; did you mean tensorBoard?',
  ],
  ['watchRun: samples', () => watchRun('a', { samples: true as never }), 'samples: expected a plain object, got true'],
  ['watchRun: warn', () => watchRun('a', { warn: 'x' as never }), 'warn: expected a function, got "x"'],
  [
    'sampleGrid: a count',
    () => sampleGrid('a', { count: 0 }),
    'samples.count: expected an integer from 1 to 1048576, got 0',
  ],
  [
    'sampleGrid: a seed',
    () => sampleGrid('a', { seed: -1 }),
    `samples.seed: expected an integer from 0 to ${most}, got -1`,
  ],
  [
    'metricsFile',
    () => metricsFile('' as never),
    'path: expected a text that is not empty and holds no zero byte, got ""',
  ],
  [
    'lossCurve',
    () => lossCurve(undefined as never),
    'folder: expected a text that is not empty and holds no zero byte, got undefined',
  ],
  [
    'tensorBoard',
    () => tensorBoard('a', { metrics: 3 as never }),
    'metrics: expected a text that is not empty and holds no zero byte, got 3',
  ],
  ['watchers', () => watchers([3 as never], () => undefined), 'all[0]: expected a function, got 3'],
  ['firstImages', () => firstImages(data, 21), 'limit: expected an integer from 1 to 20, got 21'],
  [
    'splitImages: a set',
    () => splitImages({ ...data, count: 21 }),
    `set.pixels: expected ${size + size / 20} values, as [21, 7, 6, 1] has, got ${size}`,
  ],
  ['splitImages: a part', () => splitImages(data, 1), 'validationSplit: expected a number below 1, got 1'],
  [
    'compareEvaluations',
    () => compareEvaluations({} as never, {} as never),
    'one.protocol: expected an object, as an evaluation has, got undefined',
  ],
  ['evaluate: nothing', () => evaluate(undefined as never), 'options: expected a plain object, got undefined'],
  [
    'evaluate: a name',
    () => evaluate({ sampler, data, batchsize: 3 } as never),
    'options: expected only sampler, data, batchSize, signal, got "batchsize"; did you mean batchSize?',
  ],
  [
    'evaluate: a sampler',
    () => evaluate({ sampler: {} as never, data }),
    'sampler: expected what loadSampler or loadSamplerPool gives, got an object of type Object',
  ],
  [
    'evaluate: a shape',
    () => evaluate({ sampler, data: blobs(2, { height: 7, width: 5 }) }),
    'data: expected images of width 6, as the model has, got 5',
  ],
  [
    'evaluate: levels',
    () => evaluate({ sampler, data: { ...data, pixels: greys } }),
    'data.pixels: expected levels from 0 to 1, got 97 at index 1; binariseImages makes levels of grey values',
  ],
  [
    'evaluate: a batch',
    () => evaluate({ sampler, data, batchSize: 0 }),
    'batchSize: expected an integer from 1 to 1024, got 0',
  ],
  [
    'evaluate: a signal',
    () => evaluate({ sampler, data, signal: 3 as never }),
    'signal: expected an AbortSignal, got 3',
  ],
];

it.each(watching)('refuses %s in one sentence, at the call', (_, call, message) => {
  const error = thrownBy(call);
  expect(error.message).toBe(message);
  expect(argumentOf(error)).toBe(message.split(': ')[0]);
});

it('scores with what answers later, as a pool does, as with a sampler', async () => {
  const pool = { config: sampler.config, logProb: async (images: Uint8Array) => sampler.logProb(images) };
  const scores: number[] = [];
  for (const one of [sampler, pool]) {
    for await (const event of evaluate({ sampler: one, data })) {
      if (event.type === 'end') scores.push(event.evaluation.loss);
    }
  }
  expect(scores[1]).toBe(scores[0]);
});

it('stops scoring by a timer that its signal waits for', async () => {
  const controller = new AbortController();
  const reason = new Error('late');
  let batches = 0;
  // Set once scoring is under way: only a loop that turns sees it.
  const scored = (async () => {
    for await (const _ of evaluate({
      sampler,
      data: blobs(5_000, smallConfig),
      batchSize: 1,
      signal: controller.signal,
    })) {
      if (batches++ === 0) setTimeout(() => controller.abort(reason), 0);
    }
  })();
  await expect(scored).rejects.toBe(reason);
  expect(batches).toBeLessThan(5_000);
});
