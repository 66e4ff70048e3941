/**
 * `npm run bench -- tile`: the best register tile alone, beside the whole net and the roof.
 *
 * The tile is timed through the public kernels, on a net made for it: 1x1 layers of the default width over images of 32
 * pixels, all given. Each layer is then one product of 32 positions, eight tiles of 4 positions x 8 outputs for each panel
 * of weights, and panel, rows and outputs stay in the L1 cache. What the whole net loses against it is what fronts cost:
 * offsets, fronts that do not fill their tiles, weights that come from farther away.
 */

import { defaultModel, draw, logits, randomModel } from './core.js';
import { type Case, interleave } from './harness.js';
import { describeMachine, machineLine } from './machine.js';
import { findRoof } from './roof.js';

export function benchTile(): void {
  const machine = describeMachine();
  const model = defaultModel();
  const { filters } = model.net.config;
  const layers = randomModel({ height: 4, width: 8, filters, blocks: 0, firstKernel: 3, headLayers: 64 });
  const drawing = { method: 'wavefront', skipping: 'none', seed: 1 } as const;
  const count = 8;
  const { images } = draw(layers.sampler, { ...drawing, count, startIndex: 0 });
  const roof = findRoof('f32');

  const whole = (batch: number) => ({
    name: `whole net, wavefront, batch ${batch}`,
    macs: draw(model.sampler, { ...drawing, count: batch, startIndex: 0 }).macs,
    run: (round: number) => draw(model.sampler, { ...drawing, count: batch, startIndex: round }),
  });
  const cases: (Case & { macs: number })[] = [
    {
      name: `tile of 4 x 8, ${filters} channels`,
      macs: layers.net.macsPerImage * count,
      run: () => logits(layers.sampler, images, 'naive'),
    },
    whole(1),
    whole(16),
  ];
  const probe: Case = { name: 'roof', run: () => roof.again() };
  const timings = interleave([...cases, probe], { time: 15_000, fewest: 9, most: 61 });

  const peak = roof.peak();
  const rates = cases.map(({ name, macs }) => {
    const { best, median } = timings.get(name)!;
    return { name, best: macs / best / 1e6, median: macs / median / 1e6 };
  });
  const tile = rates[0]!;
  console.log(machineLine(machine));
  console.log(`${'roof'.padEnd(32)} ${peak.rate.toFixed(1)} GMAC/s (${peak.shape})`);
  for (const { name, best, median } of rates) {
    const shares = `${(best / peak.rate).toFixed(2)} of the roof, ${(best / tile.best).toFixed(2)} of the tile`;
    console.log(`${name.padEnd(32)} ${best.toFixed(1)} GMAC/s at best (${shares}), median ${median.toFixed(1)}`);
  }
}
