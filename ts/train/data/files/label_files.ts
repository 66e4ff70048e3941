// Files of labels: which one goes with which images, and what it says.

import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { mostClasses } from '../image_set.js';
import { type Parts, partNames } from '../raw.js';
import { peek, readNumbers } from './data_file.js';
import { type DataFormat, isLabels } from './data_format.js';
import { type ArrayHeader, eachNumber, fileLength, invalid, numberTypes, shapeText } from './numbers.js';

const labelWords = ['label', 'labels', 'y', 'class', 'classes', 'target', 'targets'];
const otherWords = ['image', 'images', 'x', 'data', 'codes', 'indices', 'idx', 'idx1', 'idx3', 'ubyte', 'npy'];

/** One word for each part, however it is called. */
const sameParts: Readonly<Record<string, string>> = {
  ...{ training: 'train', t10k: 'test', testing: 'test', val: 'validation', valid: 'validation' },
};

/** The words of a file's name: `y_train.npy.gz` has `y` and `train`. */
function wordsOf(file: string): string[] {
  const words = basename(file)
    .toLowerCase()
    .replace(/\.gz$/, '')
    .split(/[^a-z0-9]+/);
  return words.flatMap((word) => {
    const [, letter, part] = /^([xy])(train.*|test.*|val.*)$/.exec(word) ?? [];
    return letter === undefined || part === undefined ? [word] : [letter, part];
  });
}

const isCalledLabels = (file: string): boolean => wordsOf(file).some((word) => labelWords.includes(word));

/** Whether a file of numbers, or of texts, is one of labels, as it is called so and holds no images; right ones or not. */
export function isLabelFile(file: string, { reader, shape }: DataFormat = { name: '' }): boolean {
  return (reader === 'IDX' || reader === '.npy') && isCalledLabels(file) && (shape === undefined || shape.length < 3);
}

/** What a file's name says beside that it holds images or labels. */
const keyOf = (file: string): string =>
  wordsOf(file)
    .filter((word) => word !== '' && !labelWords.includes(word) && !otherWords.includes(word))
    .map((word) => sameParts[word] ?? word)
    .join('-');

/**
 * The file of labels that goes with a file of images, by their names: `train-labels-idx1-ubyte` with `train-images-idx3-ubyte`,
 * `y_test.npy` with `x_test.npy`, `labels.npy` with whatever images stand beside it. Undefined where none does, or several do.
 *
 * @param labels Files that are called as labels are.
 * @param named Only those that name the part that the images are.
 */
export function labelsFor(images: string, labels: readonly string[], named = false): string | undefined {
  // The same name plain and packed is the same file: the plain one is read.
  const plain = (file: string): string => file.replace(/\.gz$/i, '');
  const distinct = [
    ...new Map(
      labels
        .toSorted()
        .reverse()
        .map((file) => [plain(file), file]),
    ).values(),
  ];
  const beside = distinct.filter((file) => dirname(file) === dirname(images));
  const like = (file: string): boolean => keyOf(file) === keyOf(images);
  const choices = [
    beside.filter(like),
    named ? [] : beside.filter((file) => keyOf(file) === ''),
    distinct.filter(like),
  ];
  const found = choices.find(({ length }) => length > 0) ?? [];
  return found.length === 1 ? found[0] : undefined;
}

/** The file of labels beside a file of images that was named alone. */
export async function labelsBeside(path: string): Promise<string | undefined> {
  const folder = dirname(path);
  const names = await readdir(folder).catch((): string[] => []);
  const called = names.filter((name) => name !== basename(path) && !name.startsWith('.') && isCalledLabels(name));
  const found = labelsFor(
    basename(path),
    called.filter((name) => isLabelFile(name, peek(join(folder, name)))),
  );
  return found === undefined ? undefined : join(folder, found);
}

/** Folders that are classes. */
export interface ClassFolders {
  /** Sorted: as numbers where all are some, else by the codes of their characters. */
  readonly names: readonly string[];
  /** The class of each file, by its place among the names; -1 for a file that lies in no such folder. */
  readonly of: Parts<readonly number[]>;
}

/**
 * The classes that folders tell: the first folder in the path of each file that is not the part's, nor one that all of them lie in.
 * Undefined where there are no two.
 *
 * @param depth Of the parts' folders in the paths.
 */
export function classFolders(parts: Parts<readonly string[]>, depth?: number): ClassFolders | undefined {
  const foldersOf = (file: string): string[] =>
    file
      .split('/')
      .slice(0, -1)
      .filter((_, at) => at !== depth);
  const all = partNames.flatMap((part) => parts[part] ?? []).map(foldersOf);
  const first = all[0]!;
  let common = first.length;
  for (const folders of all) {
    const differs = first.findIndex((folder, at) => folder !== folders[at]);
    if (differs >= 0) common = Math.min(common, differs);
  }
  const classOf = (file: string): string | undefined => foldersOf(file)[common];
  const found = new Set(all.flatMap((folders) => folders[common] ?? []));
  if (found.size < 2) return undefined;
  const areNumbers = [...found].every((name) => /^(0|[1-9]\d{0,8})$/.test(name));
  const names = [...found].sort((a, b) => (areNumbers ? Number(a) - Number(b) : a < b ? -1 : 1));
  const places = new Map(names.map((name, place) => [name, place]));
  const of = (files: readonly string[]): number[] => files.map((file) => places.get(classOf(file) ?? '') ?? -1);
  const { train, validation, test } = parts;
  return {
    names,
    of: { train: of(train), ...(validation && { validation: of(validation) }), ...(test && { test: of(test) }) },
  };
}

/**
 * The labels of so many images, from a file of numbers.
 *
 * @throws PixelCnnError `INVALID_DATA` for what are no labels of theirs, `DATA_NOT_FOUND` for a file that cannot be read.
 */
export async function readLabels(path: string, images: number, signal?: AbortSignal): Promise<Uint16Array> {
  const { header, bytes } = await readNumbers(path, signal);
  checkLabelShape(header, bytes, images, path);
  const labels = new Uint16Array(images);
  await eachNumber({ ...header, bytes: bytes.subarray(header.start) }, signal, (value, image) => {
    if (Number.isInteger(value) && value >= 0 && value < mostClasses) labels[image] = value;
    else throw invalid(path, `labels of 0 to ${mostClasses - 1}, whole numbers`, `${value} for image ${image}`);
  });
  return labels;
}

function checkLabelShape(header: ArrayHeader, bytes: Uint8Array, images: number, path: string): void {
  const { shape, start, type } = header;
  if (!isLabels({ name: '', shape })) {
    const advice = shape.length === 2 ? '; those that are one-hot become such by y.argmax(1)' : '';
    throw invalid(path, 'labels of shape (count,)', `${shapeText(shape)}${advice}`);
  }
  if (shape[0] !== images) {
    const counted = `${images.toLocaleString('en-US')} label${images === 1 ? '' : 's'}, one an image`;
    throw invalid(path, counted, shape[0]!.toLocaleString('en-US'));
  }
  if (bytes.length === fileLength(header)) return;
  const wanted = `${images * numberTypes[type]!.size} bytes of values for shape ${shapeText(shape)}`;
  throw invalid(path, wanted, String(bytes.length - start));
}
