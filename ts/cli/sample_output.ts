/** What `pixelcnn sample` makes of drawn images: files, figures, a picture in the terminal. */

import type { ImageShape, Levels } from '../images.js';
import type { Method } from '../sample_options.js';
import type { Sampler } from '../sampler.js';
import type { Drawing } from './drawing.js';
import { Interrupted } from './failure.js';
import type { OutputFolder } from './output_folder.js';
import { picture } from './picture.js';
import { clock, rate, startProgress } from './progress.js';
import { colourBits, print } from './terminal.js';

/** What of the options decides it. */
export interface OutputOptions {
  count: number;
  seed: number;
  startIndex: number;
  method: Method;
  out: string;
  picture: boolean;
  json?: boolean;
}

/** The most images of a grid, and of their pixels. */
const gridLimits = { images: 1024, pixels: 2 ** 24 };

export interface Drawn {
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
export async function drawAndWrite(
  { workers, draw }: Drawing,
  sampler: Sampler,
  options: OutputOptions,
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

function interruptedAfter(done: number, { count, out }: OutputOptions, cause: Error): Interrupted {
  const kept = done === 0 ? 'no image was written' : `${done} of ${count} images are in ${out}`;
  return new Interrupted(`${cause.message}; ${kept}`, { cause });
}

export function report(sampler: Sampler, options: OutputOptions, drawn: Drawn): void {
  const { count, seed, startIndex, method } = options;
  const { grid, files } = drawn;
  const { levels, input, height, width, channels } = sampler.config;
  if (options.picture) {
    const look = { levels, input, alphabet: sampler.alphabet, colourBits: colourBits() };
    const { parts, shown } = picture(grid.data, grid.shape, {
      ...look,
      columns: process.stdout.columns ?? 80,
      rows: 4,
    });
    if (shown > 0) print(...parts);
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
