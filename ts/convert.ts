/** Model files made from model files: ordered for skipping, and in integers. */

import { abortable, throwIfAborted } from './abort.js';
import {
  anything,
  checkObject,
  checkOptions,
  checkShortText,
  checkSignal,
  lookedAt,
  show,
  wrongValue,
} from './arguments.js';
import { startInstance } from './binary.js';
import { room } from './bytes.js';
import type { Config } from './config.js';
import { PixelCnnError } from './error.js';
import { fitImages, type Images, imageSize, isLevels, type Levels, takeImages } from './images.js';
import { enter, giveBytes, giveLevels, giveText, hold, read } from './instance.js';
import { checkLabels, type Labels } from './labels.js';
import { namingModel } from './load.js';
import { type ModelSource, readModel } from './model_source.js';
import { methods, skippings } from './sample_options.js';
import { openSampler } from './sampler.js';
import { limitChecks } from './sharing.js';

/** Options of `optimizeModel` and `quantizeModel`. */
export interface ConvertOptions {
  /** What the new file says of `images`, such as `300 samples of seed 1`; at most 1000 characters. Default: how many they are. */
  calibration?: string;
  /** Gives up loading; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Bytes that the conversion may take: an integer of at least 1. Default: 4 GiB. */
  memoryLimit?: number;
  /** Of a net with classes the class of all images, or of each, by number or name. Default: one class after the other. */
  labels?: Labels;
}

/** The longest `calibration`: it stands in the header of the new file, and of all that are made of it. */
const maxCalibration = 1000;

/** One conversion, as the metadata's `derived` lists them, the first first. */
export interface Conversion {
  /** `optimizeModel` or `quantizeModel`. */
  readonly by: 'optimize' | 'quantize';
  /** sha256 of the file that was converted. */
  readonly source: string;
  /** Which images showed what the net does. */
  readonly calibration: string;
}

/**
 * Orders a model's hidden channels so that what is zero on images stands last: sampling with `skipping: 'all'` then issues fewer
 * multiply-adds. The function is the same, the logits
 * differ from the old file's in their last bits, so a seed may draw another image now and then.
 *
 * @param model A model file of precision `f32`.
 * @param images Whole images of levels, such as the model draws; of many, as many as have 65,536 pixels are looked at, evenly
 *   spread.
 * @returns The new file, with a `derived` in its metadata that names the old.
 * @throws As `loadSampler`; RangeError for other images, a model of integers, or a net that is not plain with relu.
 */
export function optimizeModel(
  model: ModelSource,
  images: Images,
  options: ConvertOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return convert('optimize', model, images, options);
}

/**
 * Turns a model into one of integers (`config.precision` is `int8`): a quarter of the size and much faster, the same
 * integers on every host. Its likelihoods differ from the old file's by some 1e-5 nats a pixel (4.1e-5 of the packaged mnist-binary, 3.5e-5 of digits); `pixelcnn eval` tells.
 *
 * @param model A model file of precision `f32`, of any net. Optimise first, where that is possible, then quantise.
 * @param images Whole images of levels, some hundreds such as the model draws: they show how large activations get. Of a net with
 *   classes `labels` are theirs.
 * @returns The new file, with a `derived` in its metadata that names the old.
 * @throws As `loadSampler`; RangeError for other images or a model of integers; PixelCnnError `INTEGER_OVERFLOW` where the weights
 *   fit into no integers.
 */
export function quantizeModel(
  model: ModelSource,
  images: Images,
  options: ConvertOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return convert('quantize', model, images, options);
}

/**
 * The conversions that a model file has been through, the first first.
 *
 * @throws PixelCnnError `NOT_A_MODEL` where the metadata's `derived` is not as pixelcnn writes it.
 */
export function conversionsOf(metadata: Readonly<Record<string, string>>): Conversion[] {
  checkObject('metadata', metadata);
  return listed(
    lookedAt('metadata', () => metadata.derived),
    'metadata',
  );
}

/** @param argument The argument of the API that it came by. */
function listed(derived: string | undefined, argument: string): Conversion[] {
  if (derived === undefined) return [];
  const list = parsed(derived);
  if (Array.isArray(list) && list.every(isConversion)) {
    return list.map(({ by, source, calibration }) => ({ by, source, calibration }));
  }
  throw new PixelCnnError(
    'NOT_A_MODEL',
    `model file: expected in its metadata as \`derived\` the conversions that pixelcnn lists there, got ${show(derived)}; ` +
      'convert the model that it was made from',
    { argument },
  );
}

function isConversion(value: unknown): value is Conversion {
  if (typeof value !== 'object' || value === null) return false;
  const { by, source, calibration } = value as Record<keyof Conversion, unknown>;
  const isHash = typeof source === 'string' && /^[0-9a-f]{64}$/.test(source);
  return (by === 'optimize' || by === 'quantize') && isHash && typeof calibration === 'string';
}

/** Multiply-adds that a first walk over given images issues under all skipping, an image. `labels` are their classes, where there are such. */
export function executedMacs(model: Uint8Array, images: Levels, count: number, labels?: Uint16Array): number {
  giveBytes(model);
  const sampler = hold(
    enter((core) => core.sampler_new(Number.NaN, Number.NaN)),
    (core, at) => core.sampler_free(at),
  );
  try {
    giveLevels(images, labels);
    const run = hold(
      enter((core) => core.sampler_score(sampler.at, methods.indexOf('wavefront'), skippings.indexOf('all'))),
      (core, at) => core.run_free(at),
    );
    try {
      enter((core) => core.run_finish(run.at));
      return enter((core) => core.run_macs(run.at)) / count;
    } finally {
      run.release();
    }
  } finally {
    sampler.release();
  }
}

async function convert(
  by: Conversion['by'],
  model: ModelSource,
  images: Images,
  options: ConvertOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { calibration, signal, memoryLimit, labels } = checkOptions('options', options, {
    calibration: (name: string, value: unknown) => checkShortText(name, value, { max: maxCalibration }),
    signal: checkSignal,
    memoryLimit: limitChecks.memoryLimit,
    labels: anything,
  });
  const own = takeImages(images);
  const ownLabels = lookedAt('labels', () => (isLevels(labels) || Array.isArray(labels) ? Array.from(labels) : labels));
  const [bytes] = await abortable(signal, (ours) => Promise.all([readModel(model, ours), startInstance()]));
  const source = hex(await digest(bytes));
  throwIfAborted(signal);
  try {
    const sampler = openSampler(bytes, { memoryLimit });
    let levels: Levels;
    let classes: Uint16Array | undefined;
    let derived: Conversion[];
    try {
      const { config, metadata } = sampler;
      checkConvertible(by, config);
      levels = fitImages(own, config);
      const count = levels.length / imageSize(config);
      if (ownLabels !== undefined) classes = checkLabels('labels', ownLabels, count, sampler);
      const shown = calibration ?? `${count} images`;
      derived = [...listed(metadata.derived, 'model'), { by, source, calibration: shown }];
    } finally {
      sampler.dispose();
    }
    const added = JSON.stringify({ derived: JSON.stringify(derived) });
    giveBytes(bytes);
    giveText(added);
    giveLevels(levels, classes);
    const made = read(Uint8Array, (core) => core[by](memoryLimit ?? Number.NaN), 'model');
    const file = room(Uint8Array, made.length, 'model');
    file.set(made);
    return file;
  } catch (error) {
    throw namingModel(error, model);
  }
}

/** Refuses a model that a conversion is not for. Throws RangeError. */
export function checkConvertible(by: Conversion['by'], config: Config): void {
  const { precision, architecture, activation = 'relu' } = config;
  if (precision !== 'f32') {
    const sentence = `expected one of precision f32, got one of ${precision}; convert the model it was made from`;
    throw wrongValue('model', sentence);
  }
  if (by === 'quantize' || (architecture === 'plain' && activation === 'relu')) return;
  const got = architecture === 'plain' ? `one with ${activation}, which has no zeros` : `a ${architecture} one`;
  throw wrongValue('model', `expected a plain net with relu, got ${got}; use it as it is`);
}

function digest(bytes: Uint8Array): Promise<ArrayBuffer> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new PixelCnnError(
      'CRYPTO_UNAVAILABLE',
      'expected a host with crypto.subtle, got none; serve the page over https',
    );
  }
  return crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The value of a text that may be no JSON. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
