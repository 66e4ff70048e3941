/** `pixelcnn train`: the reference's training, from data to a model file. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { maxSeed } from '../sample_options.js';
import { type NetName, netNames, nets } from '../train/net/reference.js';
import type { TrainOptions } from '../train/options.js';
import {
  type PresetName,
  presetNames,
  presets,
  type Recipe,
  type ScheduleName,
  schedules,
} from '../train/run/recipe.js';
import type { Device } from '../train/tensorflow/backend.js';
import { createCommand } from './command.js';
import { addDataOptions, type DataFlags, dataFlagsOf, readLikeTrained } from './data_option.js';
import { Interrupted, UsageError } from './failure.js';
import { interruptible } from './interrupt.js';
import { checkOutside } from './kept_files.js';
import { checkModelName } from './open_model.js';
import { choice, integer, integers, number } from './option.js';
import { openOutputFolder } from './output_folder.js';
import { dataName, dataOfRun, goOnWith, type Note, readRun } from './resume.js';
import { DownloadBar } from './setup.js';
import { JsonPrinter, LinePrinter } from './train_output.js';

interface TrainCommandOptions extends DataFlags, Omit<Partial<Config>, 'classes'> {
  out: string;
  net?: NetName;
  classes?: boolean;
  from?: string;
  preset?: PresetName;
  epochs?: number;
  batchSize?: number;
  learningRate?: number;
  warmupSteps?: number;
  schedule?: ScheduleName;
  clipNorm?: number;
  emaDecay?: number;
  split?: (typeof splits)[number];
  validationSplit?: number;
  seed?: number;
  device?: Device;
  tf32: boolean;
  deterministic?: boolean;
  checkpointEvery?: number;
  keepCheckpoints?: number;
  patience?: number;
  maxSteps?: number;
  maxMinutes?: number;
  resume?: boolean;
  samples?: number;
  tensorboard?: boolean;
  json?: boolean;
}

/** `--device`'s values; those of ts/train, which is not loaded for `--help`. A test holds them together. */
export const devices = ['auto', 'gpu', 'cpu', 'wasm', 'javascript'] as const satisfies readonly Device[];

const splits = ['reference', 'standard'] as const;

/** What the presets have. */
const defaults = (field: keyof Recipe): string =>
  presetNames.map((name, i) => `${i === 0 ? 'default: ' : `${name}: `}${presets[name][field]}`).join(', ');

/** What the named nets have. */
const ofNets = (field: 'filters' | 'blocks' | 'firstKernel' | 'blockKernel' | 'headLayers'): string =>
  netNames.map((name, i) => `${i === 0 ? 'default: ' : `${name}: `}${nets[name][field]}`).join(', ');

/** What of a net is a number: the core's ranges, said before it is asked. A test holds them together. */
export const netRanges = {
  filters: { min: 2, max: 4096 },
  blocks: { min: 0, max: 256 },
  firstKernel: { min: 3, max: 31 },
  blockKernel: { min: 1, max: 31 },
  headLayers: { min: 0, max: 256 },
  embedding: { min: 0, max: 512 },
  lean: { min: 0, max: 8 },
} as const;

const whole = (option: string) => integer(option, { min: 1, max: 2 ** 31 });

export const command = addDataOptions(
  createCommand('train', 'train a model, by default as the Keras example trains its own', [
    ['', '50 epochs of MNIST into runs/mnist'],
    ['--preset fast --out runs/fast', 'our own recipe: 8 epochs of smaller batches'],
    ['--epochs 3 --out runs/short', 'three epochs'],
    ['--resume', 'go on after a stop, as if there had been none'],
    ['--max-minutes 60 --patience 3', 'an hour of it; the best weights, once they get no better'],
    ['--data folder --device gpu', 'your own images; fails where no GPU is used'],
    ['--split standard --binarisation dynamic', 'the test images kept apart, and levels drawn in each epoch anew'],
    ['--net gated --activation relu --out runs/gated', 'another net, with one thing changed'],
    ['--data folder --classes', 'a net of classes: images are drawn by class, and classified'],
    ['--from my.safetensors --data folder --learning-rate 0.0001', 'go on from a model, on other images'],
    ['--filters 16 --blocks 1 --limit 1000 --epochs 1', 'a minute of training, to see it work'],
  ]),
  { data: 'mnist', binarisation: 'threshold' },
)
  .option('--out <folder>', 'the run: checkpoints, figures, samples, and model.safetensors at the end', 'runs/mnist')
  .option('--resume', 'go on from the newest checkpoint in --out; what is not said is as the run has it')
  .option(
    '--split <name>',
    'reference: all images, training images first; standard: without the test images (default: reference of mnist and fashion-mnist, else standard)',
    choice('--split', splits),
  )
  .option(
    '--preset <name>',
    'reference: the Keras example, number for number; fast: the least arithmetic for the same loss (default: reference)',
    choice('--preset', presetNames),
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
    'the last part of the images, below 1 (default: 0.1, or the validation images that come with the data)',
    number('--validation-split', { min: 0 }),
  )
  .option(
    '--seed <n>',
    'integer from 0 to 2^53 - 1 (default: drawn, and printed)',
    integer('--seed', { min: 0, max: maxSeed }),
  )
  .option(
    '--device <name>',
    `${devices.join(', ')}: gpu fails without one (default: auto)`,
    choice('--device', devices),
  )
  .option('--no-tf32', 'on a GPU, full float32 products: slower, and nearer to what other devices compute')
  .option('--deterministic', 'on a GPU, sums in one order: slower, and --resume continues bit for bit')
  .option(
    '--net <name>',
    `${netNames.join(', ')}; the options below change parts of it (default: reference)`,
    choice('--net', netNames),
  )
  .option(
    '--filters <n>',
    `channels of the residual stream (${ofNets('filters')})`,
    integer('--filters', netRanges.filters),
  )
  .option('--blocks <n>', `residual blocks (${ofNets('blocks')})`, integer('--blocks', netRanges.blocks))
  .option(
    '--first-kernel <n>',
    `side of the first kernel, odd (${ofNets('firstKernel')})`,
    integer('--first-kernel', netRanges.firstKernel),
  )
  .option(
    '--block-kernel <n>',
    `side of the kernel in a block, odd (${ofNets('blockKernel')})`,
    integer('--block-kernel', netRanges.blockKernel),
  )
  .option(
    '--head-layers <n>',
    `1x1 layers before the logits (${ofNets('headLayers')})`,
    integer('--head-layers', netRanges.headLayers),
  )
  .option(
    '--activation <name>',
    'plain nets: relu, tanh or sigmoid (default: relu); gated ones: tanh, or relu for gates that keep zeros (default: tanh)',
  )
  .option(
    '--embedding <n>',
    'channels that stand for a level which is one of several kinds; 0: one for each kind (default: 0)',
    integer('--embedding', netRanges.embedding),
  )
  .option(
    '--lean <n>',
    "columns that a plain net's kernels lean to the right for each row above (default: 0)",
    integer('--lean', netRanges.lean),
  )
  .option(
    '--dilations <list>',
    'how far apart the taps of the blocks are, in turn, such as 1,2,4 (default: 1)',
    integers('--dilations', { min: 1, max: 16 }),
  )
  .option('--classes', 'train p(image | class), by the labels or folders that come with the data')
  .option('--from <model>', 'begin with the weights and the net of a model file')
  .option('--checkpoint-every <n>', 'also a checkpoint every n updates', whole('--checkpoint-every'))
  .option(
    '--keep-checkpoints <n>',
    'how many of the newest; the best is kept as well (default: 2)',
    whole('--keep-checkpoints'),
  )
  .option('--patience <n>', 'end after n epochs without a lower val_loss, with the best weights', whole('--patience'))
  .option('--max-steps <n>', 'stop after n updates, with a checkpoint', whole('--max-steps'))
  .option('--max-minutes <x>', 'stop after x minutes, with a checkpoint', number('--max-minutes', { min: 0 }))
  .option(
    '--samples <n>',
    'images of the grid that is drawn after each epoch, 0 for none (default: 25)',
    integer('--samples', { min: 0, max: 1024 }),
  )
  .option('--tensorboard', 'also event files for TensorBoard; takes native TensorFlow')
  .option('--json', 'print one JSON object a line, for each event, and nothing else')
  .action((options: TrainCommandOptions) => interruptible((signal) => run(options, signal), { stopsWithOutput: true }));

async function run(options: TrainCommandOptions, signal: AbortSignal): Promise<void> {
  const [
    { train },
    { checkTrainOptions },
    { startCore },
    { optionsFrom, readStartingModel },
    { holdsCheckpoints },
    { publishedSets },
    { watchRun },
  ] = await Promise.all([
    import('../train/train.js'),
    import('../train/options.js'),
    import('../train/net/core.js'),
    import('../train/run/starting_model.js'),
    import('../train/run/checkpoint.js'),
    import('../train/data/published.js'),
    import('../train/watch/watch_run.js'),
  ]);
  const { out, json = false, offline, resume = false } = options;
  const { preset, epochs, batchSize, learningRate, warmupSteps, schedule, clipNorm, emaDecay } = options;
  const { validationSplit, seed, checkpointEvery, keepCheckpoints, patience, maxSteps, maxMinutes } = options;
  const recipe = { preset, epochs, batchSize, learningRate, warmupSteps, schedule, clipNorm, emaDecay };
  const given = { ...recipe, validationSplit, seed, checkpointEvery, keepCheckpoints, patience, maxSteps, maxMinutes };
  if (out === '') throw new UsageError('--out: expected the name of a folder, got an empty one');
  const checkpointFolder = join(out, 'checkpoints');
  const model = join(out, 'model.safetensors');
  if (options.from !== undefined) checkModelName('from', options.from);
  const net = netOf(options);
  const core = startCore();
  const checked = checkTrainOptions(core, { ...given, ...net, checkpointFolder, resume }); // told before all images are read
  const from = net.from === undefined ? undefined : await readStartingModel(core, net.from, signal);
  const before = resume ? await readRun(checkpointFolder) : undefined;
  if (!resume && (await holdsCheckpoints(checkpointFolder))) {
    throw new UsageError(`--out: expected a new folder, got ${out}, which holds a run; go on with it by --resume`);
  }
  if (!resume && existsSync(model)) {
    throw new UsageError(`--out: expected a new folder, got ${out}, which holds a model; name another`);
  }
  const images = { ...dataFlagsOf(options), ...(options.split !== undefined && { split: options.split }) };
  if (!resume) await checkOutside('--out', out, images.data);
  const asked = before === undefined ? images : await dataOfRun(before, images);
  const wanted = { ...asked, ...(options.classes && { classes: true }), signal };
  const data = await readLikeTrained(wanted, images, '--data'); // at a resume, options of the run's own are among them
  if (before !== undefined)
    (await import('../train/run/resume.js')).checkSameData(before.state, data, checkpointFolder);
  if (from !== undefined) optionsFrom(checked, from, data); // told before a folder is made
  const {
    device = 'auto',
    samples = 25,
    tensorboard = false,
    tf32 = true,
    deterministic = false,
  } = { ...before?.note, ...chosen(options) };
  const named = asked.data ?? 'mnist';
  const note: Note = {
    ...dataName(named, Object.hasOwn(publishedSets, named)),
    ...{ device, tf32, deterministic, samples, tensorboard },
  };
  const goOn = goOnWith(out, note, asked.data);
  const download = new DownloadBar();
  const events = train({
    ...given,
    ...{ data, device, tf32, deterministic, checkpointFolder, resume, note, signal, offline },
    ...net,
    out: model,
    say: (line) => download.say(line),
    progress: (done, total) => download.update(done, total),
  });
  await openOutputFolder(out, '--out');
  const printer = json ? new JsonPrinter() : new LinePrinter(goOn, watchedIn(out, samples, tensorboard));
  const watch = watchRun(out, {
    samples: samples > 0 && { count: samples },
    tensorBoard: tensorboard,
    warn: (line) => printer.warn(line),
  });
  try {
    for await (const event of events) {
      await printer.print(event);
      await watch(event);
    }
  } catch (error) {
    if (!(error instanceof Interrupted) || !(await holdsCheckpoints(checkpointFolder))) throw error;
    throw new Interrupted(`${error.message}; ${goOn}`, { cause: error });
  } finally {
    download.stop();
    printer.stop();
  }
}

/** What of a note is given anew. */
function chosen({ device, tf32, deterministic, samples, tensorboard }: TrainCommandOptions): Note {
  return {
    ...(device !== undefined && { device }),
    ...(!tf32 && { tf32 }), // without --no-tf32, it is true
    ...(deterministic !== undefined && { deterministic }),
    ...(samples !== undefined && { samples }),
    ...(tensorboard !== undefined && { tensorboard }),
  };
}

/** What of the net was asked for. */
function netOf(options: TrainCommandOptions): Pick<TrainOptions, 'net' | 'classes' | 'from' | 'config'> {
  const { net, classes, from, filters, blocks, firstKernel, blockKernel, headLayers } = options;
  const { activation, embedding, lean, dilations } = options;
  const parts = { filters, blocks, firstKernel, blockKernel, headLayers, activation, embedding, lean, dilations };
  return {
    ...(net !== undefined && { net }),
    ...(classes !== undefined && { classes }),
    ...(from !== undefined && { from }),
    config: Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)),
  };
}

/** The files of a run that show how it goes. */
function watchedIn(out: string, samples: number, tensorboard: boolean): string {
  const names = [
    'metrics.jsonl',
    'loss.png',
    ...(samples > 0 ? ['samples/'] : []),
    ...(tensorboard ? ['tensorboard/'] : []),
  ];
  return `${out}: ${names.join(', ')}`;
}
