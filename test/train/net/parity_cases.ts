import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { largestLogitDifference } from '../../../scripts/logit_parity.js';
import { binarise } from '../../../ts/train/data/binarisation.js';
import { firstImages, splitImages } from '../../../ts/train/data/image_set.js';
import { loadMnist } from '../../../ts/train/data/published.js';
import { randomModel } from '../../wasm.js';
import { anyLevels, type BackendName, openTestBackend, present } from '../support.js';
import { configs } from './nets.js';

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

  it.for(configs)('gives the logits that the sampler gives, within 1e-4: %s', async ([, config], context) => {
    const backend = present(await openTestBackend(name), context);
    const model = randomModel(JSON.stringify(config), 1);
    const levels = Uint16Array.from(anyLevels(12, config));
    const labels = Uint16Array.from({ length: 12 }, (_, image) => image % (config.classes ?? 1));
    const worst = await largestLogitDifference(backend, model, levels, config.classes ? labels : undefined);
    expect(worst).toBeGreaterThan(0); // else something was compared with itself
    expect(worst).toBeLessThan(1e-4);
  });
}
