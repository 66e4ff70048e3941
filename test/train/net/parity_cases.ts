import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { largestLogitDifference } from '../../../scripts/logit_parity.js';
import { binarise } from '../../../ts/train/data/binarisation.js';
import { firstImages, splitImages } from '../../../ts/train/data/image_set.js';
import { loadMnist } from '../../../ts/train/data/published.js';
import { loadCore } from '../../../ts/train/net/core.js';
import { createModel } from '../../../ts/train/net/model.js';
import { layoutOf, toFull } from '../../../ts/train/net/parameters.js';
import type { Tensor1D } from '../../../ts/train/net/tf.js';
import { type BackendName, batchOf, openTestBackend, plainForward, present, smallConfig } from '../support.js';

const shipped = fileURLToPath(new URL('../../../models/mnist-binary.safetensors', import.meta.url));

/** The sampler's logits against TensorFlow's, on real digits. */
export function testParityOn(name: BackendName): void {
  it('gives the logits of the shipped model that the sampler gives, within 1e-4, on 64 digits', {
    timeout: 300_000,
  }, async (context) => {
    const backend = present(await openTestBackend(name), context);
    if (!existsSync(shipped)) throw new Error(`expected the shipped model at ${shipped}`);
    const mnist = await loadMnist({ offline: true });
    const digits = firstImages(splitImages(binarise(mnist, mnist.source)).validation, 64);
    const worst = await largestLogitDifference(backend, readFileSync(shipped), digits.pixels);
    expect(worst).toBeGreaterThan(0); // else something was compared with itself
    expect(worst).toBeLessThan(1e-4);
  });

  it('computes what the net, written out with full masked kernels, computes', async (context) => {
    const { tf, ops } = present(await openTestBackend(name), context);
    const core = await loadCore();
    const net = core.describe(smallConfig);
    const layout = layoutOf(net);
    const words = core.randomWords(1, 1, 0, 0, layout.size);
    const flat = Float32Array.from(words, (word, i) => (word / 2 ** 31 - 1) * 0.4 * layout.mask[i]!);
    const parameters: Tensor1D = tf.tensor1d(flat);
    const model = createModel(tf, ops, net, layout, tf.tensor1d(layout.mask));
    const weights = model.weights(parameters);
    const whole = toFull(layout, flat);
    let at = 0;
    const full = new Map(
      net.tensors.map(({ name, shape }) => {
        const size = shape.reduce((a, b) => a * b, 1);
        at += size;
        return [name, tf.tensor(whole.slice(at - size, at), [...shape])] as const;
      }),
    );
    const batch = batchOf(
      tf,
      net,
      words.subarray(0, 84).map((word) => word & 1),
    );
    const [got, expected] = [model.logits(weights, batch), plainForward(tf, net, full, batch)];
    const difference = tf.max(tf.abs(tf.sub(got, expected))).dataSync()[0]!;
    expect(difference).toBeLessThan(1e-5);
  });
}
