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

it('no window is timed in a shape that the peer meets for the first time', async () => {
  const { net, sampler } = randomModel({ height: 20, width: 19, filters: 8, blocks: 2 });
  sampler.free();
  const met = new Set<string>();
  const peer: Peer = {
    name: 'one that plans for each shape',
    native: false,
    async forward(pixels, _count, height, width) {
      const shape = `${height} x ${width}`;
      const time = met.has(shape) ? 1 : 1000;
      met.add(shape);
      return { logits: new Float32Array(pixels.length), time };
    },
  };
  const blank = new Float32Array(20 * 19);
  for (const step of [1, 7, 9]) {
    met.clear();
    expect((await crop(peer, net, blank, blank, step)).time, `step ${step}`).toBeCloseTo(20 * 19);
  }
});
