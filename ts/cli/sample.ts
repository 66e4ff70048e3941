/** `pixelcnn sample`: draws images, shows them, writes them. */

import { Option } from 'commander';
import { loadSampler } from '../load.js';
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
import { labelOf, labelsOf } from './label_option.js';
import { choice, integer, megabytes, number } from './option.js';
import { openOutputFile, openOutputFolder } from './output_folder.js';
import { packagedModel } from './packaged_model.js';
import { drawAndWrite, report } from './sample_output.js';
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
  out: string;
  png?: boolean;
  npy?: string;
  picture: boolean;
  json?: boolean;
}

/** Images where nobody says how many, and of each class where there is a row for each. */
const usual = { images: 16, ofClass: 8 };

export const command = createCommand('sample', 'draw images from a model, show them and write them as files', [
  ['', '16 digits, a new seed each time'],
  ['--count 64 --seed 1', 'the same 64 digits on every machine'],
  ['--temperature 0.8 --out cool', 'likelier digits, into cool/'],
  ['--count 1000 --start-index 1000 --seed 1', 'images 1000 to 1999 of seed 1'],
  ['--count 10000 --workers 4', 'on four threads'],
  ['--model my.safetensors --labels 0-9', 'of a model with classes: a row of each'],
  ['--given half.png', 'the rest of an image, where half.png is transparent'],
  ['--model my.safetensors --json', 'figures for a program'],
])
  .option('--model <file>', 'model file (default: the packaged MNIST model)')
  .option(
    '--count <n>',
    `images, 1 to ${countRange.max} (default: ${usual.images}; with --labels ${usual.ofClass} of each)`,
    integer('--count', countRange),
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
  .option('--out <folder>', 'where the files go: PNG, or text of a model of maps', 'samples')
  .option('--png', 'of a model of maps: PNG files too')
  .option('--npy <file>', 'also all levels in one array, [count, height, width]')
  .option('--no-picture', 'do not draw the images in the terminal')
  .option('--json', 'print one JSON object and nothing else')
  .action((options: SampleCommandOptions) => interruptible((signal) => run(options, signal)));

async function run(options: SampleCommandOptions, signal: AbortSignal): Promise<void> {
  const { startIndex, temperature, method, skipping } = options;
  const model = options.model ?? packagedModel();
  const sharing = options.sharing === undefined ? undefined : { megabytes: options.sharing };
  const sampler = await loadSampler(model, { signal, sharing });
  const { count, label, rows } = chosenClasses(options, sampler);
  integer('--start-index', { min: 0, max: maxSeed - count })(String(startIndex));
  const known = options.given;
  const given =
    known === undefined
      ? undefined
      : await (await import('./given_option.js')).readGiven(known, sampler, count, signal);
  const folder = await openOutputFolder(options.out, '--out');
  const writeNpy = options.npy === undefined ? undefined : await openOutputFile(options.npy, '--npy');
  const seed = options.seed ?? drawSeed();
  const request = { count, seed, temperature, startIndex, method, skipping, label, given };
  const drawing = await startDrawing({ model, sampler, request, workers: options.workers, sharing, signal });
  const output = { ...options, count, seed, rows };
  const drawn = await drawAndWrite(drawing, sampler, output, { folder, writeNpy }, signal).finally(drawing.close);
  if (options.json) {
    const { grid: _, wrote: _words, ...figures } = drawn;
    printJson({ model, count, seed, startIndex, temperature, method, skipping, ...figures });
  } else {
    report(sampler, output, drawn);
  }
}

/** How many images, of which classes, and in how many rows where each class has one. */
function chosenClasses(
  { count, label, labels }: SampleCommandOptions,
  sampler: Sampler,
): { count: number; label?: number | number[]; rows?: number } {
  if (labels === undefined) {
    const images = count ?? usual.images;
    return label === undefined ? { count: images } : { count: images, label: labelOf('--label', label, sampler) };
  }
  const classes = labelsOf('--labels', labels, sampler);
  const rows = classes.length;
  const ofClass = count === undefined ? usual.ofClass : count / rows;
  if (!Number.isInteger(ofClass)) {
    throw new UsageError(`--count: expected a multiple of ${rows}, as many of each class of --labels, got ${count}`);
  }
  const images = rows * ofClass;
  if (images > countRange.max) {
    throw new UsageError(
      `--labels: expected at most ${countRange.max} images, got ${rows} classes, ${ofClass} of each`,
    );
  }
  return { count: images, label: classes.flatMap((one) => new Array<number>(ofClass).fill(one)), rows };
}
