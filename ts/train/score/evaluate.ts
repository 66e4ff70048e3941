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
import { checkImageSet, type ImageSet } from '../data/image_set.js';
import { type Evaluation, likelihood, protocolOf } from './protocol.js';

/** What a sampler and a pool have in common. */
export interface Scorer {
  readonly config: Config;
  logProb(images: Uint8Array): Float64Array | Promise<Float64Array>;
}

export interface EvaluateOptions {
  /** A sampler, or a pool. */
  readonly sampler: Scorer;
  readonly data: ImageSet;
  /** Images that are scored at once, 1 to 1,024. Default: 64. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

export type EvaluateEvent =
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'end'; readonly evaluation: Evaluation };

/**
 * Scores every image, a batch at a time; the last event carries the result. Between two batches the loop turns, so that timers and
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
  const batchSize = checkInteger('batchSize', asked.batchSize ?? 64, { min: 1, max: 1024 });
  return score(
    { config, logProb: (images) => logProb.call(sampler, images) },
    data,
    batchSize,
    checkSignal(asked.signal),
  );
}

async function* score(
  sampler: Scorer,
  data: ImageSet,
  batchSize: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<EvaluateEvent, void, undefined> {
  const dimensions = data.height * data.width * data.channels;
  const imageNats: number[] = [];
  for (let done = 0; done < data.count; ) {
    throwIfAborted(signal);
    const end = Math.min(done + batchSize, data.count);
    const logProb = await sampler.logProb(data.pixels.subarray(done * dimensions, end * dimensions) as Uint8Array);
    imageNats.push(...natsOf(logProb, end - done));
    done = end;
    yield { type: 'progress', done, total: data.count };
    await setImmediate(); // lets signals and timers in
  }
  throwIfAborted(signal);
  const loss = imageNats.reduce((sum, nats) => sum + nats, 0) / (data.count * dimensions);
  const protocol = protocolOf(data);
  yield {
    type: 'end',
    evaluation: { images: data.count, loss, ...likelihood(loss, dimensions), imageNats, protocol },
  };
}

/** What a scorer of the caller's gave for some images, as nats. */
function natsOf(logProb: unknown, count: number): number[] {
  const nats = lookedAt('sampler', () => Array.from(logProb as ArrayLike<number>, (image) => -image));
  if (nats.length === count && nats.every((image) => !Number.isNaN(image))) return nats;
  throw wrongKind('sampler', `expected its logProb to give ${count} numbers, got ${show(logProb)}`);
}
