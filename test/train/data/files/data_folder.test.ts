import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { gridPng, imagePng } from '../../../../ts/node/png.js';
import { firstImages, type ImageSet, splitImages } from '../../../../ts/train/data/image_set.js';
import { type DataOptions, loadData } from '../../../../ts/train/data/load_data.js';
import { loadCore, randomOrder } from '../../../../ts/train/net/core.js';
import { planOf } from '../../../../ts/train/run/plan.js';
import { idx, idxLabels } from '../idx.js';
import { npy } from '../npy.js';
import { png } from '../png.js';

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

/** A folder of its own with such files in it; its path. */
function folder(name: string, files: Record<string, Uint8Array | string>): string {
  const path = join(root, name);
  for (const [file, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), bytes);
  }
  return path;
}

/** A black image of 2x4 whose pixels tell a number of 0 to 255, bit by bit. */
const told = (number: number): number[] => Array.from({ length: 8 }, (_, bit) => 255 * ((number >> bit) & 1));
const image = (number: number): Buffer => png(told(number), { height: 2, width: 4 });
const array = (...numbers: number[]): Buffer => npy([numbers.length, 2, 4], Uint8Array.from(numbers.flatMap(told)));
const numbersIn = ({ pixels }: Pick<ImageSet, 'pixels'>): number[] =>
  Array.from({ length: pixels.length / 8 }, (_, i) =>
    [...pixels.subarray(8 * i, 8 * i + 8)].reduce((sum, level, bit) => sum + (level << bit), 0),
  );

async function load(data: string, options: DataOptions = {}) {
  const said: string[] = [];
  const set = await loadData({ data, say: (line) => said.push(line), ...options });
  return { set, numbers: numbersIn(set), said };
}

const refused = (data: string, options: DataOptions = {}) =>
  expect(loadData({ data, ...options }).catch((error: Error) => error.message)).resolves;

it('puts files in class folders into an order drawn from a seed, so that no class is left to validation alone', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`${Math.floor(i / 10)}/${i % 10}.png`, image(i)]),
  );
  const data = folder('classes', files);
  const { set, numbers, said } = await load(data);
  expect(numbers).toEqual([...randomOrder(await loadCore(), 0, 0, 0, 40)]);
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  const classesOf = (part: ImageSet) => new Set(numbersIn(part).map((number) => Math.floor(number / 10)));
  const { train, validation } = splitImages(set, 0.2);
  expect(classesOf(train).size).toBe(4);
  expect(classesOf(validation).size).toBeGreaterThan(1);
  expect(classesOf(firstImages(set, 10)).size).toBeGreaterThan(2);
  expect(set.source).toBe('PNG files, 40 images, in the order of seed 0');
  expect(said).toContain('Order of the files: drawn from seed 0, since their names are in no random one');
  expect((await load(data)).set).toEqual(set);
});

it.each([
  ['train', 'test', 'val'],
  ['training', 'testing', 'validation'],
  ['Train', 'TEST', 'valid'],
])('knows %s, %s and %s as parts of PNG files and of arrays', async (train, test, validation) => {
  const pngs = folder(`png-${train}`, {
    ...{ [`${train}/0/1.png`]: image(1), [`${train}/1/2.png`]: image(2), [`${train}/1/3.png`]: image(3) },
    ...{ [`${test}/0/8.png`]: image(8), [`${validation}/0/16.png`]: image(16) },
  });
  const arrays = folder(`npy-${train}`, {
    [`x_${train}.npy`]: array(1, 2, 3),
    [`y_${train}.npy`]: npy([3], Uint8Array.of(0, 1, 1)),
    [`x_${test}.npy`]: array(8),
    [`x_${validation}.npy`]: array(16),
  });
  for (const data of [pngs, arrays]) {
    const { set, numbers } = await load(data);
    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 16]);
    expect(numbers.at(-1)).toBe(16); // what validates comes last
    expect(set).toMatchObject({ count: 4, validationImages: 1, split: 'the training and validation images' });
    expect((await load(data, { split: 'standard' })).numbers).toEqual(numbers);
    expect((await load(data, { split: 'test' })).numbers).toEqual([8]);
    expect((await load(data, { split: 'all' })).numbers).toEqual([...numbers, 8]);
    expect(set.source).toMatch(/, 3 training then 1 validation then 1 test images/);
  }
});

it('validates on validation images that come with the data, in whatever number', async () => {
  const core = await loadCore();
  for (const [train, validation] of [
    [3, 1],
    [7, 7],
    [49, 1],
    [2, 11],
  ] as const) {
    const count = (n: number, from: number) => array(...Array.from({ length: n }, (_, i) => from + i));
    const data = folder(`own-${train}-${validation}`, {
      'train.npy': count(train, 1),
      'val.npy': count(validation, 101),
    });
    const { set } = await load(data);
    const plan = planOf({ data: set, core, config: { filters: 4, blocks: 0 } });
    expect(plan).toMatchObject({ trainImages: train, validationImages: validation });
    const parts = splitImages(set, plan.validationSplit);
    expect(numbersIn(parts.validation)).toEqual(Array.from({ length: validation }, (_, i) => 101 + i));
    expect([parts.train.split, parts.validation.split]).toEqual(['the training images', 'the validation images']);
  }
  const data = join(root, 'own-7-7');
  const few = await load(data, { limit: 4 });
  expect(few.numbers).toEqual([1, 2, 101, 102]);
  expect(few.set).toMatchObject({ count: 4, validationImages: 2, split: 'the first 4' });
  expect(() => planOf({ data: few.set, core, validationSplit: 0.1 })).toThrow(
    'validationSplit: expected none for data that has 2 validation images of its own, got 0.1',
  );
});

it('refuses one part under two names, and parts without one that trains', async () => {
  await refused(folder('twice', { 'train/1.png': image(1), 'training/2.png': image(2) })).toBe(
    `${join(root, 'twice')}: expected one folder of training images, found train/ and training/; put all of them into one`,
  );
  await refused(folder('files-twice', { 'emnist-digits-train': array(1), 'emnist-letters-train.npy': array(2) })).toBe(
    `${join(root, 'files-twice')}: expected one file of training images, found emnist-digits-train and ` +
      'emnist-letters-train.npy; keep each set in a folder of its own',
  );
  await refused(folder('no-train', { 'val/1.png': image(1), 'test/2.png': image(2) })).toBe(
    `${join(root, 'no-train')}: expected a folder train/ of training images, found folders of validation and test images alone`,
  );
  await refused(folder('no-train-array', { 'val.npy': array(1), 'test.npy': array(2) })).toBe(
    `${join(root, 'no-train-array')}: expected a file of training images, such as train.npy, found val.npy and test.npy alone; ` +
      'name one file to take it as the whole set',
  );
  await refused(folder('test-alone', { 'x_test.npy': array(1, 2) })).toBe(
    `${join(root, 'test-alone')}: expected a file of training images, such as train.npy, found x_test.npy alone; name one ` +
      'file to take it as the whole set',
  );
});

it('takes a class that is called as a part is for a class, and looks for parts below others', async () => {
  const vehicles = folder('vehicles', { 'car/1.png': image(1), 'train/2.png': image(2), 'bus/4.png': image(4) });
  expect((await load(vehicles)).numbers.toSorted()).toEqual([1, 2, 4]);
  const below = { 'a/train/1.png': image(1), 'b/train/2.png': image(2), 'b/test/4.png': image(4) };
  expect((await load(folder('below', below), { split: 'test' })).numbers).toEqual([4]);
  const wrapped = { 'mnist_png/training/0/1.png': image(1), 'mnist_png/testing/0/2.png': image(2) };
  expect((await load(folder('wrapped', wrapped), { split: 'test' })).numbers).toEqual([2]);
  const beside = { 'train/1.png': image(1), 'test/2.png': image(2), 'logo.png': image(4) };
  const { numbers, said } = await load(folder('beside', beside), { split: 'all' });
  expect(numbers).toEqual([1, 2]);
  expect(said).toContain(`Left alone in ${join(root, 'beside')}: logo.png`);
});

it('says what it leaves alone, whatever it is, but for labels', async () => {
  const text = { 'README.md': '# Digits', 'labels.csv': 'a.png,3', 'b.jpg': Buffer.from('ffd8ffe0', 'hex') };
  const pictures = await load(folder('others', { '1.png': image(1), '2.png': image(2), ...text }));
  expect(pictures.said).toContain(`Left alone in ${join(root, 'others')}: README.md, b.jpg, labels.csv`);
  const arrays = { 'train.npy': array(1, 2), 'train.npy.gz': gzipSync(array(3, 4)), 'test/more.npy': array(5) };
  const { numbers, said } = await load(
    folder('packed-too', { ...arrays, 'train-labels.idx': idxLabels(Uint8Array.of(3, 4)) }),
  );
  expect(numbers).toEqual([1, 2]);
  expect(said).toContain(`Left alone in ${join(root, 'packed-too')}: test/more.npy, train.npy.gz`);
});

it('leaves out what is hidden, and what systems leave behind', async () => {
  const odd = png([0, 0, 0], { height: 1, width: 3 });
  const hidden = [
    '.git/a.png',
    '__MACOSX/._1.png',
    '.ipynb_checkpoints/1.png',
    '._1.png',
    '.hidden.png',
    '@eaDir/1.png',
  ];
  const data = folder('hidden', {
    ...{ '1.png': image(1), '2.png': image(2), '.DS_Store': 'x', 'Thumbs.db': 'x' },
    ...Object.fromEntries(hidden.map((file) => [file, odd])),
  });
  const { numbers, said } = await load(data);
  expect(numbers.toSorted()).toEqual([1, 2]);
  expect(said.join()).not.toContain('Left alone');
  await refused(folder('only-hidden', { '.git/1.png': image(1) })).toMatch(/found an empty folder$/);
});

it('reads what sample writes, but for the picture of all of it', async () => {
  const levels = Uint8Array.from([3, 5, 6].flatMap(told), (value) => value / 255);
  const pictures = Object.fromEntries(
    [0, 1, 2].map((i) => [`00000${i}.png`, imagePng(levels.subarray(8 * i, 8 * i + 8), [1, 2, 4, 1], 2)]),
  );
  const grid = { 'grid.png': gridPng(levels, [3, 2, 4, 1], 2) };
  const { numbers, said } = await load(folder('samples', { ...pictures, ...grid }));
  expect(numbers.toSorted()).toEqual([3, 5, 6]);
  expect(said).toContain(`Left alone in ${join(root, 'samples')}: grid.png`);
  // One of the same size is an image, and so is one without numbers beside it.
  expect((await load(folder('a-grid', { ...pictures, 'grid.png': image(9) }))).numbers.toSorted()).toEqual([
    3, 5, 6, 9,
  ]);
  await refused(folder('no-numbers', { 'a.png': image(1), ...grid })).toContain('expected 2x4');
});

it('reads the maps that sample writes, and not their pictures', async () => {
  const pictures = Object.fromEntries(
    [0, 1].map((i) => [`00000${i}.png`, imagePng(Uint8Array.of(0, 1, 2, 0), [1, 2, 2, 1], 3, 'nominal')]),
  );
  const grid = { 'grid.png': gridPng(Uint8Array.of(0, 1, 2, 0), [1, 2, 2, 1], 3, { input: 'nominal' }) };
  const maps = { '000000.txt': '#.\n@#\n', '000001.txt': '..\n@@\n' };
  const { set, said } = await load(folder('drawn-maps', { ...maps, ...pictures, ...grid }));
  expect(set).toMatchObject({ count: 2, height: 2, width: 2, alphabet: ['#', '.', '@'] });
  expect(said).toContain(`Left alone in ${join(root, 'drawn-maps')}: 000000.png, 000001.png, grid.png`);
  // Words about pictures, of the same names, are no maps; nor are those beside some pictures alone.
  const words = { '000000.txt': 'a digit\n', '000001.txt': 'another\n' };
  const digits = { '000000.png': image(1), '000001.png': image(2) };
  expect((await load(folder('words', { ...words, ...digits }))).numbers.toSorted()).toEqual([1, 2]);
  const some = { '000000.txt': '#..#\n#..#\n', ...digits };
  expect((await load(folder('some-maps', some))).numbers.toSorted()).toEqual([1, 2]);
});

it('tells IDX, .npy, gzip and PNG by their content, whatever their names', async () => {
  const file = (name: string, bytes: Uint8Array) => join(folder('named', { [name]: bytes }), name);
  const images = idx(2, 2, 4, Uint8Array.from([...told(5), ...told(9)]));
  for (const [name, bytes] of [
    ['images', images],
    ['train.npy', images],
    ['images.idx3', gzipSync(images)],
    ['array', array(5, 9)],
    ['array.gz', gzipSync(array(5, 9))],
    ['train-images-idx3-ubyte', array(5, 9)],
  ] as const) {
    expect((await load(file(name, bytes))).numbers, name).toEqual([5, 9]);
  }
  expect(await load(file('one', image(7)))).toMatchObject({ numbers: [7], set: { source: 'PNG file, 1 image' } });
  const { numbers } = await load(folder('nameless', { first: image(1), second: image(2), 'third.txt': image(4) }));
  expect(numbers.toSorted()).toEqual([1, 2, 4]);
});

it('finds the files of EMNIST, of an unpacked .npz, of torchvision and of Kaggle', async () => {
  const images = (...numbers: number[]) => idx(numbers.length, 2, 4, Uint8Array.from(numbers.flatMap(told)));
  const parts = [images(1, 2, 3), images(8)] as const;
  const [train, test] = ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte'];
  for (const [name, files] of Object.entries<Record<string, Uint8Array | string>>({
    emnist: {
      'emnist-digits-train-images-idx3-ubyte.gz': gzipSync(parts[0]),
      'emnist-digits-test-images-idx3-ubyte.gz': gzipSync(parts[1]),
      'emnist-digits-train-labels-idx1-ubyte.gz': gzipSync(idxLabels(Uint8Array.of(1, 2, 3))),
      'emnist-digits-test-labels-idx1-ubyte.gz': gzipSync(idxLabels(Uint8Array.of(8))),
      'emnist-digits-mapping.txt': '0 48\n',
    },
    npz: {
      ...{ 'x_train.npy': array(1, 2, 3), 'x_test.npy': array(8) },
      ...{ 'y_train.npy': npy([3], Uint8Array.of(1, 2, 3)), 'y_test.npy': npy([1], Uint8Array.of(8)) },
    },
    torchvision: {
      ...{ [`MNIST/raw/${train}`]: parts[0], [`MNIST/raw/${train}.gz`]: gzipSync(parts[0]) },
      ...{ [`MNIST/raw/${test}`]: parts[1], [`MNIST/raw/${test}.gz`]: gzipSync(parts[1]) },
    },
    kaggle: {
      ...{ [`${train}/${train}`]: parts[0], [train.replace('-idx3', '.idx3')]: parts[0] },
      ...{ [`${test}/${test}`]: parts[1], [test.replace('-idx3', '.idx3')]: parts[1] },
    },
    'kaggle-folders': { [`${train}/${train}`]: parts[0], [`${test}/${test}`]: parts[1] },
    'folders-of-arrays': { 'train/images.npy': array(1, 2, 3), 'test/images.npy': array(8) },
  })) {
    const data = folder(name, files);
    expect((await load(data, { split: 'all' })).numbers, name).toEqual([1, 2, 3, 8]);
    expect((await load(data, { split: 'test' })).numbers, name).toEqual([8]);
  }
  // Without a test part each of them is a set.
  expect((await load(folder('idx-alone', { [train]: parts[0] }))).numbers).toEqual([1, 2, 3]);
  expect(
    (await load(folder('npy-alone', { 'digits.npy': array(1, 2), 'labels.npy': npy([2], Uint8Array.of(1, 2)) })))
      .numbers,
  ).toEqual([1, 2]);
});

it('says what a folder holds that holds no images it reads, and what to do', async () => {
  const wanted = (name: string) => `data: expected IDX, .npy, PNG or .txt files in ${join(root, name)}, found `;
  const says = (name: string, files: Record<string, Uint8Array | string>, found: string) =>
    refused(folder(name, files)).toBe(`${wanted(name)}${found}`);
  await says(
    'zip',
    { 'mnist.npz': 'PK\x03\x04' },
    'mnist.npz (a ZIP archive such as .npz); unpack it first, and name the folder',
  );
  await says(
    'jpegs',
    Object.fromEntries([0, 1, 2, 3, 4].map((i) => [`${i}.jpg`, Buffer.from('ffd8ffe0', 'hex')])),
    '0.jpg (a JPEG image), 1.jpg (a JPEG image), 2.jpg (a JPEG image) and 2 more; convert it to a greyscale PNG',
  );
  await says(
    'vectors',
    { 'x_train.npy': npy([3, 8], new Uint8Array(24)), 'y_train.npy': npy([3], new Uint8Array(3)) },
    'x_train.npy (a .npy file of shape (3, 8)), y_train.npy (a .npy file of shape (3,)); write it again after ' +
      'x.reshape(-1, height, width)',
  );
  await says(
    'labels',
    { 'train-labels-idx1-ubyte': idxLabels(new Uint8Array(3)) },
    'train-labels-idx1-ubyte (an IDX file of shape (3,))',
  );
  await says(
    'levels',
    { 'a.lvl': '#.\n.#', 'notes.md': '# Levels' },
    'a.lvl (a text file), notes.md (a .md file); files of maps in text are called .txt',
  );
  const [one, other] = [array(1), array(2)];
  await refused(folder('unnamed', { 'a.npy': one, 'b.npy': other })).toBe(
    `${join(root, 'unnamed')}: expected one file of images, or one called train and one called test, found a.npy, b.npy; name one of them`,
  );
  await refused(folder('both', { 'a.npy': one, 'b.png': image(1) })).toBe(
    `${join(root, 'both')}: expected IDX or .npy files, or PNG files, found a.npy and 1 PNG file; keep them in folders of ` +
      'their own, or name the file',
  );
});

it('takes a folder for a part by no name that every object has', async () => {
  const files = { 'constructor/images.npy': array(1, 2), 'toString.txt': 'text' };
  expect((await load(folder('objects', files))).numbers).toEqual([1, 2]);
});

it('follows links, and no link twice', async () => {
  const data = folder('linked', { 'real/1.png': image(1), 'real/2.png': image(2) });
  symlinkSync(join(data, 'real'), join(data, 'again'));
  symlinkSync(data, join(data, 'real', 'up'));
  expect((await load(data)).numbers.toSorted()).toEqual([1, 2]);
});
