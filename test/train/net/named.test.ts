import { expect, it } from 'vitest';
import { loadCore } from '../../../ts/train/net/core.js';
import { netNames, nets, referenceConfig } from '../../../ts/train/net/reference.js';

it('has named nets that the core knows, of which the deep one costs no more than the reference and sees ten times as far', async () => {
  const core = await loadCore();
  const [reference, deep] = (['reference', 'deep'] as const).map((name) =>
    core.describe({ ...referenceConfig, ...nets[name] }),
  );
  for (const name of netNames)
    expect(core.describe({ ...referenceConfig, ...nets[name] }).config).toMatchObject(nets[name]);
  expect(deep!.macsPerPixel).toBeLessThanOrEqual(reference!.macsPerPixel);
  expect(deep!.receptiveField.pixels).toBeGreaterThan(10 * reference!.receptiveField.pixels);
  expect(deep!.schedule.fronts).toBe(reference!.schedule.fronts);
});
