import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type DataOptions, loadData } from '../../../ts/train/data/load_data.js';
import { loadMnist, publishedSetOf } from '../../../ts/train/data/published.js';
import { readValues } from '../../../ts/train/data/raw.js';
import { idx } from './idx.js';
import { npy } from './npy.js';

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-values-'));
afterAll(() => rmSync(root, { recursive: true }));

let files = 0;
function write(bytes: Uint8Array): string {
  const path = join(root, `${++files}`);
  writeFileSync(path, bytes);
  return path;
}

type Put = (view: DataView, at: number, value: number) => void;
const types: Readonly<Record<string, readonly [size: number, put: Put]>> = {
  "'|u1'": [1, (view, at, value) => view.setUint8(at, value)],
  "'|i1'": [1, (view, at, value) => view.setInt8(at, value)],
  "'<u2'": [2, (view, at, value) => view.setUint16(at, value, true)],
  "'>u2'": [2, (view, at, value) => view.setUint16(at, value)],
  "'<i2'": [2, (view, at, value) => view.setInt16(at, value, true)],
  "'<u4'": [4, (view, at, value) => view.setUint32(at, value, true)],
  "'>i4'": [4, (view, at, value) => view.setInt32(at, value)],
  "'<i8'": [8, (view, at, value) => view.setBigInt64(at, BigInt(value), true)],
  "'>i8'": [8, (view, at, value) => view.setBigInt64(at, BigInt(value))],
  "'<u8'": [8, (view, at, value) => view.setBigUint64(at, BigInt(value), true)],
  "'<f4'": [4, (view, at, value) => view.setFloat32(at, value, true)],
  "'>f4'": [4, (view, at, value) => view.setFloat32(at, value)],
  "'<f8'": [8, (view, at, value) => view.setFloat64(at, value, true)],
  "'=f8'": [8, (view, at, value) => view.setFloat64(at, value, true)],
};

/** Images of 1x4 of such values. */
function array(descr: string, values: readonly number[]): string {
  const [size, put] = types[descr]!;
  const bytes = new Uint8Array(size * values.length);
  values.forEach((value, i) => {
    put(new DataView(bytes.buffer), size * i, value);
  });
  return write(npy([values.length / 4, 1, 4], bytes, { descr }));
}

const load = async (data: string, options: DataOptions = {}) => {
  const said: string[] = [];
  const { pixels, source, binarisation } = await loadData({ data, say: (line) => said.push(line), ...options });
  return { levels: [...pixels], source, binarisation, said };
};

/** What an error says, after the path. */
const refused = (data: string, options: DataOptions = {}) =>
  expect(
    loadData({ data, ...options }).then(
      () => 'taken',
      (error: Error) => error.message.replace(`${data}: `, ''),
    ),
  ).resolves;

it.each(Object.keys(types).filter((descr) => descr !== "'|i1'"))(
  'reads whole numbers of 0 to 255 of dtype %s',
  async (descr) => {
    const { levels, source, said } = await load(array(descr, [0, 84, 85, 255]), { binarisation: 'threshold' });
    expect(levels).toEqual([0, 0, 1, 1]);
    expect(source).toBe('.npy file, 1 image');
    expect(said).toEqual(['Values: 0 to 255, as 8-bit grey has: 50.0 % of the pixels are 1']);
  },
);

it.each(["'<f4'", "'>f4'", "'<f8'"])(
  'reads fractions of 0 to 1 of dtype %s as value x 255, and says so',
  async (descr) => {
    const { levels, source, said } = await load(array(descr, [0, 84 / 255, 85 / 255, 1]));
    expect(levels).toEqual([0, 0, 1, 1]);
    expect(source).toBe('.npy file, 1 image, floats 0 to 1 read as value x 255');
    expect(said).toEqual(['Values: floats 0 to 1 read as value x 255: 50.0 % of the pixels are 1']);
  },
);

it('reads fractions of 16 bits, and bools as levels', async () => {
  // 0, 2^-24 (the least), 0.5, 1
  const halves = npy([1, 1, 4], Uint8Array.of(0, 0, 1, 0, 0, 0x38, 0, 0x3c), { descr: "'<f2'" });
  expect((await load(write(halves))).levels).toEqual([0, 0, 1, 1]);
  const endless = npy([1, 1, 2], Uint8Array.of(0, 0x3c, 0, 0xfc), { descr: "'<f2'" });
  await refused(write(endless)).toBe('expected finite numbers, got -Infinity in image 0');
  const bools = write(npy([1, 1, 4], Uint8Array.of(0, 1, 1, 0), { descr: "'|b1'" }));
  expect((await load(bools, { binarisation: 'none' })).levels).toEqual([0, 1, 1, 0]);
});

it('takes 0.0 and 1.0 alone for levels, as 0 and 1 are', async () => {
  for (const descr of ["'<f4'", "'<f8'", "'<i8'", "'|u1'"]) {
    const data = array(descr, [0, 1, 1, 0]);
    expect((await load(data, { binarisation: 'none' })).levels).toEqual([0, 1, 1, 0]);
    await refused(data).toBe(
      'expected grey values from 0 to 255, as a threshold of 84.48 asks for, got none above 1: these seem to be values 0 and ' +
        '1, as levels are; binarisation none would fit (--binarisation none)',
    );
  }
});

it.each<[string, readonly number[], string]>([
  ["'<f4'", [0, 0.5, Number.NaN, 1], 'expected finite numbers, got NaN in image 0'],
  ["'<f8'", [0, 0.5, 0, 1, 0, 0, Number.POSITIVE_INFINITY, 0], 'expected finite numbers, got Infinity in image 1'],
  [
    "'<f4'",
    [-1, -0.5, 0, 1],
    'fractions from -1 to 1; bring black to 0 and white to 1, as by (x - x.min()) / (x.max() - x.min())',
  ],
  ["'<f4'", [0, 0.25, 0.5, 1.001], 'fractions from 0 to 1.001; bring white to 1, as by x / x.max()'],
  ["'<f4'", [0, 0.5, 100, 254], 'fractions from 0 to 254; round them, by x.round().astype(numpy.uint8)'],
  ["'<u2'", [0, 1, 2, 65535], 'whole numbers from 0 to 65535; bring black to 0'],
  ["'<i8'", [0, 1, 2, 2 ** 40], 'whole numbers from 0 to 1099510000000; bring black to 0'],
  ["'<i8'", [-(2 ** 40), 1, 2, 3], 'whole numbers from -1099510000000 to 3; bring black to 0'],
  ["'|i1'", [-1, 1, 2, 3], 'whole numbers from -1 to 3; bring black to 0'],
])('refuses values of dtype %s that are none of these, with their range: %o', async (descr, values, message) => {
  await refused(array(descr, values)).toContain(message);
});

it('stops between two looks at the values once its signal aborts', async () => {
  const bytes = new Uint8Array(2 ** 23 + 4);
  const images = {
    format: 'IDX',
    path: 'x',
    type: 'u1',
    littleEndian: false,
    count: bytes.length / 4,
    height: 1,
    width: 4,
  };
  const stop = new AbortController();
  const reading = readValues({ train: { ...images, format: 'IDX', bytes } }, stop.signal);
  setImmediate(() => stop.abort(new Error('enough')));
  await expect(reading).rejects.toThrow('enough');
});

it('reads the files of a set by one rule', async () => {
  const folder = join(root, 'parts');
  mkdirSync(folder);
  const put = (name: string, values: readonly number[]) => {
    const bytes = new Uint8Array(new Float32Array(values).buffer);
    writeFileSync(join(folder, name), npy([values.length / 4, 1, 4], bytes, { descr: "'<f4'" }));
  };
  put('train.npy', [0, 0.5, 0.25, 1]);
  put('test.npy', [0, 1, 1, 0]); // levels, were it alone
  expect((await load(folder, { split: 'test' })).levels).toEqual([0, 1, 1, 0]);
  put('test.npy', [0, 128, 255, 0]);
  await refused(folder).toBe(
    `${folder}/test.npy: expected fractions from 0 to 1, as ${folder}/train.npy has, got whole numbers from 0 to 255; ` +
      'write both in one range',
  );
});

const digits = array("'<f8'", [0, 3, 8, 16, 7, 12, 0, 0]); // as scikit-learn's digits: 0 to 16, of 64 bits

it('refuses values 0 to 16 under a rule for 0 to 255, with a rule that fits when it is followed', async () => {
  const got = "got none above 16: these seem to be values 0 to 16, as scikit-learn's digits have";
  await refused(digits).toBe(
    `expected grey values from 0 to 255, as a threshold of 84.48 asks for, ${got}; threshold 8 would fit (--threshold 8)`,
  );
  for (const binarisation of ['static', 'dynamic'] as const) {
    await refused(digits, { binarisation }).toBe(
      `expected grey values from 0 to 255, as binarisation ${binarisation} asks for, ${got}; binarisation threshold, ` +
        'threshold 8 would fit (--binarisation threshold --threshold 8)',
    );
  }
  const { levels, binarisation, said } = await load(digits, { binarisation: 'threshold', threshold: 8 });
  expect(levels).toEqual([0, 0, 1, 1, 0, 1, 0, 0]);
  expect(binarisation).toBe('pixel 1 iff value >= 8 of 16');
  expect(said).toEqual(["Values: 0 to 16, as scikit-learn's digits have: 37.5 % of the pixels are 1"]);
  await refused(digits, { threshold: 84.48 }).toBe(
    'expected levels 0 and 1, got 0 in every pixel by threshold 84.48 of values 0 to 16; threshold 8 would fit (--threshold 8)',
  );
});

it('refuses a rule that makes one level of everything, with one that does not, and values that are all the same', async () => {
  const dark = array("'|u1'", [17, 40, 50, 76]);
  const advice = 'threshold 47 would fit (--threshold 47)';
  await refused(dark, { binarisation: 'threshold' }).toBe(
    `expected levels 0 and 1, got 0 in every pixel by threshold 84.48 of values 17 to 76; ${advice}`,
  );
  await refused(dark, { threshold: 10 }).toBe(
    `expected levels 0 and 1, got 1 in every pixel by threshold 10 of values 17 to 76; ${advice}`,
  );
  expect((await load(dark, { threshold: 47 })).levels).toEqual([0, 0, 1, 1]);
  const light = array("'|u1'", [0, 100, 50, 76]);
  await refused(light, { threshold: 256 }).toContain('the default threshold would fit (no --threshold)');
  await refused(array("'|u1'", [5, 6, 6, 5]), { binarisation: 'threshold' }).toContain('threshold 6 would fit');
  for (const value of [0, 1, 7, 255]) {
    const same = array("'|u1'", [value, value, value, value]);
    for (const options of [{}, { binarisation: 'none' }, { binarisation: 'static' }, { threshold: 1 }] as const) {
      await refused(same, options).toBe(
        `expected images with something in them, got the same value, ${value}, in every pixel`,
      );
    }
  }
  const many = array(
    "'|u1'",
    Array.from({ length: 400 }, (_, i) => i % 101),
  );
  const { said } = await load(many, { binarisation: 'static' });
  expect(said).toContain('No value is above 100, so that no pixel is 1 more often than 39 %: is 100 white?');
});

it('takes no threshold of 0 to 1 for fractions, which it reads as value x 255', async () => {
  const data = array("'<f4'", [0, 0.4, 0.6, 1]);
  await refused(data, { threshold: 0.5 }).toBe(
    'threshold: expected a number from 0 to 255, as for floats 0 to 1 read as value x 255, got 0.5; 127.5 is the same',
  );
  expect((await load(data, { threshold: 127.5 })).levels).toEqual([0, 0, 1, 1]);
});

it('reads one channel wherever it stands, and IDX of other types', async () => {
  const values = Uint8Array.of(0, 255, 255, 0, 0, 255);
  for (const shape of [
    [1, 1, 2, 3],
    [1, 2, 3, 1],
    [1, 2, 3],
  ]) {
    expect(await loadData({ data: write(npy(shape, values)) })).toMatchObject({ count: 1, height: 2, width: 3 });
  }
  const floats = new DataView(new ArrayBuffer(24));
  values.forEach((value, i) => {
    floats.setFloat32(4 * i, value / 255);
  });
  const data = write(idx(1, 2, 3, new Uint8Array(floats.buffer), 0x0d03));
  await refused(data, { binarisation: 'none' }).toBe('taken');
});

it('knows MNIST by its values, whatever files they come in', async () => {
  const { pixels } = await loadMnist({ offline: true });
  const [train, test] = [pixels.subarray(0, 60_000 * 784), pixels.slice(60_000 * 784)];
  const folder = join(root, 'keras');
  mkdirSync(folder);
  writeFileSync(join(folder, 'x_train.npy'), npy([60_000, 28, 28], train));
  writeFileSync(join(folder, 'x_test.npy'), npy([10_000, 28, 28], test));
  const { source, origin } = await loadData({ data: folder }); // without the pixels, which no failure could show
  expect(source).toBe('MNIST, 60,000 training then 10,000 test images');
  expect(origin?.data).toBe('mnist');
  const [all, other] = [60_000, 10_000].map((count) => ({ count, height: 28, width: 28 }));
  test[5000] = test[5000]! ^ 1;
  expect(publishedSetOf({ train: { ...all!, pixels: train }, test: { ...other!, pixels: test } })).toBeUndefined();
});
