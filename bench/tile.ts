/**
 * `npm run bench -- tile`: the best register tile alone, beside the whole net and the roof.
 *
 * The tile is timed through the public kernels, on a net made for it: 1x1 layers of the default width over images of 32
 * pixels, all given. Each layer is then one product of 32 positions, eight tiles of 4 positions x 8 outputs for each panel
 * of weights, and panel, rows and outputs stay in the L1 cache. What the whole net loses against it is what fronts cost:
 * offsets, fronts that do not fill their tiles, weights that come from farther away.
 */

import { contenders, draw, logits, randomModel } from './core.js';
import { type Budget, type Case, interleave } from './harness.js';
import { describeMachine, machineLine } from './machine.js';
import { findRoof, type RoofProbe } from './roof.js';

/** GMAC/s of what is compared: the tile first, then the whole net. */
export interface TileRate {
  readonly name: string;
  readonly best: number;
  readonly median: number;
}

/** Times the f32 tile, and the net at batches 1 and 16, in turn with the roof's probe. */
export async function timeTile(roof: RoofProbe, budget: Budget): Promise<TileRate[]> {
  const { sampler, net } = contenders().f32;
  const { filters } = net.config;
  const layers = randomModel({ height: 4, width: 8, filters, blocks: 0, firstKernel: 3, headLayers: 64 });
  const drawing = { method: 'wavefront', skipping: 'none', seed: 1 } as const;
  const count = 8;
  const { images } = draw(layers.sampler, { ...drawing, count, startIndex: 0 });
  const whole = (batch: number) => ({
    name: `whole net, wavefront, batch ${batch}`,
    macs: draw(sampler, { ...drawing, count: batch, startIndex: 0 }).macs,
    run: (round: number) => void draw(sampler, { ...drawing, count: batch, startIndex: round }),
  });
  const cases: (Case & { macs: number })[] = [
    {
      name: `tile of 4 x 8, ${filters} channels`,
      macs: layers.net.macsPerImage * count,
      run: () => void logits(layers.sampler, images, 'naive'),
    },
    whole(1),
    whole(16),
  ];
  const probe: Case = { name: 'roof', run: () => void roof.again() };
  const timings = await interleave([...cases, probe], budget);
  return cases.map(({ name, macs }) => {
    const { best, median } = timings.get(name)!;
    return { name, best: macs / best / 1e6, median: macs / median / 1e6 };
  });
}

/** `npm run bench -- tile`. */
export async function benchTile(): Promise<void> {
  const machine = describeMachine();
  const roof = findRoof('f32');
  const rates = await timeTile(roof, { time: 15_000, fewest: 9, most: 61 });
  const peak = roof.peak();
  const tile = rates[0]!;
  console.log(machineLine(machine));
  console.log(`${'roof'.padEnd(32)} ${peak.rate.toFixed(1)} GMAC/s (${peak.shape})`);
  for (const { name, best, median } of rates) {
    const shares = `${(best / peak.rate).toFixed(2)} of the roof, ${(best / tile.best).toFixed(2)} of the tile`;
    console.log(`${name.padEnd(32)} ${best.toFixed(1)} GMAC/s at best (${shares}), median ${median.toFixed(1)}`);
  }
}
