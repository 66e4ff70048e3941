/**
 * `npm run bench -- sharing`: what remembering rows saves, for tables of several sizes: the executed share of drawn digits, time beside
 * what that share of a dense run takes, and version 0.1.0 in turn, whose committed WebAssembly runs the same model, its integers in 16 bits.
 */

import { readFileSync } from 'node:fs';
import * as pkg from '../scripts/core_face.js';
import { memoryBytes } from '../scripts/core_face.js';
import {
  type Contender,
  contenders,
  type Drawer,
  draw,
  type Precision,
  precisions,
  type Skipping,
  seed,
} from './core.js';
import { summary } from './harness.js';
import { describeMachine, machineLine } from './machine.js';
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
      const sampler = open(file, megabytes);
      let [macs, met, fresh, planned] = [0, 0, 0, 0];
      for (let first = 0; first < digits; first += 16) {
        const run = sampler.sample(Math.min(16, digits - first), seed, first, 1, 'wavefront', 'rows');
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
  readonly count: number;
}

const ways: readonly Way[] = [
  { name: 'int8, rows alone, batch 16', precision: 'int8', megabytes: undefined, skipping: 'rows', count: 16 },
  { name: 'int8, one by one', precision: 'int8', megabytes: undefined, skipping: 'all', count: 1 },
  { name: 'int8, batch 64, 64 MB', precision: 'int8', megabytes: 64, skipping: 'all', count: 64 },
  { name: 'f32, one by one', precision: 'f32', megabytes: undefined, skipping: 'all', count: 1 },
  { name: 'f32, batch 64, 64 MB', precision: 'f32', megabytes: 64, skipping: 'all', count: 64 },
];

export interface SharedTime {
  readonly name: string;
  /** Milliseconds an image, medians over the rounds: dense, by 0.1.0 with all its skipping, and now. */
  readonly dense: number;
  readonly before: number;
  readonly now: number;
  /** Medians of the rounds' ratios: time over what the executed share of a dense run takes, and 0.1.0's time over ours. */
  readonly overShare: number;
  readonly faster: number;
  readonly executed: number;
}

/** Times each way, dense and 0.1.0 in turn, the table warmed by 256 other digits. */
export function timeShared(models: Record<Precision, Contender>, rounds: number): SharedTime[] {
  startPrevious();
  return ways.map(({ name, precision, megabytes, skipping, count }) => {
    const { file, net } = models[precision];
    const old = asBefore(models, precision);
    const [dense, before, now] = [open(file, 0), new previous.Sampler(old), open(file, megabytes)];
    const times = { dense: [] as number[], before: [] as number[], now: [] as number[] };
    let macs = 0;
    const timed = (sampler: Drawer, way: string, startIndex: number, list: number[]) => {
      const start = performance.now();
      const drawn = draw(sampler, { method: 'wavefront', skipping: way as Skipping, count, seed, startIndex });
      list.push((performance.now() - start) / count);
      return drawn;
    };
    for (let first = 0; first < 256; first += 16) {
      for (const sampler of [before, now] as Drawer[]) {
        draw(sampler, { method: 'wavefront', skipping: 'all', count: 16, seed: seed + 1, startIndex: first });
      }
      // A table of rows is kept for one way of skipping.
      if (skipping !== 'all')
        draw(now, { method: 'wavefront', skipping, count: 16, seed: seed + 1, startIndex: first });
    }
    for (let round = 0; round < rounds; round++) {
      const drawn = timed(now, skipping, round * count, times.now);
      macs += drawn.macs / count;
      const theirs = timed(before, 'all', round * count, times.before);
      const others = [timed(dense, 'none', round * count, times.dense), ...(precision === 'f32' ? [theirs] : [])];
      const same = others.every(
        ({ images }) => Buffer.compare(Uint8Array.from(images), Uint8Array.from(drawn.images)) === 0,
      );
      if (!same) throw new Error(`${name}: expected the images of a dense run, and of 0.1.0 in f32, got others`);
    }
    for (const sampler of [dense, before, now]) sampler.free();
    const executed = macs / rounds / net.macsPerImage;
    const median = (list: readonly number[]) => summary(list).median;
    return {
      name,
      dense: median(times.dense),
      before: median(times.before),
      now: median(times.now),
      overShare: median(times.now.map((time, round) => time / (executed * times.dense[round]!))),
      faster: median(times.now.map((time, round) => times.before[round]! / time)),
      executed,
    };
  });
}

/** Milliseconds from a model's bytes to its first image, 0.1.0 and now in turn: medians. */
export function timeFirst(models: Record<Precision, Contender>, rounds: number) {
  startPrevious();
  return precisions.map((precision) => {
    const { file } = models[precision];
    const old = asBefore(models, precision);
    const times = { before: [] as number[], now: [] as number[] };
    const first = (make: () => Drawer & { free(): void }, list: number[], startIndex: number) => {
      const start = performance.now();
      const sampler = make();
      draw(sampler, { method: 'wavefront', skipping: 'all', count: 1, seed, startIndex });
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

function open(file: Uint8Array, megabytes: number | undefined): pkg.Sampler {
  return new pkg.Sampler(file, undefined, megabytes === undefined ? undefined : megabytes * 1e6);
}

function startPrevious(): void {
  previous.initSync({ module: readFileSync(new URL('./peers/pixelcnn-0.1.0/pixelcnn_bg.wasm', import.meta.url)) });
}

/** `npm run bench -- sharing`. */
export async function benchSharing(): Promise<void> {
  const models = contenders();
  console.log(machineLine(describeMachine()));
  console.log('Rows of 512 digits, drawn in sixteens from an empty table, before trailing zeros are skipped');
  for (const { precision, megabytes, executed, met, fresh, planned, grown } of countShared(models, 512)) {
    const size = megabytes === undefined ? 'default' : `${megabytes} MB`;
    const rows = `${(met / 1e3).toFixed(0)} k met, ${(fresh / 1e3).toFixed(0)} k new`;
    const bytes = `${planned.toFixed(1)} MB planned, memory grew by ${grown.toFixed(1)} MB`;
    console.log(`${`${precision}, ${size}`.padEnd(18)} executed ${executed.toFixed(3)}, ${rows}, ${bytes}`);
  }
  console.log('\nTime for an image, the table warm: dense, 0.1.0 with all its skipping, and now, in turn');
  for (const { name, dense, before, now, overShare, faster, executed } of timeShared(models, 64)) {
    const times = `${dense.toFixed(2)}, ${before.toFixed(2)}, ${now.toFixed(2)} ms`;
    const ratios = `executed ${executed.toFixed(3)}, time over its share ${overShare.toFixed(2)}`;
    console.log(`${name.padEnd(28)} ${times}; ${ratios}, ${faster.toFixed(2)} times as fast as 0.1.0`);
  }
  console.log('\nFrom the bytes of a model to its first image: 0.1.0 and now, in turn');
  for (const { precision, before, now, ratio } of timeFirst(models, 20)) {
    console.log(`${precision.padEnd(28)} ${before.toFixed(1)} -> ${now.toFixed(1)} ms, ${ratio.toFixed(2)} of it`);
  }
}
