import { expect, it } from 'vitest';
import { worstOf } from '../../bench/agree.js';
import { draw, logits, randomModel, scaled } from '../../bench/core.js';
import { crop, windowOf } from '../../bench/crop.js';
import { onnxModel } from '../../bench/onnx.js';
import { frameworkMacs, type Start } from '../../bench/peer.js';
import { startApart } from '../../bench/peer_apart.js';
import { startOnnxRuntime } from '../../bench/peer_onnx.js';
import type { Config } from '../../ts/config.js';

const configs = {
  'the usual form': { height: 9, width: 12, filters: 16, blocks: 2 },
  'no block and no head': { height: 5, width: 8, filters: 8, blocks: 0, headLayers: 0, firstKernel: 3 },
  'large kernels and three heads': { height: 11, width: 7, filters: 8, blocks: 1, headLayers: 3, blockKernel: 5 },
};
const little: Partial<Config> = { height: 7, width: 6, filters: 8, blocks: 2, firstKernel: 5 };

/** What else a net can be: levels, what they mean, classes, cells, and where kernels read. */
const others: Record<string, Partial<Config>> = {
  'gates and classes': { architecture: 'gated', classes: 3 },
  'gates that keep zeros, embedded kinds and dilated kernels': {
    ...{ architecture: 'gated', activation: 'relu', levels: 7, input: 'nominal', embedding: 3, dilations: [1, 2] },
  },
  'one-hot kinds': { levels: 5, input: 'nominal' },
  'grey values and sigmoids': { levels: 16, activation: 'sigmoid', dilations: [3], blockKernel: 5 },
  'kernels that lean, tanh and classes': { levels: 3, activation: 'tanh', lean: 2, dilations: [2, 1], classes: 4 },
  'many levels, no block': { architecture: 'gated', levels: 300, input: 'nominal', blocks: 0, firstKernel: 3 },
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

for (const [name, start] of Object.entries(runtimes)) {
  for (const [form, changes] of Object.entries(others)) {
    it(`${name} computes our logits from the ONNX file of a net of ${form}`, async ({ skip }) => {
      const { net, sampler } = randomModel({ ...little, ...changes });
      const peer = await start(net, sampler.weights());
      if (typeof peer === 'string') return skip(peer);
      const labels = net.config.classes === undefined ? {} : { labels: Uint16Array.of(2, 0) };
      const { images } = draw(sampler, { ...drawing, ...labels });
      const ours = logits(sampler, images, 'wavefront', labels.labels);
      const { logits: theirs } = await peer.forward(scaled(images, net), 2, 7, 6, labels.labels);
      expect(theirs.length).toBe(ours.length);
      const spread = Math.max(...ours) - Math.min(...ours);
      expect(spread).toBeGreaterThan(0.1);
      expect(worstOf(ours, theirs)).toBeLessThan(1e-4 * Math.min(1, spread));
      peer.end?.();
      sampler.free();
    });
  }
}

it.each(Object.entries({ ...configs, ...others }))('counts what a framework multiplies for %s', (_, changes) => {
  const { net, sampler } = randomModel({ ...little, ...changes });
  const { height, width, lean = 0 } = net.config;
  const macs = frameworkMacs(net, height, width) * height * width;
  // A leaning kernel stands in a box that is wider than the kernel in the file.
  if (lean > 0) expect(macs).toBeGreaterThan(net.naiveMacsPerImage);
  else expect(macs).toBe(net.naiveMacsPerImage);
  sampler.free();
});

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
