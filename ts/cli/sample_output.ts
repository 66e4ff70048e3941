/** What `pixelcnn sample` makes of drawn images: files, figures, a picture in the terminal. */

import { room } from '../bytes.js';
import {
  type ImageShape,
  imageShape,
  imageSize,
  type Levels,
  levelsArray,
  levelsKind,
  type OwnLevels,
} from '../images.js';
import type { Method } from '../sample_options.js';
import type { Sampler } from '../sampler.js';
import { toText } from '../text.js';
import type { Drawing } from './drawing.js';
import { Interrupted } from './failure.js';
import { nameOfClass } from './label_option.js';
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
  /** Rows of the grid. Default: about as many as columns. */
  rows?: number | undefined;
  out: string;
  png?: boolean;
  picture: boolean;
  /** Whether somebody sees them drawn, who needs no bar. */
  watched?: boolean;
  json?: boolean;
}

/** Where files go. */
export interface Output {
  folder: OutputFolder;
  /** Takes the array of all images, where one was asked for. */
  writeNpy: ((bytes: Uint8Array) => Promise<string>) | undefined;
}

/** The most images of a grid, and of their pixels. */
const gridLimits = { images: 1024, pixels: 2 ** 24 };

/** One image, where a program will read it. */
interface Image {
  index: number;
  /** Its class, in a model with classes. */
  label?: number;
  /** The sum of its levels, where they are amounts. */
  ink?: number;
  nats: number;
}

export interface Drawn {
  /** Mean over the images of the sum of their levels, where these are amounts. */
  ink?: number;
  /** Mean over the images of -ln p in nats. */
  nats: number;
  /** Threads that drew. */
  workers: number;
  /** Milliseconds of sampling alone; where several threads draw while this one writes, until the last image was drawn. */
  ms: number;
  imagesPerSecond: number;
  /** Each image, where a program will read it. */
  images: Image[];
  /** Paths in the order of writing, where a program will read them. */
  files: string[];
  /** The same in words. */
  wrote: string;
  /** The images that went into the grid, and their classes. */
  grid: { data: Levels; shape: ImageShape; labels: number[] };
}

const gridName = 'grid.png';

/** What the files of an image are called, but for their endings. */
const stemOf = (index: number): string => String(index).padStart(6, '0');

/** Which kinds of files there are of each image. */
function kindsOf(
  { png = false }: Pick<OutputOptions, 'png'>,
  { alphabet }: Sampler,
): { texts: boolean; pictures: boolean } {
  return { texts: alphabet !== undefined, pictures: alphabet === undefined || png };
}

/** Tells whether a file of some name is going to be written into the folder of output. */
export function isNameOfOutput(
  options: Pick<OutputOptions, 'count' | 'startIndex' | 'png'>,
  sampler: Sampler,
): (name: string) => boolean {
  const { count, startIndex } = options;
  const { texts, pictures } = kindsOf(options, sampler);
  return (name) => {
    const [, stem = '', ending] = /^(\d+)\.(png|txt)$/.exec(name) ?? [];
    if (ending === undefined) return pictures && name === gridName;
    const isImage = stemOf(Number(stem)) === stem && Number(stem) >= startIndex && Number(stem) < startIndex + count;
    return isImage && (ending === 'png' ? pictures : texts);
  };
}

/** Draws and writes group by group, so that any number of images fits into memory. */
export async function drawAndWrite(
  { workers, draw, rested }: Drawing,
  sampler: Sampler,
  options: OutputOptions,
  { folder, writeNpy }: Output,
  signal: AbortSignal,
): Promise<Drawn> {
  const { gridPng, imagePng } = await import('../node/png.js');
  const { count, rows, watched = false, json = false } = options;
  const { config, alphabet } = sampler;
  const { levels, input, height, width } = config;
  const size = imageSize(config);
  const all = writeNpy && room<OwnLevels>(levelsKind(levels), count * size, 'count');
  const gridCount = Math.min(count, gridLimits.images, Math.max(1, Math.floor(gridLimits.pixels / size)));
  const grid: Drawn['grid'] = {
    data: levelsArray(gridCount * size, levels),
    shape: imageShape(gridCount, config),
    labels: [],
  };
  const { pictures } = kindsOf(options, sampler);
  const images: Image[] = [];
  const files: string[] = [];
  /** Of the files of images, the first and the last of each kind. */
  const ends = new Map<string, { first: string; last: string }>();
  const write = async (name: string, ending: string, bytes: Uint8Array) => {
    const path = await folder.write(name + ending, bytes);
    ends.set(ending, { first: ends.get(ending)?.first ?? path, last: path });
    if (json) files.push(path);
  };
  let [ink, nats, written] = [0, 0, 0];
  const bar = json || watched ? undefined : await startProgress('sampling', count, 'images');
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
      const at = written * size;
      all?.set(samples.data, at);
      if (written < gridCount) grid.data.set(samples.data.subarray(0, grid.data.length - at), at);
      const texts = alphabet && toText(samples, alphabet);
      for (const [i, cost] of samples.nats.entries()) {
        const index = samples.startIndex + i;
        const data = samples.data.subarray(i * size, (i + 1) * size);
        const name = stemOf(index);
        if (texts !== undefined) await write(name, '.txt', Buffer.from(texts[i]!));
        if (pictures) await write(name, '.png', imagePng(data, samples.shape, levels, input));
        const label = samples.labels?.[i];
        if (label !== undefined && written < gridCount) grid.labels.push(label);
        const own = input === 'nominal' ? undefined : inkOf(data);
        ink += (own ?? 0) / count;
        nats += cost / count;
        if (json)
          images.push({
            index,
            ...(label !== undefined && { label }),
            ...(own !== undefined && { ink: own }),
            nats: cost,
          });
        written++;
      }
    }
  } finally {
    bar?.stop();
  }
  const ms = workers > 1 ? wall : waited - (rested?.() ?? 0);
  const wrote = [...ends.values()].map(({ first, last }) => (first === last ? first : `${first} to ${last}`));
  const add = (path: string, note = '') => {
    if (json) files.push(path);
    wrote.push(path + note);
  };
  if (pictures) {
    const columns = rows === undefined ? {} : { columns: count / rows };
    const note = gridCount < count ? ` (the first ${gridCount})` : '';
    add(await folder.write(gridName, gridPng(grid.data, grid.shape, levels, { input, ...columns })), note);
  }
  if (writeNpy !== undefined && all !== undefined) {
    const { npyBytes } = await import('../node/npy.js');
    add(await writeNpy(npyBytes(all, [count, height, width])));
  }
  return {
    ...(input !== 'nominal' && { ink }),
    nats,
    workers,
    ms,
    imagesPerSecond: (1000 * count) / ms,
    images,
    files,
    wrote: listed(wrote),
    grid,
  };
}

/** `a, b and c`. */
function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
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
  const { count, seed, startIndex, method, rows } = options;
  const { data, shape, labels } = drawn.grid;
  const { levels, input, height, width } = sampler.config;
  if (options.picture) {
    const look = { levels, input, alphabet: sampler.alphabet, colourBits: colourBits() };
    // Maps are for programs too, however wide.
    const columns = process.stdout.columns ?? Math.max(80, sampler.alphabet === undefined ? 0 : width);
    const room = { columns, rows: rows ?? 4 };
    const perRow = rows === undefined ? {} : { perRow: count / rows };
    const { parts, shown } = picture(data, shape, { ...look, ...room, ...perRow });
    if (shown > 0) print(...parts);
  }
  const dimensions = imageSize(sampler.config);
  const named = count === 1 ? `image ${startIndex}` : `images ${startIndex} to ${startIndex + count - 1}`;
  const duration = drawn.ms < 60_000 ? `${(drawn.ms / 1000).toPrecision(3)} s` : clock(drawn.ms / 1000);
  const threads = drawn.workers > 1 ? `, ${drawn.workers} workers` : '';
  print(
    [
      `${named} of seed ${seed}, ${height}x${width}, in ${duration} (${rate(drawn.imagesPerSecond, 'images')}, ${method}${threads})`,
      ...(labels.length > 0 ? [`classes    ${classesInWords(labels, sampler)}`] : []),
      ...(drawn.ink === undefined ? [] : [`mean ink   ${drawn.ink.toFixed(1)} of ${dimensions * (levels - 1)}`]),
      `mean cost  ${drawn.nats.toFixed(2)} nats an image, ${(drawn.nats / (Math.LN2 * dimensions)).toFixed(4)} bits/dim`,
      `wrote      ${drawn.wrote}`,
    ].join('\n'),
  );
}

/** Classes that are listed by name. */
const mostListed = 12;

/** The classes of images in the order in which they come, each once. */
function classesInWords(labels: readonly number[], sampler: Sampler): string {
  const names = [...new Set(labels)].map((label) => nameOfClass(label, sampler));
  const more = names.length - mostListed;
  return `${names.slice(0, mostListed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
