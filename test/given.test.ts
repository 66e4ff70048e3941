import { beforeAll, expect, it } from 'vitest';
import { type GivenPixels, loadSampler, type Method, type Sampler } from '../ts/index.js';
import { failure } from './failure.js';
import { configJson, randomModel } from './wasm.js';

const [height, width, levels] = [5, 4, 6];
const size = height * width;
let sampler: Sampler;

beforeAll(async () => {
  sampler = await loadSampler(randomModel(configJson({ height, width, filters: 4, blocks: 1, levels }), 3));
});

/** Levels and holes that differ from image to image. */
function holes(count: number, seed: number): GivenPixels {
  const { data } = sampler.sample({ count, seed });
  return { data, known: Uint8Array.from(data, (_, i) => ((i * 7 + seed) % 3 === 0 ? 1 : 0)) };
}

it('takes known pixels as they are and draws the others, the same by every method', () => {
  const given = holes(4, 9);
  const request = { count: 4, seed: 1, given };
  const samples = sampler.sample(request);
  expect(samples.data.every((level, i) => given.known[i] === 0 || level === given.data[i])).toBe(true);
  expect(samples.data).not.toEqual(given.data);
  for (const method of ['cached', 'naive', 'reference'] satisfies Method[]) {
    expect(sampler.sample({ ...request, method }), method).toEqual(samples);
  }
  const steps = sampler.sampleSteps(request);
  let [step, pixels] = [steps.next(), 0];
  while (!step.done) {
    pixels += step.value.pixels.length / 3;
    step = steps.next();
  }
  expect(step.value).toEqual(samples);
  expect(pixels).toBe(4 * size); // known ones come in fronts too
  expect(samples.nats).toEqual(sampler.logProb(samples).map((x) => -x)); // and have their price
});

it('takes one image for all', () => {
  const given = holes(1, 2);
  const some = sampler.sample({ count: 300, seed: 1, given });
  const repeat = <T extends Uint8Array | Uint16Array>(numbers: T) =>
    Uint8Array.from({ length: 300 * size }, (_, i) => numbers[i % size]!);
  const each = { data: repeat(given.data), known: repeat(given.known) };
  expect(sampler.sample({ count: 300, seed: 1, given: each })).toEqual(some);
  // Parts of a long call get theirs.
  const tail = holes(300, 3);
  const all = sampler.sample({ count: 300, seed: 1, given: tail });
  const last = { data: tail.data.slice(290 * size), known: tail.known.slice(290 * size) };
  expect(sampler.sample({ count: 10, startIndex: 290, seed: 1, given: last }).data).toEqual(
    all.data.subarray(290 * size),
  );
});

it('draws what it would without, before the first known pixel and where the known are those it drew', () => {
  const free = sampler.sample({ count: 2, seed: 4 });
  const known = new Uint8Array(2 * size).fill(1, 7, 13);
  expect(sampler.sample({ count: 2, seed: 4, given: { data: free.data, known } })).toEqual(free);
  const other = free.data.map((level) => (level + 1) % levels);
  const changed = sampler.sample({
    count: 1,
    seed: 4,
    given: { data: other.slice(0, size), known: known.slice(0, size) },
  });
  expect(changed.data.subarray(0, 7)).toEqual(free.data.subarray(0, 7)); // raster order looks ahead at nothing
  expect(changed.data.subarray(7, 13)).toEqual(other.subarray(7, 13));
});

it('does not look at what stands in holes, nor at what becomes of the arrays', () => {
  const given = holes(2, 5);
  const wanted = sampler.sample({ count: 2, seed: 1, given });
  const data = Uint16Array.from(given.data, (level, i) => (given.known[i] === 1 ? level : 60_000));
  const known = given.known.slice();
  const steps = sampler.sampleSteps({ count: 2, seed: 1, given: { data, known } });
  data.fill(1);
  known.fill(1);
  let step = steps.next();
  while (!step.done) step = steps.next();
  expect(step.value).toEqual(wanted);
});

const zeros = new Uint8Array(size);
const ones = new Uint8Array(size).fill(1);
const wrong: [given: unknown, kind: string, sentence: string][] = [
  [null, 'TypeError', 'expected its data as a Uint8Array or a Uint16Array of levels, got undefined'],
  [
    zeros.subarray(0, 3).buffer,
    'TypeError',
    'expected its data as a Uint8Array or a Uint16Array of levels, got undefined',
  ],
  [
    { data: [0], known: zeros },
    'TypeError',
    'expected its data as a Uint8Array or a Uint16Array of levels, got an array of 1',
  ],
  [{ data: zeros }, 'TypeError', 'expected its known as a Uint8Array of 0 and 1, got undefined'],
  [{ data: zeros, known: [1] }, 'TypeError', 'expected its known as a Uint8Array of 0 and 1, got an array of 1'],
  [
    { data: new Uint8Array(7), known: zeros },
    'RangeError',
    'expected data and known of 20 pixels, or 3 times as many, those of each image, got 7 and 20',
  ],
  [
    { data: zeros, known: new Uint8Array(60) },
    'RangeError',
    'expected data and known of 20 pixels, or 3 times as many, those of each image, got 20 and 60',
  ],
  [{ data: zeros, known: ones.map(() => 255) }, 'RangeError', 'expected 0 or 1 in known, got 255 at index 0'],
  [
    { data: zeros.map((_, i) => (i === 8 ? 6 : 0)), known: ones },
    'RangeError',
    'expected levels from 0 to 5 where known is 1, got 6 at index 8',
  ],
];

it.each(wrong)('says one sentence to given pixels, case %#', async (given, name, sentence) => {
  const options = { count: 3, given: given as GivenPixels };
  for (const call of [() => sampler.sample(options), () => sampler.sampleSteps(options)]) {
    expect(await failure(call)).toMatchObject({ name, argument: 'given', message: `given: ${sentence}` });
  }
});
