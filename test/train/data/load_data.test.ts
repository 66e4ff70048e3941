import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseNpyImages } from '../../../ts/train/data/files/npy.js';
import { type DataOptions, loadData } from '../../../ts/train/data/load_data.js';
import { npy } from './npy.js';
import { png } from './png.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, bytes: Uint8Array | string): string {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, bytes);
  return whole;
}

const values = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 50) % 256);

it('reads a folder of PNG files of 1 to 8 bits, whatever lies beside them', async () => {
  write('png/b.png', png([0, 255, 84, 85]));
  write('png/a.PNG', png([0b10_000000, 0b11_000000], { bits: 1 }));
  write('png/below/c.png', png([0x0f, 0x70], { bits: 4 }));
  write('png/labels.csv', 'a,1');
  const set = await loadData({ data: join(folder, 'png') });
  expect(set).toMatchObject({
    count: 3,
    height: 2,
    width: 2,
    source: 'PNG files, 3 images, in the order of seed 0',
    split: 'all',
  });
  expect([...set.pixels]).toEqual([0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0]); // b, a, c: seed 0's order of three
  expect(set.origin).toEqual({ split: 'reference' });
});

it('takes train and test folders for the standard split, their own, and all of them for the reference', async () => {
  for (const i of [0, 1, 2]) write(`divided/train/${i}.png`, png([i === 0 ? 255 : 0, 0, 0, 200]));
  write('divided/test/0.png', png([255, 255, 255, 255]));
  const load = (options: DataOptions = {}) => loadData({ data: join(folder, 'divided'), ...options });
  const [all, standard] = [await load({ split: 'reference' }), await load({ split: 'standard' })];
  const test = await load({ split: 'test' });
  expect(await load()).toEqual(standard);
  expect(all).toMatchObject({
    count: 4,
    split: 'all',
    source: 'PNG files, 3 training then 1 test images, in the order of seed 0',
  });
  expect(standard).toMatchObject({ count: 3, split: 'the training images', first: 0 });
  expect(test).toMatchObject({ count: 1, split: 'the test images', first: 3 });
  expect([...test.pixels]).toEqual([1, 1, 1, 1]);
  expect((await load({ split: 'standard', limit: 2 })).split).toBe('the first 2 of the training images');
  await expect(loadData({ data: join(folder, 'png'), split: 'test' })).rejects.toThrow(
    'split: expected data with test images, which test asks for, got PNG files, 3 images, in the order of seed 0; ' +
      'take all of them, in training by --split reference, in eval by --split all',
  );
  await expect(load({ split: 'best' as 'test' })).rejects.toThrow(
    'split: expected one of reference, standard, test, all, got "best"',
  );
});

it('draws the same levels for an image, whichever part it is loaded in', async () => {
  const data = write('drawn.npy', npy([6, 3, 4], values(72)));
  const options: DataOptions = { data, binarisation: 'static', binarisationSeed: 9 };
  const [all, first] = [await loadData(options), await loadData({ ...options, limit: 2 })];
  expect(first.pixels).toEqual(all.pixels.subarray(0, 24));
  expect(first.origin).toEqual({ split: 'reference', limit: 2, binarisation: 'static', binarisationSeed: 9 });
  expect(await loadData(options)).toEqual(all);
  await expect(loadData({ data, binarisation: 'none' })).rejects.toThrow(
    `${data}: expected levels 0 and 1, as binarisation none asks for, got 50 in image 0`,
  );
});

it('takes grey images that are stored as colours, or with an opacity, for what they are', async () => {
  const greys = [0, 17, 200, 255];
  const as = (values: (grey: number) => number[], colourType: number) => png(greys.flatMap(values), { colourType });
  const files = {
    grey: png(greys),
    'grey with opacity': as((grey) => [grey, 255], 4),
    colour: as((grey) => [grey, grey, grey], 2),
    'colour with opacity': as((grey) => [grey, grey, grey, 255], 6),
  };
  for (const [name, bytes] of Object.entries(files)) {
    const data = write(`as ${name}.png`, bytes);
    expect([...(await loadData({ data, levels: 256 })).pixels], name).toEqual(greys);
  }
});

const good = png([0, 0, 0, 255]);
it.each<[string, Uint8Array | string, string]>([
  ['another size', png([0, 0, 0], { height: 1, width: 3 }), 'expected 2x2 .height x width., as .*0.png is, got 1x3'],
  ['16 bits', png(new Array(8).fill(0), { bits: 16 }), 'expected at most 8 bits a pixel, got 16; convert it to 8'],
  [
    'colour',
    png([7, 7, 7, 0, 0, 0, 9, 9, 9, 200, 200, 199], { colourType: 2 }),
    'expected grey pixels, got red 200, green 200, blue 199 at row 2, column 2; convert it to grey$',
  ],
  [
    'holes',
    png([0, 255, 9, 128, 0, 255, 0, 255], { colourType: 4 }),
    'expected opaque pixels, got an opacity of 128 of 255 at row 1, column 2; lay it on a background$',
  ],
  ['a palette that is missing', png([0, 0, 0, 0], { colourType: 3 }), 'expected a whole PNG file, got one that is cut'],
  ['another kind', png([0, 0, 0, 0], { colourType: 5 }), 'expected a greyscale PNG, got colour type 5; convert it'],
  ['100 megapixels', png([], { height: 10_000, width: 10_000 }), 'expected sides of 1 to 4096 pixels, got 10000x10000'],
  ['no pixels', png([], { height: 0, width: 0 }), 'expected sides of 1 to 4096 pixels, got 0x0'],
  [
    'a JPEG',
    Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), Buffer.alloc(60)]),
    'expected a PNG file, got a JPEG image',
  ],
  ['nothing', '', 'expected a PNG file, got an empty file'],
  ['half of it', good.subarray(0, good.length - 20), 'expected a whole PNG file, got one that is cut off or damaged$'],
  [
    'a flipped bit',
    good.map((byte, i) => (i === 45 ? byte ^ 4 : byte)),
    'expected a whole PNG file, got one that is cut off or damaged$',
  ],
])('names the one PNG file that is wrong: %s', async (name, bytes, message) => {
  write(`wrong ${name}/0.png`, good);
  const path = write(`wrong ${name}/1.png`, bytes);
  const load = loadData({ data: dirname(path) });
  await expect(load).rejects.toMatchObject({ code: 'INVALID_DATA' });
  await expect(load).rejects.toThrow(new RegExp(`^[^\n]*1\\.png: ${message}[^\n]*$`));
  await expect(load).rejects.toThrow(path);
});

it('refuses many large PNG files by the first header, before it has room made for them', async () => {
  for (let i = 0; i < 65; i++) write(`large/${i}.png`, png([], { height: 4096, width: 4096 }));
  await expect(loadData({ data: join(folder, 'large') })).rejects.toThrow(
    'expected at most 1073741824 pixels in all, got 4096x4096 in each of 65 files',
  );
});

it('says what it looked for where there is nothing of the kind', async () => {
  mkdirSync(join(folder, 'empty'));
  write('texts/readme.txt', 'none');
  const load = (data: string) => expect(loadData({ data: join(folder, data) })).rejects;
  const code = 'DATA_NOT_FOUND';
  const wanted = 'data: expected IDX, .npy, PNG or .txt files in';
  await load('empty').toMatchObject({ code, message: `${wanted} ${join(folder, 'empty')}, found an empty folder` });
  await load('texts').toMatchObject({
    code,
    message: `${wanted} ${join(folder, 'texts')}, found readme.txt (a text file)`,
  });
  await load('nowhere').toMatchObject({
    code,
    message: expect.stringMatching(
      /^data: expected mnist, fashion-mnist, static-mnist, a folder or a file, found nothing at .*nowhere/,
    ),
  });
  await expect(loadData({ folder: 'x' } as DataOptions)).rejects.toThrow('got "folder"');
});

it('names a file that it cannot read', async () => {
  // A link to itself, which not even root can read.
  const path = write('closed/0.png', good);
  rmSync(path);
  symlinkSync('0.png', path);
  await expect(loadData({ data: dirname(path) })).rejects.toMatchObject({
    code: 'DATA_NOT_FOUND',
    message: `${path}: could not be read (links lead round in a circle)`,
    argument: 'data', // so that the command line knows it from a network that is down
  });
});

it.each([1, 2, 3])('reads .npy files of version %i, with and without an axis of channels', (version) => {
  for (const shape of [
    [2, 3, 4],
    [2, 3, 4, 1],
  ]) {
    const images = parseNpyImages(npy(shape, values(24), { version }), 'a.npy');
    expect(images).toMatchObject({ count: 2, height: 3, width: 4 });
    expect([...images.bytes]).toEqual([...values(24)]);
  }
});

it('takes train.npy and test.npy for training and test images', async () => {
  write('arrays/train.npy', npy([5, 2, 2], values(20)));
  const data = join(folder, 'arrays');
  expect((await loadData({ data })).source).toBe('.npy file, 5 images');
  const path = write('arrays/test.npy', npy([2, 2, 3], values(12)));
  await expect(loadData({ data })).rejects.toThrow(
    `${path}: expected images of 2x2, as ${join(data, 'train.npy')} has, got 2x3`,
  );
  write('arrays/test.npy', npy([3, 2, 2], values(12)));
  expect(await loadData({ data, split: 'test' })).toMatchObject({
    count: 3,
    source: '.npy files, 5 training then 3 test images',
  });
});

it.each<[string, Uint8Array, string]>([
  ['of complex numbers', npy([2, 3, 4], values(192), { descr: "'<c8'" }), "dtype '|u1', got dtype '<c8'"],
  ['of texts', npy([2, 3, 4], values(96), { descr: "'<U1'" }), "dtype '|u1', got dtype '<U1'"],
  ['of objects', npy([2, 3, 4], values(96), { descr: "'|O'" }), "dtype '|u1', got dtype '|O'"],
  ['of records', npy([2, 3], values(6), { descr: "[('a', '|u1')]" }), "dtype '|u1', got dtype [('a', '|u1')]"],
  ['in Fortran order', npy([2, 3, 4], values(24), { order: 'True' }), 'expected C order, got Fortran order'],
  [
    'of colours',
    npy([2, 3, 4, 3], values(72)),
    'got (2, 3, 4, 3), colours; write them again in grey, as by x.mean(3).round()',
  ],
  ['of vectors', npy([2, 784], values(1568)), 'got (2, 784); write it again after x.reshape(-1, 28, 28)'],
  ['of one axis', npy([7], values(7)), 'got (7,); is it a file of labels?'],
  [
    'of nothing',
    npy([0, 28, 28], values(0)),
    'expected at least one image of at least one pixel, got shape (0, 28, 28)',
  ],
  ['too short', npy([2, 3, 4], values(23)), 'expected 24 bytes of values for shape (2, 3, 4), got 23'],
  ['too long', npy([2, 3, 4], values(25)), 'expected 24 bytes of values for shape (2, 3, 4), got 25'],
  ['absurd', npy([4294967295, 4294967295, 4294967295], values(1)), 'expected at most 1073741824 pixels, got shape'],
  ['cut', npy([2, 3, 4], values(24)).subarray(0, 50), 'expected a header of 128 bytes, got a file of 50'],
  [
    'an archive',
    Buffer.from('PK\x03\x04 and so on'),
    'expected an IDX, .npy, PNG or text file, got a ZIP archive; unpack it first, and name the folder',
  ],
  ['empty', Buffer.alloc(0), 'expected an IDX, .npy, PNG or text file, got an empty file'],
  [
    'of a later version',
    npy([2, 3, 4], values(24)).fill(4, 6, 7),
    'expected version 1, 2 or 3 of the .npy format, got 4',
  ],
  ['of nonsense', npy([2, 3, 4], values(24), { descr: "'|\n1'" }), "dtype '|u1', got dtype '|?1'"],
  [
    'without a shape',
    npy([2, 3, 4], values(24)).fill('x', 61, 64),
    "expected a header with 'descr', 'fortran_order' and",
  ],
])('names the .npy file that is %s', async (name, bytes, message) => {
  const path = write(`${name}.npy`, bytes);
  await expect(loadData({ data: path })).rejects.toMatchObject({
    code: 'INVALID_DATA',
    message: expect.stringContaining(`${path}: ${message.startsWith('expected') ? message : 'expected'}`),
  });
  await expect(loadData({ data: path })).rejects.toThrow(message);
});
