import { expect, it } from 'vitest';
import { trainClassifier, verdicts } from '../../judge/classifier.js';
import { loadCore } from '../../ts/train/net/core.js';
import { noise, openTestBackend, present } from '../train/support.js';

const side = 28;
const backend = await openTestBackend('tensorflow');

/** Bars in one of ten rows each, whose ends are where they happen to be. */
function bars(count: number, first: number) {
  const pixels = new Uint8Array(count * side * side);
  const labels = Uint16Array.from({ length: count }, (_, image) => (image + first) % 10);
  const ends = noise(2 * (first + count), 8).subarray(2 * first);
  for (const [image, label] of labels.entries()) {
    const [from, to] = [8 + Math.floor(ends[2 * image]! / 2), 20 + Math.floor(ends[2 * image + 1]! / 2)];
    const row = image * side * side + (2 + 2.5 * label - ((2.5 * label) % 1)) * side;
    pixels.fill(1, row + from, row + to);
  }
  return { pixels, labels, count };
}

it('learns to tell images apart that it has not seen, and leaves no tensor', async (context) => {
  const { tf } = present(backend, context);
  const before = tf.memory().numTensors;
  const said: string[] = [];
  const options = { epochs: 12, seed: 1, say: (line: string) => said.push(line) };
  const judge = trainClassifier(tf, await loadCore(), bars(400, 0), options);
  const unseen = bars(200, 400);
  const of = verdicts(judge.classify(unseen.pixels, unseen.count));
  judge.dispose();
  expect(of.filter(({ label }, image) => label === unseen.labels[image]).length).toBeGreaterThan(190);
  expect(of.every(({ p }) => p > 0.1 && p <= 1)).toBe(true);
  expect(said).toHaveLength(12);
  expect(said.at(-1)).toMatch(/^judge: epoch 12 of 12, loss \d\.\d{4}$/);
  expect(tf.memory().numTensors).toBe(before);
});

it('takes the likeliest class, and how sure one may be of it', () => {
  const probabilities = new Float32Array(20).fill(0.05);
  probabilities[3] = 0.55;
  probabilities[10] = 0.5;
  expect(verdicts(probabilities)).toEqual([
    { label: 3, p: Math.fround(0.55) },
    { label: 0, p: 0.5 },
  ]);
});
