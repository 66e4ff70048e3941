import { describe, expect, it } from 'vitest';
import { checkAll, checkPool, same } from '../../bench/agree.js';
import { draw, inBothPrecisions, logits, precisions, randomModel, resized, scaled } from '../../bench/core.js';
import { timeDigits } from '../../bench/digits.js';
import { timeFirstImages } from '../../bench/first.js';
import { timeGrids } from '../../bench/grids.js';
import { interleave } from '../../bench/harness.js';
import type { Peer, Start } from '../../bench/peer.js';
import { racePrevious } from '../../bench/previous.js';
import { probes } from '../../bench/probe.js';
import { profile, profileTable } from '../../bench/profile.js';
import { ownEntrants } from '../../bench/rows.js';
import { countShared, timeFirst, timeShared } from '../../bench/sharing.js';
import { timeSizes } from '../../bench/sizes.js';
import { startTwoProbes } from '../../bench/two_probes.js';

const dist = new URL('../../dist/index.js', import.meta.url).href;
const once = { time: 0, fewest: 1, most: 1 };
const small = inBothPrecisions(randomModel({ height: 12, width: 10, filters: 16, blocks: 2 }));
// So large that looking its rows up pays.
const wide = inBothPrecisions(randomModel({ height: 12, width: 10, filters: 64, blocks: 2 }));

it('cases take turns, each in its rounds, and may tell their own time', async () => {
  const [a, b]: [number[], number[]] = [[], []];
  const noting = (rounds: number[], time: number) => (round: number) => {
    rounds.push(round);
    return time;
  };
  const timings = await interleave(
    [
      { name: 'a', run: async (round) => noting(a, 500)(round) },
      { name: 'b', every: 2, run: noting(b, 1000) },
    ],
    { time: Number.POSITIVE_INFINITY, fewest: 5, most: 5 },
  );
  expect(a.filter((round) => round > 0)).toEqual([1, 2, 3, 4]);
  expect(b.filter((round) => round > 0)).toEqual([2, 4]);
  expect(timings.get('a')).toMatchObject({ runs: 5, median: 500 });
  expect(timings.get('b')).toMatchObject({ runs: 3, best: 1000 });
});

describe('agreement', () => {
  const peer = (off: number): Peer => ({
    name: 'a peer',
    native: false,
    async forward(pixels, count, height, width) {
      const { sampler } = resized(small.f32, height, width);
      const run = sampler.score(Uint8Array.from(pixels), 'wavefront', 'none');
      run.finish();
      const logits = run.logits().map((logit) => logit + off);
      run.free();
      sampler.free();
      expect(count).toBe(1);
      return { logits, time: 1 };
    },
  });

  it('is found where there is some, in both precisions', async () => {
    await checkAll(small, [peer(0), peer(5e-5)]);
  });

  it('is refused to a peer that computes another net', async () => {
    await expect(checkAll(small, [peer(2e-4)])).rejects.toThrow(/a peer: expected our logits within 0.0001/);
  });

  it('is found in a pool, and not in a pool with another model', async () => {
    const { loadSamplerPool } = (await import(dist)) as typeof import('../../ts/index.js');
    const pool = await loadSamplerPool(small.int8.file, { workers: 1 });
    try {
      await checkPool(pool, small.int8);
      const other = randomModel({ height: 12, width: 10, filters: 8, blocks: 1 });
      await expect(checkPool(pool, other)).rejects.toThrow(/1 workers: expected the bytes/);
    } finally {
      await pool.dispose();
    }
  });

  it('is of every byte', () => {
    expect(() => same('x', Uint8Array.of(1, 2), Uint8Array.of(1, 2))).not.toThrow();
    expect(() => same('x', Uint8Array.of(1, 3), Uint8Array.of(1, 2))).toThrow(/from byte 1/);
    expect(() => same('x', Uint8Array.of(1), Uint8Array.of(1, 2))).toThrow(/bytes of wavefront/);
  });
});

it('rows of both precisions tell what they issued, and the ink of what they drew', async () => {
  const entrants = ownEntrants(small, false);
  for (const entrant of entrants) await entrant.run(0);
  const of = (name: string) => entrants.find((e) => e.name === name)!.drawn();
  for (const precision of precisions) {
    const { macsPerImage, ink } = of(`${precision} wavefront`);
    const { images } = draw(small[precision].sampler, {
      method: 'wavefront',
      skipping: 'none',
      count: 1,
      seed: 1,
      startIndex: 0,
    });
    expect(ink).toBe(images.filter((level) => level > 0).length);
    expect(macsPerImage).toBeGreaterThan(0.8 * small[precision].net.macsPerImage);
    expect(of(`${precision} skipping all`).macsPerImage).toBeLessThan(macsPerImage);
    expect(of(`${precision} naive`).macsPerImage).toBeGreaterThan(50 * macsPerImage);
    expect(of(`${precision} naive`).ink).toBeNull();
  }
  expect(new Set(entrants.map(({ name }) => name)).size).toBe(entrants.length);
});

it('digits are timed by skipping, and their executed share is over the dense run', () => {
  const { single, together, ink } = timeDigits(wide, 3, 1);
  expect(single).toHaveLength(6);
  for (const { skipping, mean, worst, executed } of single) {
    expect(worst).toBeGreaterThanOrEqual(mean);
    if (skipping === 'none') expect(executed).toBe(1);
    else expect(executed).toBeLessThan(1);
  }
  expect(together.map(({ precision }) => precision)).toEqual(['f32', 'int8']);
  expect(ink).toBeGreaterThan(0);
});

describe('grids of codes', () => {
  const tiny = { height: 3, width: 4, levels: 5, embedding: 2, filters: 8, blocks: 1, firstKernel: 3 };
  const asked: string[] = [];
  const peer =
    (off: number): Start =>
    async ({ config }) => {
      const { net, sampler } = randomModel(config);
      asked.push(config.architecture);
      return {
        name: 'a peer',
        native: false,
        async forward(pixels, count, height, width, labels) {
          expect([pixels.length, height, width, labels?.length]).toEqual([count * 12, 3, 4, count]);
          expect(scaled(Uint8Array.from(pixels), net)).toEqual(pixels);
          const made = logits(sampler, Uint8Array.from(pixels), 'cached', labels).map((logit) => logit + off);
          return { logits: made, time: 0.5 };
        },
        end: () => sampler.free(),
      };
    };

  it('are timed beside the forward passes of peers, of the nets of both architectures', async () => {
    const { times, missing } = await timeGrids([peer(0), async () => 'another: not installed'], once, tiny);
    expect(asked).toEqual(['plain', 'gated']);
    expect(missing).toEqual(['another: not installed']);
    expect(times.map(({ name }) => name)).toContain('gated, relu: wavefront, batch 16');
    const passes = times.filter(({ name }) => name.includes('a peer, 12 forward passes'));
    expect(passes.map(({ batch, time }) => [batch, time.median])).toEqual([1, 16, 1, 16].map((n) => [n, 6 / n]));
    for (const { toOurs } of times) expect(toOurs).toBeGreaterThan(0);
    expect(times.find(({ name }) => name === 'plain, tanh: wavefront, batch 16')?.toOurs).toBe(1);
  });

  it('are not timed beside a peer that computes another net', async () => {
    await expect(timeGrids([peer(2e-4)], once, tiny)).rejects.toThrow(/a peer: expected our logits within 0.0001/);
  });
});

it('larger images keep more, in proportion to their width', async () => {
  const sizes = await timeSizes(small, [12, 48], once);
  expect(sizes.map(({ precision, side }) => `${precision} ${side}`)).toEqual([
    'f32 12',
    'f32 48',
    'int8 12',
    'int8 48',
  ]);
  const [little, large, little16] = sizes;
  expect(large!.stateBytes / little!.stateBytes).toBeGreaterThan(2);
  expect(large!.stateBytes / little!.stateBytes).toBeLessThan(5);
  expect(little16!.stateBytes).toBeLessThan(little!.stateBytes);
  expect(little!.toSmallest).toBe(1);
});

it('rows that are remembered are counted for each size of a table, and draw what 0.1.0 does', async () => {
  const shared = countShared(wide, 20);
  expect(shared.map(({ megabytes }) => megabytes)).toEqual([0, undefined, 88, 64, 0, undefined, 46, 64]);
  for (const { megabytes, executed, met, fresh, planned } of shared) {
    // Where nothing is remembered, what lies outside the image is left out all the same.
    if (megabytes === 0) expect([met, fresh, planned]).toEqual([0, 0, 0]);
    else expect(met + fresh).toBe(20 * 3 * 120);
    expect(executed).toBeLessThan(1);
    expect(planned).toBeLessThanOrEqual(1.1 * (megabytes ?? 16));
  }
  const passes: number[] = [];
  const times = await timeShared(
    wide,
    () => 1,
    async () => passes.push(1),
  );
  for (const { executed, ink, dense, before, now, naive } of times) {
    expect(executed).toBeLessThan(1);
    expect(ink).toBeGreaterThan(0);
    expect(Math.min(dense, before, now, naive)).toBeGreaterThanOrEqual(0);
  }
  expect(passes.length).toBe(times.length);
  expect(timeFirst(wide, 1).map(({ precision }) => precision)).toEqual(['f32', 'int8']);
});

it('the first image is drawn in fresh processes, and skipping remembers rows', () => {
  const first = timeFirstImages(wide, 1);
  expect(first.map(({ precision, skipping }) => `${precision} ${skipping}`)).toEqual([
    'f32 none',
    'f32 all',
    'int8 none',
    'int8 all',
  ]);
  for (const { skipping, load, image, rowBytes } of first) {
    expect(Math.min(load.median, image.median)).toBeGreaterThan(0);
    expect(rowBytes > 0).toBe(skipping === 'all');
  }
});

it('the kernels of 0.1.0 draw what ours do, and both are timed in the same rounds', async () => {
  const races = await racePrevious(small, 3);
  expect(races.map(({ precision, name }) => `${precision} ${name}`)).toEqual(
    precisions.flatMap((precision) =>
      ['wavefront', 'wavefront, batch 16', 'skipping all', 'skipping all, batch 16'].map(
        (name) => `${precision} ${name}`,
      ),
    ),
  );
  for (const { before, now, ratio, rounds } of races) {
    expect(Math.min(before, now, ratio.low)).toBeGreaterThan(0);
    expect(ratio.low <= ratio.median && ratio.median <= ratio.high).toBe(true);
    expect(rounds).toBe(3);
  }
});

it('two threads run a probe at once', async () => {
  const two = startTwoProbes(probes('f32')[0]!.binary(), 1000, 1);
  try {
    expect(await two.alone.run(0)).toBeGreaterThan(0);
    expect(await two.together.run(0)).toBeGreaterThan(0);
  } finally {
    await two.end();
  }
});

it('the profile accounts for every layer and for all of the time', () => {
  const profiles = profile(small, 2, 1, { f32: 20, int8: 40 });
  expect(profiles).toHaveLength(4);
  for (const { layers, rest, watched, skipping, precision } of profiles) {
    expect(layers.map(({ name }) => name)).toEqual(small[precision].net.layers.map(({ name }) => name));
    expect(layers.reduce((sum, { time }) => sum + time, rest)).toBeCloseTo(watched);
    const macs = layers.reduce((sum, { macs, executed }) => sum + macs * executed, 0);
    const drawing = { method: 'wavefront', skipping, seed: 1, count: 1 } as const;
    const { sampler } = small[precision];
    const both = () => [0, 1].map((startIndex) => draw(sampler, { ...drawing, startIndex }).macs);
    both(); // the constants
    const [one, other] = both();
    expect(macs).toBeCloseTo((one! + other!) / 2);
  }
  const table = profileTable(profiles, 'int8');
  expect(new Set(table.map((line) => line.length))).toEqual(new Set([12]));
});
