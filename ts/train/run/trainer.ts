// The training loop: epochs of shuffled batches, each summed up from micro-batches, one Adam update a batch, validation
// after each epoch. An own loop, because tfjs's `fit` can neither resume exactly nor keep the optimiser's state.

import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { PixelCnnError } from '../../error.js';
import { writeThough } from '../../node/files.js';
import { levelsOf } from '../data/binarisation.js';
import { type Adam, type AdamState, createAdam } from '../net/adam.js';
import { type Batch, createModel, type Model, release } from '../net/model.js';
import { toFull } from '../net/parameters.js';
import type { Scalar, Tensor1D } from '../net/tf.js';
import { type Beginning, beginningOf, checkLock, type Progress, type Saved } from './beginning.js';
import { type Checkpoint, type EpochRecord, type RunRecord, updatesOf, writeCheckpoint } from './checkpoint.js';
import { type Best, isOutOfPatience, type Limit, limitsOf, lossBound } from './ending.js';
import type { TrainerEvent, TrainResult } from './event.js';
import { epochOrder, type Plan, type TrainerOptions } from './plan.js';
import { emaDecayAt, learningRateAt } from './recipe.js';
import { describeRun, modelFile } from './record.js';
import { environmentOf } from './resume.js';
import { failedPass, imagesAtOnce } from './room.js';

/** Trains, reporting as it goes; the last event carries the weights. Ending the iteration early frees everything. */
export async function* trainSteps(options: TrainerOptions): AsyncGenerator<TrainerEvent, void, undefined> {
  const beginning = await beginningOf(options);
  try {
    const run = Run.open(beginning);
    try {
      yield* run.events();
    } catch (error) {
      throw failedPass(error, options.backend, run.atOnce, beginning.plan.net);
    } finally {
      run.dispose();
    }
  } finally {
    beginning.lock?.release();
  }
}

class Run {
  private readonly options: TrainerOptions;
  private readonly plan: Plan;
  private readonly firstEpoch: number;
  private readonly limit: (step: number) => Limit | undefined;
  /** Images of a micro-batch. */
  readonly atOnce: number;
  private progress: Progress;
  private best: Best | undefined;
  /** The newest checkpoint. */
  private saved: Saved | undefined;
  /** Mean loss a value that ends the run; known after the first update. */
  private bound: number | undefined;
  /** What every checkpoint says of the run; made at the first. */
  private record: RunRecord | undefined;

  private constructor(
    private readonly beginning: Beginning,
    private readonly state: AdamState,
    private readonly mask: Tensor1D,
    private readonly model: Model,
    private readonly adam: Adam,
  ) {
    const { options, plan, progress, best, saved } = beginning;
    this.options = options;
    this.plan = plan;
    this.firstEpoch = progress.epoch;
    this.limit = limitsOf(options, state.step);
    this.atOnce = imagesAtOnce(options.backend, plan.net);
    this.progress = progress;
    this.best = best;
    this.saved = saved;
  }

  static open(beginning: Beginning): Run {
    const { plan, arrays, step, options } = beginning;
    const { tf, ops } = options.backend;
    const { net, layout } = plan;
    const zeros = (): Tensor1D => tf.zeros([layout.size]);
    const state: AdamState = {
      parameters: tf.tensor1d(arrays.parameters),
      m: arrays.m === undefined ? zeros() : tf.tensor1d(arrays.m),
      v: arrays.v === undefined ? zeros() : tf.tensor1d(arrays.v),
      ema: arrays.ema && tf.tensor1d(arrays.ema),
      step,
    };
    const mask = tf.tensor1d(layout.mask);
    const model = createModel(tf, ops, net, layout, mask);
    return new Run(beginning, state, mask, model, createAdam(tf, plan.recipe.clipNorm));
  }

  async *events(): AsyncGenerator<TrainerEvent, void, undefined> {
    const { plan, progress } = this;
    yield {
      type: 'start',
      net: plan.net,
      seed: plan.seed,
      recipe: plan.recipe,
      epochs: plan.recipe.epochs,
      stepsPerEpoch: plan.steps,
      trainImages: plan.trainImages,
      validationImages: plan.validationImages,
      epoch: progress.epoch,
      stepInEpoch: progress.stepInEpoch,
      history: progress.history,
      warnings: this.beginning.warnings,
    };
    while (!this.isDone()) {
      const limit = yield* this.epoch();
      if (limit !== undefined && !this.isDone()) return yield* this.pause(limit);
    }
    yield { type: 'end', result: await this.result(this.best) };
  }

  private isDone(): boolean {
    const { epoch, history } = this.progress;
    const bestEpoch = this.best?.epoch ?? this.firstEpoch;
    return epoch >= this.plan.recipe.epochs || isOutOfPatience(history, bestEpoch, this.options.patience);
  }

  private async *pause(limit: Limit): AsyncGenerator<TrainerEvent, void, undefined> {
    if (!this.isSaved()) yield* this.save();
    const { epoch, stepInEpoch } = this.progress;
    yield { type: 'pause', limit, epoch, stepInEpoch, checkpoint: this.saved?.path ?? '' };
  }

  /** Whether a checkpoint of now is on disk. */
  private isSaved(): boolean {
    return this.saved?.step === this.state.step && existsSync(this.saved.path);
  }

  /** With the weights as they are now, or those of the best epoch. */
  private async result(best?: Best): Promise<TrainResult> {
    const { net, layout, seed, recipe, trainImages, validationImages, validationSplit } = this.plan;
    const { history, epoch } = this.progress;
    const { from } = this.beginning;
    const { weights } = best ?? { weights: await this.readFinite('the weights', this.averaged()) };
    return {
      ...{ net, seed, recipe, trainImages, validationImages, validationSplit, history },
      ...(from !== undefined && { from }),
      epoch: best?.epoch ?? epoch,
      updates: best === undefined ? this.state.step : updatesOf(history, best.epoch),
      weights: toFull(layout, weights),
    };
  }

  /** One epoch, or what is left of it; returns the limit that was reached on the way. */
  private async *epoch(): AsyncGenerator<TrainerEvent, Limit | undefined, undefined> {
    const { plan, options } = this;
    const { recipe } = plan;
    const epoch = this.progress.epoch + 1;
    const order = epochOrder(options.core, plan.seed, epoch, plan.trainImages);
    const before = this.progress.secondsInEpoch;
    const started = performance.now();
    const seconds = (): number => before + (performance.now() - started) / 1000;
    yield* this.stopIfAborted(); // between two epochs, and before the first
    for (let step = this.progress.stepInEpoch; step < plan.steps; step++) {
      const batch = order.subarray(step * recipe.batchSize, (step + 1) * recipe.batchSize);
      const { nats, gradientNorm } = await this.update(batch, epoch);
      const lossSum = this.progress.lossSum + nats;
      const batchLoss = nats / (batch.length * plan.dimensions);
      this.bound ??= lossBound(plan.net.config.levels, batchLoss);
      if (!(batchLoss <= this.bound)) throw this.diverged(`${batchLoss.toPrecision(3)} nats a value`, step + 1);
      this.progress = { ...this.progress, stepInEpoch: step + 1, lossSum, secondsInEpoch: seconds() };
      const seen = Math.min((step + 1) * recipe.batchSize, plan.trainImages);
      const loss = lossSum / (seen * plan.dimensions);
      const learningRate = this.rateAt(this.state.step);
      yield {
        type: 'step',
        epoch,
        step: step + 1,
        steps: plan.steps,
        loss,
        batchLoss,
        learningRate,
        gradientNorm,
        seconds: seconds(),
      };
      await setImmediate(); // lets signals and timers in
      yield* this.stopIfAborted();
      const due = options.checkpointEvery !== undefined && this.state.step % options.checkpointEvery === 0;
      if (step + 1 === plan.steps) break;
      if (due) yield* this.save();
      const limit = this.limit(this.state.step);
      if (limit !== undefined) return limit;
    }
    const loss = this.progress.lossSum / (plan.trainImages * plan.dimensions);
    const valLoss = yield* this.validate(epoch);
    if (plan.validationImages > 0 && !Number.isFinite(valLoss)) throw this.diverged(`a val_loss of ${valLoss}`);
    const record: EpochRecord = { epoch, steps: plan.steps, seconds: seconds(), loss, valLoss };
    const history = [...this.progress.history, record];
    const bestSoFar = history[(this.best?.epoch ?? 0) - 1]?.valLoss ?? Number.POSITIVE_INFINITY;
    if (options.patience !== undefined && valLoss < bestSoFar) {
      this.best = { epoch, weights: await this.readFinite('the weights', this.averaged()) };
    }
    this.progress = { epoch, stepInEpoch: 0, lossSum: 0, secondsInEpoch: 0, history };
    yield* this.report(record);
    if (options.checkpointFolder !== undefined) yield* this.save();
    return this.limit(this.state.step);
  }

  private *report(record: EpochRecord): Generator<TrainerEvent, void, undefined> {
    let current = true;
    const model = async (): Promise<Uint8Array> => {
      if (!current) {
        throw new PixelCnnError(
          'DISPOSED',
          `model: expected to be called before the event after epoch ${record.epoch}'s is asked for; the run has gone on`,
        );
      }
      const { data, backend } = this.described();
      return modelFile(this.options.core, data, backend, await this.result());
    };
    try {
      const { signal } = this.options;
      yield { type: 'epoch', epochs: this.plan.recipe.epochs, ...record, model, ...(signal && { signal }) };
    } finally {
      current = false;
    }
  }

  private async *stopIfAborted(): AsyncGenerator<TrainerEvent, void, undefined> {
    const { signal, checkpointFolder } = this.options;
    if (signal?.aborted !== true) return;
    if (checkpointFolder !== undefined && this.state.step > 0 && !this.isSaved()) yield* this.save();
    throw signal.reason;
  }

  /** One update of the parameters; the summed nats of the batch before it, and the gradient's norm. */
  private async update(batch: Uint32Array, epoch: number): Promise<{ nats: number; gradientNorm: number }> {
    const { plan, options, model } = this;
    const { tf } = options.backend;
    const weights = model.weights(this.state.parameters);
    const losses: Scalar[] = [];
    let gradient: Tensor1D | undefined;
    for (let at = 0; at < batch.length; at += this.atOnce) {
      const images = this.batch(batch.subarray(at, at + this.atOnce), epoch);
      const part = model.lossAndGradient(weights, images, 1 / (batch.length * plan.dimensions));
      tf.dispose({ ...images });
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
    const update = this.state.step + 1;
    const norm = this.adam.update(this.state, gradient, {
      learningRate: this.rateAt(update),
      emaDecay: emaDecayAt(plan.recipe, update),
    });
    gradient.dispose();
    return { nats: await this.sum(losses), gradientNorm: await this.sum([norm]) };
  }

  private async *validate(epoch: number): AsyncGenerator<TrainerEvent, number, undefined> {
    const { plan, options } = this;
    const total = plan.validationImages;
    if (total === 0) return Number.NaN;
    const weights = this.model.weights(this.averaged());
    let nats = 0;
    try {
      for (let done = 0; done < total; ) {
        const size = Math.min(plan.recipe.batchSize, total - done);
        const losses: Scalar[] = [];
        for (let at = done; at < done + size; at += this.atOnce) {
          const count = Math.min(this.atOnce, done + size - at);
          const images = this.batch(Uint32Array.from({ length: count }, (_, i) => plan.trainImages + at + i));
          losses.push(this.model.loss(weights, images));
          options.backend.tf.dispose({ ...images });
        }
        nats += await this.sum(losses);
        done += size;
        yield { type: 'validate', epoch, done, total };
        await setImmediate();
        yield* this.stopIfAborted(); // all updates of the epoch are in the checkpoint; validation will be repeated
      }
    } finally {
      release(weights);
    }
    return nats / (total * plan.dimensions);
  }

  /** The given images, as an epoch of training sees them, or, without one, as validation does. */
  private batch(indices: Uint32Array, epoch?: number): Batch {
    const { data, backend, core } = this.options;
    const draw = epoch === undefined ? undefined : { seed: this.plan.seed, epoch };
    const levels = Int32Array.from(levelsOf(core, data, indices, draw));
    const ofClasses = (this.plan.net.config.classes ?? 0) > 0;
    const labels = ofClasses && Int32Array.from(indices, (image) => data.labels?.[image] ?? 0);
    return {
      levels: backend.tf.tensor4d(levels, [indices.length, data.height, data.width, data.channels], 'int32'),
      ...(labels && { labels: backend.tf.tensor1d(labels, 'int32') }),
    };
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

  /** The rate of an update, counted from 1 over the whole run. */
  private rateAt(update: number): number {
    const { recipe, steps } = this.plan;
    return learningRateAt(recipe, update, recipe.epochs * steps);
  }

  /** The parameters that are validated and written: their moving average, where the recipe has one. */
  private averaged(): Tensor1D {
    return this.state.ema ?? this.state.parameters;
  }

  /** The numbers of a tensor; throws where one is not finite, so that no such number is ever written. */
  private async readFinite(what: string, tensor: Tensor1D): Promise<Float32Array> {
    const values = (await tensor.data()) as Float32Array;
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw this.diverged(`${values[at]} in ${what}`);
    return values;
  }

  private diverged(what: string, step = this.progress.stepInEpoch): PixelCnnError {
    const { epoch } = this.progress;
    const at = step === 0 ? `after epoch ${epoch}` : `at step ${step} of epoch ${epoch + 1}`;
    const kept = this.saved && `; ${this.saved.path} holds the run as it was after ${this.saved.step} updates in all`;
    return new PixelCnnError(
      'DIVERGED',
      `training: expected the loss to fall, got ${what} ${at}; ` +
        `start a new run with a lower learning rate or with gradients clipped to norm 1${kept ?? ''}`,
    );
  }

  private async *save(): AsyncGenerator<TrainerEvent, void, undefined> {
    const { plan, options, state, progress } = this;
    const { checkpointFolder } = options;
    if (checkpointFolder === undefined) throw new Error('only a run with a folder for them writes checkpoints');
    const { parameters, m, v, ema } = state;
    const arrays = {
      parameters: await this.readFinite('the weights', parameters),
      m: await this.readFinite("the gradient's average", m),
      v: await this.readFinite("the squared gradient's average", v),
      ...(ema !== undefined && { ema: await this.readFinite("the weights' average", ema) }),
      ...(this.best !== undefined && { best: this.best.weights }),
    };
    const checkpoint: Checkpoint = {
      state: {
        format: 2,
        config: plan.net.config,
        seed: plan.seed,
        recipe: plan.recipe,
        validationImages: plan.validationImages,
        data: options.data.sha256,
        ...progress,
        step: state.step,
        environment: environmentOf(options.backend),
        ...(this.best !== undefined && { bestEpoch: this.best.epoch }),
        run: this.described(),
      },
      arrays,
    };
    const isThere = (): boolean => existsSync(this.saved?.path ?? checkpointFolder);
    const emptied = !isThere();
    const path = await writeThough(
      () => !isThere(),
      async () => {
        await checkLock(this.beginning.lock, checkpointFolder);
        return writeCheckpoint(checkpointFolder, checkpoint, options.keepCheckpoints ?? 2);
      },
    );
    this.saved = { path, step: state.step };
    if (emptied) {
      const message = `${checkpointFolder} was removed while the run went on; it is there again, with a checkpoint of now`;
      yield { type: 'warning', message };
    }
    yield { type: 'checkpoint', path };
  }

  private described(): RunRecord {
    this.record ??= describeRun(this.beginning);
    return this.record;
  }

  dispose(): void {
    this.adam.dispose();
    const { parameters, m, v, ema } = this.state;
    this.options.backend.tf.dispose([parameters, m, v, this.mask, ...(ema === undefined ? [] : [ema])]);
  }
}
