/** `pixelcnn sample`: draws images, shows them, writes them. */

import { Option } from 'commander';
import { checkInteger } from '../arguments.js';
import { workersRange } from '../pool/pool.js';
import {
  checkSkipping,
  countRange,
  drawSeed,
  type Method,
  maxSeed,
  methods,
  type Skipping,
  skippings,
} from '../sample_options.js';
import type { Sampler } from '../sampler.js';
import { createCommand } from './command.js';
import { startDrawing } from './drawing.js';
import { UsageError } from './failure.js';
import { interruptible } from './interrupt.js';
import { checkDistinct, checkKept, type Input } from './kept_files.js';
import { labelOf, labelsOf } from './label_option.js';
import { loadModel, openModel } from './open_model.js';
import { choice, integer, megabytes, number } from './option.js';
import { openOutputFile, openOutputFolder } from './output_folder.js';
import { packagedModel } from './packaged_model.js';
import { drawAndWrite, isNameOfOutput, report } from './sample_output.js';
import { jobCountRange } from './shards/draw_part.js';
import { partName } from './shards/part.js';
import { parseShard, type Shard } from './shards/shard.js';
import { printJson } from './terminal.js';

interface SampleCommandOptions {
  model?: string;
  count?: number;
  label?: string;
  labels?: string;
  given?: string;
  seed?: number;
  temperature: number;
  method: Method;
  skipping: Skipping;
  sharing?: number;
  startIndex: number;
  workers?: number;
  shard?: Shard;
  out: string;
  png?: boolean;
  npy?: string;
  picture: boolean;
  watch?: boolean;
  json?: boolean;
}

/** Images where nobody says how many; of each class where there is a row for each, as there is unasked where rows are so few. */
const usual = { images: 16, ofClass: 8, rows: 16 };

export const command = createCommand('sample', 'draw images from a model, show them and write them as files', [
  ['', '16 digits, a new seed each time'],
  ['--count 64 --seed 1', 'the same 64 digits on every machine'],
  ['--temperature 0.8 --out cool', 'likelier digits, into cool/'],
  ['--count 1000 --start-index 1000 --seed 1', 'images 1000 to 1999 of seed 1'],
  ['--count 10000 --workers 4', 'on four threads'],
  ['--model my.safetensors --labels 0-9', 'of a model with classes: a row of each'],
  ['--given half.png', 'the rest of an image, where half.png is transparent'],
  ['--watch', 'see them drawn, pixel by pixel'],
  ['--model my.safetensors --json', 'figures for a program'],
  [
    '--shard 3/16 --count 10000 --seed 1 --out parts',
    'images 1875 to 2499 as one of 16 parts, which merge puts together',
  ],
])
  .option('--model <file>', 'model file (default: the packaged MNIST model)')
  .option(
    '--count <n>',
    `images, 1 to ${countRange.max} (default: ${usual.images}; of a model with up to ${usual.rows} classes ${usual.ofClass} of each)`,
    countOf,
  )
  .addOption(
    new Option('--label <class>', 'class of all images, by number or name (default: all in turn)').conflicts('labels'),
  )
  .option('--labels <list>', 'classes, such as 0-9 or 3,5,shoe: a row of each in the grid, as many of each')
  .option(
    '--given <file>',
    'pixels that are known, the others are drawn: a PNG file with transparent holes, a .npy file with -1, a map with ?',
  )
  .option(
    '--seed <n>',
    'integer from 0 to 2^53 - 1 (default: drawn, and printed)',
    integer('--seed', { min: 0, max: maxSeed }),
  )
  .option(
    '--temperature <t>',
    'divides the logits; 0 takes the likeliest value of each pixel',
    number('--temperature', { min: 0 }),
    1,
  )
  .option(
    '--method <name>',
    `${methods.join(', ')}: the same images, at another speed`,
    choice('--method', methods),
    'wavefront',
  )
  .option(
    '--skipping <name>',
    `${skippings.join(', ')}: work that is left out, never a bit of the result`,
    (text) => checkSkipping('--skipping', text),
    'all',
  )
  .option(
    '--sharing <megabytes>',
    'rows of activations that each thread remembers, 0 for none: memory for speed, never a bit of the result (default: 16)',
    megabytes('--sharing'),
  )
  .option(
    '--start-index <n>',
    'number of the first image under the seed',
    integer('--start-index', { min: 0, max: maxSeed }),
    0,
  )
  .option(
    '--workers <n>',
    `threads, 1 to ${workersRange.max} (default: one, or as many as run at once where there is enough to draw)`,
    integer('--workers', workersRange),
  )
  .addOption(
    new Option('--shard <i/n>', 'draw part i of n alone, 0/n to n-1/n, as arrays: docs/scale.md')
      .argParser((text) => parseShard('--shard', text))
      .conflicts(['png', 'npy']),
  )
  .option('--out <folder>', 'where the files go: PNG, or text of a model of maps', 'samples')
  .option('--png', 'of a model of maps: PNG files too')
  .option('--npy <file>', 'also all levels in one array, [count, height, width]')
  .option('--no-picture', 'do not draw the images in the terminal')
  .addOption(
    new Option('--watch', 'show in the terminal how they are drawn, pixel by pixel').conflicts(['json', 'workers']),
  )
  .option('--json', 'print one JSON object and nothing else')
  .action((options: SampleCommandOptions) => interruptible((signal) => run(options, signal)));

/** Of shards together there may be more images than of one call; whether these are too many, only --shard tells. */
function countOf(text: string): number {
  const isMore = Number(text) > countRange.max && Number.isInteger(Number(text));
  return (isMore ? number('--count', { min: countRange.min }) : integer('--count', countRange))(text);
}

async function run(options: SampleCommandOptions, signal: AbortSignal): Promise<void> {
  if (options.shard !== undefined) return runShard(options, options.shard, signal);
  if (options.count !== undefined) checkInteger('--count', options.count, countRange);
  const { startIndex, temperature, method, skipping } = options;
  const model = options.model ?? packagedModel();
  const sharing = options.sharing === undefined ? undefined : { megabytes: options.sharing };
  const sampler = await loadModel(model, signal, sharing);
  const { count, label, rows } = chosenClasses(options, sampler);
  integer('--start-index', { min: 0, max: maxSeed - count })(String(startIndex));
  const known = options.given;
  const given =
    known === undefined
      ? undefined
      : await (await import('./given_option.js')).readGiven(known, sampler, count, signal);
  const out = { option: '--out', path: options.out, names: isNameOfOutput({ ...options, count }, sampler) };
  const npy = options.npy === undefined ? undefined : { option: '--npy', path: options.npy };
  if (npy !== undefined) await checkDistinct(npy, out);
  await checkKept([out, ...(npy === undefined ? [] : [npy])], inputsOf(model, options));
  const folder = await openOutputFolder(out.path, out.option);
  const writeNpy = npy && (await openOutputFile(npy.path, npy.option));
  const seed = options.seed ?? drawSeed();
  const request = { count, seed, temperature, startIndex, method, skipping, label, given };
  const perRow = rows && count / rows;
  const watcher = options.watch
    ? (await import('./watch.js')).startWatching(sampler, { ...request, perRow }, signal)
    : undefined;
  const drawing = await startDrawing({
    ...{ model, sampler, request, sharing, watcher, signal },
    workers: options.workers,
  });
  const output = { ...options, count, seed, rows, watched: watcher !== undefined };
  const drawn = await drawAndWrite(drawing, sampler, output, { folder, writeNpy }, signal).finally(drawing.close);
  if (options.json) {
    const { grid: _, wrote: _words, ...figures } = drawn;
    printJson({ model, count, seed, startIndex, temperature, method, skipping, ...figures });
  } else {
    report(sampler, output, drawn);
  }
}

/** The files that are read. */
function inputsOf(model: string, { given }: SampleCommandOptions): Input[] {
  const own = { what: 'the model itself', path: model };
  return given === undefined ? [own] : [own, { what: 'the file of --given', path: given }];
}

async function runShard(options: SampleCommandOptions, shard: Shard, signal: AbortSignal): Promise<void> {
  const { startIndex, temperature, method, skipping, workers, count, seed } = options;
  if (count === undefined || seed === undefined) {
    const [flag, what] =
      count === undefined ? ['--count', 'images of all shards together'] : ['--seed', 'seed of all shards'];
    throw new UsageError(`${flag}: expected the ${what} beside --shard, got none`);
  }
  checkInteger('--count', count, jobCountRange);
  const { runPart } = await import('./shards/run_part.js');
  const model = options.model ?? packagedModel();
  const { bytes, sampler } = await openModel(model, signal);
  integer('--start-index', { min: 0, max: maxSeed - count })(String(startIndex));
  const { classes } = classesOf(options, sampler);
  if (classes !== undefined) imagesOfClass(count, classes);
  const known = options.given;
  const given =
    known === undefined
      ? undefined
      : await (await import('./given_option.js')).readGiven(known, sampler, count, signal);
  const names = (name: string) => name.startsWith(`${partName(shard)}.`);
  await checkKept([{ option: '--out', path: options.out, names }], inputsOf(model, options));
  const request = { shard, count, seed, startIndex, temperature, classes, given, method, skipping, workers };
  await runPart({ model, bytes, sampler }, request, options, signal);
}

/** The classes that were asked for, each of as many images; few ones are all asked for where nothing else is said. */
function classesOf(
  { count, label, labels, given }: SampleCommandOptions,
  sampler: Sampler,
): { classes?: readonly number[]; rows?: number } {
  const { classes: all = 0 } = sampler.config;
  const isFree = [count, label, labels, given].every((asked) => asked === undefined);
  if (isFree && all > 0 && all <= usual.rows) return { classes: Array.from({ length: all }, (_, i) => i), rows: all };
  if (labels !== undefined) {
    const classes = labelsOf('--labels', labels, sampler);
    return { classes, rows: classes.length };
  }
  return label === undefined ? {} : { classes: [labelOf('--label', label, sampler)] };
}

function imagesOfClass(count: number, classes: readonly number[]): number {
  const ofClass = count / classes.length;
  if (Number.isInteger(ofClass)) return ofClass;
  throw new UsageError(
    `--count: expected a multiple of ${classes.length}, as many of each class of --labels, got ${count}`,
  );
}

/** How many images, of which classes, and in how many rows where each class has one. */
function chosenClasses(
  options: SampleCommandOptions,
  sampler: Sampler,
): { count: number; label?: number | number[]; rows?: number } {
  const { count } = options;
  const { classes, rows } = classesOf(options, sampler);
  if (rows === undefined || classes === undefined) {
    const images = count ?? usual.images;
    return classes === undefined ? { count: images } : { count: images, label: classes[0]! };
  }
  const ofClass = count === undefined ? usual.ofClass : imagesOfClass(count, classes);
  const images = rows * ofClass;
  if (images > countRange.max) {
    throw new UsageError(
      `--labels: expected at most ${countRange.max} images, got ${rows} classes, ${ofClass} of each`,
    );
  }
  return { count: images, label: classes.flatMap((one) => new Array<number>(ofClass).fill(one)), rows };
}
