/** `pixelcnn sample`: draws images, shows them, writes them. */

import { loadSampler } from '../load.js';
import { workersRange } from '../pool/pool.js';
import { countRange, drawSeed, type Method, maxSeed, methods, type Skipping, skippings } from '../sample_options.js';
import { createCommand } from './command.js';
import { startDrawing } from './drawing.js';
import { interruptible } from './interrupt.js';
import { choice, integer, number } from './option.js';
import { openOutputFolder } from './output_folder.js';
import { packagedModel } from './packaged_model.js';
import { drawAndWrite, report } from './sample_output.js';
import { printJson } from './terminal.js';

interface SampleCommandOptions {
  model?: string;
  count: number;
  seed?: number;
  temperature: number;
  method: Method;
  skipping: Skipping;
  startIndex: number;
  workers?: number;
  out: string;
  picture: boolean;
  json?: boolean;
}

export const command = createCommand('sample', 'draw images from a model, show them and write them as PNG files', [
  ['', '16 digits, a new seed each time'],
  ['--count 64 --seed 1', 'the same 64 digits on every machine'],
  ['--temperature 0.8 --out cool', 'likelier digits, into cool/'],
  ['--count 1000 --start-index 1000 --seed 1', 'images 1000 to 1999 of seed 1'],
  ['--count 10000 --workers 4', 'on four threads'],
  ['--model my.safetensors --json', 'figures for a program'],
])
  .option('--model <file>', 'model file (default: the packaged MNIST model)')
  .option('--count <n>', `images, 1 to ${countRange.max}`, integer('--count', countRange), 16)
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
    choice('--skipping', skippings),
    'all',
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
  .option('--out <folder>', 'where the PNG files go', 'samples')
  .option('--no-picture', 'do not draw the images in the terminal')
  .option('--json', 'print one JSON object and nothing else')
  .action((options: SampleCommandOptions) => interruptible((signal) => run(options, signal)));

async function run(options: SampleCommandOptions, signal: AbortSignal): Promise<void> {
  const { count, startIndex } = options;
  integer('--start-index', { min: 0, max: maxSeed - count })(String(startIndex));
  const model = options.model ?? packagedModel();
  const sampler = await loadSampler(model, { signal });
  const folder = await openOutputFolder(options.out, '--out');
  const seed = options.seed ?? drawSeed();
  const { temperature, method, skipping } = options;
  const request = { count, seed, temperature, startIndex, method, skipping };
  const drawing = await startDrawing({ model, sampler, request, workers: options.workers, signal });
  const drawn = await drawAndWrite(drawing, sampler, { ...options, seed }, folder, signal).finally(drawing.close);
  if (options.json) {
    const { grid: _, ...figures } = drawn;
    printJson({ model, count, seed, startIndex, temperature, method, skipping, ...figures });
  } else {
    report(sampler, { ...options, seed }, drawn);
  }
}
