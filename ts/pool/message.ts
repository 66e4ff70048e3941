/** What a pool and its workers say to each other. */

import { argumentOf, naming } from '../arguments.js';
import type { Config } from '../config.js';
import { PixelCnnError, type PixelCnnErrorCode } from '../error.js';
import type { Levels } from '../images.js';
import type { SampleRequest, ScoreOptions, WalkOptions } from '../sample_options.js';
import type { Classification, Samples } from '../sampler.js';
import type { Sharing } from '../sharing.js';

/** Work for a worker, and what it gives. */
export interface Works {
  sample: { given: SampleRequest; made: Samples };
  logProb: { given: ScoreOptions & { images: Levels }; made: Float64Array };
  classify: { given: WalkOptions & { images: Levels }; made: Classification };
}

export type Work = { [Kind in keyof Works]: { kind: Kind; given: Works[Kind]['given'] } }[keyof Works];

/** What a worker's sampler may take. */
export interface Limits {
  memoryLimit?: number | undefined;
  sharing?: Sharing | undefined;
}

/** To a worker. It is given one job at a time; `open` comes first, once. */
export type Order =
  | ({ type: 'open'; module: WebAssembly.Module; model: Uint8Array } & Limits)
  | { type: 'work'; job: number; work: Work }
  | { type: 'stop'; job: number };

/** From a worker. Every job ends with `done`, `stopped` or `failed`. */
export type Report =
  | { type: 'opened'; model: OpenedModel }
  | { type: 'refused'; failure: Failure }
  | { type: 'progress'; job: number; pixels: number }
  | { type: 'done'; job: number; made: Works[keyof Works]['made'] }
  | { type: 'stopped'; job: number }
  | { type: 'failed'; job: number; failure: Failure };

/** What a model file says of itself. */
export interface OpenedModel {
  config: Config;
  metadata: Readonly<Record<string, string>>;
}

/** An error on its way between threads, which would lose its class and code. */
export interface Failure {
  name: string;
  message: string;
  code?: PixelCnnErrorCode;
  argument?: string;
}

export function failureOf(error: unknown): Failure {
  const argument = argumentOf(error);
  const named = argument === undefined ? {} : { argument };
  if (error instanceof PixelCnnError) return { name: error.name, message: error.message, code: error.code, ...named };
  if (error instanceof Error) return { name: error.name, message: error.message, ...named };
  return { name: 'Error', message: String(error) };
}

/** The error again; undefined for one that only a broken worker throws. */
export function foreseenError({ name, message, code, argument }: Failure): Error | undefined {
  if (code === 'INTERNAL') return undefined;
  if (code !== undefined) return new PixelCnnError(code, message, { argument });
  if (argument === undefined) return undefined;
  if (name === 'RangeError') return naming(argument, new RangeError(message));
  if (name === 'TypeError') return naming(argument, new TypeError(message));
  return undefined;
}
