import { expect, it } from 'vitest';
import { packBits, unpackBits } from '../../demo/bits.js';
import { formatSettings, parseSettings } from '../../demo/settings.js';

it('reads again what it writes, and writes no more than what differs', () => {
  expect(formatSettings(parseSettings(''))).toBe('');
  const query = '?model=digits&seed=9007199254740991&label=3&temperature=0.8&hand=A-_b';
  expect(formatSettings(parseSettings(query))).toBe(query);
  expect(parseSettings(query)).toMatchObject({ model: 'digits', seed: Number.MAX_SAFE_INTEGER, label: 3, count: 64 });
});

it('takes what lies outside its range for not said', () => {
  const hostile = '?seed=-1&count=1e9&label=x&temperature=NaN&pace=&rows=1.5&levels=1e999&level=0x10&other=1';
  expect(parseSettings(hostile)).toEqual({ ...parseSettings(''), level: 16 });
});

it('packs images of any size, and takes foreign text for a blank one', () => {
  for (const size of [1, 8, 9, 784]) {
    const levels = Uint8Array.from({ length: size }, (_, i) => ((i * i + 1) % 3 === 1 ? 1 : 0));
    expect(unpackBits(packBits(levels), size)).toEqual(levels);
  }
  expect(packBits(new Uint8Array(784))).toBe('');
  for (const text of ['', '%%%', 'AAAA']) expect(unpackBits(text, 784)).toEqual(new Uint8Array(784));
});
