/** `pixelcnn train`: the reference's training, from data to a model file. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { maxSeed } from '../sample_options.js';
import type { Device, TrainEvent } from '../train/index.js';
import { type PresetName, presetNames, presets, type Recipe, type ScheduleName, schedules } from '../train/recipe.js';
import { createCommand } from './command.js';
import { addDataOptions, type DataFlags, dataFlagsOf, readData } from './data_option.js';
import { Interrupted, UsageError } from './failure.js';
import { thousands } from './format.js';
import { interruptible } from './interrupt.js';
import { choice, integer, number } from './option.js';
import { openOutputFolder } from './output_folder.js';
import { clock, type Progress, startProgress } from './progress.js';
import { DownloadBar } from './setup.js';
import { summary } from './summary.js';

interface TrainCommandOptions extends DataFlags, Partial<Config> {
  out: string;
  preset: PresetName;
  epochs?: number;
  batchSize?: number;
  learningRate?: number;
  warmupSteps?: number;
  schedule?: ScheduleName;
  clipNorm?: number;
  emaDecay?: number;
  split: (typeof splits)[number];
  validationSplit: number;
  seed?: number;
  device: Device;
  tf32: boolean;
  deterministic?: boolean;
  checkpointEvery?: number;
  keepCheckpoints: number;
  patience?: number;
  maxSteps?: number;
  maxMinutes?: number;
  resume?: boolean;
  json?: boolean;
}

/** `--device`'s values; those of ts/train, which is not loaded for `--help`. A test holds them together. */
export const devices = ['auto', 'gpu', 'cpu', 'wasm', 'javascript'] as const satisfies readonly Device[];

const splits = ['reference', 'standard'] as const;

/** What the presets have. */
const defaults = (field: keyof Recipe): string =>
  presetNames.map((name, i) => `${i === 0 ? 'default: ' : `${name}: `}${presets[name][field]}`).join(', ');

const whole = (option: string) => integer(option, { min: 1, max: 2 ** 31 });

export const command = addDataOptions(
  createCommand('train', 'train a model, by default as the Keras example trains its own', [
    ['', '50 epochs of MNIST into runs/mnist'],
    ['--preset fast --out runs/fast', '8 epochs that reach what takes the reference more than 22'],
    ['--epochs 3 --out runs/short', 'three epochs'],
    ['--resume', 'go on after a stop, as if there had been none'],
    ['--max-minutes 60 --patience 3', 'an hour of it; the best weights, once they get no better'],
    ['--data folder --device gpu', 'your own images; fails where no GPU is used'],
    ['--split standard --binarisation dynamic', 'the test images kept apart, and levels drawn in each epoch anew'],
    ['--filters 16 --blocks 1 --limit 1000 --epochs 1', 'a minute of training, to see it work'],
  ]),
  { data: 'mnist', binarisation: 'threshold' },
)
  .option('--out <folder>', 'the run: checkpoints, and model.safetensors at the end', 'runs/mnist')
  .option('--resume', 'go on from the newest checkpoint in --out')
  .option(
    '--split <name>',
    'reference: all images, training images first; standard: without the test images',
    choice('--split', splits),
    'reference',
  )
  .option(
    '--preset <name>',
    'reference: the Keras example, number for number; fast: the least arithmetic for the same loss',
    choice('--preset', presetNames),
    'reference',
  )
  .option('--epochs <n>', `how often all training images are seen (${defaults('epochs')})`, whole('--epochs'))
  .option('--batch-size <n>', `images an update (${defaults('batchSize')})`, whole('--batch-size'))
  .option(
    '--learning-rate <x>',
    `Adam's, at its peak (${defaults('learningRate')})`,
    number('--learning-rate', { min: 0 }),
  )
  .option(
    '--warmup-steps <n>',
    `updates over which the rate rises (${defaults('warmupSteps')})`,
    integer('--warmup-steps', { min: 0, max: 2 ** 31 }),
  )
  .option(
    '--schedule <name>',
    `of the rate, to the last update: ${schedules.join(', ')} (${defaults('schedule')})`,
    choice('--schedule', schedules),
  )
  .option('--clip-norm <x>', `longest gradient, 0 for any (${defaults('clipNorm')})`, number('--clip-norm', { min: 0 }))
  .option(
    '--ema-decay <x>',
    `of a moving average of the weights, which is then validated and written; 0 for none (${defaults('emaDecay')})`,
    number('--ema-decay', { min: 0 }),
  )
  .option(
    '--validation-split <x>',
    'the last part of the images, below 1',
    number('--validation-split', { min: 0 }),
    0.1,
  )
  .option(
    '--seed <n>',
    'integer from 0 to 2^53 - 1 (default: drawn, and printed)',
    integer('--seed', { min: 0, max: maxSeed }),
  )
  .option('--device <name>', `${devices.join(', ')}: gpu fails without one`, choice('--device', devices), 'auto')
  .option('--no-tf32', 'on a GPU, full float32 products: slower, and nearer to what other devices compute')
  .option('--deterministic', 'on a GPU, sums in one order: slower, and --resume continues bit for bit')
  .option('--filters <n>', 'channels of the residual stream (default: 128)', whole('--filters'))
  .option('--blocks <n>', 'residual blocks (default: 5)', integer('--blocks', { min: 0, max: 2 ** 31 }))
  .option('--first-kernel <n>', 'side of the first kernel, odd (default: 7)', whole('--first-kernel'))
  .option('--block-kernel <n>', 'side of the kernel in a block, odd (default: 3)', whole('--block-kernel'))
  .option(
    '--head-layers <n>',
    '1x1 layers before the logits (default: 2)',
    integer('--head-layers', { min: 0, max: 2 ** 31 }),
  )
  .option('--checkpoint-every <n>', 'also a checkpoint every n updates', whole('--checkpoint-every'))
  .option('--keep-checkpoints <n>', 'how many of the newest; the best is kept as well', whole('--keep-checkpoints'), 2)
  .option('--patience <n>', 'end after n epochs without a lower val_loss, with the best weights', whole('--patience'))
  .option('--max-steps <n>', 'stop after n updates, with a checkpoint', whole('--max-steps'))
  .option('--max-minutes <x>', 'stop after x minutes, with a checkpoint', number('--max-minutes', { min: 0 }))
  .option('--json', 'print one JSON object a line, for each event, and nothing else')
  .action((options: TrainCommandOptions) => interruptible((signal) => run(options, signal)));

async function run(options: TrainCommandOptions, signal: AbortSignal): Promise<void> {
  const { train } = await import('../train/index.js');
  const { out, json = false, device, tf32, deterministic, offline, resume = false } = options;
  const { preset, epochs, batchSize, learningRate, warmupSteps, schedule, clipNorm, emaDecay } = options;
  const { validationSplit, seed, checkpointEvery, keepCheckpoints, patience, maxSteps, maxMinutes } = options;
  const checkpointFolder = join(out, 'checkpoints');
  const data = await readData({ ...dataFlagsOf(options), split: options.split, signal });
  if (!resume && existsSync(join(checkpointFolder, 'LATEST'))) {
    throw new UsageError(`--out: expected a new folder, got ${out}, which holds a run; go on with it by --resume`);
  }
  await openOutputFolder(out, '--out');
  const goOn = `go on with --out ${out} --resume and the same options`;
  const download = new DownloadBar();
  const printer = json ? new JsonPrinter() : new LinePrinter(goOn);
  try {
    const events = train({
      ...{ preset, epochs, batchSize, learningRate, warmupSteps, schedule, clipNorm, emaDecay },
      ...{ data, device, validationSplit, checkpointFolder, resume, signal },
      config: netOf(options),
      out: join(out, 'model.safetensors'),
      tf32,
      ...(seed !== undefined && { seed }),
      ...(deterministic !== undefined && { deterministic }),
      ...(checkpointEvery !== undefined && { checkpointEvery }),
      keepCheckpoints,
      ...(patience !== undefined && { patience }),
      ...(maxSteps !== undefined && { maxSteps }),
      ...(maxMinutes !== undefined && { maxMinutes }),
      ...(offline !== undefined && { offline }),
      say: (line) => download.say(line),
      progress: (done, total) => download.update(done, total),
    });
    for await (const event of events) await printer.print(event);
  } catch (error) {
    if (!(error instanceof Interrupted) || !existsSync(join(checkpointFolder, 'LATEST'))) throw error;
    throw new Interrupted(`interrupted; ${goOn}`, { cause: error });
  } finally {
    download.stop();
    printer.stop();
  }
}

/** The parts of the net that were asked for. */
function netOf({ filters, blocks, firstKernel, blockKernel, headLayers }: TrainCommandOptions): Partial<Config> {
  const asked = Object.entries({ filters, blocks, firstKernel, blockKernel, headLayers });
  return Object.fromEntries(asked.filter(([, value]) => value !== undefined));
}

interface Printer {
  print(event: TrainEvent): Promise<void>;
  stop(): void;
}

/** One JSON object a line; steps at most once a second. */
class JsonPrinter implements Printer {
  #lastStep = Number.NEGATIVE_INFINITY;

  async print(event: TrainEvent): Promise<void> {
    switch (event.type) {
      case 'backend': {
        const { tf: _tf, ops: _ops, microBatch: _size, ...backend } = event.backend;
        const { pixels: _pixels, greys: _greys, ...data } = event.data;
        return this.#line({ type: event.type, backend, data });
      }
      case 'start': {
        const { net, ...rest } = event;
        const { config, parameters, nonZeroParameters } = net;
        return this.#line({ ...rest, config, parameters, nonZeroParameters });
      }
      case 'step':
        if (performance.now() - this.#lastStep < 1000) return;
        this.#lastStep = performance.now();
        return this.#line(event);
      case 'epoch':
      case 'checkpoint':
      case 'pause':
        return this.#line(event);
      case 'model':
        return this.#line({ type: event.type, path: event.path, bytes: event.bytes.length });
      case 'validate':
      case 'end':
        return;
    }
  }

  #line(value: object): void {
    console.log(JSON.stringify(value));
  }

  stop(): void {}
}

/** What Keras prints, with a bar within each epoch. */
class LinePrinter implements Printer {
  #bar: Progress | undefined;
  #firstStep: { step: number; seconds: number } | undefined;
  #estimated = false;
  #epochs = 0;
  readonly #goOn: string;

  constructor(goOn: string) {
    this.#goOn = goOn;
  }

  async print(event: TrainEvent): Promise<void> {
    const { epochLine, epochTitle, likelihood, trainingBinarisation } = await import('../train/index.js');
    switch (event.type) {
      case 'backend': {
        const { name, version, device, gpu, tf32 } = event.backend;
        const { count, source, split } = event.data;
        const where = `${device.toUpperCase()}${gpu === undefined ? '' : ` (${gpu.name})`}`;
        console.log(`Backend: ${name} ${version} on the ${where}${tf32 ? ', TF32 products' : ''}`);
        const part = split === 'all' ? '' : `${split} of `;
        console.log(`Data: ${thousands(count)} images, ${part}${source}; ${trainingBinarisation(event.data)}`);
        return;
      }
      case 'start': {
        const { net, seed, epochs, trainImages, validationImages, warnings } = event;
        for (const warning of warnings) console.error(`warning: ${warning}`);
        console.log(summary(net, event.recipe.batchSize));
        console.log(
          `Training on ${thousands(trainImages)} images, validating on ${thousands(validationImages)}, seed ${seed}`,
        );
        if (event.epoch > 0 || event.stepInEpoch > 0) {
          console.log(`Resuming after ${event.epoch} epochs and ${event.stepInEpoch} steps`);
        }
        this.#epochs = epochs;
        if (event.epoch < epochs) console.log(epochTitle(event.epoch + 1, epochs));
        return;
      }
      case 'step': {
        this.#bar ??= await startProgress('training', event.steps, 'steps');
        this.#bar.update(event.step, `loss: ${event.loss.toFixed(4)}`);
        this.#estimate(event);
        return;
      }
      case 'validate': {
        if (event.done === 0 || this.#bar === undefined) return;
        this.#bar.update(event.total, `validating ${Math.floor((100 * event.done) / event.total)}%`);
        return;
      }
      case 'epoch':
        this.stop();
        console.log(epochLine(event));
        if (event.epoch < this.#epochs) console.log(epochTitle(event.epoch + 1, this.#epochs));
        return;
      case 'model': {
        this.stop();
        const { history, epoch } = event.result;
        const { valLoss } = history[epoch - 1] ?? { valLoss: Number.NaN };
        const { height, width, channels } = event.result.net.config;
        const { natsPerImage, bitsPerDim } = likelihood(valLoss, height * width * channels);
        const figures = `: ${natsPerImage.toFixed(2)} nats an image, ${bitsPerDim.toFixed(4)} bits/dim on validation`;
        if (epoch < history.length)
          console.log(`No lower val_loss came after epoch ${epoch}: its weights are the model`);
        console.log(`Wrote ${event.path}${Number.isNaN(valLoss) ? '' : figures}`);
        return;
      }
      case 'pause': {
        this.stop();
        const reached = { maxSteps: '--max-steps', maxMinutes: '--max-minutes' }[event.limit];
        const place = `epoch ${event.epoch + 1}, after ${event.stepInEpoch} steps`;
        console.log(`Stopped by ${reached} in ${place}, with a checkpoint; ${this.#goOn}`);
        return;
      }
      case 'checkpoint':
      case 'end':
        return;
    }
  }

  /** Says once how long an epoch will take, where that is long; from the third step on, since the first ones warm up. */
  #estimate({ step, steps, seconds }: { step: number; steps: number; seconds: number }): void {
    this.#firstStep ??= { step, seconds };
    if (this.#estimated || step < this.#firstStep.step + 2) return;
    this.#estimated = true;
    const epoch = (steps * (seconds - this.#firstStep.seconds)) / (step - this.#firstStep.step);
    if (epoch < 600) return;
    this.stop();
    const duration = epoch < 5400 ? `${Math.round(epoch / 60)} minutes` : `${(epoch / 3600).toFixed(1)} hours`;
    console.error(`An epoch will take about ${duration}, ${this.#epochs} of them ${clock(epoch * this.#epochs)}`);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
