import { expect, it } from 'vitest';
import { draw, logits, randomModel, resized, scaled } from '../../bench/core.js';
import { crop } from '../../bench/crop.js';
import type { Peer } from '../../bench/peer.js';

it('cropping is exact: our own kernels give the same bits from the windows as from the whole image', async () => {
  const model = randomModel({ height: 20, width: 19, filters: 8, blocks: 2 });
  const { images } = draw(model.sampler, { method: 'wavefront', skipping: 'none', count: 1, seed: 1, startIndex: 0 });
  const ours = logits(model.sampler, images, 'wavefront');
  const peer: Peer = {
    name: 'ourselves',
    native: false,
    async forward(pixels, _count, height, width) {
      const { sampler } = resized(model, height, width);
      const made = logits(sampler, Uint8Array.from(pixels), 'wavefront');
      sampler.free();
      return { logits: made, time: 1 };
    },
  };
  const cropped = await crop(peer, model.net, scaled(images, model.net), ours, 1);
  expect(cropped.worst).toBe(0);
  expect(cropped.windows).toBe(20 * 19);
  expect(cropped.time).toBe(20 * 19);
  const some = await crop(peer, model.net, scaled(images, model.net), ours, 7);
  expect(some.windows).toBe(Math.ceil((20 * 19) / 7));
  expect(some.time).toBeCloseTo(20 * 19);
});
