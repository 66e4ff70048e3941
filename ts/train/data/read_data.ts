// What lies at a path, or is known by a name, as images before a rule makes levels of them, with the class of each.

import { stat } from 'node:fs/promises';
import { wrongValue } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import type { Levels } from '../../images.js';
import { reasonOf } from '../../node/files.js';
import { loadCore, randomOrder } from '../net/core.js';
import { oddKindOf, peek, readArray } from './files/data_file.js';
import { type FoundArray, findData, listed } from './files/data_folder.js';
import { type ClassFolders, labelsBeside, readLabels } from './files/label_files.js';
import { invalid, numberTypes, type StoredImages } from './files/numbers.js';
import { readPngs } from './files/png_images.js';
import { mostClasses } from './image_set.js';
import { readMaps } from './maps.js';
import { publishedClassNames, publishedSetOf, publishedSets, readPublished, readPublishedLabels } from './published.js';
import {
  eachPart,
  joinImages,
  type NamedImages,
  type PartImages,
  type PartName,
  type Parts,
  type PublishedSet,
  partNames,
  readStored,
  readValues,
} from './raw.js';
import type { MapOptions, Rule } from './rule.js';

export interface ReadOptions {
  readonly rule: Rule;
  readonly maps: MapOptions;
  /** Whether labels are asked for; else what is wrong with them is said, and they are left alone. */
  readonly classes: boolean;
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
  readonly say?: (line: string) => void;
}

/** Images as they were found. */
export type FoundImages = {
  /** The published set that they are, as their hashes tell. */
  readonly published?: PublishedSet;
  /** What would tell their classes: a file of labels beside them, or the folders that they lie in. */
  readonly classesBy: 'file' | 'folder';
  /** What their classes are called, where somebody named them. */
  readonly classNames?: readonly string[];
} & (
  | { readonly kind: 'grey'; readonly images: NamedImages; readonly integers?: string }
  | { readonly kind: 'stored'; readonly images: NamedImages<Levels> }
  | { readonly kind: 'maps'; readonly images: NamedImages<Levels>; readonly alphabet: readonly string[] }
);

/** Reads the images that a name or a path stands for. */
export async function findImages(data: string, options: ReadOptions): Promise<FoundImages> {
  const { signal, say } = options;
  if (isPublished(data)) return ofPublished(data, options);
  const names = Object.keys(publishedSets).join(', ');
  const found = await stat(data).catch((cause: unknown) => {
    throw new PixelCnnError(
      'DATA_NOT_FOUND',
      `data: expected ${names}, a folder or a file, found nothing at ${data} (${reasonOf(cause)})`,
      { cause, argument: 'data' },
    );
  });
  const odd = oddKindOf(found);
  if (odd !== undefined) {
    throw new PixelCnnError('DATA_NOT_FOUND', `data: expected ${names}, a folder or a file, found ${odd} at ${data}`, {
      argument: 'data',
    });
  }
  if (!found.isDirectory()) {
    const reader = peek(data)?.reader;
    if (reader === 'PNG') return ofPngs({ train: [data] }, undefined, 'PNG file', options);
    if (reader === 'text') return ofMaps({ train: [data] }, undefined, options);
    const labels = await labelsBeside(data);
    return ofArrays({ train: { path: data, ...(labels !== undefined && { labels }) } }, options);
  }
  const { leftAlone, ...files } = await findData(data, signal);
  if (leftAlone.length > 0) say?.(`Left alone in ${data}: ${listed(leftAlone)}`);
  if (files.kind === 'arrays') return ofArrays(files.parts, options);
  if (files.kind === 'text') return ofMaps(files.parts, files.classes, options);
  const count = partNames.reduce((sum, part) => sum + (files.parts[part]?.length ?? 0), 0);
  if (count >= manyFiles) say?.(`Reading ${count.toLocaleString('en-US')} PNG files in ${data}`);
  say?.(`Order of the files: drawn from seed ${orderSeed}, since their names are in no random one`);
  return ofPngs(files.parts, files.classes, 'PNG files', options);
}

export function isPublished(data: string): data is PublishedSet {
  return Object.hasOwn(publishedSets, data);
}

/** What labels give, which fail only where they are asked for. */
async function ifLabelled<T>(
  { classes, signal, say }: ReadOptions,
  read: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof PixelCnnError)) throw error;
    if (classes) throw new PixelCnnError(error.code, error.message, { cause: error, argument: 'classes' });
    say?.(`Labels left alone: ${error.message}`);
    return undefined;
  }
}

/** The labels of the parts that have some. */
type PartLabels = { readonly [part in PartName]?: Uint16Array };

function withLabels<Pixels extends Levels>(
  parts: Parts<PartImages<Pixels>>,
  labels: PartLabels = {},
): Parts<PartImages<Pixels>> {
  const { train, validation, test } = parts;
  const of = (images: PartImages<Pixels>, own?: Uint16Array) =>
    own === undefined ? images : { ...images, labels: own };
  return {
    train: of(train, labels.train),
    ...(validation && { validation: of(validation, labels.validation) }),
    ...(test && { test: of(test, labels.test) }),
  };
}

async function ofPublished(name: PublishedSet, options: ReadOptions): Promise<FoundImages> {
  const { rule, maps, signal, say, offline, classes } = options;
  const { title } = publishedSets[name];
  refuseMapOptions(maps, title);
  const set = await readPublished({ name, offline, signal, say });
  const labels = await ifLabelled(options, () => readPublishedLabels(set, { name, offline, signal, say }, classes));
  const { classNames } = publishedSets[name];
  const known = { published: name, classesBy: 'file', ...(labels && classNames && { classNames }) } as const;
  if (rule.kind === 'stored') {
    const images = joinImages(title, withLabels(await readStored(set.parts, storedAs(rule), signal), labels));
    return { kind: 'stored', images, ...known };
  }
  return { kind: 'grey', images: joinImages(title, withLabels(await readValues(set.parts, signal), labels)), ...known };
}

/** What values are called that are levels. */
const storedAs = ({ input }: Extract<Rule, { kind: 'stored' }>): string => (input === 'nominal' ? 'codes' : 'levels');

async function ofArrays(files: Parts<FoundArray>, options: ReadOptions): Promise<FoundImages> {
  const { rule, maps, signal, say } = options;
  const stored = await eachPart(files, ({ path }) => readArray(path, signal));
  const all = partNames.flatMap((part) => stored[part] ?? []);
  const formats = [...new Set(all.map(({ format }) => format))];
  const several = `${formats.join(' and ')} file${all.length > 1 ? 's' : ''}`;
  refuseMapOptions(maps, several);
  const labels = await ifLabelled(options, async () => {
    const read: { -readonly [part in PartName]?: Uint16Array } = {};
    for (const part of partNames) {
      const path = files[part]?.labels;
      if (path !== undefined) read[part] = await readLabels(path, stored[part]!.count, signal);
    }
    return read;
  });
  if (rule.kind === 'stored') {
    const parts = await readStored(stored, storedAs(rule), signal);
    return { kind: 'stored', images: joinImages(several, withLabels(parts, labels)), classesBy: 'file' };
  }
  const parts = await readValues(stored, signal);
  const published = publishedSetOf(parts);
  const images = joinImages(
    published === undefined ? several : publishedSets[published].title,
    withLabels(parts, labels),
  );
  if (published === undefined && stored.train.format === 'IDX') {
    say?.('These IDX files are neither MNIST nor Fashion-MNIST as published; they are taken as they are.');
  }
  if (published === undefined) return { kind: 'grey', images, classesBy: 'file', ...integersIn(all) };
  const train = labels?.train;
  const classNames = train && publishedClassNames(published, { ...labels, train });
  return { kind: 'grey', images, published, classesBy: 'file', ...(classNames && { classNames }) };
}

/** The widest type of arrays that hold integers alone, as NumPy calls it. */
function integersIn(stored: readonly StoredImages[]): { integers?: string } {
  if (!stored.every(({ type }) => /^[ui]/.test(type))) return {};
  const [widest] = stored.toSorted((a, b) => numberTypes[b.type]!.size - numberTypes[a.type]!.size);
  const { type } = widest!;
  return { integers: `${type.startsWith('u') ? 'uint' : 'int'}${8 * numberTypes[type]!.size}` };
}

function refuseMapOptions(maps: MapOptions, found: string): void {
  for (const name of ['alphabet', 'window', 'stride'] as const) {
    if (maps[name] !== undefined) throw wrongValue(name, `expected text maps beside it, got ${found}`);
  }
}

/** So many files take long enough to be told of. */
const manyFiles = 5000;

/** Of the order of files and of maps; always the same, so that one set is the same images everywhere. */
const orderSeed = 0;

const partPlace = (part: PartName): number => partNames.indexOf(part);

/**
 * PNG files, each part in an order drawn from a seed: names tell classes and the moment of writing, so that the last of them
 * are no fair sample of all.
 */
async function ofPngs(
  files: Parts<readonly string[]>,
  classes: ClassFolders | undefined,
  name: string,
  options: ReadOptions,
): Promise<FoundImages> {
  const { rule, maps, signal } = options;
  refuseMapOptions(maps, name);
  const core = await loadCore();
  const labels = await folderLabels(files, classes, options);
  const codes = rule.kind === 'stored';
  const parts = await eachPart(files, async (paths, part): Promise<PartImages> => {
    const order = randomOrder(core, orderSeed, 0, partPlace(part), paths.length);
    const images = await readPngs(paths, { order, codes, signal });
    const own = labels?.[part];
    return { ...images, path: paths[0]!, ...(own && { labels: Uint16Array.from(order, (index) => own[index]!) }) };
  });
  const joined = joinImages(name, parts);
  const images =
    name === 'PNG file' ? joined : { ...joined, source: `${joined.source}, in the order of seed ${orderSeed}` };
  return {
    kind: codes ? 'stored' : 'grey',
    images,
    classesBy: 'folder',
    ...(labels && { classNames: classes!.names }),
  };
}

/** Maps, put into an order likewise. */
async function ofMaps(
  files: Parts<readonly string[]>,
  classes: ClassFolders | undefined,
  options: ReadOptions,
): Promise<FoundImages> {
  const { maps, signal, say } = options;
  const core = await loadCore();
  const labels = await folderLabels(files, classes, options);
  const { parts, alphabet, name, said } = await readMaps(
    await eachPart(files, (paths, part) => ({ paths, ...(labels?.[part] && { labels: labels[part] }) })),
    maps,
    (part, count) => randomOrder(core, orderSeed, 0, partPlace(part), count),
    signal,
  );
  for (const line of said) say?.(line);
  say?.(`Characters as levels 0 to ${alphabet.length - 1}: ${JSON.stringify(alphabet.join(''))}`);
  say?.(`Order of the maps: drawn from seed ${orderSeed}, since theirs in files is no random one`);
  const joined = joinImages(name, parts);
  const images = { ...joined, source: `${joined.source}, in the order of seed ${orderSeed}` };
  return { kind: 'maps', images, alphabet, classesBy: 'folder', ...(labels && { classNames: classes!.names }) };
}

/** The classes that folders tell, file by file. */
function folderLabels(
  files: Parts<readonly string[]>,
  classes: ClassFolders | undefined,
  options: ReadOptions,
): Promise<Parts<Uint16Array> | undefined> {
  if (classes === undefined) return Promise.resolve(undefined);
  const { names, of } = classes;
  return ifLabelled(options, () =>
    eachPart(of, (places, part) => {
      const outside = places.indexOf(-1);
      const path = files[part]![Math.max(0, outside)]!;
      if (outside >= 0) throw invalid(path, `a folder for its class, such as ${names[0]}/`, 'none above it');
      if (names.length > mostClasses)
        throw invalid(path, `at most ${mostClasses} folders for classes`, String(names.length));
      return Uint16Array.from(places);
    }),
  );
}
