/** `pixelcnn sample --shard`: draws a part and tells of it. */

import { sha256 } from '../../node/files.js';
import type { Sampler } from '../../sampler.js';
import { Interrupted } from '../failure.js';
import { openOutputFolder } from '../output_folder.js';
import { clock, rate, startProgress } from '../progress.js';
import { print, printJson } from '../terminal.js';
import { drawPart, type Outcome, type ShardRequest } from './draw_part.js';
import { type Manifest, manifestPath } from './part.js';
import { rangeOf, shardText } from './shard.js';

export interface PartOutput {
  out: string;
  json?: boolean;
}

export async function runPart(
  { model, bytes, sampler }: { model: string; bytes: Uint8Array; sampler: Sampler },
  request: ShardRequest,
  { out, json = false }: PartOutput,
  signal: AbortSignal,
): Promise<void> {
  await openOutputFolder(out, '--out');
  const { count } = rangeOf(request.shard, request.count);
  const bar = json || count === 0 ? undefined : await startProgress('sampling', count, 'images');
  let outcome: Outcome;
  try {
    const open = { bytes, sampler, sha256: sha256(bytes) };
    outcome = await drawPart(open, request, out, signal, (share) => bar?.update(count * share));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(`${error.message}; no part was written`, { cause: error });
  } finally {
    bar?.stop();
  }
  const { state, manifest, ms } = outcome;
  if (json) return printJson({ model, ...partFigures(out, state, manifest), ms });
  const { seed, startIndex } = request;
  const first = startIndex + manifest.first;
  const images = count === 0 ? 'no images' : `images ${first} to ${first + count - 1}`;
  const took = ms < 60_000 ? `${(ms / 1000).toPrecision(3)} s` : clock(ms / 1000);
  const how = count === 0 ? 'with nothing to draw' : `in ${took} (${rate((1000 * count) / ms, 'images')})`;
  print(partLine(out, state, manifest, `${images} of seed ${seed}`, how));
}

/** `part 3/16: images 300 to 399 of seed 1, in 2.1 s; wrote parts/part-000003-of-000016.json and its arrays`. */
export function partLine(out: string, state: Outcome['state'], { shard }: Manifest, what: string, how: string): string {
  const path = manifestPath(out, shard);
  const named = `part ${shardText(shard)}: ${what}`;
  if (state === 'whole') return `${named}, is there and whole: ${path} and its arrays were left as they are`;
  return `${named}, ${how}; wrote ${path} and its arrays`;
}

/** What a program is told of a part. */
export function partFigures(out: string, state: Outcome['state'], manifest: Manifest) {
  const { shard, first, count, files } = manifest;
  return { shard: shardText(shard), state, first, count, manifest: manifestPath(out, shard), files };
}
