import { expect, it } from 'vitest';
import { worstOf } from '../../bench/agree.js';
import { draw, logits, randomModel, scaled } from '../../bench/core.js';
import { crop, windowOf } from '../../bench/crop.js';
import { onnxModel } from '../../bench/onnx.js';
import type { Start } from '../../bench/peer.js';
import { startApart } from '../../bench/peer_apart.js';
import { startOnnxRuntime } from '../../bench/peer_onnx.js';

const configs = {
  'the usual form': { height: 9, width: 12, filters: 16, blocks: 2 },
  'no block and no head': { height: 5, width: 8, filters: 8, blocks: 0, headLayers: 0, firstKernel: 3 },
  'large kernels and three heads': { height: 11, width: 7, filters: 8, blocks: 1, headLayers: 3, blockKernel: 5 },
};
const drawing = { method: 'wavefront', skipping: 'none', count: 2, seed: 1, startIndex: 0 } as const;

const runtimes: Record<string, Start> = {
  'onnxruntime-web': startOnnxRuntime('onnxruntime-web'),
  'onnxruntime-node': startApart('onnxruntime-node'),
};

for (const [name, start] of Object.entries(runtimes)) {
  for (const [form, config] of Object.entries(configs)) {
    it(`${name} computes our logits from the ONNX file of a net of ${form}, whole and cropped`, async ({ skip }) => {
      const { net, sampler } = randomModel(config);
      const peer = await start(net, sampler.weights());
      if (typeof peer === 'string') return skip(peer);
      const { images } = draw(sampler, drawing);
      const ours = logits(sampler, images, 'wavefront');
      const pixels = scaled(images, net);
      const { logits: theirs, time } = await peer.forward(pixels, 2, config.height, config.width);
      expect(theirs.length).toBe(ours.length);
      expect(worstOf(ours, theirs)).toBeLessThan(1e-4);
      expect(time).toBeGreaterThan(0);
      const one = config.height * config.width;
      const cropped = await crop(peer, net, pixels.subarray(0, one), ours.subarray(0, one), 1);
      expect(cropped.worst).toBeLessThan(1e-4);
      expect(cropped.windows).toBe(one);
      peer.end?.();
      sampler.free();
    });
  }
}

it('native TensorFlow, in a process of its own, computes our logits', async ({ skip }) => {
  const { net, sampler } = randomModel(configs['the usual form']);
  const peer = await startApart('tfjs-node')(net, sampler.weights());
  if (typeof peer === 'string') return skip(peer);
  const { images } = draw(sampler, drawing);
  const { logits: theirs } = await peer.forward(scaled(images, net), 2, 9, 12);
  expect(worstOf(logits(sampler, images, 'wavefront'), theirs)).toBeLessThan(1e-4);
  expect(peer).toMatchObject({ native: true, name: expect.stringMatching(/^tfjs-node \(TensorFlow \d/) });
  peer.end?.();
  sampler.free();
});

it('asks for as many weights as the net has', () => {
  const { net, sampler } = randomModel(configs['the usual form']);
  const weights = sampler.weights();
  expect(() => onnxModel(net, weights.subarray(1))).toThrow(RangeError);
  sampler.free();
});

it('crops to what a pixel depends on, clipped at the border', () => {
  const { net, sampler } = randomModel({ filters: 8 });
  expect(windowOf(net, 0, 0)).toEqual({ top: 0, bottom: 1, left: 0, right: 9 });
  expect(windowOf(net, 14, 14)).toEqual({ top: 6, bottom: 15, left: 6, right: 23 });
  expect(windowOf(net, 27, 27)).toEqual({ top: 19, bottom: 28, left: 19, right: 28 });
  sampler.free();
});
