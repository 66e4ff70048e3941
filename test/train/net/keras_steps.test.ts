import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadCore } from '../../../ts/train/net/core.js';
import { trainSteps } from '../../../ts/train/run/trainer.js';
import { openTestBackend, present } from '../support.js';
import { cases, type Golden, hashOf, inputOf, optionsOf, steps } from './keras_cases.js';

const golden = JSON.parse(readFileSync(new URL('../../golden/keras_steps.json', import.meta.url), 'utf8')) as Golden;

// What two orders of summing differ by grows from step to step. Keras's losses were made on a CPU with AVX2: by the wider kernels
// that TensorFlow takes on one with AVX-512 (Zen 5), the reference's net is 1.6e-4 away after 20 steps, held to AVX2 1.2e-5.
process.env.ONEDNN_MAX_CPU_ISA = 'AVX2';

/** All steps of the reference's net take a minute. */
const stepsOf = (name: string): number => (name === 'small' || process.env.PIXELCNN_TEST_ALL === '1' ? steps : 3);

for (const one of cases) {
  const { name } = one;
  const count = stepsOf(name);
  it(`from the same weights, on the same batches, loses what Keras lost at each of ${count} steps: ${name}`, async (context) => {
    const core = await loadCore();
    const options = await optionsOf(one);
    const given = hashOf(inputOf(options, core));
    expect(given, 'what Keras was given; else make its losses anew').toBe(golden.given[name]);
    const backend = present(await openTestBackend('tensorflow'), context);
    const losses: number[] = [];
    for await (const event of trainSteps({ ...options, backend, core })) {
      if (event.type !== 'step') continue;
      if (losses.push(event.batchLoss) === count) break;
    }
    const expected = golden.losses[name]!.slice(0, count);
    const relative = losses.map((loss, step) => Math.abs(loss / expected[step]! - 1));
    expect(relative).toHaveLength(count);
    console.log(`${name}: the largest relative difference from Keras ${golden.keras} is ${Math.max(...relative)}`);
    expect(Math.max(...relative)).toBeLessThan(1e-4);
  }, 600_000);
}
