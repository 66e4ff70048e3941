/** `pixelcnn eval --shard`: scores a shard's images into its part, where that is not there already, and tells of it. */

import { imageSize } from '../../images.js';
import { sha256 } from '../../node/files.js';
import { type Sampler, seedContract } from '../../sampler.js';
import { type ImageSet, sliceImages } from '../../train/data/image_set.js';
import { type Evaluation, protocolOf } from '../../train/score/protocol.js';
import { openOutputFolder } from '../output_folder.js';
import { print, printJson } from '../terminal.js';
import type { EvalJob } from './job.js';
import { findPart, writePart } from './part.js';
import { type PartOutput, partFigures, partLine } from './run_part.js';
import { rangeOf, type Shard } from './shard.js';

/** @param score Scores some of the images. */
export async function scorePart(
  { model, bytes, sampler }: { model: string; bytes: Uint8Array; sampler: Sampler },
  data: ImageSet,
  shard: Shard,
  score: (some: ImageSet) => Promise<Evaluation>,
  { out, json = false }: PartOutput,
  signal: AbortSignal,
): Promise<void> {
  await openOutputFolder(out, '--out');
  const labels = sampler.config.classes === undefined ? undefined : data.labels;
  const job: EvalJob = {
    command: 'eval',
    model: sha256(bytes),
    seedContract,
    count: data.count,
    protocol: protocolOf(data),
    dimensions: imageSize(sampler.config),
    ...(labels !== undefined && { labels: sha256(labels) }),
  };
  const { first, count } = rangeOf(shard, data.count);
  const whole = await findPart(out, shard, job, signal);
  const state = whole === undefined ? 'drawn' : 'whole';
  const manifest = whole ?? (await make());
  if (json) return printJson({ model, ...partFigures(out, state, manifest) });
  const images = count === 0 ? 'no images' : `images ${first} to ${first + count - 1} of ${job.protocol.split}`;
  print(partLine(out, state, manifest, images, 'scored'));

  async function make() {
    const made = count === 0 ? undefined : await score(sliceImages(data, first, first + count, data.split));
    const nats = Float64Array.from(made?.imageNats ?? []);
    const given = Float64Array.from(made?.given?.imageNats ?? []);
    const right = labels === undefined ? {} : { classifiedRight: made?.classifiedRight ?? 0 };
    return writePart(out, shard, job, { nats, given }, right);
  }
}
