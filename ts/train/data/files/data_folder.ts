// What a folder holds: files of numbers, PNG files or maps in text, which of them train, validate and test, and what tells
// their classes. Nobody's choice of names is relied on but for that.

import type { Dirent, Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { named } from '../../../arguments.js';
import { PixelCnnError } from '../../../error.js';
import { type PartName, type Parts, partNames } from '../raw.js';
import { oddKindOf, peek, unreadable } from './data_file.js';
import { type DataFormat, isLabels } from './data_format.js';
import { type ClassFolders, classFolders, isLabelFile, labelsFor } from './label_files.js';
import { isGridOfSamples, isPictureOfMap } from './png_images.js';

/** Which files to read, by path. */
export type FoundData = { readonly leftAlone: readonly string[] } & (
  | { readonly kind: 'arrays'; readonly parts: Parts<FoundArray> }
  | { readonly kind: 'PNG' | 'text'; readonly parts: Parts<readonly string[]>; readonly classes?: ClassFolders }
);

export interface FoundArray {
  readonly path: string;
  /** The file of labels that goes with it. */
  readonly labels?: string;
}

const partOf: Readonly<Record<string, PartName>> = {
  ...{ train: 'train', training: 'train' },
  ...{ val: 'validation', valid: 'validation', validation: 'validation' },
  ...{ test: 'test', testing: 'test', t10k: 'test' },
};

/**
 * Looks at a folder, hidden files and folders left out, and those that operating systems leave behind.
 *
 * @throws PixelCnnError `DATA_NOT_FOUND` where it holds no images, saying what it holds; `INVALID_DATA` where it holds more
 *   than one set of them.
 */
export async function findData(folder: string, signal?: AbortSignal): Promise<FoundData> {
  const { files, odd } = await listFiles(folder, signal);
  const formats = new Map<string, DataFormat>();
  for (const [index, file] of files.entries()) {
    if (/\.png$/i.test(file)) continue; // whoever reads it says where it is none
    if (index % 256 === 0) await new Promise(setImmediate);
    signal?.throwIfAborted();
    const format = peek(join(folder, file));
    if (format !== undefined) formats.set(file, format);
  }
  const isImages = (file: string): boolean => {
    const format = formats.get(file);
    if (format?.reader !== 'IDX' && format?.reader !== '.npy') return false;
    return format.shape === undefined ? !isLabelFile(file, format) : format.shape.length >= 3;
  };
  const arrays = shallowest(files.filter(isImages));
  const pngs = files.filter((file) => /\.png$/i.test(file) || formats.get(file)?.reader === 'PNG');
  const grids = pngs.filter((file) => isGridOfSamples(folder, file, pngs));
  const images = pngs.filter((file) => !grids.includes(file));
  const path = (file: string): string => join(folder, file);
  /** What is neither read nor labels of what is. */
  const unused = (used: readonly string[]): string[] => {
    const taken = new Set(used);
    return files.filter((file) => !taken.has(file) && !isLabels(formats.get(file)));
  };
  const pngFiles = `${images.length.toLocaleString('en-US')} PNG file${images.length === 1 ? '' : 's'}`;
  if (arrays.length > 0 && depthOf(arrays[0]!) <= leastDepth(images)) {
    if (images.length > 0 && arrays.every((file) => arrayPartOf(file) === undefined)) {
      const got = `${arrays[0]} and ${pngFiles}`;
      throw mixed(
        folder,
        'IDX or .npy files, or PNG files',
        `${got}; keep them in folders of their own, or name the file`,
      );
    }
    const parts = divideArrays(folder, arrays);
    const labels = files.filter((file) => isLabelFile(file, formats.get(file)));
    const used = partNames.flatMap((part) => parts[part] ?? []);
    const rest = unused([...used, ...labels, ...images]);
    const leftAlone = [...rest, ...(images.length > 0 ? [pngFiles] : []), ...odd];
    const withLabels = (file: string, part: PartName): FoundArray => {
      const isAlone = used.filter((other) => dirname(other) === dirname(file)).length === 1;
      const found = labelsFor(file, labels, part !== 'train' && !isAlone);
      return { path: path(file), ...(found !== undefined && { labels: path(found) }) };
    };
    return { kind: 'arrays', parts: mapParts(parts, withLabels), leftAlone };
  }
  const maps = textMaps(files, formats);
  const isText = maps.length > 0 && (images.length === 0 || arePicturesOf(folder, images, maps));
  const read = isText ? maps : images;
  if (read.length === 0) throw nothingFound(folder, files, odd, formats);
  const { parts, depth } = divideFiles(folder, read, isText);
  const rest = unused(partNames.flatMap((part) => parts[part] ?? []));
  const classes = classFolders(parts, depth);
  return {
    kind: isText ? 'text' : 'PNG',
    parts: mapParts(parts, (list) => list.map(path)),
    ...(classes !== undefined && { classes }),
    leftAlone: [...rest, ...odd],
  };
}

/** What lies beside maps and is none, whatever it says. */
const aboutMaps = /^(readme|licen[cs]e|copying|notice|authors|credits|attribution|changelog)\b/i;

/** Files of maps: where some are text, also those that are damaged, of which their reader tells. */
function textMaps(files: readonly string[], formats: ReadonlyMap<string, DataFormat>): string[] {
  const called = files.filter((file) => /\.txt(\.gz)?$/i.test(file) && !aboutMaps.test(basename(file)));
  const formatOf = (file: string): DataFormat | undefined => formats.get(file);
  if (!called.some((file) => formatOf(file)?.reader === 'text')) return [];
  const damaged = ['an empty file', 'a file of other bytes', 'text in UTF-16'];
  return called.filter((file) => formatOf(file)?.reader === 'text' || damaged.includes(formatOf(file)?.name ?? ''));
}

/** Whether PNG files are the pictures that `sample --png` writes beside maps, whose colours nobody reads. */
function arePicturesOf(folder: string, images: readonly string[], maps: readonly string[]): boolean {
  const beside = new Set(maps);
  return images.every((file) => beside.has(file.replace(/png$/, 'txt'))) && isPictureOfMap(folder, images[0]!);
}

function mapParts<T, U>(parts: Parts<T>, change: (value: T, part: PartName) => U): Parts<U> {
  const { train, validation, test } = parts;
  return {
    train: change(train, 'train'),
    ...(validation !== undefined && { validation: change(validation, 'validation') }),
    ...(test !== undefined && { test: change(test, 'test') }),
  };
}

/** Names that no one gave to images: hidden ones, and what Windows, macOS and Linux leave in folders. */
const isHidden = (name: string): boolean =>
  /^(\.|@eaDir$|__MACOSX$|lost\+found$|\$RECYCLE\.BIN$|System Volume Information$|Thumbs\.db$|ehthumbs\.db$|desktop\.ini$)/i.test(
    name,
  );

/** All files in and below a folder by relative path, sorted by their characters' codes; and what is no file. */
async function listFiles(folder: string, signal?: AbortSignal): Promise<{ files: string[]; odd: string[] }> {
  const files: string[] = [];
  const odd: string[] = [];
  const seen = new Set<string>();
  const list = async (below: string): Promise<void> => {
    signal?.throwIfAborted();
    const path = join(folder, below);
    let entries: Dirent[];
    try {
      // A link may lead back to a folder that holds it.
      const real = await realpath(path);
      if (seen.has(real)) return;
      seen.add(real);
      entries = await readdir(path, { withFileTypes: true });
    } catch (cause) {
      throw unreadable(path, cause);
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (isHidden(entry.name)) continue;
      const file = below === '' ? entry.name : `${below}/${entry.name}`;
      // A link that leads nowhere is told of by whoever reads it.
      const kind: Dirent | Stats | undefined = entry.isSymbolicLink()
        ? await stat(join(folder, file)).catch(() => undefined)
        : entry;
      if (kind?.isDirectory()) await list(file);
      else if (kind === undefined || kind.isFile()) files.push(file);
      else odd.push(`${file} (${oddKindOf(kind as Stats)})`);
    }
  };
  await list('');
  return { files: files.sort((a, b) => (a < b ? -1 : 1)), odd };
}

const depthOf = (file: string): number => file.split('/').length;

const leastDepth = (files: readonly string[]): number =>
  files.reduce((least, file) => Math.min(least, depthOf(file)), Number.POSITIVE_INFINITY);

/** Archives unpack into folders beside their files: what lies higher is meant. */
function shallowest(files: readonly string[]): string[] {
  const depth = leastDepth(files);
  return files.filter((file) => depthOf(file) === depth);
}

/** The part that the name of a file speaks of, or that of a folder above it. */
function arrayPartOf(file: string): PartName | undefined {
  const [name = '', ...above] = file.toLowerCase().split('/').reverse();
  const word = new RegExp(`(?:^|[^a-z0-9])x?(${Object.keys(partOf).sort().reverse().join('|')})x?(?![a-z])`);
  const named = word.exec(name)?.[1] ?? above.find((folder) => Object.hasOwn(partOf, folder));
  return named === undefined ? undefined : partOf[named];
}

function divideArrays(folder: string, files: readonly string[]): Parts<string> {
  // The same name plain and packed, or with dots for dashes, is the same file: the plain one is read.
  const same = (file: string): string => file.toLowerCase().replace(/\.gz$/, '').replaceAll('.', '-');
  const kept = new Map<string, string>();
  for (const file of files) if (!/\.gz$/i.test(file) || !kept.has(same(file))) kept.set(same(file), file);
  const distinct = [...kept.values()];
  const of = (part: PartName | undefined): string[] => distinct.filter((file) => arrayPartOf(file) === part);
  const one = (part: PartName): string | undefined => {
    const [first, second] = of(part);
    if (second === undefined) return first;
    throw mixed(
      folder,
      `one file of ${partWords[part]} images`,
      `${first} and ${second}; keep each set in a folder of its own`,
    );
  };
  const [train, validation, test] = partNames.map(one);
  const others = of(undefined);
  if (train !== undefined) {
    return { train, ...(validation !== undefined && { validation }), ...(test !== undefined && { test }) };
  }
  const parts = [validation, test].filter((part) => part !== undefined).join(' and ');
  if (parts !== '') {
    const beside = others.length > 0 ? `${others[0]}, which is not called so, and ${parts}` : `${parts} alone`;
    throw mixed(
      folder,
      'a file of training images, such as train.npy',
      `${beside}; name one file to take it as the whole set`,
    );
  }
  if (others.length === 1) return { train: others[0]! };
  throw mixed(
    folder,
    'one file of images, or one called train and one called test',
    `${listed(others)}; name one of them`,
  );
}

const partWords: Readonly<Record<PartName, string>> = { train: 'training', validation: 'validation', test: 'test' };

/**
 * By folders that are called after parts, at the first depth where such folders stand beside each other, which is told.
 *
 * @param byFile Whether a file may be called after a part too: `test.txt`.
 */
function divideFiles(
  folder: string,
  files: readonly string[],
  byFile: boolean,
): { readonly parts: Parts<string[]>; readonly depth?: number } {
  const levels = files.reduce((most, file) => Math.max(most, depthOf(file)), 1) - Number(!byFile);
  for (let depth = 0; depth < levels; depth++) {
    const named = new Map<PartName, Map<string, string[]>>();
    for (const file of files) {
      const steps = file.split('/');
      const isFile = depth === steps.length - 1;
      const step = steps[depth]?.toLowerCase() ?? '';
      const name = isFile ? step.replace(/\.txt(\.gz)?$/, '') : step;
      const part = (byFile || !isFile) && Object.hasOwn(partOf, name) ? partOf[name] : undefined;
      if (part === undefined) continue;
      const folders = named.get(part) ?? new Map<string, string[]>();
      const shown = isFile ? steps[depth]! : `${name}/`;
      const list = folders.get(shown) ?? [];
      list.push(file);
      named.set(part, folders.set(shown, list));
    }
    const names = [...named.values()].reduce((sum, folders) => sum + folders.size, 0);
    if (names < 2) continue; // one of that name is a class, or all there is
    for (const [part, folders] of named) {
      if (folders.size < 2) continue;
      const [one, other] = [...folders.keys()];
      const kind = byFile ? 'file or folder' : 'folder';
      throw mixed(folder, `one ${kind} of ${partWords[part]} images`, `${one} and ${other}; put all of them into one`);
    }
    const of = (part: PartName): string[] | undefined => [...(named.get(part)?.values() ?? [])][0];
    const [train, validation, test] = [of('train'), of('validation'), of('test')];
    if (train === undefined) {
      const wanted = byFile ? 'a folder train/, or train.txt,' : 'a folder train/';
      throw mixed(
        folder,
        `${wanted} of training images`,
        `${byFile ? 'those' : 'folders'} of validation and test images alone`,
      );
    }
    const parts = { train, ...(validation !== undefined && { validation }), ...(test !== undefined && { test }) };
    return { parts, depth };
  }
  return { parts: { train: [...files] } };
}

/** A few names, and how many more there are. */
export function listed(names: readonly string[]): string {
  const most = 3;
  const shown = names.slice(0, most).map(named).join(', ');
  return names.length > most ? `${shown} and ${(names.length - most).toLocaleString('en-US')} more` : shown;
}

function mixed(folder: string, wanted: string, got: string): PixelCnnError {
  return new PixelCnnError('INVALID_DATA', `${folder}: expected ${wanted}, found ${got}`);
}

function nothingFound(
  folder: string,
  files: readonly string[],
  odd: readonly string[],
  formats: ReadonlyMap<string, DataFormat>,
): PixelCnnError {
  const shown = (file: string): string => `${file} (${formats.get(file)?.name ?? 'which cannot be read'})`;
  const told = files.map((file) => formats.get(file)).find((format) => format?.advice !== undefined);
  const vectors = files.map((file) => formats.get(file)).find((format) => format?.shape?.length === 2);
  const isMaps = files.some((file) => formats.get(file)?.reader === 'text' && !aboutMaps.test(basename(file)));
  const advice =
    vectors !== undefined
      ? 'write it again after x.reshape(-1, height, width)'
      : (told?.advice ?? (isMaps ? 'files of maps in text are called .txt' : undefined));
  // What may be images comes before labels.
  const isOfLabels = (file: string): number => Number(isLabels(formats.get(file)));
  const order = files.toSorted((a, b) => isOfLabels(a) - isOfLabels(b));
  const names = [...order.map(shown), ...odd];
  const found = names.length === 0 ? 'an empty folder' : `${listed(names)}${advice === undefined ? '' : `; ${advice}`}`;
  return new PixelCnnError(
    'DATA_NOT_FOUND',
    `data: expected IDX, .npy, PNG or .txt files in ${folder}, found ${found}`,
    {
      argument: 'data',
    },
  );
}
