/**
 * What the core does in one go, for seconds or minutes: tasks for a thread of their own, so that the main one answers signals
 * meanwhile. What they take and make travels between threads.
 */

import { executedMacs, optimizeModel, quantizeModel } from '../convert.js';
import type { ImportedModel } from '../exchange/import_model.js';
import type { Levels } from '../images.js';
import { loadSampler } from '../load.js';
import type { Failure } from '../pool/message.js';
import type { ImageSet } from '../train/data/image_set.js';

interface Conversion {
  model: Uint8Array;
  /** Images of calibration, and which they are. */
  images: Levels;
  calibration: string;
  /** Their classes, of a net with classes. */
  labels: Uint16Array | undefined;
  /** Pixels of an image. */
  size: number;
}

/** A task; `progress` is told how many images are done. */
type Task<Given, Made> = (given: Given, progress: (done: number) => void) => Promise<Made>;

/** Images that tell what skipping saves. */
const mostCounted = 64;

const optimize: Task<Conversion, { after: Uint8Array; macsBefore: number; macs: number }> = async (given) => {
  const { model, images, calibration, labels, size } = given;
  const after = await optimizeModel(model, images, { calibration, ...(labels && { labels }) });
  const count = Math.min(mostCounted, images.length / size);
  const executed = (file: Uint8Array) =>
    executedMacs(file, images.subarray(0, count * size), count, labels?.subarray(0, count));
  return { after, macsBefore: executed(model), macs: executed(after) };
};

/** Images that give a first idea of the drift. */
const mostCompared = 256;

interface Quantized {
  after: Uint8Array;
  /** Mean over `driftImages` of what they cost more, in nats a pixel, and its standard error. */
  drift: number;
  driftError: number;
  driftImages: number;
}

const quantize: Task<Conversion, Quantized> = async ({ model, images, calibration, labels, size }) => {
  const { pairedDifference } = await import('../train/score/compare.js');
  const after = await quantizeModel(model, images, { calibration, ...(labels && { labels }) });
  const count = Math.min(mostCompared, images.length / size);
  const few = images.subarray(0, count * size);
  const [was, is] = [(await loadSampler(model)).logProb(few), (await loadSampler(after)).logProb(few)];
  const { mean, standardError } = pairedDifference(was, is); // of ln p: what it lost is nats gained
  return { after, drift: mean / size, driftError: standardError / size, driftImages: count };
};

interface Maps {
  model: Uint8Array;
  data: ImageSet;
  /** Which images. */
  chosen: readonly number[];
}

const surprise: Task<Maps, { name: string; bytes: Uint8Array }[]> = async ({ model, data, chosen }) => {
  const { surprisePngs } = await import('./surprise.js');
  return surprisePngs(await loadSampler(model), data, chosen);
};

interface Foreign {
  path: string;
  /** Height and width of images. */
  size?: readonly [number, number];
}

const importModel: Task<Foreign, ImportedModel> = async ({ path, ...options }) => {
  const exchange = await import('../exchange/import_model.js');
  return exchange.importModel(path, options);
};

export const tasks = { optimize, quantize, surprise, importModel };

export type Tasks = { [Name in keyof typeof tasks]: (typeof tasks)[Name] };
export type Given<Name extends keyof Tasks> = Parameters<Tasks[Name]>[0];
export type Made<Name extends keyof Tasks> = Awaited<ReturnType<Tasks[Name]>>;

/** From the thread. */
export type Report =
  | { type: 'progress'; done: number }
  | { type: 'made'; made: unknown }
  | { type: 'failed'; error: unknown; failure: Failure };
