/** Nothing is timed before all rows were seen to draw the same. */

import type { SamplerPool } from '../ts/pool/pool.js';
import {
  type Contender,
  draw,
  everything,
  inBothPrecisions,
  type Levels,
  logits,
  type Precision,
  precisions,
  randomModel,
  scaled,
  seed,
} from './core.js';
import type { Peer } from './peer.js';

/** How far a peer's logit may lie from ours: it sums in another order. */
const tolerance = 1e-4;

/**
 * Throws unless, within each precision, all methods, skippings and batches draw the same bytes and naive logits are equal in
 * every bit, and the peers' logits are those of f32 within 1e-4.
 */
export async function checkAll(contenders: Record<Precision, Contender>, peers: readonly Peer[]): Promise<void> {
  for (const precision of precisions) checkOurs(precision, contenders[precision]);
  const { sampler, net } = contenders.f32;
  const one = draw(sampler, { method: 'wavefront', skipping: 'none', count: 1, seed, startIndex: 0 }).images;
  const ours = logits(sampler, one, 'wavefront');
  const { height, width } = net.config;
  for (const peer of peers) {
    const theirs = (await peer.forward(scaled(one, net), 1, height, width)).logits;
    near(peer.name, worstOf(ours, theirs));
  }
}

/** Throws unless a pool draws what a sampler does. */
export async function checkPool(pool: SamplerPool, { sampler }: Contender): Promise<void> {
  const count = 16;
  const { data } = await pool.sample({ count, seed });
  same(`${pool.workers} workers`, data, draw(sampler, { ...everything, count, seed, startIndex: 0 }).images);
}

/** The largest distance between two lists of logits. */
export function worstOf(ours: Float32Array, theirs: Float32Array): number {
  return ours.reduce((most, logit, i) => Math.max(most, Math.abs(logit - theirs[i]!)), 0);
}

/** Throws if a peer's logits are not ours. */
export function near(name: string, worst: number): void {
  if (!(worst <= tolerance)) {
    throw new Error(`${name}: expected our logits within ${tolerance}, got one off by ${worst}; nothing was timed`);
  }
}

function checkOurs(precision: Precision, { sampler, net }: Contender): void {
  const all = { method: 'wavefront', skipping: 'none', count: 16, seed, startIndex: 0 } as const;
  const { images } = draw(sampler, all);
  const size = net.config.height * net.config.width;
  const part = (first: number, count: number) => images.subarray(first * size, (first + count) * size);
  const two = { ...all, count: 2 };
  same(`${precision} cached`, draw(sampler, { ...two, method: 'cached' }).images, part(0, 2));
  for (const skipping of ['rows', 'all'] as const) {
    same(`${precision}, skipping ${skipping}`, draw(sampler, { ...all, skipping }).images, images);
    const cached = draw(sampler, { ...two, method: 'cached', skipping }).images;
    same(`${precision} cached, skipping ${skipping}`, cached, part(0, 2));
  }
  for (const [startIndex, count] of [
    [7, 1],
    [1, 4],
  ] as const) {
    const drawn = draw(sampler, { ...all, count, startIndex }).images;
    same(`${precision}, a batch of ${count}`, drawn, part(startIndex, count));
  }

  // A whole naive image takes too long here. Its logits given the image are the same computation, and those must be equal
  // in every bit; how a value is drawn from a logit is seen on a small net.
  const one = part(0, 1);
  const bits = (method: 'naive' | 'wavefront') => new Uint8Array(logits(sampler, one, method).buffer);
  same(`${precision} naive`, bits('naive'), bits('wavefront'));
  const small = inBothPrecisions(randomModel({ height: 6, width: 7, filters: 16, blocks: 2 }))[precision].sampler;
  const few = { ...all, count: 2 };
  const name = `${precision} naive, on a small net`;
  same(name, draw(small, { ...few, method: 'naive' }).images, draw(small, few).images);
  small.free();
}

/** Throws unless two lists of levels, or of bytes, are equal. */
export function same(name: string, got: Levels, want: Levels): void {
  const at = want.findIndex((level: number, i: number) => level !== got[i]);
  if (got.length !== want.length || at >= 0) {
    throw new Error(`${name}: expected the bytes of wavefront, got others from byte ${at} on; nothing was timed`);
  }
}
