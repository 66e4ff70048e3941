import { expect, it } from 'vitest';
import { loadSampler } from '../../../ts/load.js';
import { type EvaluateOptions, evaluate } from '../../../ts/train/score/evaluate.js';
import { type Evaluation, protocolOf } from '../../../ts/train/score/protocol.js';
import { configJson, randomModel } from '../../wasm.js';
import { blobs, smallConfig } from '../support.js';

const { height, width } = smallConfig;
const sampler = await loadSampler(randomModel(configJson({ height, width, filters: 4, blocks: 1 }), 5));
const data = blobs(9, smallConfig);

async function scored(options: Partial<EvaluateOptions> = {}): Promise<{ done: string[]; evaluation: Evaluation }> {
  const done: string[] = [];
  for await (const event of evaluate({ sampler, data, ...options })) {
    if (event.type === 'end') return { done, evaluation: event.evaluation };
    done.push(`${event.done} of ${event.total}`);
  }
  throw new Error('expected an end');
}

it('scores each image as the sampler does, in batches that change nothing', async () => {
  const { done, evaluation } = await scored({ batchSize: 4 });
  expect(done).toEqual(['4 of 9', '8 of 9', '9 of 9']);
  const imageNats = [...sampler.logProb(data.pixels)].map((logProb) => -logProb);
  const loss = imageNats.reduce((sum, nats) => sum + nats, 0) / (9 * 42);
  expect(evaluation).toEqual({
    images: 9,
    loss,
    natsPerImage: 42 * loss,
    bitsPerDim: loss / Math.LN2,
    imageNats,
    protocol: protocolOf(data),
  });
  expect(await scored({ batchSize: 1024 })).toEqual({ done: ['9 of 9'], evaluation });
  expect((await scored({ data: blobs(65, smallConfig) })).done).toEqual(['64 of 65', '65 of 65']);
});

it('stops before the next batch when it is told to', async () => {
  const reason = new Error('stopped by the test');
  await expect(scored({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const controller = new AbortController();
  let batches = 0;
  const stopped = (async () => {
    for await (const _ of evaluate({ sampler, data, batchSize: 2, signal: controller.signal })) {
      if (++batches === 2) controller.abort(reason);
    }
  })();
  await expect(stopped).rejects.toBe(reason);
  expect(batches).toBe(2);
});

it('is given up by a timer while it scores: the loop turns', async () => {
  const controller = new AbortController();
  let batches = 0;
  const stopped = (async () => {
    const many = blobs(2000, smallConfig);
    for await (const _ of evaluate({ sampler, data: many, batchSize: 1, signal: controller.signal })) {
      if (batches++ === 0) setTimeout(() => controller.abort(new Error('by a timer')), 0);
    }
  })();
  await expect(stopped).rejects.toThrow('by a timer');
  expect(batches).toBeLessThan(2000);
});

it.each([
  [{ data: blobs(2, { height: 8, width }) }, 'data: expected images of height 7, as the model has, got 8'],
  [{ data: blobs(2, { height, width: 5 }) }, 'data: expected images of width 6, as the model has, got 5'],
  [{ data: { ...data, count: 3, channels: 3 } }, 'data: expected images of channels 1, as the model has, got 3'],
  [{ data: { ...data, levels: 4 } }, 'data: expected images of levels 2, as the model has, got 4'],
  [{ batchSize: 0 }, 'batchSize: expected an integer from 1 to 1024, got 0'],
  [{ batchSize: 1025 }, 'batchSize: expected an integer from 1 to 1024, got 1025'],
])('refuses %o', async (options, message) => {
  await expect(scored(options as Partial<EvaluateOptions>)).rejects.toMatchObject({ name: 'RangeError', message });
});
