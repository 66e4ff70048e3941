import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadCore } from '../../../ts/train/net/core.js';
import { trainSteps } from '../../../ts/train/run/trainer.js';
import { type BackendName, openTestBackend, present } from '../support.js';
import { cases, type Golden, hashOf, inputOf, type KerasCase, optionsOf, steps } from './keras_cases.js';

const golden = JSON.parse(readFileSync(new URL('../../golden/keras_steps.json', import.meta.url), 'utf8')) as Golden;

/** All steps of the reference's net take a minute on native TensorFlow, and many elsewhere. */
const isLarge = ({ name }: KerasCase): boolean => name === 'reference';

/** Training, step by step, against Keras's. */
export function testStepsOn(backendName: BackendName): void {
  for (const one of cases) {
    if (isLarge(one) && backendName !== 'tensorflow') continue;
    const { name } = one;
    const count = isLarge(one) && process.env.PIXELCNN_TEST_ALL !== '1' ? 3 : steps;
    it(`from the same weights, on the same batches, loses what Keras lost at each of ${count} steps: ${name}`, {
      timeout: 600_000,
    }, async (context) => {
      const core = await loadCore();
      const options = await optionsOf(one);
      const given = inputOf(options, core);
      expect(hashOf(given), 'what Keras was given; else make its losses anew').toBe(golden.given[name]);
      const backend = present(await openTestBackend(backendName), context);
      const losses: number[] = [];
      let ended: Float32Array | undefined;
      for await (const event of trainSteps({ ...options, backend, core })) {
        if (event.type === 'end') ended = event.result.weights;
        if (event.type === 'step' && losses.push(event.batchLoss) === count && count < steps) break;
      }
      const expected = golden.losses[name]!.slice(0, count);
      const relative = losses.map((loss, step) => Math.abs(loss / expected[step]! - 1));
      expect(relative).toHaveLength(count);
      console.log(`${name}: the largest relative difference from Keras ${golden.keras} is ${Math.max(...relative)}`);
      expect(Math.max(...relative)).toBeLessThan(1e-4);

      if (one.net === 'example') return; // its forbidden weights move, and no weight of it is kept
      const ends = golden.weights[name]!;
      expect(Object.keys(ends).toSorted()).toEqual(given.tensors.map((tensor) => tensor.name).toSorted());
      for (const { name: tensor, offset } of given.tensors) {
        const [place, end] = ends[tensor]!;
        const way = Math.abs(end - given.weights[offset + place]!);
        const off = Math.abs(end - ended![offset + place]!);
        expect(off / way, `${tensor}: how far from Keras's end, of the way there`).toBeLessThan(1e-3);
      }
    });
  }
}
