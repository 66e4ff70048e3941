import { expect, it } from 'vitest';
import { loadSampler } from '../../../ts/index.js';
import { evaluate } from '../../../ts/train/score/evaluate.js';
import { configJson, randomModel } from '../../wasm.js';
import { blobs } from '../support.js';

const size = { height: 7, width: 6 };

it('is given up by a timer while it scores: the loop turns', async () => {
  const data = blobs(2000, size);
  const sampler = await loadSampler(randomModel(configJson({ ...size, filters: 4, blocks: 1 }), 3));
  const controller = new AbortController();
  let scored = 0;
  const scoring = (async () => {
    for await (const event of evaluate({ sampler, data, batchSize: 1, signal: controller.signal })) {
      if (scored++ === 0) setTimeout(() => controller.abort(new Error('by a timer')), 0);
      expect(event.type).toBe('progress');
    }
  })();
  await expect(scoring).rejects.toThrow('by a timer');
  expect(scored).toBeLessThan(2000);
});
