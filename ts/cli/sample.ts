/** `pixelcnn sample`: draws images, shows them, writes them. */

import type { ImageShape, Levels } from '../images.js';
import { loadSampler } from '../load.js';
import { workersRange } from '../pool/pool.js';
import { countRange, drawSeed, type Method, maxSeed, methods, type Skipping, skippings } from '../sample_options.js';
import type { Sampler } from '../sampler.js';
import { createCommand } from './command.js';
import { type Drawing, startDrawing } from './drawing.js';
import { Interrupted } from './failure.js';
import { interruptible } from './interrupt.js';
import { choice, integer, number } from './option.js';
import { type OutputFolder, openOutputFolder } from './output_folder.js';
import { packagedModel } from './packaged_model.js';
import { picture } from './picture.js';
import { clock, rate, startProgress } from './progress.js';
import { print, printJson } from './terminal.js';

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

/** The most images of a grid, and of their pixels. */
const gridLimits = { images: 1024, pixels: 2 ** 24 };

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
  const drawn = await drawAndWrite(drawing, sampler, options, folder, signal).finally(drawing.close);
  if (options.json) {
    const { grid: _, ...figures } = drawn;
    printJson({ model, count, seed, startIndex, temperature, method, skipping, ...figures });
  } else {
    report(sampler, { ...options, seed }, drawn);
  }
}

interface Drawn {
  /** Mean over the images of the sum of their levels. */
  ink: number;
  /** Mean over the images of -ln p in nats. */
  nats: number;
  /** Threads that drew. */
  workers: number;
  /** Milliseconds of sampling alone; where several threads draw while this one writes, until the last image was drawn. */
  ms: number;
  imagesPerSecond: number;
  /** Each image, where a program will read it. */
  images: { index: number; ink: number; nats: number }[];
  /** Paths in the order of writing: all where a program will read them, else the first and the last two. */
  files: string[];
  /** The images that went into the grid. */
  grid: { data: Uint8Array; shape: ImageShape };
}

/** Draws and writes group by group, so that any number of images fits into memory. */
async function drawAndWrite(
  { workers, draw }: Drawing,
  sampler: Sampler,
  options: SampleCommandOptions,
  folder: OutputFolder,
  signal: AbortSignal,
): Promise<Drawn> {
  const { gridPng, imagePng } = await import('../node/png.js');
  const { count, json = false } = options;
  const { levels, height, width, channels } = sampler.config;
  const size = height * width * channels;
  const gridCount = Math.min(count, gridLimits.images, Math.max(1, Math.floor(gridLimits.pixels / size)));
  const grid = new Uint8Array(gridCount * size);
  const images: Drawn['images'] = [];
  const files: string[] = [];
  let [ink, nats, written] = [0, 0, 0];
  const bar = json ? undefined : await startProgress('sampling', count, 'images');
  const parts = draw((share) => bar?.update(count * share));
  const began = performance.now();
  let [waited, wall] = [0, 0];
  try {
    for (;;) {
      const before = performance.now();
      const part = await parts.next().catch((error) => {
        throw error === signal.reason ? interruptedAfter(written, options, error) : error;
      });
      if (part.done) break;
      const samples = part.value;
      wall = performance.now() - began;
      waited += performance.now() - before;
      if (written < gridCount) grid.set(samples.data.subarray(0, grid.length - written * size), written * size);
      for (const [i, cost] of samples.nats.entries()) {
        const index = samples.startIndex + i;
        const data = samples.data.subarray(i * size, (i + 1) * size);
        const image = { index, ink: inkOf(data), nats: cost };
        ink += image.ink / count;
        nats += image.nats / count;
        const path = await folder.write(`${String(index).padStart(6, '0')}.png`, imagePng(data, samples.shape, levels));
        if (json) images.push(image);
        if (!json && files.length === 2) files.pop();
        files.push(path);
        written++;
      }
    }
  } finally {
    bar?.stop();
  }
  const ms = workers > 1 ? wall : waited;
  const shape: ImageShape = [gridCount, height, width, channels];
  files.push(await folder.write('grid.png', gridPng(grid, shape, levels)));
  return { ink, nats, workers, ms, imagesPerSecond: (1000 * count) / ms, images, files, grid: { data: grid, shape } };
}

function inkOf(levels: Levels): number {
  let ink = 0;
  for (const level of levels) ink += level;
  return ink;
}

function interruptedAfter(done: number, { count, out }: SampleCommandOptions, cause: Error): Interrupted {
  const kept = done === 0 ? 'no image was written' : `${done} of ${count} images are in ${out}`;
  return new Interrupted(`${cause.message}; ${kept}`, { cause });
}

function report(sampler: Sampler, options: SampleCommandOptions & { seed: number }, drawn: Drawn): void {
  const { count, seed, startIndex, method } = options;
  const { grid, files } = drawn;
  const { levels, height, width, channels } = sampler.config;
  if (options.picture) {
    const { text, shown } = picture(grid.data, grid.shape, { levels, columns: process.stdout.columns ?? 80, rows: 4 });
    if (shown > 0) print(`${text}\n`);
  }
  const dimensions = height * width * channels;
  const named = count === 1 ? `image ${startIndex}` : `images ${startIndex} to ${startIndex + count - 1}`;
  const duration = drawn.ms < 60_000 ? `${(drawn.ms / 1000).toPrecision(3)} s` : clock(drawn.ms / 1000);
  const threads = drawn.workers > 1 ? `, ${drawn.workers} workers` : '';
  const written = files.slice(0, -1);
  const gridCount = grid.shape[0];
  print(
    [
      `${named} of seed ${seed}, ${height}x${width}, in ${duration} (${rate(drawn.imagesPerSecond, 'images')}, ${method}${threads})`,
      `mean ink   ${drawn.ink.toFixed(1)} of ${dimensions * (levels - 1)}`,
      `mean cost  ${drawn.nats.toFixed(2)} nats an image, ${(drawn.nats / (Math.LN2 * dimensions)).toFixed(4)} bits/dim`,
      `wrote      ${[...new Set(written)].join(' to ')} and ${files.at(-1)}${gridCount < count ? ` (the first ${gridCount})` : ''}`,
    ].join('\n'),
  );
}
