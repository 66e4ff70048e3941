/**
 * `npm run bench -- sharing [MODEL]`: what remembering rows saves, for tables of several sizes: the executed share of drawn digits, time
 * beside what that share of a dense run takes, and in turn version 0.1.0, whose committed WebAssembly runs the same model, its integers in
 * 16 bits, and TensorFlow.js. Of the packaged `mnist-binary`, or of a model of f32 that is given: its integers are what lies beside it, or are
 * made for the bench. 0.1.0 knew no classes: of a net with classes, each round draws one, and 0.1.0 has the net that it is for this class.
 */

import * as pkg from '../scripts/core_face.js';
import { memoryBytes, simd_backend } from '../scripts/core_face.js';
import { inTurn } from '../ts/sample_options.js';
import {
  bothBeside,
  type Contender,
  contenders,
  type Drawer,
  draw,
  inkOf,
  type Precision,
  precisions,
  type Skipping,
  seed,
} from './core.js';
import { summary, type Timing } from './harness.js';
import { describeMachine, machineLine } from './machine.js';
import { startTfjsWasm } from './peer_tfjs.js';
import * as previous from './peers/pixelcnn-0.1.0/pixelcnn.js';
import { asBefore } from './previous.js';

/** Megabytes of tables: none, the default, of 2^14 rows in the mean of all levels of the reference's net, and what a pool may have. */
const sizes: Record<Precision, readonly (number | undefined)[]> = {
  f32: [0, undefined, 88, 64],
  int8: [0, undefined, 46, 64],
};

export interface Shared {
  readonly precision: Precision;
  /** Megabytes of the table; undefined for the default. */
  readonly megabytes: number | undefined;
  readonly digits: number;
  /** Multiply-adds of the digits over dense ones, trailing zeros not skipped; the table is empty at first. */
  readonly executed: number;
  /** Of positions that were looked up: those whose row was there, and those whose row was not. */
  readonly met: number;
  readonly fresh: number;
  /** Megabytes that the table was planned to take at most. */
  readonly planned: number;
  /** Megabytes by which WebAssembly's memory grew meanwhile. */
  readonly grown: number;
}

/** Counts for each size what `digits` digits, drawn in sixteens, look up and issue. */
export function countShared(models: Record<Precision, Contender>, digits: number): Shared[] {
  const found: Shared[] = [];
  for (const precision of precisions) {
    const { file, net } = models[precision];
    for (const megabytes of sizes[precision]) {
      const before = memoryBytes();
      const sampler = remembering(file, megabytes);
      let [macs, met, fresh, planned] = [0, 0, 0, 0];
      for (let first = 0; first < digits; first += 16) {
        const count = Math.min(16, digits - first);
        const run = sampler.sample(count, seed, first, 1, 'wavefront', 'rows', inTurn(first, count, net));
        run.finish();
        macs += run.macs();
        const rows = run.layer_rows();
        for (let at = 0; at < rows.length; at += 3) {
          met += rows[at]!;
          fresh += rows[at + 1]! + rows[at + 2]!;
        }
        planned = run.state_bytes()[1]! / 1e6;
        run.free();
      }
      sampler.free();
      const executed = macs / (net.macsPerImage * digits);
      const grown = (memoryBytes() - before) / 1e6;
      found.push({ precision, megabytes, digits, executed, met, fresh, planned, grown });
    }
  }
  return found;
}

/** A way of drawing, and what it is held against. */
interface Way {
  readonly name: string;
  readonly precision: Precision;
  readonly megabytes: number | undefined;
  readonly skipping: Skipping;
  /** Images a call, and calls a round: with few images a call, what one takes depends on which they are. */
  readonly count: number;
  readonly calls: number;
}

const ways: readonly Way[] = [
  {
    name: 'int8, rows alone, batch 16',
    precision: 'int8',
    megabytes: undefined,
    skipping: 'rows',
    count: 16,
    calls: 1,
  },
  { name: 'int8, one by one', precision: 'int8', megabytes: undefined, skipping: 'all', count: 1, calls: 32 },
  { name: 'int8, batch 64, 64 MB', precision: 'int8', megabytes: 64, skipping: 'all', count: 64, calls: 1 },
  { name: 'f32, rows alone, batch 16', precision: 'f32', megabytes: undefined, skipping: 'rows', count: 16, calls: 1 },
  { name: 'f32, one by one', precision: 'f32', megabytes: undefined, skipping: 'all', count: 1, calls: 32 },
  { name: 'f32, batch 64, 64 MB', precision: 'f32', megabytes: 64, skipping: 'all', count: 64, calls: 1 },
];

export interface SharedTime {
  readonly name: string;
  /** Milliseconds an image, medians over the rounds: dense, by 0.1.0 with all its skipping, and now. */
  readonly dense: number;
  readonly before: number;
  readonly now: number;
  /** Milliseconds that a peer's forward pass takes in the same rounds, times the pixels of an image; NaN without a peer. */
  readonly naive: number;
  /** Median of the rounds' ratios: time over what the executed share of a dense run takes. */
  readonly overShare: number;
  /** Of the rounds, 0.1.0's time over ours. */
  readonly faster: Timing;
  /** The same, median, if nothing but the executed share of a dense run took time: what kernels as they are allow at most. */
  readonly atMost: number;
  readonly executed: number;
  /** Pixels of an image that are not of level 0, in the mean. */
  readonly ink: number;
}

/**
 * A clock in milliseconds: of this thread's CPU time where the host has one, which no other process counts in. It may go by steps of 4 ms, so
 * that a round must last.
 */
const clock: () => number = (() => {
  const host = process as typeof process & { threadCpuUsage?(): { user: number; system: number } };
  if (!host.threadCpuUsage) return () => performance.now();
  return () => {
    const { user, system } = host.threadCpuUsage!();
    return (user + system) / 1000;
  };
})();

/**
 * Times each way, dense and 0.1.0 in turn, the table warmed by 256 other digits: `rounds` times the round's calls. `naive` is a
 * forward pass of a peer.
 */
export async function timeShared(
  models: Record<Precision, Contender>,
  rounds: (way: Way) => number,
  naive?: () => Promise<unknown>,
): Promise<SharedTime[]> {
  const found: SharedTime[] = [];
  // Of each class, which takes as long as some ways.
  const classes = models.f32.net.config.classes ?? 0;
  const labels = classes > 0 ? Array.from({ length: classes }, (_, label) => label) : [undefined];
  const asOnce = (precision: Precision) => labels.map((label) => asBefore(models, precision, label));
  const files: Record<Precision, Uint8Array[]> = { f32: asOnce('f32'), int8: asOnce('int8') };
  for (const way of ways) {
    const { name, precision, megabytes, skipping, count, calls } = way;
    const { file, net } = models[precision];
    const [dense, now] = [remembering(file, 0), remembering(file, megabytes)];
    const before = files[precision].map((old) => new previous.Sampler(old));
    const ofRound = (round: number) => before[round % before.length]!;
    const times = { dense: [] as number[], before: [] as number[], now: [] as number[], naive: [] as number[] };
    const shares: number[] = [];
    let ink = 0;
    const timed = (sampler: Drawer, how: string, round: number, list: number[]) => {
      const isOurs = sampler === dense || sampler === now;
      const start = clock();
      const drawn = Array.from({ length: calls }, (_, call) => {
        const startIndex = (round * calls + call) * count;
        const drawing = { method: 'wavefront', skipping: how as Skipping, count, seed, startIndex } as const;
        return draw(sampler, { ...drawing, ...(isOurs && labelled(net, round, count)) });
      });
      list.push((clock() - start) / count / calls);
      return drawn;
    };
    for (let first = 0; first < 256; first += 16) {
      const others = { method: 'wavefront', count: 16, seed: seed + 1, startIndex: first } as const;
      const labels = labelled(net, first / 16, 16);
      draw(ofRound(first / 16), { ...others, skipping: 'all' });
      draw(now, { ...others, skipping, ...labels }); // a table of rows is kept for one way of skipping
      if (first < 32) draw(dense, { ...others, skipping: 'none', ...labels });
    }
    const all = rounds(way);
    for (let round = 0; round < all; round++) {
      const drawn = timed(now, skipping, round, times.now);
      const theirs = timed(ofRound(round), 'all', round, times.before);
      const others = [timed(dense, 'none', round, times.dense), ...(precision === 'f32' ? [theirs] : [])];
      const isSame = (images: ArrayLike<number>, call: number) =>
        Buffer.compare(Uint8Array.from(images), Uint8Array.from(drawn[call]!.images)) === 0;
      if (!others.every((other) => other.every(({ images }, call) => isSame(images, call)))) {
        throw new Error(`${name}: expected the images of a dense run, and of 0.1.0 in f32, got others`);
      }
      shares.push(drawn.reduce((sum, { macs }) => sum + macs, 0) / (net.macsPerImage * count * calls));
      ink += drawn.reduce((sum, { images }) => sum + inkOf(images), 0) / (count * calls);
      if (naive) {
        const start = clock();
        await naive();
        times.naive.push((clock() - start) * net.config.height * net.config.width);
      }
    }
    for (const sampler of [dense, now, ...before]) sampler.free();
    const median = (list: readonly number[]) => summary(list).median;
    found.push({
      name,
      dense: median(times.dense),
      before: median(times.before),
      now: median(times.now),
      naive: median(times.naive),
      overShare: median(times.now.map((time, round) => time / (shares[round]! * times.dense[round]!))),
      faster: summary(times.now.map((time, round) => times.before[round]! / time)),
      atMost: median(times.before.map((time, round) => time / (shares[round]! * times.dense[round]!))),
      executed: shares.reduce((sum, share) => sum + share, 0) / all,
      ink: ink / all,
    });
  }
  return found;
}

/** Milliseconds from a model's bytes to its first image, 0.1.0 and now in turn: medians. */
export function timeFirst(models: Record<Precision, Contender>, rounds: number) {
  return precisions.map((precision) => {
    const { file, net } = models[precision];
    const labels = labelled(net, 0, 1);
    const old = asBefore(models, precision, labels && 0);
    const times = { before: [] as number[], now: [] as number[] };
    const first = (make: () => Drawer & { free(): void }, list: number[], startIndex: number) => {
      const start = performance.now();
      const sampler = make();
      const isOurs = sampler instanceof pkg.Sampler;
      draw(sampler, { method: 'wavefront', skipping: 'all', count: 1, seed, startIndex, ...(isOurs && labels) });
      list.push(performance.now() - start);
      sampler.free();
    };
    for (let round = 0; round < rounds; round++) {
      first(() => new previous.Sampler(old), times.before, round);
      first(() => new pkg.Sampler(file), times.now, round);
    }
    const ratio = summary(times.now.map((time, round) => time / times.before[round]!)).median;
    return { precision, before: summary(times.before).median, now: summary(times.now).median, ratio };
  });
}

/** The class that images of a round are drawn of, where the net has classes. */
function labelled({ config: { classes = 0 } }: Contender['net'], round: number, count: number) {
  return classes > 0 ? { labels: new Uint16Array(count).fill(round % classes) } : undefined;
}

function remembering(file: Uint8Array, megabytes: number | undefined): pkg.Sampler {
  return new pkg.Sampler(file, undefined, megabytes === undefined ? undefined : megabytes * 1e6);
}

/** A forward pass of an image by TensorFlow.js, and whose it is; nothing where it has no such net. */
async function naivePass({
  net,
  sampler,
}: Contender): Promise<{ name: string; pass: () => Promise<unknown> } | undefined> {
  const peer = await startTfjsWasm(net, sampler.weights());
  if (typeof peer === 'string') return undefined;
  const { height, width } = net.config;
  const pixels = new Float32Array(height * width);
  const labels = labelled(net, 0, 1)?.labels;
  return { name: peer.name, pass: () => peer.forward(pixels, 1, height, width, labels) };
}

/** What WebAssembly's memory does in the long run, in megabytes. */
interface Kept {
  /** That the table was planned to take at most. */
  readonly planned: number;
  /** By which the memory had grown when it held a model, its table and its run, after so many images. */
  readonly grown: number;
  /** By which it grew in so many rounds of loading, drawing and freeing after that. */
  readonly leaked: number;
}

/** Draws images in sixteens with the default table, and then loads, draws one and frees again and again. */
function measureMemory({ file, net }: Contender, images: number, rounds: number): Kept {
  const before = memoryBytes();
  let planned = 0;
  const sampler = remembering(file, undefined);
  for (let startIndex = 0; startIndex < images; startIndex += 16) {
    const run = sampler.sample(16, seed, startIndex, 1, 'wavefront', 'all', inTurn(startIndex, 16, net));
    run.finish();
    planned = run.state_bytes()[1]! / 1e6;
    run.free();
  }
  const grown = (memoryBytes() - before) / 1e6;
  sampler.free();
  const full = memoryBytes();
  for (let round = 0; round < rounds; round++) {
    const sampler = remembering(file, undefined);
    draw(sampler, {
      method: 'wavefront',
      skipping: 'all',
      count: 1,
      seed,
      startIndex: round,
      ...labelled(net, round, 1),
    });
    sampler.free();
  }
  return { planned, grown, leaked: (memoryBytes() - full) / 1e6 };
}

/** `npm run bench -- sharing`. `path`: a model of f32 in place of the packaged one. */
export async function benchSharing(path?: string): Promise<void> {
  const models = path === undefined ? contenders() : bothBeside(path);
  const digits = 512;
  console.log(machineLine(describeMachine()));
  console.log(`${models.f32.origin} and ${models.int8.origin}, the ${simd_backend()} binary`);
  const [images, rounds] = [10_000, 100];
  const { planned, grown, leaked } = measureMemory(models.int8, images, rounds);
  console.log(
    `\nint8, the default table of ${planned.toFixed(1)} MB: after ${images} images WebAssembly's memory had grown by ${grown.toFixed(1)} MB, ` +
      `the model and its run included; in ${rounds} rounds of load, sample, dispose after that by ${leaked.toFixed(1)} MB`,
  );
  console.log('\nFrom the bytes of a model to its first image: 0.1.0 and now, in turn');
  for (const { precision, before, now, ratio } of timeFirst(models, 20)) {
    console.log(`${precision.padEnd(28)} ${before.toFixed(1)} -> ${now.toFixed(1)} ms, ${ratio.toFixed(2)} of it`);
  }
  console.log(`\nRows of ${digits} images, drawn in sixteens from an empty table, before trailing zeros are skipped`);
  for (const { precision, megabytes, executed, met, fresh, planned, grown } of countShared(models, digits)) {
    const size = megabytes === undefined ? 'default' : `${megabytes} MB`;
    const rows = `${(met / 1e3).toFixed(0)} k met, ${(fresh / 1e3).toFixed(0)} k new`;
    const bytes = `${planned.toFixed(1)} MB planned, memory grew by ${grown.toFixed(1)} MB`;
    console.log(`${`${precision}, ${size}`.padEnd(18)} executed ${executed.toFixed(3)}, ${rows}, ${bytes}`);
  }
  const peer = await naivePass(models.f32);
  console.log(
    `\nTime for an image, the table warm: dense, 0.1.0 with all its skipping${peer ? `, ${peer.name} naively` : ''}, and now, in turn; ` +
      'of the ratio to 0.1.0 median, quartiles, and what it would be if the executed share of a dense run were all that took time',
  );
  const times = await timeShared(
    models,
    ({ count, calls }) => Math.max(6, models.f32.net.config.classes ?? 0, Math.ceil(64 / count / calls)),
    peer?.pass,
  );
  for (const { name, dense, before, now, naive, overShare, faster, atMost, executed, ink } of times) {
    const each = `${dense.toFixed(2)}, ${before.toFixed(2)}${peer ? `, ${naive.toFixed(0)}` : ''}, ${now.toFixed(2)} ms`;
    const share = `executed ${executed.toFixed(3)}, ink ${ink.toFixed(0)}, time over its share ${overShare.toFixed(2)}`;
    const spread = `${faster.median.toFixed(2)} (${faster.low.toFixed(2)} to ${faster.high.toFixed(2)}, at most ${atMost.toFixed(2)})`;
    const ratios = `${spread} times as fast as 0.1.0${peer ? `, ${(naive / now).toFixed(0)} times as the peer` : ''}`;
    console.log(`${name.padEnd(28)} ${each}; ${share}, ${ratios}`);
  }
}
