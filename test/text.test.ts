import { expect, it } from 'vitest';
import { loadSampler, toText } from '../ts/index.js';
import { failure } from './failure.js';
import { configJson, randomModel } from './wasm.js';

const alphabet = ['.', '#', '🌳'];
const maps = { data: Uint8Array.of(0, 1, 2, 1, 1, 0, /**/ 0, 0, 0, 2, 2, 2), shape: [2, 2, 3, 1] } as const;

it('writes a character for each level, a line for each row, a text for each image', () => {
  expect(toText(maps, alphabet)).toEqual(['.#🌳\n##.\n', '...\n🌳🌳🌳\n']);
  expect(toText({ ...maps, data: Uint16Array.from(maps.data) }, [...alphabet, ' '])).toEqual(toText(maps, alphabet));
});

it('takes what a model draws and the alphabet that it names', async () => {
  const config = configJson({ height: 4, width: 5, filters: 4, blocks: 1, levels: 3, input: 'nominal' });
  const sampler = await loadSampler(randomModel(config, 1, { alphabet: JSON.stringify(alphabet) }));
  expect(sampler.alphabet).toEqual(alphabet);
  const samples = sampler.sample({ count: 3, seed: 1 });
  const texts = toText(samples, sampler.alphabet);
  expect(texts).toHaveLength(3);
  const levels = texts.flatMap((text) => [...text.replaceAll('\n', '')].map((one) => alphabet.indexOf(one)));
  expect(Uint8Array.from(levels)).toEqual(samples.data);
});

const character = 'alphabet: expected an array with a character for each level';
it.each<[images: unknown, alphabet: unknown, name: string, message: string]>([
  [maps, undefined, 'TypeError', `${character}, got undefined, as a model that names none has`],
  [maps, '.#x', 'TypeError', `${character}, got ".#x"`],
  [maps, ['.', '##', 'x'], 'TypeError', `${character}, got "##" at index 1`],
  [maps, ['.', '\n', 'x'], 'TypeError', `${character}, got "\\n" at index 1`],
  [maps, ['.', 1, 'x'], 'TypeError', `${character}, got 1 at index 1`],
  [
    maps,
    ['.', '#'],
    'RangeError',
    'images: expected levels from 0 to 1, as the alphabet has characters, got 2 at index 2',
  ],
  [
    maps.data,
    alphabet,
    'RangeError',
    'images: expected a shape [count, height, width, 1] for 12 pixels, got none of four axes',
  ],
  [
    { ...maps, shape: [-2, -2, 3, 1] },
    alphabet,
    'RangeError',
    'images: expected a shape [count, height, width, 1] for 12 pixels, got [-2, -2, 3, 1]',
  ],
  [
    { ...maps, shape: [2, 2, 2, 1] },
    alphabet,
    'RangeError',
    'images: expected a shape [count, height, width, 1] for 12 pixels, got [2, 2, 2, 1]',
  ],
])('says one sentence to what is no text, case %#', async (images, characters, name, message) => {
  expect(await failure(() => toText(images as never, characters as never))).toMatchObject({ name, message });
});
