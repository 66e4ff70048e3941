// Two likelihoods beside each other, where they may stand so.

import { checkText, lookedAt, show, wrongKind } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import type { Evaluation, Protocol } from './protocol.js';

/** What a comparison needs of an evaluation; a model's training record has all but the nats of each image. */
export interface Compared extends Pick<Evaluation, 'images' | 'natsPerImage' | 'bitsPerDim' | 'protocol'> {
  /** What each image costs, in nats, where it is known. */
  readonly imageNats?: readonly number[];
}

/**
 * A parsed JSON value as an evaluation, checked field by field; `name` is what an error calls it.
 *
 * @throws PixelCnnError `INVALID_DATA` naming the field.
 */
export function readEvaluation(value: unknown, name: string): Compared {
  checkText('name', name);
  return lookedAt(name, () =>
    comparedOf(value, (place, wanted, got) => {
      const message = `${name}: expected ${wanted}${place && ` in ${place}`}, as eval --json prints, got ${show(got)}`;
      return new PixelCnnError('INVALID_DATA', message);
    }),
  );
}

/** The fields of an evaluation; `wrong` makes the error of one that is none of its kind. */
function comparedOf(value: unknown, wrong: (place: string, wanted: string, got: unknown) => Error): Compared {
  const object = (place: string, candidate: unknown): Record<string, unknown> => {
    if (typeof candidate === 'object' && candidate !== null) return candidate as Record<string, unknown>;
    throw wrong(place, 'an object', candidate);
  };
  const number = (place: string, candidate: unknown): number => {
    if (typeof candidate === 'number' && Number.isFinite(candidate)) return candidate;
    throw wrong(place, 'a finite number', candidate);
  };
  const fields = object('', value);
  const protocol = object('protocol', fields.protocol);
  const text = (key: keyof Protocol): string => {
    const candidate = protocol[key];
    if (typeof candidate === 'string') return candidate;
    throw wrong(`protocol.${key}`, 'a string', candidate);
  };
  const { imageNats } = fields;
  const compared = {
    images: number('images', fields.images),
    natsPerImage: number('natsPerImage', fields.natsPerImage),
    bitsPerDim: number('bitsPerDim', fields.bitsPerDim),
    protocol: {
      source: text('source'),
      split: text('split'),
      binarisation: text('binarisation'),
      sha256: text('sha256'),
      ...(protocol.given === 'class' && { given: 'class' as const }),
    },
  };
  if (imageNats === undefined) return compared;
  if (!Array.isArray(imageNats)) throw wrong('imageNats', 'an array', imageNats);
  return { ...compared, imageNats: imageNats.map((nats, i) => number(`imageNats[${i}]`, nats)) };
}

/** An argument that must be an evaluation. */
function checkCompared(name: string, value: unknown): Compared {
  return lookedAt(name, () =>
    comparedOf(value, (place, wanted, got) => {
      return wrongKind(
        place === '' ? name : `${name}.${place}`,
        `expected ${wanted}, as an evaluation has, got ${show(got)}`,
      );
    }),
  );
}

/** One minus the other: below 0 where the first finds the images likelier. */
export interface Comparison {
  /** Of the means of an image, in nats. */
  readonly natsPerImage: number;
  /** The same for each value, in bits. */
  readonly bitsPerDim: number;
  /** Of `natsPerImage`, from the differences image by image; undefined where they are not known of both. */
  readonly standardError?: number;
}

const words: Readonly<Required<Record<keyof Protocol, string>>> = {
  source: 'the data',
  split: 'the split',
  binarisation: 'the binarisation',
  sha256: "the images' sha256",
  given: 'what is given',
};

/**
 * Refuses two protocols under which likelihoods cannot be compared.
 *
 * @throws PixelCnnError `INCOMPARABLE`, naming what differs.
 */
export function checkComparable(one: Protocol, other: Protocol): void {
  const keys = Object.keys(words) as (keyof Protocol)[];
  const differs = keys.filter((key) => one[key] !== other[key]);
  if (differs.length === 0) return;
  // The hash follows from all else, so that it is news only where nothing else differs.
  const told = differs.length > 1 ? differs.filter((key) => key !== 'sha256') : differs;
  const list = told.map((key) => `${words[key]} (${one[key] ?? 'nothing'}; there: ${other[key] ?? 'nothing'})`);
  throw new PixelCnnError(
    'INCOMPARABLE',
    `expected two likelihoods under one protocol, got two that differ in ${list.join(' and ')}; score both alike`,
  );
}

/**
 * How much likelier one evaluation found the images than another.
 *
 * @throws TypeError for what is no evaluation; PixelCnnError `INCOMPARABLE` where they are not of the same images under one protocol.
 */
export function compareEvaluations(one: Compared, other: Compared): Comparison {
  [one, other] = [checkCompared('one', one), checkCompared('other', other)];
  checkComparable(one.protocol, other.protocol);
  const difference = {
    natsPerImage: one.natsPerImage - other.natsPerImage,
    bitsPerDim: one.bitsPerDim - other.bitsPerDim,
  };
  const [a, b] = [one.imageNats, other.imageNats];
  if (a === undefined || b === undefined || a.length !== b.length || a.length < 2) return difference;
  return { ...difference, standardError: pairedDifference(a, b).standardError };
}

/**
 * The mean of `a[i] - b[i]`, and its standard error (0 for one pair). Where both are of the same images, what is hard for one
 * model is hard for the other, so the differences spread less than the values do.
 */
export function pairedDifference(a: ArrayLike<number>, b: ArrayLike<number>): { mean: number; standardError: number } {
  const differences = Array.from(a, (value, i) => value - b[i]!);
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / a.length;
  const squares = differences.reduce((sum, difference) => sum + (difference - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / Math.max(1, a.length - 1) / a.length) };
}
