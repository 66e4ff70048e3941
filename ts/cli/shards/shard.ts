/** A shard: one of so many parts of a job's images, which no engine needs to know more of than two numbers. */

import { show } from '../../arguments.js';
import { UsageError } from '../failure.js';

export interface Shard {
  /** Which part, counted from 0. */
  readonly index: number;
  /** Of how many. */
  readonly of: number;
}

/** Images of a job, counted from 0 within it. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

/** The most shards of a job. */
export const mostShards = 1_000_000;

/** `3/16`, counted from 0 as `JOB_COMPLETION_INDEX` of Kubernetes is. */
export function parseShard(option: string, text: string): Shard {
  const wanted = `${option}: expected a part and how many there are, such as 0/4 to 3/4`;
  const [, index, of] = /^(\d{1,7})\/(\d{1,7})$/.exec(text) ?? [];
  if (index === undefined || of === undefined) throw new UsageError(`${wanted}, got ${show(text)}`);
  const shard = { index: Number(index), of: Number(of) };
  if (shard.of < 1 || shard.of > mostShards) {
    throw new UsageError(`${wanted}, of 1 to ${mostShards} parts, got ${show(text)}`);
  }
  if (shard.index >= shard.of) {
    throw new UsageError(
      `${wanted}, counted from 0, got ${show(text)}, whose last part is ${shard.of - 1}/${shard.of}`,
    );
  }
  return shard;
}

export function shardText({ index, of }: Shard): string {
  return `${index}/${of}`;
}

/**
 * The images of a shard: neighbours, as many as of any other shard or one more. Of more shards than images some have none.
 *
 * @param count Images of the job, below 2^53.
 */
export function rangeOf({ index, of }: Shard, count: number): Range {
  // Products of such numbers are exact as big integers alone.
  const start = (i: number) => Number((BigInt(count) * BigInt(i)) / BigInt(of));
  return { first: start(index), count: start(index + 1) - start(index) };
}
