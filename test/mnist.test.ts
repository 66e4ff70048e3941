import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadSampler } from '../ts/index.js';

// The model that comes with the package, looked at as a user does: are these digits?
const path = fileURLToPath(new URL('../models/mnist-binary.safetensors', import.meta.url));

it('draws images with as much ink as MNIST, as likely as it finds MNIST itself', async () => {
  const sampler = await loadSampler(path);
  const { data, nats } = sampler.sample({ count: 256, seed: 1 });
  const mean = (values: Iterable<number>) => Array.from(values).reduce((a, b) => a + b, 0) / 256;
  const mnistInk = 116.2; // pixels of 784 that are on, over all 70,000 images by the reference's threshold
  expect(mean(data)).toBeGreaterThan(0.85 * mnistInk);
  expect(mean(data)).toBeLessThan(1.15 * mnistInk);
  const validation = Number(sampler.metadata['training.valNatsPerImage']);
  expect(mean(nats)).toBeGreaterThan(0.75 * validation);
  expect(mean(nats)).toBeLessThan(1.25 * validation);
}, 300_000);
