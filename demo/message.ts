/** What the page and its workers say to each other. */

import type { Config, SampleOptions } from 'pixelcnn';
import type { Outcome } from '../judge/sokoban.js';
import type { Offset } from './field.js';

export type Levels = Uint8Array | Uint16Array;

/** What the page shows of a model. */
export interface OpenedModel {
  readonly config: Config;
  readonly classNames: readonly string[] | undefined;
  readonly alphabet: readonly string[] | undefined;
  /** What the file says of itself. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The earlier pixels that a pixel depends on, from it. */
  readonly field: readonly Offset[];
  /** Steps of one image by fronts, and by whole passes. */
  readonly fronts: number;
  readonly passes: number;
  readonly parameters: number;
  /** Of its file. */
  readonly bytes: number;
}

export interface DrawRequest extends SampleOptions {
  readonly count: number;
  readonly seed: number;
  /** Milliseconds that a front of pixels is shown before the next; 0 for as fast as it goes. */
  readonly pace?: number;
}

/** Pixels that came since the last report. */
export interface Drawing {
  /** Image, raster index, level, as sampleSteps gives them. */
  readonly pixels: Uint32Array;
  /** Steps so far: fronts of pixels, or of the naive method whole passes. */
  readonly steps: number;
  readonly done: number;
  readonly total: number;
  /** Milliseconds of computing so far, waiting left out. */
  readonly ms: number;
}

export interface Drawn {
  readonly data: Levels;
  readonly nats: Float64Array;
  readonly labels: Uint16Array | undefined;
  readonly ms: number;
}

export interface Completed extends Drawn {
  /** p(class | what is given), `[classes]`; of a model without classes none. */
  readonly shares: Float64Array | undefined;
  /** What the drawn part of each image cost, `[count]`, in nats. */
  readonly drawnNats: Float64Array;
}

export interface Scored {
  /** -ln p of each pixel given those before it, under the likeliest class. */
  readonly pixelNats: Float32Array;
  /** -ln p(image) in nats: of a model with classes the mean over them. */
  readonly nats: number;
  /** p(class | image), `[classes]`. */
  readonly probabilities: Float64Array | undefined;
}

/** Work for a worker: what it is given, what it tells on the way, and what it gives in the end. */
export interface Works {
  open: { given: { model: ArrayBuffer }; step: never; made: OpenedModel };
  draw: { given: DrawRequest; step: Drawing; made: Drawn };
  /** Draws the rows from `rows` on, of classes as likely as what is given makes them unless one is asked for. */
  complete: { given: DrawRequest & { image: Levels; rows: number; label?: number }; step: Drawing; made: Completed };
  score: { given: { image: Levels }; step: never; made: Scored };
  /** The logits of an image. */
  look: { given: { image: Levels; label: number | undefined }; step: never; made: Float32Array };
  solve: { given: { level: readonly string[] }; step: never; made: Outcome };
}

export type Kind = keyof Works;

export type Order =
  | { [K in Kind]: { type: 'work'; job: number; kind: K; given: Works[K]['given'] } }[Kind]
  | { type: 'stop'; job: number };

export type Report =
  | { type: 'step'; job: number; step: Drawing }
  | { type: 'done'; job: number; made: Works[Kind]['made'] }
  | { type: 'failed'; job: number; message: string };
