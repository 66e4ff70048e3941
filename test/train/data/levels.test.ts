import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { sha256 } from '../../../ts/node/files.js';
import { levelsOf } from '../../../ts/train/data/binarisation.js';
import { checkImageSet, firstImages, splitImages } from '../../../ts/train/data/image_set.js';
import { codeImages, quantiseImages } from '../../../ts/train/data/levels.js';
import { type DataOptions, loadData } from '../../../ts/train/data/load_data.js';
import { loadCore } from '../../../ts/train/net/core.js';
import { idx } from './idx.js';
import { npy } from './npy.js';
import { png } from './png.js';

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-levels-'));
afterAll(() => rmSync(root, { recursive: true }));

let files = 0;
function write(bytes: Uint8Array, ending = ''): string {
  const path = join(root, `${++files}${ending}`);
  writeFileSync(path, bytes);
  return path;
}

type Values = Uint8Array | Uint16Array | Int8Array | Int16Array | Int32Array | Float32Array | BigInt64Array;
const dtypes = {
  Uint8Array: '|u1',
  Int8Array: '|i1',
  Uint16Array: '<u2',
  Int16Array: '<i2',
  Int32Array: '<i4',
  Float32Array: '<f4',
  BigInt64Array: '<i8',
};

/** Images of 1x4 as numpy.save writes them. */
function array(values: Values, shape = [values.length / 4, 1, 4]): string {
  const descr = `'${dtypes[values.constructor.name as keyof typeof dtypes]}'`;
  return write(npy(shape, new Uint8Array(values.buffer), { descr }));
}

const load = async (data: string, options: DataOptions = {}) => {
  const said: string[] = [];
  const set = await loadData({ data, say: (line) => said.push(line), ...options });
  return { set, levels: [...set.pixels], said };
};

/** What an error says, after the path, and which argument it names. */
const refused = (data: string, options: DataOptions = {}) =>
  expect(
    loadData({ data, ...options }).then(
      () => 'taken',
      (error: Error & { argument?: string }) => `${error.argument ?? '-'}: ${error.message.replace(`${data}: `, '')}`,
    ),
  ).resolves;

it('makes of 256 grey values any number of even levels, from the first to the last and never beyond', async () => {
  const ramp = { pixels: Uint8Array.from({ length: 256 }, (_, value) => value), count: 1, height: 16, width: 16 };
  for (const levels of [2, 3, 5, 16, 100, 255, 256]) {
    const set = await quantiseImages(ramp, 'a ramp', { levels });
    expect(set).toMatchObject({ levels, binarisation: `level floor(value x ${levels} / 256)` });
    expect(set.pixels).toBeInstanceOf(Uint8Array);
    expect([...set.pixels]).toEqual(Array.from({ length: 256 }, (_, value) => Math.floor((value * levels) / 256)));
    expect([set.pixels[0], set.pixels[255]]).toEqual([0, levels - 1]);
    const sizes = Array.from({ length: levels }, (_, level) => set.pixels.filter((other) => other === level).length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  }
});

it('quantises files, and tells which levels there are; a fraction of 1 is the last level', async () => {
  const { set, levels, said } = await load(array(Uint8Array.of(0, 15, 16, 255)), { levels: 16 });
  expect(levels).toEqual([0, 0, 1, 15]);
  expect(set).toMatchObject({ levels: 16, sha256: sha256(Uint8Array.of(0, 0, 1, 15)) });
  expect(set.input).toBeUndefined();
  expect(set.origin).toEqual({ split: 'reference', levels: 16 });
  expect(said).toEqual(['Values: 0 to 255, as 8-bit grey has: 16 levels, 3 of which occur']);
  const fractions = await load(array(Float32Array.of(0, 0.999, 1, 0.5)), { levels: 4 });
  expect(fractions.levels).toEqual([0, 3, 3, 2]);
  expect(fractions.said).toEqual(['Values: floats 0 to 1 read as value x 255: 4 levels, 3 of which occur']);
  // Wide integers are grey values where levels are asked of them.
  expect((await load(array(Int32Array.of(0, 64, 128, 255)), { levels: 4 })).levels).toEqual([0, 1, 2, 3]);
  const picture = write(png([0, 85, 170, 255]), '.png');
  expect((await load(picture, { levels: 3 })).levels).toEqual([0, 0, 1, 2]);
});

it('takes levels as they are stored, in an order, where there are more than two', async () => {
  const digits = array(Float32Array.of(0, 3, 16, 8));
  const { set, levels, said } = await load(digits, { binarisation: 'none', levels: 17 });
  expect(levels).toEqual([0, 3, 16, 8]);
  expect(set).toMatchObject({ levels: 17, binarisation: 'levels 0 to 16 as they are stored' });
  expect(set.input).toBeUndefined();
  expect(said).toEqual(['Values: levels 0 to 16 as they are stored: 17 levels, 4 of which occur']);
  await refused(digits, { binarisation: 'none', levels: 16 }).toBe(
    'levels: expected levels from 0 to 15, as levels 16 asks for, got 16 in image 0, of 0 to 16',
  );
  // Two of them are what binarisation none has always been.
  const bits = array(Uint8Array.of(0, 1, 1, 0));
  const [one, other] = [
    await load(bits, { binarisation: 'none' }),
    await load(bits, { binarisation: 'none', levels: 2 }),
  ];
  expect(one.set.binarisation).toBe('pixels 0 or 1 as they are stored');
  expect({ ...other.set, origin: one.set.origin }).toEqual(one.set);
});

it.each<[string, Values]>([
  ['8 bits', Uint8Array.of(0, 5, 127, 3)],
  ['8 bits with a sign', Int8Array.of(0, 5, 127, 3)],
  ['16 bits', Uint16Array.of(0, 5, 127, 3)],
  ['16 bits with a sign', Int16Array.of(0, 5, 127, 3)],
  ['32 bits', Int32Array.of(0, 5, 127, 3)],
  ['64 bits', BigInt64Array.of(0n, 5n, 127n, 3n)],
  ['floats', Float32Array.of(0, 5, 127, 3)],
])('takes codes as they are, of %s', async (_, values) => {
  const data = array(values);
  const { set, levels, said } = await load(data, { nominal: true });
  expect(levels).toEqual([0, 5, 127, 3]);
  expect(set).toMatchObject({ levels: 128, input: 'nominal', binarisation: 'codes 0 to 127 as they are stored' });
  expect(set.pixels).toBeInstanceOf(Uint8Array);
  expect(set.origin).toEqual({ split: 'reference', nominal: true, levels: 128 });
  expect(said).toEqual([
    'Values: codes 0 to 127 as they are stored: 128 levels, 4 of which occur (the largest and one more; --levels says otherwise)',
  ]);
  const given = await load(data, { nominal: true, levels: 512 });
  expect(given.set).toMatchObject({ levels: 512, origin: { levels: 512 } });
  expect(given.set.pixels).toEqual(Uint16Array.of(0, 5, 127, 3));
});

it('keeps codes above 255 in 16 bits, of every part alike, and hashes their bytes', async () => {
  const data = array(Int32Array.of(0, 256, 511, 3, 1, 2, 3, 4, 511, 0, 0, 0));
  const { set } = await load(data, { nominal: true });
  expect(set.levels).toBe(512);
  expect(set.pixels).toEqual(Uint16Array.of(0, 256, 511, 3, 1, 2, 3, 4, 511, 0, 0, 0));
  expect(set.sha256).toBe(sha256(new Uint8Array(set.pixels.buffer)));
  const last = splitImages(set, 0.4).validation;
  expect(last.pixels).toEqual(Uint16Array.of(1, 2, 3, 4, 511, 0, 0, 0));
  expect(last.sha256).toBe(sha256(new Uint8Array(Uint16Array.from(last.pixels).buffer)));
  expect(firstImages(set, 1).pixels).toEqual(Uint16Array.of(0, 256, 511, 3));
  expect(checkImageSet('data', set)).toEqual(set);
  const batch = levelsOf(await loadCore(), set, Uint32Array.of(2, 0));
  expect(batch).toEqual(Uint16Array.of(511, 0, 0, 0, 0, 256, 511, 3));
  // The largest of a split is not that of the set.
  expect((await load(data, { nominal: true, limit: 1 })).set.levels).toBe(512);
});

it('takes codes of IDX files and of PNG files, as few bits as they have', async () => {
  expect((await load(write(idx(1, 1, 4, Uint8Array.of(0, 7, 2, 1))), { nominal: true })).set).toMatchObject({
    levels: 8,
    source: 'IDX file, 1 image',
  });
  const few = write(png([0b0001_0000, 0b1110_0011], { bits: 4 }), '.png');
  expect((await load(few, { nominal: true })).levels).toEqual([1, 0, 14, 3]);
  await refused(write(png([0, 0, 0, 0], { colourType: 3 }), '.png'), { nominal: true }).toBe(
    '-: expected a greyscale PNG, got a palette; write its codes by numpy.save',
  );
});

it('refuses what are no codes, or none of those asked for', async () => {
  const codes = (values: Values, options: DataOptions = {}) => refused(array(values), { nominal: true, ...options });
  await codes(Int32Array.of(0, 1, 2, 3, 4, -1, 2, 3)).toBe('-: expected codes from 0 to 511, got -1 in image 1');
  await codes(Int32Array.of(0, 1, 2, 512)).toBe('-: expected codes from 0 to 511, got 512 in image 0');
  await codes(Float32Array.of(0, 1, 2.5, 3)).toBe('-: expected whole numbers, as codes are, got 2.5 in image 0');
  await codes(Float32Array.of(0, 0.25, 0.5, 1)).toBe(
    '-: expected whole numbers, as codes are, got 0.25 in image 0; grey values become levels by levels (--levels)',
  );
  await codes(Float32Array.of(0, Number.NaN, 0.5, 1)).toBe(
    '-: expected whole numbers, as codes are, got NaN in image 0',
  );
  await codes(Uint8Array.of(0, 1, 2, 3, 4, 9, 2, 3), { levels: 8 }).toBe(
    'levels: expected codes from 0 to 7, as levels 8 asks for, got 9 in image 1, of 0 to 9',
  );
  await codes(Uint8Array.of(4, 4, 4, 4)).toBe(
    '-: expected images with something in them, got the same value, 4, in every pixel',
  );
});

it('takes no codes for grey values in silence, nor grey values for levels', async () => {
  const word = 'expected grey values from 0 to 255, or a word on what else these are, got';
  for (const [values, got] of [
    [
      Uint8Array.of(0, 90, 127, 3),
      'uint8 from 0 to 127; for codes nominal would fit (--nominal), for grey values binarisation threshold (--binarisation threshold)',
    ],
    [
      Uint8Array.of(0, 9, 63, 3),
      'uint8 from 0 to 63; for codes nominal would fit (--nominal), for grey values threshold 32 (--threshold 32)',
    ],
    [
      Uint8Array.of(0, 9, 12, 3),
      'uint8 from 0 to 12; for codes nominal would fit (--nominal), for grey values threshold 6 (--threshold 6)',
    ],
    [
      BigInt64Array.of(0n, 255n, 127n, 3n),
      'int64 from 0 to 255; for codes nominal would fit (--nominal), for grey values binarisation threshold (--binarisation threshold)',
    ],
  ] as const) {
    await refused(array(values)).toBe(`data: ${word} ${got}`);
    await refused(array(values), { nominal: true }).toBe('taken');
  }
  await refused(array(Int32Array.of(0, 511, 127, 3))).toBe(
    '-: expected whole numbers from 0 to 255, or fractions from 0 to 1, got whole numbers from 0 to 511; nominal takes codes as they are (--nominal)',
  );
  await refused(array(Uint8Array.of(0, 90, 127, 3)), { levels: 128 }).toBe(
    'levels: expected grey values from 0 to 255, of which to make 128 levels, got uint8 from 0 to 127, which seem to be ' +
      'levels already; nominal would fit codes (--nominal), binarisation none levels in an order (--binarisation none --levels 128)',
  );
  // What is grey for certain, or said to be, stays so.
  for (const binarisation of ['threshold', 'static'] as const) {
    await refused(array(BigInt64Array.of(0n, 255n, 127n, 3n)), { binarisation }).toBe('taken');
  }
  await refused(array(Uint8Array.of(0, 90, 200, 3))).toBe('taken');
  await refused(array(Float32Array.of(0, 90, 200, 3))).toBe('taken');
  await refused(write(png([0, 90, 120, 3]), '.png')).toBe('taken');
});

it('refuses levels that grey values cannot become, with some that they can', async () => {
  await refused(array(Uint8Array.of(17, 40, 50, 76)), { levels: 2 }).toBe(
    'levels: expected more than one of the levels 0 to 1, got 0 in every pixel by 2 levels of values 17 to 76; levels 4 would fit (--levels 4)',
  );
  await refused(array(Uint8Array.of(17, 40, 50, 76)), { levels: 4 }).toBe('taken');
  await refused(array(Uint8Array.of(0, 1, 1, 0)), { levels: 4 }).toBe(
    'levels: expected grey values from 0 to 255, of which to make 4 levels, got none above 1: these seem to be values 0 and 1, as levels are; ' +
      'binarisation none would fit (--binarisation none)',
  );
  const data = array(Uint8Array.of(0, 100, 200, 255));
  await refused(data, { levels: 1 }).toBe('levels: levels: expected an integer from 2 to 512, got 1');
  await refused(data, { levels: 513, nominal: true }).toBe(
    'levels: levels: expected an integer from 2 to 512, got 513',
  );
  await refused(data, { levels: 300 }).toBe(
    'levels: levels: expected 2 to 256 levels of grey values, which have 8 bits, got 300; of codes there may be 512 (nominal, --nominal)',
  );
  await refused(data, { levels: 16, binarisation: 'static' }).toBe(
    'binarisation: binarisation: expected it left out beside 16 levels, got static',
  );
  await refused(data, { levels: 16, threshold: 9 }).toBe(
    'threshold: threshold: expected it left out beside 16 levels, got 9',
  );
  await refused(data, { nominal: true, threshold: 9 }).toBe(
    'threshold: threshold: expected it left out beside nominal values, which are taken as they are stored, got 9',
  );
  await refused(data, { nominal: 1 as unknown as boolean }).toBe('nominal: nominal: expected true or false, got 1');
});

it('makes sets of arrays of the caller', async () => {
  const shape = { count: 2, height: 1, width: 2 };
  const codes = await codeImages({ pixels: Uint16Array.of(300, 2, 0, 1), ...shape }, 'codes of mine', { levels: 400 });
  expect(codes).toMatchObject({
    count: 2,
    channels: 1,
    levels: 400,
    input: 'nominal',
    source: 'codes of mine',
    split: 'all',
  });
  expect((await codeImages({ pixels: Uint16Array.of(3, 2, 0, 1), ...shape }, 'x')).pixels).toEqual(
    Uint8Array.of(3, 2, 0, 1),
  );
  const amounts = await codeImages({ pixels: Uint8Array.of(3, 2, 0, 1), ...shape }, 'x', {
    input: 'ordinal',
    levels: 8,
  });
  expect(amounts).toMatchObject({ levels: 8, binarisation: 'levels 0 to 7 as they are stored' });
  expect(amounts.input).toBeUndefined();
  const wrong = (pixels: unknown, options: object = {}) =>
    expect(codeImages({ pixels: pixels as Uint8Array, ...shape }, 'x', options)).rejects;
  await wrong(Int32Array.of(1, 2, 3, 4)).toThrow(
    'images.pixels: expected a Uint8Array or Uint16Array of codes, got an object of type Int32Array',
  );
  await wrong(Uint16Array.of(1, 2, 3)).toThrow('images.pixels: expected 4 values, as [2, 1, 2] has, got 3');
  await wrong(Uint16Array.of(1, 2, 3, 700)).toThrow('x: expected codes from 0 to 511, got 700 in image 1, of 1 to 700');
  await wrong(Uint8Array.of(1, 2, 3, 4), { levels: 1 }).toThrow('levels: expected an integer from 2 to 512, got 1');
  await wrong(Uint8Array.of(1, 2, 3, 4), { input: 'codes' }).toThrow(
    'input: expected one of nominal, ordinal, got "codes"',
  );
  const grey = { pixels: Uint8Array.of(0, 100, 200, 255), ...shape };
  await expect(quantiseImages(grey, 'x', {} as { levels: number })).rejects.toThrow(
    'levels: expected an integer from 2 to 256, got none',
  );
  await expect(quantiseImages(grey, 'x', { levels: 300 })).rejects.toThrow(
    'levels: expected 2 to 256 levels of grey values',
  );
});

it('refuses sets whose arrays are not as their levels ask for', async () => {
  const set = await codeImages({ pixels: Uint16Array.of(300, 2, 0, 1), count: 2, height: 1, width: 2 }, 'x');
  const wrong = (changes: object) => expect(() => checkImageSet('data', { ...set, ...changes }));
  wrong({ pixels: Uint8Array.of(1, 2, 3, 4) }).toThrow(
    'data.pixels: expected a Uint16Array, as 301 levels have, got an object of type Uint8Array',
  );
  wrong({ levels: 256 }).toThrow(
    'data.pixels: expected a Uint8Array, as 256 levels have, got an object of type Uint16Array',
  );
  wrong({ levels: 300 }).toThrow('data.pixels: expected levels from 0 to 299, got 300 at index 0');
  wrong({ levels: 513 }).toThrow('data.levels: expected at most 512, got 513');
  wrong({ input: 'codes' }).toThrow('data.input: expected one of ordinal, nominal, got "codes"');
  wrong({ alphabet: ['a', 'b'] }).toThrow('data.alphabet: expected 301, one a level, got 2');
  wrong({ wholes: Uint32Array.of(1) }).toThrow('data.wholes: expected 2 values, as [2] has, got 1');
});
