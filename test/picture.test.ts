import { PNG } from 'pngjs';
import { afterEach, expect, it, vi } from 'vitest';
import { levelColours } from '../ts/colours.js';
import { encodePng, type PictureOptions, toRgba } from '../ts/index.js';
import { failure } from './failure.js';

afterEach(() => vi.unstubAllGlobals());

/** Images of levels that go round, `[count, height, width, 1]`. */
function images(levels: number, count = 3, height = 2, width = 5) {
  const data = new (levels > 256 ? Uint16Array : Uint8Array)(count * height * width);
  for (let i = 0; i < data.length; i++) data[i] = (i * 7) % levels;
  return { data, shape: [count, height, width, 1] };
}

/** A file as another program reads it. */
async function decoded(png: Promise<Uint8Array>): Promise<{ width: number; height: number; data: number[] }> {
  const { width, height, data } = PNG.sync.read(Buffer.from(await png));
  return { width, height, data: [...data] };
}

it('paints two levels white on black, side by side in rows', () => {
  const data = Uint8Array.of(1, 0, 0, 1, 1, 1); // three images of one row and two columns
  const picture = toRgba({ data, shape: [3, 1, 2, 1] }, { levels: 2 });
  expect([picture.width, picture.height]).toEqual([4, 2]);
  expect(picture.data).toBeInstanceOf(Uint8ClampedArray);
  const bright = [1, 0, 0, 1, 1, 1, 0, 0];
  expect([...picture.data]).toEqual(bright.flatMap((one) => [255 * one, 255 * one, 255 * one, 255]));
});

it.each<[levels: number, input: string, options: PictureOptions]>([
  [2, 'ordinal', {}],
  [2, 'ordinal', { scale: 3 }],
  [2, 'nominal', { columns: 1 }],
  [3, 'ordinal', { columns: 2, scale: 2 }],
  [4, 'ordinal', {}],
  [5, 'nominal', { scale: 5 }],
  [16, 'ordinal', { columns: 9 }],
  [17, 'nominal', {}],
  [256, 'ordinal', {}],
  [256, 'nominal', {}],
  [300, 'ordinal', {}],
  [512, 'nominal', { scale: 2 }],
  [
    3,
    'nominal',
    {
      palette: [
        [1, 2, 3],
        [255, 0, 0],
        [9, 9, 9],
      ],
    },
  ],
])('writes %i levels, %s, as a PNG file of the same pixels %j', async (levels, input, options) => {
  const given = images(levels, 3, 11, 13);
  const picture = toRgba(given, { levels, input }, options);
  expect(await decoded(encodePng(given, { levels, input }, options))).toEqual({ ...picture, data: [...picture.data] });
  const { columns = 2, scale = 1, palette = levelColours(levels, input) } = options;
  const [x, y, image] = [4, 7, 2];
  const top = (Math.floor(image / Math.min(3, columns)) * 11 + y) * scale;
  const left = ((image % Math.min(3, columns)) * 13 + x) * scale;
  const at = 4 * (top * picture.width + left);
  expect([...picture.data.subarray(at, at + 3)]).toEqual([...palette[given.data[(image * 11 + y) * 13 + x]!]!]);
});

it.each([
  [2, 'ordinal', 1, 0],
  [4, 'ordinal', 2, 0],
  [16, 'ordinal', 4, 0],
  [9, 'ordinal', 8, 0],
  [300, 'ordinal', 8, 0],
  [2, 'nominal', 1, 0],
  [4, 'nominal', 2, 3],
  [16, 'nominal', 4, 3],
  [200, 'nominal', 8, 3],
  [512, 'nominal', 8, 2],
])('stores %i levels, %s, in %i bits of PNG type %i', async (levels, input, depth, type) => {
  const png = await encodePng(images(levels), { levels, input });
  expect([png[24], png[25]]).toEqual([depth, type]);
});

it('needs no compressor, and nothing of Node', async () => {
  const given = images(2, 400, 28, 28);
  const wanted = toRgba(given, { levels: 2 }, { scale: 4 });
  for (const name of ['CompressionStream', 'process', 'Buffer']) vi.stubGlobal(name, undefined);
  const png = await encodePng(given, { levels: 2 }, { scale: 4 });
  vi.unstubAllGlobals();
  expect(png.length).toBeGreaterThan(560 * 4 * 70 * 4); // several blocks, as they are
  const { data } = PNG.sync.read(Buffer.from(png));
  expect(Buffer.compare(data, Buffer.from(wanted.data))).toBe(0);
});

it('gives up when told to', async () => {
  const reason = new Error('enough');
  await expect(encodePng(images(2), { levels: 2 }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

it('says what is wrong, the same for both', async () => {
  const good = images(3);
  const cases: [images: unknown, config: unknown, options: unknown, name: string, message: RegExp][] = [
    [
      good.data,
      { levels: 3 },
      {},
      'RangeError',
      /^images: expected a shape \[count, height, width, 1\] for 30 pixels, got none/,
    ],
    [{ ...good, shape: [3, 2, 5, 2] }, { levels: 3 }, {}, 'RangeError', /^images: .* got \[3, 2, 5, 2\]$/],
    [7, { levels: 3 }, {}, 'TypeError', /^images: /],
    [good, { levels: 2 }, {}, 'RangeError', /^images: expected levels from 0 to 1, got 2 at index 2$/],
    [good, undefined, {}, 'TypeError', /^config: expected an object, got undefined$/],
    [good, {}, {}, 'TypeError', /^levels: expected an integer from 2 to 512, got undefined$/],
    [good, { levels: 513 }, {}, 'RangeError', /^levels: /],
    [good, { levels: 3, input: 'x' }, {}, 'RangeError', /^input: expected one of ordinal, nominal, got "x"$/],
    [good, { levels: 3 }, { column: 2 }, 'TypeError', /^options: .* did you mean columns\?$/],
    [good, { levels: 3 }, { columns: 0 }, 'RangeError', /^columns: /],
    [good, { levels: 3 }, { scale: 1.5 }, 'RangeError', /^scale: /],
    [good, { levels: 3 }, { palette: 'red' }, 'TypeError', /^palette: expected an array of 3 colours, .* got "red"$/],
    [good, { levels: 3 }, { palette: [[0, 0, 0]] }, 'RangeError', /^palette: .* got 1$/],
    [
      good,
      { levels: 3 },
      {
        palette: [
          [0, 0, 0],
          [256, 0, 0],
          [0, 0, 0],
        ],
      },
      'RangeError',
      /^palette: .* at index 1$/,
    ],
  ];
  for (const [given, config, options, name, message] of cases) {
    const wanted = { name, message: expect.stringMatching(message) };
    expect(await failure(() => toRgba(given as never, config as never, options as never))).toMatchObject(wanted);
    expect(await failure(() => encodePng(given as never, config as never, options as never))).toMatchObject(wanted);
  }
});
