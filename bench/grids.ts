/**
 * Grids of codes, as the prior of a VQ-VAE draws them: 8 x 8 codes of 512, of ten classes, by 15 layers of 64 channels.
 * Random weights: nothing is skipped, and what is drawn means nothing. A peer that runs the net draws a grid by 64 forward
 * passes.
 */

import type { Config } from '../ts/config.js';
import { near, worstOf } from './agree.js';
import { type Contender, draw, logits, type Method, randomModel, scaled, seed } from './core.js';
import { type Budget, type Case, interleave, type Timing } from './harness.js';
import type { Peer, Start } from './peer.js';

const common = {
  ...{ height: 8, width: 8, levels: 512, input: 'nominal', embedding: 64, classes: 10 },
  ...{ filters: 64, blocks: 14, firstKernel: 7, blockKernel: 3, headLayers: 1 },
} satisfies Partial<Config>;

/** Peers run the first net of each architecture. */
const nets: readonly { name: string; config: Partial<Config>; isRaced: boolean }[] = [
  { name: 'plain', config: common, isRaced: true },
  { name: 'plain, tanh', config: { ...common, activation: 'tanh' }, isRaced: false },
  { name: 'plain, sigmoid', config: { ...common, activation: 'sigmoid' }, isRaced: false },
  { name: 'gated', config: { ...common, architecture: 'gated' }, isRaced: true },
  { name: 'gated, relu', config: { ...common, architecture: 'gated', activation: 'relu' }, isRaced: false },
];

const batches: readonly number[] = [1, 16];

const ways: readonly { readonly method: Method; readonly batch: number }[] = [
  ...batches.map((batch) => ({ method: 'wavefront', batch }) as const),
  { method: 'cached', batch: 1 },
];

export interface GridTime {
  /** The net, and the way or peer that draws. */
  readonly name: string;
  readonly batch: number;
  /** Milliseconds a grid. */
  readonly time: Timing;
  /** Over the time that our wavefront takes in the same batch. */
  readonly toOurs: number;
}

export interface Grids {
  readonly times: readonly GridTime[];
  /** Why peers are missing, a sentence each. */
  readonly missing: readonly string[];
}

/** What is timed. */
interface Entry extends Case {
  readonly net: string;
  readonly way: string;
  readonly batch: number;
  /** Grids of one run; of a peer's forward pass, the grids' codes it stands for. */
  readonly grids: number;
}

/** Races our ways and the peers on all nets, in turn; nothing is timed before the peers were seen to give our logits. */
export async function timeGrids(
  starts: readonly Start[],
  budget: Budget,
  changes: Partial<Config> = {},
): Promise<Grids> {
  const [models, peers, missing]: [Contender[], Peer[], Set<string>] = [[], [], new Set()];
  try {
    const entries: Entry[] = [];
    for (const { name, config, isRaced } of nets) {
      const model = randomModel({ ...config, ...changes });
      models.push(model);
      entries.push(...ways.map((way) => ownEntry(name, model, way)));
      for (const start of isRaced ? starts : []) {
        const peer = await start(model.net, model.sampler.weights());
        if (typeof peer === 'string') {
          missing.add(peer);
          continue;
        }
        peers.push(peer);
        await checkPeer(peer, model);
        entries.push(...batches.map((batch) => peerEntry(name, model, peer, batch)));
      }
    }
    const timings = await interleave(entries, budget);
    const perGrid = ({ name, grids }: Entry): Timing => {
      const { runs, best, median, low, high } = timings.get(name)!;
      return { runs, best: best / grids, median: median / grids, low: low / grids, high: high / grids };
    };
    return {
      missing: [...missing],
      times: entries.map((entry) => {
        const { name, net, batch } = entry;
        const ours = entries.find((one) => one.net === net && one.batch === batch && one.way === 'wavefront')!;
        const time = perGrid(entry);
        return { name, batch, time, toOurs: time.median / perGrid(ours).median };
      }),
    };
  } finally {
    for (const peer of peers) peer.end?.();
    for (const { sampler } of models) sampler.free();
  }
}

function ownEntry(net: string, { sampler }: Contender, { method, batch }: (typeof ways)[number]): Entry {
  const run = (round: number) => void draw(sampler, drawing(method, batch, round * batch));
  return { name: `${net}: ${method}, batch ${batch}`, net, way: method, batch, grids: batch, run };
}

function peerEntry(net: string, model: Contender, peer: Peer, batch: number): Entry {
  const { height, width } = model.net.config;
  const { labels, images } = drawn(model, batch);
  const pixels = scaled(images, model.net);
  const way = `${peer.name}, ${height * width} forward passes`;
  const run = async () => (await peer.forward(pixels, batch, height, width, labels)).time;
  return { name: `${net}: ${way}, batch ${batch}`, net, way, batch, grids: batch / (height * width), run };
}

function drawing(method: Method, count: number, startIndex: number) {
  const labels = Uint16Array.from({ length: count }, (_, grid) => (startIndex + grid) % common.classes);
  return { method, skipping: 'none', count, seed, startIndex, labels } as const;
}

/** Grids that the net draws itself. */
function drawn({ sampler }: Contender, count: number) {
  const how = drawing('wavefront', count, 0);
  return { images: draw(sampler, how).images, labels: how.labels };
}

async function checkPeer(peer: Peer, model: Contender): Promise<void> {
  const { images, labels } = drawn(model, 2);
  const { height, width } = model.net.config;
  const theirs = await peer.forward(scaled(images, model.net), 2, height, width, labels);
  near(peer.name, worstOf(logits(model.sampler, images, 'wavefront', labels), theirs.logits));
}
