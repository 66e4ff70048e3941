/** What all shards of a job have in common: everything that an image of it depends on, and nothing else. */

import { seedContract } from '../../sampler.js';
import type { Protocol } from '../../train/score/protocol.js';

/** Images to draw. One is a function of the model, the seed, its number under the seed, the temperature, its class and what is given. */
export interface SampleJob {
  readonly command: 'sample';
  /** sha256 of the model file. */
  readonly model: string;
  readonly seed: number;
  /** The version of the promise that a seed gives the same images. */
  readonly seedContract: number;
  /** Number of the first image under the seed. */
  readonly startIndex: number;
  /** Images of all shards. */
  readonly count: number;
  readonly temperature: number;
  /** Classes of as many images each, one after the other; absent where all classes come in turn, and where there are none. */
  readonly classes?: readonly number[];
  /** sha256 of the given pixels, where some are. */
  readonly given?: string;
  readonly height: number;
  readonly width: number;
  readonly levels: number;
  /** Whether the model has classes, so that images have labels. */
  readonly labelled: boolean;
}

/** Images to score. */
export interface EvalJob {
  readonly command: 'eval';
  /** sha256 of the model file. */
  readonly model: string;
  /** Version of the numbers that it computes, which is that of the seeds' promise. */
  readonly seedContract: number;
  /** Images of all shards, and what they are. */
  readonly count: number;
  readonly protocol: Protocol;
  /** Values of an image. */
  readonly dimensions: number;
  /** sha256 of the labels, where the model has classes and the data tells that of each image. */
  readonly labels?: string;
}

export type Job = SampleJob | EvalJob;

/** What a job is told apart by, in the order in which a difference is told, and how it is said. */
const fields: readonly (readonly [name: keyof SampleJob | keyof EvalJob, say: (value: unknown) => string])[] = [
  ['command', (command) => `what ${command} makes`],
  ['model', (model) => `the model of sha256 ${String(model).slice(0, 12)}...`],
  ['seed', (seed) => `seed ${seed}`],
  ['seedContract', (version) => `version ${version} of the seed contract`],
  ['startIndex', (start) => `images from number ${start} on`],
  ['count', (count) => `${count} images in all`],
  ['temperature', (temperature) => `temperature ${temperature}`],
  ['classes', (classes) => (classes === undefined ? 'all classes in turn' : `classes ${String(classes)}`)],
  [
    'given',
    (given) => (given === undefined ? 'no given pixels' : `given pixels of sha256 ${String(given).slice(0, 12)}...`),
  ],
  ['protocol', (protocol) => protocolWords(protocol as Protocol)],
  ['labels', (labels) => (labels === undefined ? 'no labels' : `labels of sha256 ${String(labels).slice(0, 12)}...`)],
  ['height', (height) => `images of height ${height}`],
  ['width', (width) => `images of width ${width}`],
  ['levels', (levels) => `${levels} levels`],
  ['labelled', (labelled) => (labelled === true ? 'images with classes' : 'images without classes')],
  ['dimensions', (dimensions) => `${dimensions} values an image`],
];

const protocolWords = ({ source, split, binarisation, sha256 }: Protocol) =>
  `${split} of ${source} (${binarisation}, sha256 ${sha256.slice(0, 12)}...)`;

/** How two jobs differ first, in words; undefined where they are the same. */
export function differenceOf(one: Job, other: Job): readonly [one: string, other: string] | undefined {
  for (const [name, say] of fields) {
    const [mine, theirs] = [one, other].map((job) => (job as unknown as Record<string, unknown>)[name]);
    if (JSON.stringify(mine) !== JSON.stringify(theirs)) return [say(mine), say(theirs)];
  }
  return undefined;
}

/** The numbers that a job makes of each image, and their shape in one. */
export function arraysOf(job: Job): Readonly<Record<string, ArrayKind>> {
  if (job.command === 'eval') {
    const nats = { type: '<f8', shape: [] } as const;
    return { nats, ...(job.labels !== undefined && { given: nats }) };
  }
  const { height, width, levels, labelled } = job;
  return {
    images: { type: levels <= 256 ? '|u1' : '<u2', shape: [height, width] },
    nats: { type: '<f8', shape: [] },
    ...(labelled && { labels: { type: '<u2', shape: [] } as const }),
  };
}

export interface ArrayKind {
  readonly type: '|u1' | '<u2' | '<f8';
  /** Of what one image has. */
  readonly shape: readonly number[];
}

/** Reads a job from JSON; undefined where it is none that this version knows. */
export function readJob(value: unknown): Job | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const job = value as Partial<Record<keyof SampleJob | keyof EvalJob, unknown>>;
  const common = isHash(job.model) && isCount(job.count) && job.count > 0 && isCount(job.seedContract);
  if (!common) return undefined;
  const { model, count, seedContract } = job as SampleJob;
  if (job.command === 'eval') {
    const { protocol, dimensions, labels } = job;
    if (!isProtocol(protocol) || !isCount(dimensions) || !(labels === undefined || isHash(labels))) return undefined;
    const { source, split, binarisation, sha256 } = protocol;
    const words = { source, split, binarisation, sha256 };
    return {
      command: 'eval',
      model,
      seedContract,
      count,
      protocol: words,
      dimensions,
      ...(labels !== undefined && { labels }),
    };
  }
  if (job.command !== 'sample') return undefined;
  const { seed, startIndex, temperature, classes, given, height, width, levels, labelled } = job;
  const numbers = [seed, startIndex, height, width, levels].every(isCount);
  const isTemperature = typeof temperature === 'number' && temperature >= 0;
  const isClasses = classes === undefined || (Array.isArray(classes) && classes.length > 0 && classes.every(isCount));
  const isGiven = given === undefined || isHash(given);
  if (!numbers || !isTemperature || !isClasses || !isGiven || typeof labelled !== 'boolean') return undefined;
  return sampleJob(job as SampleJob);
}

/** A job whose fields stand in the one order, so that its text is always the same. */
export function sampleJob(job: Omit<SampleJob, 'command' | 'seedContract'> & { seedContract?: number }): SampleJob {
  const { model, seed, startIndex, count, temperature, classes, given, height, width, levels, labelled } = job;
  return {
    command: 'sample',
    model,
    seed,
    seedContract: job.seedContract ?? seedContract,
    startIndex,
    count,
    temperature,
    ...(classes !== undefined && { classes: [...classes] }),
    ...(given !== undefined && { given }),
    height,
    width,
    levels,
    labelled,
  };
}

export const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isProtocol(value: unknown): value is Protocol {
  if (typeof value !== 'object' || value === null) return false;
  const { source, split, binarisation, sha256 } = value as Partial<Protocol>;
  return [source, split, binarisation].every((word) => typeof word === 'string') && isHash(sha256);
}
