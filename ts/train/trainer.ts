// The training loop: epochs of shuffled batches, each summed up from micro-batches, one Adam update a batch, validation
// after each epoch. An own loop, because tfjs's `fit` can neither resume exactly nor keep the optimiser's state.

import { cpus } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { checkInteger, checkNumber } from '../arguments.js';
import type { Config, Description } from '../config.js';
import type { Core } from '../core.js';
import { PixelCnnError } from '../error.js';
import { type AdamState, adamUpdate } from './adam.js';
import type { Backend } from './backend.js';
import { type CheckpointState, type EpochRecord, readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { type ImageSet, referenceValidationSplit, splitCounts } from './data.js';
import { createModel, type Model, release } from './model.js';
import { randomPurpose, referenceConfig } from './net.js';
import { initialParameters, type Layout, layoutOf, toFull } from './parameters.js';
import type { Scalar, Tensor1D, Tensor4D } from './tf.js';

export interface TrainerOptions {
  readonly data: ImageSet;
  readonly backend: Backend;
  readonly core: Core;
  /** Default: the net of the Keras example, at the size of the data's images. */
  readonly config?: Partial<Config>;
  /** How often all training images are seen, at least 1. Default: 50. */
  readonly epochs?: number;
  /** Images an update, at least 1. Default: 128. */
  readonly batchSize?: number;
  /** Adam's, above 0. Default: 0.0005. */
  readonly learningRate?: number;
  /** The last part of the images, kept for validation, from 0 (none) to below 1. Default: 0.1. */
  readonly validationSplit?: number;
  /** An integer in [0, 2^53). Default: drawn, and reported. */
  readonly seed?: number;
  /** Where checkpoints go: one after each epoch, and one when the run is stopped. Default: none is written. */
  readonly checkpointFolder?: string;
  /** Updates between checkpoints within an epoch. Default: none within an epoch. */
  readonly checkpointEvery?: number;
  /** Checkpoints that are kept. Default: 2. */
  readonly keepCheckpoints?: number;
  /** Goes on from the newest checkpoint of `checkpointFolder`. Default: false. */
  readonly resume?: boolean;
  /** Stops the run after the update in progress; a checkpoint is written first. */
  readonly signal?: AbortSignal;
}

export type TrainerEvent =
  | {
      readonly type: 'start';
      readonly net: Description;
      readonly seed: number;
      readonly epochs: number;
      readonly stepsPerEpoch: number;
      readonly trainImages: number;
      readonly validationImages: number;
      /** Finished epochs, and updates of the one begun, that a checkpoint brought. */
      readonly epoch: number;
      readonly stepInEpoch: number;
      readonly warnings: readonly string[];
    }
  /** `step` counts from 1 within `epoch`, which counts from 1; `loss` is the mean over the epoch so far. */
  | {
      readonly type: 'step';
      readonly epoch: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly seconds: number;
    }
  | { readonly type: 'validate'; readonly epoch: number; readonly done: number; readonly total: number }
  | ({ readonly type: 'epoch'; readonly epochs: number } & EpochRecord)
  | { readonly type: 'checkpoint'; readonly path: string }
  | { readonly type: 'end'; readonly result: TrainResult };

export interface TrainResult {
  readonly net: Description;
  readonly seed: number;
  readonly trainImages: number;
  readonly validationImages: number;
  readonly history: readonly EpochRecord[];
  /** All tensors, uncropped, in the order of `net.tensors`. */
  readonly weights: Float32Array;
}

/** Trains, reporting as it goes; the last event carries the weights. Ending the iteration early frees everything. */
export async function* trainSteps(options: TrainerOptions): AsyncGenerator<TrainerEvent, void, undefined> {
  const run = await Run.open(options);
  try {
    yield* run.events();
  } finally {
    run.dispose();
  }
}

class Run {
  private constructor(
    private readonly options: TrainerOptions,
    private readonly plan: Plan,
    private readonly state: AdamState,
    private readonly mask: Tensor1D,
    private readonly model: Model,
    private progress: Progress,
    private readonly warnings: readonly string[],
  ) {}

  static async open(options: TrainerOptions): Promise<Run> {
    const { backend, core, data } = options;
    const { tf } = backend;
    let plan = planOf(options);
    const found = options.resume === true ? await readCheckpoint(folderOf(options)) : undefined;
    const warnings: string[] = [];
    if (found !== undefined) {
      plan = { ...plan, seed: options.seed ?? found.state.seed };
      checkResume(found.state, plan, data, options);
      warnings.push(...environmentWarnings(found.state, backend));
    } else if (options.resume === true) {
      throw new PixelCnnError(
        'INVALID_CHECKPOINT',
        `resume: expected a checkpoint in ${folderOf(options)}, found none; start a new run without resume`,
      );
    }
    const { layout, net } = plan;
    const array = (name: string): Float32Array => {
      const values = found?.arrays[name];
      if (values === undefined || values.length !== layout.size) {
        throw new PixelCnnError(
          'INVALID_CHECKPOINT',
          `checkpoint: expected ${layout.size} numbers in ${name}, got ${values?.length ?? 'none'}`,
        );
      }
      return values;
    };
    const state: AdamState = found
      ? {
          parameters: tf.tensor1d(array('parameters')),
          m: tf.tensor1d(array('m')),
          v: tf.tensor1d(array('v')),
          step: found.state.step,
        }
      : {
          parameters: tf.tensor1d(initialParameters(net, layout, core, plan.seed)),
          m: tf.zeros([layout.size]),
          v: tf.zeros([layout.size]),
          step: 0,
        };
    const mask = tf.tensor1d(layout.mask);
    const model = createModel(tf, backend.ops, net, layout, mask);
    const progress: Progress = found?.state ?? {
      epoch: 0,
      stepInEpoch: 0,
      lossSum: 0,
      secondsInEpoch: 0,
      history: [],
    };
    return new Run(options, plan, state, mask, model, progress, warnings);
  }

  async *events(): AsyncGenerator<TrainerEvent, void, undefined> {
    const { plan, progress } = this;
    yield {
      type: 'start',
      net: plan.net,
      seed: plan.seed,
      epochs: plan.epochs,
      stepsPerEpoch: plan.steps,
      trainImages: plan.trainImages,
      validationImages: plan.validationImages,
      epoch: progress.epoch,
      stepInEpoch: progress.stepInEpoch,
      warnings: this.warnings,
    };
    while (this.progress.epoch < plan.epochs) yield* this.epoch();
    yield {
      type: 'end',
      result: {
        net: plan.net,
        seed: plan.seed,
        trainImages: plan.trainImages,
        validationImages: plan.validationImages,
        history: this.progress.history,
        weights: toFull(plan.layout, await this.read(this.state.parameters)),
      },
    };
  }

  private async *epoch(): AsyncGenerator<TrainerEvent, void, undefined> {
    const { plan, options } = this;
    const epoch = this.progress.epoch + 1;
    const order = epochOrder(options.core, plan.seed, epoch, plan.trainImages);
    const before = this.progress.secondsInEpoch;
    const started = performance.now();
    const seconds = (): number => before + (performance.now() - started) / 1000;
    for (let step = this.progress.stepInEpoch; step < plan.steps; step++) {
      const batch = order.subarray(step * plan.batchSize, (step + 1) * plan.batchSize);
      const nats = await this.update(batch);
      const lossSum = this.progress.lossSum + nats;
      if (!Number.isFinite(lossSum)) {
        throw new PixelCnnError(
          'DIVERGED',
          `training: the loss of epoch ${epoch}, step ${step + 1} is ${nats}; lower the learning rate`,
        );
      }
      this.progress = { ...this.progress, stepInEpoch: step + 1, lossSum, secondsInEpoch: seconds() };
      const seen = Math.min((step + 1) * plan.batchSize, plan.trainImages);
      const loss = lossSum / (seen * plan.dimensions);
      yield { type: 'step', epoch, step: step + 1, steps: plan.steps, loss, seconds: seconds() };
      await setImmediate(); // lets signals and timers in
      if (options.signal?.aborted === true) {
        if (options.checkpointFolder !== undefined) yield await this.save();
        throw options.signal.reason;
      }
      const due = options.checkpointEvery !== undefined && this.state.step % options.checkpointEvery === 0;
      if (due && step + 1 < plan.steps && options.checkpointFolder !== undefined) yield await this.save();
    }
    const loss = this.progress.lossSum / (plan.trainImages * plan.dimensions);
    const valLoss = yield* this.validate(epoch);
    const record: EpochRecord = { epoch, steps: plan.steps, seconds: seconds(), loss, valLoss };
    const history = [...this.progress.history, record];
    this.progress = { epoch, stepInEpoch: 0, lossSum: 0, secondsInEpoch: 0, history };
    yield { type: 'epoch', epochs: plan.epochs, ...record };
    if (options.checkpointFolder !== undefined) yield await this.save();
  }

  /** One update of the parameters; the summed nats of the batch before it. */
  private async update(batch: Uint32Array): Promise<number> {
    const { plan, options, model } = this;
    const { tf, microBatch } = options.backend;
    const weights = model.weights(this.state.parameters);
    const losses: Scalar[] = [];
    let gradient: Tensor1D | undefined;
    for (let at = 0; at < batch.length; at += microBatch) {
      const pixels = this.pixels(batch.subarray(at, at + microBatch));
      const part = model.lossAndGradient(weights, pixels, 1 / (batch.length * plan.dimensions));
      pixels.dispose();
      losses.push(part.loss);
      if (gradient === undefined) {
        gradient = part.gradient;
      } else {
        const sum: Tensor1D = tf.add(gradient, part.gradient);
        tf.dispose([gradient, part.gradient]);
        gradient = sum;
      }
    }
    release(weights);
    if (gradient === undefined) throw new Error('a batch holds at least one image');
    adamUpdate(tf, this.state, gradient, plan.learningRate);
    gradient.dispose();
    return this.sum(losses);
  }

  private async *validate(epoch: number): AsyncGenerator<TrainerEvent, number, undefined> {
    const { plan, options } = this;
    const total = plan.validationImages;
    if (total === 0) return Number.NaN;
    const weights = this.model.weights(this.state.parameters);
    let nats = 0;
    try {
      for (let done = 0; done < total; ) {
        const size = Math.min(plan.batchSize, total - done);
        const losses: Scalar[] = [];
        for (let at = done; at < done + size; at += options.backend.microBatch) {
          const count = Math.min(options.backend.microBatch, done + size - at);
          const pixels = this.pixels(Uint32Array.from({ length: count }, (_, i) => plan.trainImages + at + i));
          losses.push(this.model.loss(weights, pixels));
          pixels.dispose();
        }
        nats += await this.sum(losses);
        done += size;
        yield { type: 'validate', epoch, done, total };
        await setImmediate();
        options.signal?.throwIfAborted(); // the last update's checkpoint, if any, stands; validation is repeated
      }
    } finally {
      release(weights);
    }
    return nats / (total * plan.dimensions);
  }

  /** Pixels of the given images, scaled to 0..1. */
  private pixels(indices: Uint32Array): Tensor4D {
    const { data, backend } = this.options;
    const size = data.height * data.width * data.channels;
    const values = new Float32Array(indices.length * size);
    const scale = 1 / (data.levels - 1);
    indices.forEach((index, i) => {
      for (let p = 0; p < size; p++) values[i * size + p] = (data.pixels[index * size + p] as number) * scale;
    });
    return backend.tf.tensor4d(values, [indices.length, data.height, data.width, data.channels]);
  }

  /** Adds up scalars in double precision, and disposes them. */
  private async sum(scalars: readonly Scalar[]): Promise<number> {
    let sum = 0;
    for (const scalar of scalars) {
      sum += (await scalar.data())[0] as number;
      scalar.dispose();
    }
    return sum;
  }

  private async read(tensor: Tensor1D): Promise<Float32Array> {
    return (await tensor.data()) as Float32Array;
  }

  private async save(): Promise<TrainerEvent> {
    const { plan, options, state, progress } = this;
    const arrays = {
      parameters: await this.read(state.parameters),
      m: await this.read(state.m),
      v: await this.read(state.v),
    };
    const path = await writeCheckpoint(
      folderOf(options),
      {
        state: {
          format: 1,
          config: plan.net.config,
          seed: plan.seed,
          batchSize: plan.batchSize,
          learningRate: plan.learningRate,
          validationImages: plan.validationImages,
          data: options.data.sha256,
          ...progress,
          step: state.step,
          environment: environmentOf(options.backend),
        },
        arrays,
      },
      options.keepCheckpoints ?? 2,
    );
    return { type: 'checkpoint', path };
  }

  dispose(): void {
    this.options.backend.tf.dispose([this.state.parameters, this.state.m, this.state.v, this.mask]);
  }
}

/** Where a run stands; part of a checkpoint. */
type Progress = Pick<CheckpointState, 'epoch' | 'stepInEpoch' | 'lossSum' | 'secondsInEpoch' | 'history'>;

/** The options, with every default filled in and checked. */
export interface Plan {
  readonly net: Description;
  readonly layout: Layout;
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly trainImages: number;
  readonly validationImages: number;
  /** Updates an epoch. */
  readonly steps: number;
  /** Values an image. */
  readonly dimensions: number;
}

/** Fills in and checks the options; throws what is wrong with them. */
export function planOf(options: Omit<TrainerOptions, 'backend'>): Plan {
  const { data, core } = options;
  const { height, width, channels, levels } = data;
  const net = core.describe({ ...referenceConfig, height, width, channels, levels, ...options.config });
  for (const field of ['height', 'width', 'channels', 'levels'] as const) {
    if (net.config[field] !== data[field]) {
      throw new RangeError(`config.${field}: expected ${data[field]}, as the images have, got ${net.config[field]}`);
    }
  }
  const most = Number.MAX_SAFE_INTEGER;
  const epochs = checkInteger('epochs', options.epochs ?? 50, { min: 1, max: most });
  const batchSize = checkInteger('batchSize', options.batchSize ?? 128, { min: 1, max: most });
  checkInteger('checkpointEvery', options.checkpointEvery ?? 1, { min: 1, max: most });
  checkInteger('keepCheckpoints', options.keepCheckpoints ?? 2, { min: 1, max: most });
  const learningRate = checkNumber('learningRate', options.learningRate ?? 0.0005, { min: 0 });
  const seed = checkInteger('seed', options.seed ?? drawSeed(), { min: 0, max: most });
  const { train: trainImages, validation: validationImages } = splitCounts(
    data.count,
    options.validationSplit ?? referenceValidationSplit,
  );
  if (trainImages < 1)
    throw new RangeError(`data: expected at least 1 training image, got ${data.count} images in all`);
  return {
    net,
    layout: layoutOf(net),
    seed,
    epochs,
    batchSize,
    learningRate,
    trainImages,
    validationImages,
    steps: Math.ceil(trainImages / batchSize),
    dimensions: height * width * channels,
  };
}

function drawSeed(): number {
  const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 2 ** 32 + low;
}

function folderOf(options: TrainerOptions): string {
  if (options.checkpointFolder === undefined) {
    throw new TypeError('resume: expected a checkpoint folder to go on from, got none');
  }
  return options.checkpointFolder;
}

/** The order of the training images in an epoch (counted from 1): indices sorted by Philox word, ties by index. */
export function epochOrder(core: Core, seed: number, epoch: number, count: number): Uint32Array {
  const words = core.randomWords(seed, randomPurpose.shuffle, epoch, 0, count);
  return Uint32Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => (words[a] as number) - (words[b] as number) || a - b,
  );
}

export function environmentOf(backend: Backend): CheckpointState['environment'] {
  const processors = cpus();
  return {
    backend: backend.name,
    device: backend.device,
    version: backend.version,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    threads: processors.length,
  };
}

function checkResume(state: CheckpointState, plan: Plan, data: ImageSet, options: TrainerOptions): void {
  const differs: string[] = [];
  const compare = (name: string, stored: unknown, now: unknown): void => {
    if (stored !== now) differs.push(`${name} was ${String(stored)} and is now ${String(now)}`);
  };
  compare('seed', state.seed, plan.seed);
  compare('batchSize', state.batchSize, plan.batchSize);
  compare('learningRate', state.learningRate, plan.learningRate);
  compare('the number of validation images', state.validationImages, plan.validationImages);
  compare('the sha256 of the data', state.data, data.sha256);
  for (const [field, value] of Object.entries(plan.net.config)) {
    compare(`config.${field}`, (state.config as unknown as Record<string, unknown>)[field], value);
  }
  if (differs.length > 0) {
    throw new RangeError(
      `resume: ${differs.join(', ')}; give the values of the run in ${folderOf(options)}, or start a new one`,
    );
  }
}

function environmentWarnings(state: CheckpointState, backend: Backend): string[] {
  const now = environmentOf(backend);
  return (Object.keys(now) as (keyof typeof now)[])
    .filter((key) => state.environment[key] !== now[key])
    .map(
      (key) =>
        `the checkpoint's ${key} was ${state.environment[key]} and is now ${now[key]}: ` +
        'the resumed run is as good, but not bit-equal to the unbroken one',
    );
}
