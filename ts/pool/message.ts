/** What a pool and its workers say to each other. */

import { argumentOf, naming } from '../arguments.js';
import type { Config } from '../config.js';
import { PixelCnnError, type PixelCnnErrorCode } from '../error.js';
import type { Levels } from '../images.js';
import type { SampleRequest, ScoreOptions, WalkOptions } from '../sample_options.js';
import type { Classification, Samples } from '../sampler.js';
import type { Limits } from '../sharing.js';

/** Work for a worker, and what it gives. */
export interface Works {
  open: { given: Opening; made: OpenedModel };
  sample: { given: SampleRequest; made: Samples };
  logProb: { given: ScoreOptions & { images: Levels }; made: { readonly logProb: Float64Array } };
  classify: { given: WalkOptions & { images: Levels }; made: Classification };
}

/** What a worker opens. */
export interface Opening extends Limits {
  module: WebAssembly.Module;
  /** The argument of the API that the module came by. */
  argument: string | undefined;
  model: Uint8Array;
}

export type Work = { [Kind in keyof Works]: { kind: Kind; given: Works[Kind]['given'] } }[keyof Works];

export type Made = Works[keyof Works]['made'];

/** To a worker: a job, one at a time, of which the first, number 0, is to open the model; or that one is to end early. */
export type Order = { job: number } & (Work | { kind: 'stop' });

/** From a worker: how far a job is; or its end, without `made` where it was told to stop. */
export type Report = { job: number; pixels?: number; made?: Made | undefined; failure?: Failure };

/** What a model file says of itself. */
export interface OpenedModel {
  config: Config;
  metadata: Readonly<Record<string, string>>;
}

/** An error on its way between threads, which would lose its class and code. */
export interface Failure {
  name: string;
  message: string;
  code?: PixelCnnErrorCode | undefined;
  argument?: string | undefined;
}

export function failureOf(error: unknown): Failure {
  const argument = argumentOf(error);
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof PixelCnnError ? error.code : undefined;
  return { name, message, code, argument };
}

/** The error again; undefined for one that only a broken worker throws. */
export function foreseenError({ name, message, code, argument }: Failure): Error | undefined {
  if (code === 'INTERNAL') return undefined;
  if (code !== undefined) return new PixelCnnError(code, message, { argument });
  if (argument === undefined) return undefined;
  return naming(argument, new (name === 'TypeError' ? TypeError : RangeError)(message));
}
