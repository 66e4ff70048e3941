// From what a user names to images as levels: a published set, a folder, a file.

import { fileURLToPath } from 'node:url';
import { throwIfAborted, withOwnSignal } from '../../abort.js';
import {
  checkBoolean,
  checkChoice,
  checkFunction,
  checkInteger,
  checkSignal,
  named,
  ownOptions,
  show,
  wrongKind,
  wrongValue,
} from '../../arguments.js';
import { isUrl } from '../../brand.js';
import type { Levels } from '../../images.js';
import { sha256 } from '../../node/files.js';
import { binariseImages } from './binarisation.js';
import { listed } from './files/data_folder.js';
import { invalid } from './files/numbers.js';
import { type DataOrigin, firstImages, type ImageSet, mostClasses, ownParts, sliceImages } from './image_set.js';
import { codeImages, greyInWords, levelsInWords, quantiseImages } from './levels.js';
import { checkMapOptions } from './maps.js';
import { isBinary, publishedSets } from './published.js';
import { type NamedImages, unlabelled } from './raw.js';
import { type FoundImages, findImages, isPublished, type ReadOptions } from './read_data.js';
import { checkRule, type LevelRule, type MapOptions, mapNames, type Rule, ruleNames } from './rule.js';
import { checkNotCodes, valuesOf } from './values.js';

export interface DataOptions extends LevelRule, MapOptions {
  /**
   * `mnist`, `fashion-mnist`, `static-mnist`, or a path: a file of IDX or `.npy`, packed by gzip or not, whatever its name, or of maps in text; or a
   * folder of such files or of greyscale PNG files, divided or not: docs/data.md tells what is made of it. A path may be a
   * file: URL. Default: `mnist`.
   */
  readonly data?: string | URL;
  /**
   * Which images: `reference`, all of them, training images first, as the Keras example has them; `standard`, without the
   * test images; `test`, the test images; `all`. Of data that comes with validation images of its own, `reference` is
   * `standard`: its test images are kept apart. Default: `reference`; of data of your own with test images, `standard`.
   */
  readonly split?: (typeof dataSplits)[number];
  /** Only the first images of these, at least 1. Default: all. */
  readonly limit?: number;
  /**
   * Whether the class of each image is asked for: data that does not tell it is then refused, and labels of a published set are
   * fetched. Default: false; labels are taken where they are found and right.
   */
  readonly classes?: boolean;
  /** Never fetches. Default: false. */
  readonly offline?: boolean;
  /** Gives up loading; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told where the images come from, a line at a time. */
  readonly say?: (line: string) => void;
}

/** Which images of a data set a run is given. */
export const dataSplits = ['reference', 'standard', 'test', 'all'] as const;

const known = ['data', 'split', 'limit', 'classes', 'offline', 'signal', 'say', ...ruleNames, ...mapNames];

/**
 * Images to train on or to score, as levels.
 *
 * @example
 * const data = await loadData({ data: 'fashion-mnist', split: 'standard', binarisation: 'dynamic' });
 * for await (const event of train({ data, epochs: 10 })) console.log(event.type);
 *
 * @throws RangeError, TypeError for a wrong option; PixelCnnError `DATA_NOT_FOUND` where there are no such images,
 *   `INVALID_DATA` with the path of a file that is not what it should be.
 */
export async function loadData(options: DataOptions = {}): Promise<ImageSet> {
  const asked = ownOptions('options', options, known);
  const given = asked.signal === undefined ? undefined : checkSignal('signal', asked.signal);
  return withOwnSignal(given, (signal) => load({ ...asked, ...(signal && { signal }) }));
}

async function load(asked: DataOptions): Promise<ImageSet> {
  const data = checkData('data', asked.data ?? 'mnist');
  const isLevels = isPublished(data) && isBinary(data) && asked.binarisation === undefined;
  return loadBy(data, isLevels ? { ...asked, binarisation: 'none' } : asked);
}

async function loadBy(data: string, options: DataOptions): Promise<ImageSet> {
  const { limit, classes = false, offline, say, signal } = options;
  if (limit !== undefined) checkInteger('limit', limit, { min: 1, max: Number.MAX_SAFE_INTEGER });
  checkBoolean('classes', classes);
  if (offline !== undefined) checkBoolean('offline', offline);
  if (say !== undefined) checkFunction('say', say);
  throwIfAborted(signal);
  const rule = checkRule(options);
  const maps = checkMapOptions(options);
  const asked = options.split === undefined ? undefined : checkChoice('split', options.split, dataSplits);
  const found = await findImages(data, { rule, maps, classes, offline, signal, say });
  const { images } = found;
  const { testImages, validationImages } = images;
  const before = images.count - testImages;
  // The example's split is the published sets': nobody else's test images are trained on unasked.
  const split = asked ?? (testImages > 0 && found.published === undefined ? 'standard' : 'reference');
  const isDivided = testImages > 0 || (split === 'standard' && validationImages > 0);
  if ((split === 'standard' || split === 'test') && !isDivided) {
    throw wrongValue(
      'split',
      `expected data with test images, which ${split} asks for, got ${images.source}; take all of them, in training ` +
        'by --split reference, in eval by --split all',
    );
  }
  // Before any of them are left out, so that an image's level does not depend on which others there are.
  const all = withLabels(await levelled(found, options, rule, isPublished(data) ? images.source : data), found);
  const chosen = {
    reference: () => (validationImages > 0 ? withoutTest(all, images) : all),
    standard: () =>
      validationImages > 0 ? withoutTest(all, images) : sliceImages(all, 0, before, 'the training images'),
    test: () => sliceImages(all, before, images.count, 'the test images'),
    all: () => all,
  }[split]();
  const labelled = checkLabels(chosen, { classes, say }, data, found.classesBy);
  const set = limit === undefined ? labelled : firstImages(labelled, limit);
  if (set.wholes !== undefined && new Set(set.wholes).size === 1 && set.validationImages === undefined) {
    const advice = 'unless maps of their own do (val/, val.txt)';
    say?.(`All windows are of one map, and stay together: none validate, ${advice}`);
  }
  const { published } = found;
  const reading: LevelRule & MapOptions = {
    ...options,
    ...maps,
    // What was found is what other images of the same kind are read by.
    ...(rule.kind === 'stored' && found.kind === 'stored' && { levels: set.levels }),
    ...(found.kind === 'maps' && { alphabet: found.alphabet.join('') }),
  };
  const origin: DataOrigin = {
    ...(published !== undefined && { data: published }),
    split,
    ...(set !== labelled && { limit: set.count }),
    // In one order whether it was given or found, as a run that goes on gives what it found: a model file holds it.
    ...Object.fromEntries(
      [...ruleNames, ...mapNames].flatMap((name) => (name in reading ? [[name, reading[name]]] : [])),
    ),
  };
  return { ...set, origin };
}

/** What a rule makes of images, which it also says. */
async function levelled(found: FoundImages, options: DataOptions, rule: Rule, name: string): Promise<ImageSet> {
  const { signal, say } = options;
  const { source } = found.images;
  if (found.kind === 'maps') {
    const given = (['binarisation', 'threshold', 'binarisationSeed', 'levels'] as const).find((n) => n in options);
    if (given !== undefined) {
      throw wrongValue(
        given,
        `expected it left out with text maps, whose characters are the levels, got ${show(options[given])}`,
      );
    }
    const { alphabet, images } = found;
    const reading = `characters as levels, in the order ${JSON.stringify(alphabet.join(''))}`;
    const set = await codeImages(images, source, { levels: alphabet.length, reading }, name, signal);
    return { ...set, alphabet, ...(images.wholes && { wholes: images.wholes }) };
  }
  if (found.kind === 'stored') {
    const { levels, input } = rule as Extract<Rule, { kind: 'stored' }>;
    const set = await codeImages(
      found.images,
      source,
      { input, ...(levels !== undefined && { levels }) },
      name,
      signal,
    );
    const how = levels === undefined ? ' (the largest and one more; --levels says otherwise)' : '';
    say?.(`Values: ${set.binarisation}: ${levelsInWords(set)}${how}`);
    return set;
  }
  const { images } = found;
  if (rule.kind === 'quantise') {
    if (found.integers !== undefined) checkNotCodes(name, found.integers, images.pixels, rule.levels);
    const set = await quantiseImages(images, source, { levels: rule.levels }, name, signal);
    say?.(`Values: ${greyInWords(images)}: ${levelsInWords(set)}`);
    return set;
  }
  const { binarisation, threshold, binarisationSeed } = options;
  if (found.integers !== undefined && binarisation === undefined && threshold === undefined) {
    checkNotCodes(name, found.integers, images.pixels);
  }
  const asked = {
    ...(binarisation !== undefined && { binarisation }),
    ...(threshold !== undefined && { threshold }),
    ...(binarisationSeed !== undefined && { binarisationSeed }),
  };
  const set = await binariseImages(images, source, asked, name, signal);
  say?.(`Values: ${greyInWords(images)}: ${levelsInWords(set)}`);
  const { most } = valuesOf(images.pixels);
  if ((binarisation === 'static' || binarisation === 'dynamic') && most < 128) {
    const percent = Math.round((100 * most) / 255);
    say?.(`No value is above ${most}, so that no pixel is 1 more often than ${percent} %: is ${most} white?`);
  }
  return set;
}

/** The class of each image, as far as the data tells it. */
function withLabels(set: ImageSet, { images: { labels }, classNames }: FoundImages): ImageSet {
  if (labels === undefined) return set;
  let most = 0;
  for (const label of labels) if (label !== unlabelled && label > most) most = label;
  const names = classNames ?? Array.from({ length: most + 1 }, (_, label) => String(label));
  return { ...set, labels, classNames: names, labelsSha256: sha256(labels) };
}

/** Says which classes there are. Labels that do not make any fail only where classes are asked for. */
function checkLabels(
  set: ImageSet,
  { classes, say }: Pick<ReadOptions, 'classes' | 'say'>,
  data: string,
  by: FoundImages['classesBy'],
): ImageSet {
  const { labels, classNames, labelsSha256: _, ...without } = set;
  if (labels === undefined || classNames === undefined) {
    if (!classes) return set;
    const advice =
      by === 'file' ? 'put labels.npy beside them, a whole number for each' : 'put each into a folder for its class';
    throw wrongValue('classes', `expected images with labels, got ${set.source}; ${advice}`);
  }
  const [wanted, got] = problemOf(labels, classNames) ?? [];
  if (wanted !== undefined && got !== undefined) {
    const error = invalid(data, wanted, got, 'classes');
    if (classes) throw error;
    say?.(`Labels left alone: ${error.message}`);
    return without;
  }
  const there = new Set(labels);
  const never = classNames.filter((_, label) => !there.has(label));
  const gaps = never.length === 0 ? '' : `; no image of ${listed(never)}`;
  say?.(`Classes: ${classNames.length.toLocaleString('en-US')}: ${listed(classNames)}${gaps}`);
  return set;
}

/** What is wanted of labels and what came, where they make no classes. */
function problemOf(labels: Uint16Array, names: readonly string[]): readonly [string, string] | undefined {
  const none = labels.reduce((sum, label) => sum + Number(label === unlabelled), 0);
  const count = (of: number): string => of.toLocaleString('en-US');
  if (none > 0)
    return [
      `a label for each of ${count(labels.length)} images`,
      `none for ${count(none)} of them; leave out what has none, as by --split standard`,
    ];
  if (names.length < 2) return ['labels of at least 2 classes', `${named(names[0] ?? '')} for every image`];
  return names.length > mostClasses ? [`at most ${mostClasses} classes`, count(names.length)] : undefined;
}

/** The name or path of a data set. Throws RangeError, TypeError. */
export function checkData(name: string, value: unknown): string {
  const kinds = Object.keys(publishedSets).join(', ');
  const wanted = `expected ${kinds}, a path or a file: URL`;
  if (isUrl(value)) {
    try {
      return fileURLToPath(value.href);
    } catch (cause) {
      throw wrongValue(name, `${wanted}, got ${show(value.href)}`, { cause });
    }
  }
  if (typeof value !== 'string') throw wrongKind(name, `${wanted}, got ${show(value)}`);
  if (value === '' || value.includes('\0'))
    throw wrongValue(name, `expected ${kinds}, a folder or a file, got ${show(value)}`);
  return value;
}

/** The images that train and, last, those that validate. */
function withoutTest(all: ImageSet, { count, testImages, validationImages }: NamedImages<Levels>): ImageSet {
  const split = testImages === 0 ? 'all' : ownParts;
  return { ...sliceImages(all, 0, count - testImages, split), validationImages };
}
