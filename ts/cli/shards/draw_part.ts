/** Drawing a shard's images into its part, where that is not there already. */

import { checkInteger, wrongValue } from '../../arguments.js';
import { room } from '../../bytes.js';
import type { GivenPixels } from '../../given.js';
import { imageSize, levelsKind, type OwnLevels } from '../../images.js';
import { sha256 } from '../../node/files.js';
import { countRange, type Method, maxSeed, type Skipping } from '../../sample_options.js';
import type { Sampler } from '../../sampler.js';
import { startDrawing } from '../drawing.js';
import { type SampleJob, sampleJob } from './job.js';
import { findPart, type Manifest, writePart } from './part.js';
import { type Range, rangeOf, type Shard, shardText } from './shard.js';

/** A model that shards are drawn from. */
export interface OpenModel {
  readonly bytes: Uint8Array;
  readonly sampler: Sampler;
  readonly sha256: string;
}

export interface ShardRequest {
  readonly shard: Shard;
  /** Images of all shards, from `startIndex` of `seed` on. */
  readonly count: number;
  readonly seed: number;
  readonly startIndex: number;
  readonly temperature: number;
  /** Classes of as many images each, one after the other. Default: all in turn. */
  readonly classes?: readonly number[] | undefined;
  /** Of one image for all, or of each of the job. */
  readonly given?: GivenPixels | undefined;
  readonly method?: Method;
  readonly skipping?: Skipping;
  readonly workers?: number | undefined;
}

export interface Outcome {
  /** `whole`: the part was there, and every hash agreed. */
  readonly state: 'drawn' | 'whole';
  readonly manifest: Manifest;
  /** Milliseconds of drawing; 0 where there was nothing to draw. */
  readonly ms: number;
  /** Threads that drew. */
  readonly workers: number;
}

/** The range of `count` where shards share it: only a shard's own images are drawn by one call. */
export const jobCountRange = { min: 1, max: maxSeed };

/** A larger file could not be read in one go. */
const mostArrayBytes = 2 ** 31 - 2 ** 16;

/**
 * Draws the images of a shard and writes its part into a folder; of one that is there and whole nothing.
 *
 * @param progress Told how much is drawn, 0 to 1.
 */
export async function drawPart(
  { bytes, sampler, sha256: model }: OpenModel,
  request: ShardRequest,
  folder: string,
  signal: AbortSignal,
  progress: (share: number) => void = () => {},
): Promise<Outcome> {
  const { shard, count, seed, startIndex, temperature, classes, given } = request;
  const job = jobOf(model, sampler, request);
  const range = rangeOf(shard, count);
  const { config } = sampler;
  const size = imageSize(config);
  const each = size * levelsKind(config.levels).BYTES_PER_ELEMENT;
  const most = Math.min(countRange.max, Math.floor(mostArrayBytes / each));
  if (range.count > most) {
    const wanted = `expected shards of at most ${most} images, so at least ${Math.ceil(count / most)} of them`;
    throw wrongValue('shard', `${wanted}, got ${shardText(shard)}, which has ${range.count}`);
  }
  const whole = await findPart(folder, shard, job, signal);
  if (whole !== undefined) return { state: 'whole', manifest: whole, ms: 0, workers: 0 };
  const made = {
    images: room<OwnLevels>(levelsKind(config.levels), range.count * size, 'count'),
    nats: room(Float64Array, range.count, 'count'),
    labels: room(Uint16Array, range.count, 'count'),
  };
  let [ms, workers] = [0, 0];
  if (range.count > 0) {
    const drawing = await startDrawing({
      model: bytes,
      sampler,
      request: {
        count: range.count,
        seed,
        startIndex: startIndex + range.first,
        temperature,
        method: request.method ?? 'wavefront',
        skipping: request.skipping ?? 'all',
        ...(classes !== undefined && { label: labelsOf(classes, range, count) }),
        ...(given !== undefined && { given: givenOf(given, range.first, range.count, size) }),
      },
      workers: request.workers,
      signal,
    });
    const began = performance.now();
    try {
      const parts = drawing.draw(progress);
      let at = 0;
      for (;;) {
        const part = await parts.next();
        if (part.done) break;
        const { data, nats, labels } = part.value;
        made.images.set(data, at * size);
        made.nats.set(nats, at);
        if (labels !== undefined) made.labels.set(labels, at);
        at += nats.length;
      }
    } finally {
      await drawing.close();
    }
    [ms, workers] = [performance.now() - began, drawing.workers];
  }
  signal.throwIfAborted();
  return { state: 'drawn', manifest: await writePart(folder, shard, job, made), ms, workers };
}

/** The job of a shard, and its checks that need no image. */
function jobOf(model: string, { config }: Sampler, request: ShardRequest): SampleJob {
  const { count, seed, startIndex, temperature, classes, given } = request;
  checkInteger('startIndex', startIndex, { min: 0, max: maxSeed - count });
  const { height, width, levels } = config;
  return sampleJob({
    model,
    seed,
    startIndex,
    count,
    temperature,
    ...(classes !== undefined && { classes }),
    ...(given !== undefined && { given: hashOf(given) }),
    height,
    width,
    levels,
    labelled: config.classes !== undefined,
  });
}

/** What is given, but for what stands where nothing is. */
function hashOf({ data, known }: GivenPixels): string {
  return sha256(Int32Array.from(data, (level, at) => (known[at] === 1 ? level : -1)));
}

/** The classes of a shard's images. */
function labelsOf(classes: readonly number[], { first, count }: Range, all: number): number[] {
  const each = all / classes.length;
  return Array.from({ length: count }, (_, i) => classes[Math.floor((first + i) / each)]!);
}

/** What is given of some of the images. */
function givenOf({ data, known }: GivenPixels, first: number, count: number, size: number): GivenPixels {
  if (data.length === size) return { data, known }; // one image, for all
  const [start, end] = [first * size, (first + count) * size];
  return { data: data.slice(start, end), known: known.slice(start, end) };
}
