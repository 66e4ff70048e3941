/** The rows of the table, as data: which ways to draw an image are timed against each other. */

import { availableParallelism } from 'node:os';
import type { SamplerPool } from '../ts/pool/pool.js';
import {
  type Contender,
  type Drawn,
  draw,
  everything,
  inkOf,
  type Method,
  type Precision,
  precisions,
  reopened,
  type Skipping,
  scaled,
  seed,
} from './core.js';
import type { Case, Timing } from './harness.js';
import { frameworkMacs, type Peer } from './peer.js';

/** One way to draw images, and what it took. */
export interface Row {
  readonly name: string;
  readonly precision: Precision;
  /** Images drawn together. */
  readonly batch: number;
  readonly threads: number;
  /** Whose kernels, and whether they run in WebAssembly: only then is the roof of this process theirs. */
  readonly kind: 'ours' | 'wasm' | 'native';
  /** Images of one timed run; 1/784 where one forward pass of 784 is timed. */
  readonly imagesPerRun: number;
  /** Multiply-adds that were really issued for one image. */
  readonly macsPerImage: number;
  /** Mean number of bright pixels of the images that were drawn; null where none was. */
  readonly ink: number | null;
  readonly timing: Timing;
}

/** A row to be timed. What is known only afterwards is asked for then. */
export interface Entrant extends Case, Pick<Row, 'name' | 'precision' | 'batch' | 'threads' | 'kind' | 'imagesPerRun'> {
  /** Over all that was drawn. */
  drawn(): Pick<Row, 'macsPerImage' | 'ink'>;
}

/** Our own ways on one thread, each in every precision. */
const ways: readonly { name: string; method: Method; skipping: Skipping; batches: readonly number[] }[] = [
  { name: 'wavefront', method: 'wavefront', skipping: 'none', batches: [1, 4, 16, 64, 256] },
  { name: 'cached', method: 'cached', skipping: 'none', batches: [1] },
  { name: 'skipping rows', method: 'wavefront', skipping: 'rows', batches: [1] },
  { name: 'skipping all', method: 'wavefront', skipping: 'all', batches: [1, 4, 16, 64, 256] },
];

/** Batches of a quick run. */
const quickBatches: readonly number[] = [1, 16];

/** Large batches take part in some rounds only. */
const every = (batch: number): number => (batch >= 256 ? 8 : batch >= 64 ? 4 : 1);

/** Names that others refer to. */
export const rowName = (precision: string, way: string): string => `${precision} ${way}`;
export const naiveName = (precision: Precision): string => rowName(precision, 'naive');

export function ownEntrants(contenders: Record<Precision, Contender>, full: boolean): Entrant[] {
  return precisions.flatMap((precision) => {
    const model = contenders[precision];
    const drawing = ways.flatMap(({ name, method, skipping, batches }) =>
      batches
        .filter((batch) => full || quickBatches.includes(batch))
        .map((batch): Entrant => {
          const [tally, sampler] = [new Tally(), reopened(model)];
          return {
            name: rowName(precision, batch === 1 ? name : `${name}, batch ${batch}`),
            precision,
            batch,
            threads: 1,
            kind: 'ours',
            imagesPerRun: batch,
            every: every(batch),
            drawn: () => tally.mean(),
            // The next images each round, so that no single digit decides; all rows draw the same.
            run: (round) => {
              const drawn = draw(sampler, { method, skipping, count: batch, seed, startIndex: round * batch });
              tally.add(round, drawn, batch);
            },
          };
        }),
    );
    return [...drawing, naive(precision, model)];
  });
}

/** One forward pass of the whole image, of which a naive sampler makes one for each pixel. */
function naive(precision: Precision, { sampler, net }: Contender): Entrant {
  const forwards = net.config.height * net.config.width;
  let macs = 0;
  return {
    name: naiveName(precision),
    precision,
    batch: 1,
    threads: 1,
    kind: 'ours',
    imagesPerRun: 1 / forwards,
    drawn: () => ({ macsPerImage: macs * forwards, ink: null }),
    run: (round) => {
      const run = sampler.sample(1, seed, round, 1, 'naive', 'none');
      run.step();
      macs = run.macs();
      run.free();
    },
  };
}

/** A peer's forward pass, of which a naive sampler makes one for each pixel. */
export function peerEntrant(peer: Peer, { sampler, net }: Contender): Entrant {
  const { height, width } = net.config;
  const image = scaled(
    draw(sampler, { method: 'wavefront', skipping: 'none', count: 1, seed, startIndex: 0 }).images,
    net,
  );
  return {
    name: peerName(peer),
    precision: 'f32',
    batch: 1,
    threads: 1,
    kind: peer.native ? 'native' : 'wasm',
    imagesPerRun: 1 / (height * width),
    drawn: () => ({ macsPerImage: frameworkMacs(net, height, width) * height * width, ink: null }),
    run: async () => (await peer.forward(image, 1, height, width)).time,
  };
}

export function peerName({ name }: Peer): string {
  return `${name}, naive`;
}

/** How many workers are raced: one, two and as many as this process may run at once. */
export function workerCounts(): number[] {
  const most = availableParallelism();
  return [...new Set([1, 2, most])].filter((count) => count <= most).sort((a, b) => a - b);
}

export const poolName = (precision: string, workers: number): string =>
  rowName(precision, `skipping all, ${workers} ${workers === 1 ? 'worker' : 'workers'}`);

/** A pool's row: `count` images, everything skipped. */
export function poolEntrant(precision: Precision, { sampler }: Contender, pool: SamplerPool, count: number): Entrant {
  let [images, ink, last] = [0, 0, 0];
  return {
    name: poolName(precision, pool.workers),
    precision,
    batch: count,
    threads: pool.workers,
    kind: 'ours',
    imagesPerRun: count,
    every: 4,
    // The pool does not count, so its last images are drawn once more, in parts of 16 as its workers draw them.
    drawn: () => {
      const parts = Array.from({ length: count / 16 }, (_, part) => last + 16 * part);
      const macs = parts.map((startIndex) => draw(sampler, { ...everything, count: 16, seed, startIndex }).macs);
      return { macsPerImage: macs.reduce((a, b) => a + b) / count, ink: ink / images };
    },
    run: async (round) => {
      last = round * count;
      const start = performance.now();
      const { data } = await pool.sample({ count, seed, startIndex: last });
      const time = performance.now() - start;
      images += count;
      ink += inkOf(data);
      return time;
    },
  };
}

/** What was drawn, by round: warming up draws the images of the first again and again, whose rows are remembered then. */
class Tally {
  readonly #rounds = new Map<number, { count: number; macs: number; ink: number }>();

  add(round: number, { images, macs }: Pick<Drawn, 'images' | 'macs'>, count: number): void {
    this.#rounds.set(round, { count, macs, ink: inkOf(images) });
  }

  mean(): Pick<Row, 'macsPerImage' | 'ink'> {
    const rounds = [...this.#rounds.values()];
    const sum = (key: 'count' | 'macs' | 'ink') => rounds.reduce((all, round) => all + round[key], 0);
    return { macsPerImage: sum('macs') / sum('count'), ink: sum('ink') / sum('count') };
  }
}
