// How likely a model finds a data set, through the sampler: the numbers that samples are drawn from.

import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../abort.js';
import {
  checkInteger,
  checkObject,
  checkSignal,
  lookedAt,
  ownOptions,
  show,
  wrongKind,
  wrongValue,
} from '../../arguments.js';
import type { Config } from '../../config.js';
import type { Levels } from '../../images.js';
import { checkImageSet, type ImageSet } from '../data/image_set.js';
import { loadCore } from '../net/core.js';
import { type Evaluation, likelihoodOf, protocolOf } from './protocol.js';

/** What a sampler and a pool have in common. */
export interface Scorer {
  /** Of the net. */
  readonly config: Config;
  /** What the classes are called, of a model with classes. */
  readonly classNames?: readonly string[] | undefined;
  /** Of a model with classes given `{ labels }`, the class of each image, `[count]`. */
  logProb(images: Levels, options?: object): Float64Array | Promise<Float64Array>;
}

/** What `evaluate` is asked for. */
export interface EvaluateOptions {
  /** A sampler, or a pool. */
  readonly sampler: Scorer;
  /** What is scored; its size and levels must be the model's. */
  readonly data: ImageSet;
  /** Images that are scored at once, 1 to 1,024. Default: 64. */
  readonly batchSize?: number;
  /** Gives up; the iteration then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What `evaluate` reports, told apart by `type`. */
export type EvaluateEvent =
  | {
      /** After a batch. */
      readonly type: 'progress';
      /** Images scored. */
      readonly done: number;
      /** Images in all. */
      readonly total: number;
    }
  | {
      /** The last event. */
      readonly type: 'end';
      /** The result. */
      readonly evaluation: Evaluation;
    };

/**
 * Scores every image, a batch at a time; the last event carries the result. By a model with classes, every image is scored under
 * each class, so that what is told of p(image) and of the likeliest class is exact. Between two batches the loop turns, so that timers and
 * signals are seen.
 *
 * @throws RangeError, TypeError for a wrong option, at the call; the signal's reason once it aborts.
 */
export function evaluate(options: EvaluateOptions): AsyncGenerator<EvaluateEvent, void, undefined> {
  const asked = ownOptions('options', options, ['sampler', 'data', 'batchSize', 'signal']);
  const { sampler } = asked;
  checkObject('sampler', sampler);
  const { config, logProb } = lookedAt('sampler', () => ({ config: sampler.config, logProb: sampler.logProb }));
  if (typeof logProb !== 'function' || typeof config !== 'object' || config === null) {
    throw wrongKind('sampler', `expected what loadSampler or loadSamplerPool gives, got ${show(sampler)}`);
  }
  const data = checkImageSet('data', asked.data);
  for (const field of ['height', 'width', 'channels', 'levels'] as const) {
    const wanted = lookedAt('sampler', () => config[field]);
    if (wanted === data[field]) continue;
    throw wrongValue('data', `expected images of ${field} ${show(wanted)}, as the model has, got ${data[field]}`);
  }
  const [classes, names] = lookedAt('sampler', () => [config.classes ?? 0, sampler.classNames] as const);
  const labels = labelsFor(classes, names, data);
  const batchSize = checkInteger('batchSize', asked.batchSize ?? 64, { min: 1, max: 1024 });
  const scorer: Scorer = { config, logProb: (...given) => logProb.apply(sampler, given) };
  const signal = asked.signal === undefined ? undefined : checkSignal('signal', asked.signal);
  return score(scorer, classes, { ...data, labels }, batchSize, signal);
}

/** The labels of images as a model counts its classes: by name, or by number where nobody named them. */
function labelsFor(classes: number, names: readonly string[] | undefined, data: ImageSet): Uint16Array | undefined {
  const { labels, classNames: told = [] } = data;
  if (classes === 0 || labels === undefined) return undefined;
  const numbers = told.map((name) => names?.indexOf(name) ?? -1);
  const odd = numbers.indexOf(-1);
  if (odd < 0) return labels.map((label) => numbers[label]!);
  const isNumbered = told.every((name, label) => name === String(label));
  if (told.length === classes ? names === undefined || isNumbered : isNumbered && told.length < classes) return labels;
  if (names === undefined || isNumbered) {
    throw wrongValue('data', `expected images of ${show(classes)} classes, as the model has, got ${told.length}`);
  }
  const some = names.slice(0, 12).map(show).join(', ');
  const wanted = `expected images of classes that the model has (${some}${names.length > 12 ? ', ...' : ''})`;
  throw wrongValue('data', `${wanted}, got ${show(told[odd])}`);
}

/** @param classes How many the model has; 0 for none. */
async function* score(
  sampler: Scorer,
  classes: number,
  data: Omit<ImageSet, 'labels'> & { readonly labels: Uint16Array | undefined },
  batchSize: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<EvaluateEvent, void, undefined> {
  const dimensions = data.height * data.width * data.channels;
  const core = await loadCore();
  const [alone, given]: [number[], number[]] = [[], []];
  let classifiedRight = 0;
  for (let done = 0; done < data.count; ) {
    throwIfAborted(signal);
    const end = Math.min(done + batchSize, data.count);
    const images = data.pixels.subarray(done * dimensions, end * dimensions);
    if (classes === 0) {
      alone.push(...natsOf(await sampler.logProb(images), end - done));
    } else {
      const count = end - done;
      const ofClasses = new Float64Array(classes * count);
      for (let label = 0; label < classes; label++) {
        throwIfAborted(signal);
        const labels = new Uint16Array(count).fill(label);
        ofClasses.set(natsOf(await sampler.logProb(images, { labels }), count), label * count);
      }
      const rows = core.mixture(ofClasses, classes);
      for (let image = 0; image < count; image++) {
        const [nats, ...shares] = rows.subarray(image * (1 + classes), (image + 1) * (1 + classes));
        alone.push(nats as number);
        const label = data.labels?.[done + image];
        if (label === undefined) continue;
        given.push(ofClasses[label * count + image] as number);
        if (shares.indexOf(Math.max(...shares)) === label) classifiedRight++;
      }
    }
    done = end;
    yield { type: 'progress', done, total: data.count };
    await setImmediate(); // lets signals and timers in
  }
  throwIfAborted(signal);
  const evaluation = {
    images: data.count,
    ...likelihoodOf(alone, dimensions),
    protocol: protocolOf(data),
    ...(given.length > 0 && { given: likelihoodOf(given, dimensions), classifiedRight }),
  };
  yield { type: 'end', evaluation };
}

/** What a scorer of the caller's gave for some images, as nats. */
function natsOf(logProb: unknown, count: number): number[] {
  const nats = lookedAt('sampler', () => Array.from(logProb as ArrayLike<number>, (image) => -image));
  if (nats.length === count && nats.every((image) => !Number.isNaN(image))) return nats;
  throw wrongKind('sampler', `expected its logProb to give ${count} numbers, got ${show(logProb)}`);
}
