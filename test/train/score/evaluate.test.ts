import { expect, it } from 'vitest';
import { loadSampler } from '../../../ts/load.js';
import { labelImages } from '../../../ts/train/data/labels.js';
import { type EvaluateOptions, evaluate, type Scorer } from '../../../ts/train/score/evaluate.js';
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

it('scores by a model with classes each image alone and given its class, and tells how many are classified right', async () => {
  // p(image | class) = q(image) * 2^-(class + 1) / 42, so that all of it is known.
  const [base, classes] = [[...sampler.logProb(data.pixels)], 3];
  const calls: number[] = [];
  const logProb: Scorer['logProb'] = (images, options) => {
    const { labels } = options as { labels: Uint16Array };
    calls.push(labels.length);
    const size = images.length / labels.length;
    const first = (images.byteOffset - data.pixels.byteOffset) / size;
    // Image 4 alone is likelier of the last class.
    return Float64Array.from(
      labels,
      (label, i) => base[first + i]! - Math.LN2 * (first + i === 4 ? 3 - label : label + 1),
    );
  };
  const ofClasses: Scorer = { config: { ...sampler.config, classes }, logProb };
  const labels = Uint16Array.from([0, 0, 0, 1, 2, 0, 2, 0, 0]);
  const labelled = labelImages(data, labels, ['a', 'b', 'c']);
  const { evaluation } = await scored({ sampler: ofClasses, data: labelled, batchSize: 4 });
  expect(calls).toEqual([4, 4, 4, 4, 4, 4, 1, 1, 1]);
  const mean = Math.log((1 / 2 + 1 / 4 + 1 / 8) / 3);
  expect(evaluation.imageNats).toEqual(base.map((logProb) => expect.closeTo(-logProb - mean, 10)));
  const given = [...labels].map((label, i) => -base[i]! + Math.LN2 * (i === 4 ? 3 - label : label + 1));
  expect(evaluation.given?.imageNats).toEqual(given.map((nats) => expect.closeTo(nats, 10)));
  expect(evaluation.given?.natsPerImage).toBeCloseTo(given.reduce((a, b) => a + b) / 9, 10);
  expect(evaluation.given?.loss).toBeCloseTo(evaluation.given!.natsPerImage / 42, 12);
  expect(evaluation.classifiedRight).toBe(7);
  expect(evaluation.protocol).toEqual(protocolOf(data));
  const alone = (await scored({ sampler: ofClasses })).evaluation;
  expect(alone).toEqual({ ...evaluation, given: undefined, classifiedRight: undefined });
});

it('goes by the names of classes, and by their numbers where nobody named them', async () => {
  const [a, b, c] = [1, 2, 3];
  const logProb: Scorer['logProb'] = (_, options) =>
    Float64Array.from((options as { labels: Uint16Array }).labels, (label) => -[a, b, c][label]!);
  const nameless: Scorer = { config: { ...sampler.config, classes: 3 }, logProb };
  const named: Scorer = { ...nameless, classNames: ['a', 'b', 'c'] };
  const labels = Uint16Array.from([0, 0, 0, 1, 1, 0, 1, 0, 0]);
  const costs = async (sampler: Scorer, names?: string[]) => {
    const { evaluation } = await scored({ sampler, data: labelImages(data, labels, names) });
    return evaluation.given!.imageNats;
  };
  const of = (first: number, second: number) => [...labels].map((label) => (label === 0 ? first : second));
  expect(await costs(named, ['a', 'b', 'c'])).toEqual(of(a, b));
  expect(await costs(named, ['c', 'a', 'b'])).toEqual(of(c, a));
  expect(await costs(named, ['b', 'c'])).toEqual(of(b, c)); // of the first none came along
  expect(await costs(named)).toEqual(of(a, b));
  expect(await costs(nameless)).toEqual(of(a, b));
  expect(await costs(nameless, ['x', 'y', 'z'])).toEqual(of(a, b));
  const refused = (sampler: Scorer, names: string[]) => () => costs(sampler, names);
  await expect(refused(nameless, ['a', 'b'])).rejects.toThrow(
    'data: expected images of 3 classes, as the model has, got 2',
  );
  await expect(refused(named, ['0', '1', '2', '3'])).rejects.toThrow(
    'data: expected images of 3 classes, as the model has, got 4',
  );
  await expect(refused(named, ['a', 'd', 'b'])).rejects.toThrow(
    'data: expected images of classes that the model has ("a", "b", "c"), got "d"',
  );
});
