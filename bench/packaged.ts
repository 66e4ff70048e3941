/** Every packaged model, in each of its forms: what an image costs whoever draws from it, one by one and 64 at once. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { forms, formsOf, publishedModels } from '../scripts/model_list.js';
import { inTurn } from '../ts/sample_options.js';
import { type Contender, draw, everything, inkOf, open, reopened, type Sampler, seed } from './core.js';
import { type Budget, type Case, interleave, type Timing } from './harness.js';

const batches: readonly number[] = [1, 64];

export interface PackagedTime {
  /** Of the file. */
  readonly name: string;
  readonly batch: number;
  /** Milliseconds an image. */
  readonly time: Timing;
  /** Multiply-adds of an image of which nothing is skipped. */
  readonly macs: number;
  /** Multiply-adds issued, over these. */
  readonly executed: number;
  /** Pixels of an image that are not of level 0. */
  readonly ink: number;
}

interface Entry extends Case {
  readonly model: string;
  readonly net: Contender['net'];
  readonly batch: number;
  readonly sampler: Sampler;
  /** Of all runs but those that warmed up. */
  readonly sums: { images: number; macs: number; ink: number };
}

/** Draws from all models in turn, everything skipped, other images in each round, of one class after the other. */
export async function timePackaged(budget: Budget): Promise<PackagedTime[]> {
  const entries = publishedModels.flatMap((model) =>
    formsOf(model).flatMap((form) => {
      const name = `${model.name}${forms[form]}`;
      const file = readFileSync(fileURLToPath(new URL(`../models/${name}.safetensors`, import.meta.url)));
      return batches.map((batch) => entryOf(name, batch, open(file, name)));
    }),
  );
  try {
    const timings = await interleave(entries, budget);
    return entries.map(({ name, model, net, batch, sums }) => {
      const { runs, best, median, low, high } = timings.get(name)!;
      const time = { runs, best: best / batch, median: median / batch, low: low / batch, high: high / batch };
      const executed = sums.macs / sums.images / net.macsPerImage;
      return { name: model, batch, time, macs: net.macsPerImage, executed, ink: sums.ink / sums.images };
    });
  } finally {
    for (const { sampler } of entries) sampler.free();
  }
}

function entryOf(model: string, batch: number, contender: Contender): Entry {
  const sampler = reopened(contender);
  contender.sampler.free();
  const { net } = contender;
  const sums = { images: 0, macs: 0, ink: 0 };
  const run = (round: number): undefined => {
    const startIndex = round * batch;
    const labels = inTurn(startIndex, batch, net);
    const drawn = draw(sampler, { ...everything, count: batch, seed, startIndex, ...(labels && { labels }) });
    if (round === 0) return; // the rounds that warm up
    sums.images += batch;
    sums.macs += drawn.macs;
    sums.ink += inkOf(drawn.images);
  };
  return { name: `${model}, ${batch}`, model, net, batch, sampler, sums, run };
}
