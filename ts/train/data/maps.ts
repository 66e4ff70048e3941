// Maps in text as images of nominal levels: each character a level, each map an image, or each window of one.

import { checkInteger, checkText, lookedAt, show, wrongKind, wrongValue } from '../../arguments.js';
import { type Levels, levelsArray } from '../../images.js';
import { isCharacter } from '../../metadata.js';
import { invalid, letIn, mostPixels } from './files/numbers.js';
import {
  addCharacters,
  type CellRules,
  characterInWords,
  findMaps,
  lineOf,
  readText,
  rowsOf,
  type TextMap,
} from './files/text_maps.js';
import { eachPart, type PartImages, type PartName, type Parts, partNames } from './raw.js';
import { type MapOptions, mostLevels } from './rule.js';

/** The options that are given, checked. Throws RangeError, TypeError. */
export function checkMapOptions({ alphabet, window, stride }: MapOptions): MapOptions {
  if (alphabet !== undefined) {
    checkText('alphabet', alphabet);
    const characters = [...alphabet];
    const twice = characters.find((character, index) => characters.indexOf(character) !== index);
    if (twice !== undefined)
      throw wrongValue('alphabet', `expected each character once, got ${characterInWords(twice)} twice`);
    const odd = characters.find((character) => !isCharacter(character));
    if (odd !== undefined)
      throw wrongValue('alphabet', `expected characters that can stand in a line, got ${characterInWords(odd)}`);
    if (characters.length < 2 || characters.length > mostLevels) {
      throw wrongValue('alphabet', `expected 2 to ${mostLevels} characters, got ${characters.length}`);
    }
  }
  if (stride !== undefined && window === undefined) {
    throw wrongValue('stride', `expected a window beside it, got none`);
  }
  return {
    ...(alphabet !== undefined && { alphabet }),
    ...(window !== undefined && { window: checkPair('window', window, ['height', 'width']) }),
    ...(stride !== undefined && { stride: checkPair('stride', stride, ['rows', 'columns']) }),
  };
}

/** A pair of integers, which is ours. */
function checkPair(name: string, value: unknown, [one, other]: readonly [string, string]): readonly [number, number] {
  const pair = lookedAt(name, () => (Array.isArray(value) ? Array.from(value as ArrayLike<unknown>) : undefined));
  if (pair?.length !== 2) throw wrongKind(name, `expected [${one}, ${other}], got ${show(value)}`);
  const [first, second] = pair.map((part) => checkInteger(name, part, { min: 1, max: 4096 }));
  return [first!, second!];
}

/** Where the maps of a part stand, and the class of each file. */
export interface MapFiles {
  readonly paths: readonly string[];
  readonly labels?: Uint16Array;
}

/** Images of maps: what else there is to say of them. */
export interface MapImages {
  readonly parts: Parts<PartImages<Levels>>;
  /** One character a level. */
  readonly alphabet: readonly string[];
  /** `text maps`, `windows of 14x14 of 20 text maps`. */
  readonly name: string;
  /** What was taken for what, a line each. */
  readonly said: readonly string[];
}

/**
 * Reads files of maps. `orderOf` gives the order that the maps of a part are put into.
 *
 * @throws PixelCnnError `INVALID_DATA` with the file, and the map in it, that is not as the others or has a character that is no level.
 */
export async function readMaps(
  files: Parts<MapFiles>,
  options: MapOptions,
  orderOf: (part: PartName, count: number) => Uint32Array,
  signal?: AbortSignal,
): Promise<MapImages> {
  const texts = await eachPart(files, async ({ paths }) => {
    const read: string[] = [];
    for (const path of paths) read.push(await readText(path, signal));
    return read;
  });
  const { alphabet, rules } = await alphabetOf(files, texts, options, signal);
  const places = await eachPart(files, async ({ paths, labels }, part) => {
    const found: Place[] = [];
    for (const [file, path] of paths.entries()) {
      if (file % 64 === 0) await letIn(signal);
      const text = texts[part]![file]!;
      const maps = findMaps(text, path, rules);
      if (maps.length === 0)
        throw invalid(path, 'at least one map', text === '' ? 'an empty file' : 'lines that are none');
      for (const map of maps) found.push({ map, ...(labels && { label: labels[file]! }) });
    }
    return found;
  });
  const maps = partNames.flatMap((part) => places[part] ?? []).map(({ map }) => map);
  const windowed = options.window !== undefined;
  const grid: Grid = { size: options.window ?? sizeOf(maps), stride: options.stride ?? [1, 1] };
  for (const map of maps) checkMap(map, grid.size, rules, windowed);
  const count = maps.reduce((sum, map) => sum + windowCount(map, grid), 0);
  const [height, width] = grid.size;
  if (count * height * width > mostPixels) {
    const got = `${count} windows of ${height}x${width}; take a larger stride (--stride)`;
    throw invalid(maps[0]!.path, `at most ${mostPixels} pixels in all`, got, 'stride');
  }
  const parts = await eachPart(places, (list, part) => {
    const ordered = Array.from(orderOf(part, list.length), (index) => list[index]!);
    return cut(ordered, grid, alphabet, rules, signal);
  });
  return {
    parts: windowed ? parts : await eachPart(parts, ({ wholes: _, ...images }) => images),
    alphabet,
    ...inWords(maps, grid, count, windowed),
  };
}

interface Place {
  readonly map: TextMap;
  readonly label?: number;
}

type Size = readonly [height: number, width: number];

/** The windows that a map is cut into. */
interface Grid {
  readonly size: Size;
  readonly stride: Size;
}

/** Where windows begin along one side: every so many cells, and the last one at the edge. */
function starts(length: number, window: number, stride: number): number[] {
  const last = length - window;
  const places = Array.from({ length: Math.floor(last / stride) + 1 }, (_, index) => index * stride);
  return last % stride === 0 ? places : [...places, last];
}

/** Rows and columns in which windows of a map begin; one that lost spaces is as wide as a window. */
function windowsOf(
  map: TextMap,
  { size: [height, width], stride: [rows, columns] }: Grid,
): readonly [number[], number[]] {
  return [starts(map.height, height, rows), starts(Math.max(map.width, width), width, columns)];
}

function windowCount(map: TextMap, grid: Grid): number {
  const [tops, lefts] = windowsOf(map, grid);
  return tops.length * lefts.length;
}

/** The windows of maps as images, map by map. */
async function cut(
  places: readonly Place[],
  grid: Grid,
  alphabet: readonly string[],
  rules: CellRules,
  signal: AbortSignal | undefined,
): Promise<PartImages<Levels>> {
  const levelOf = new Map(alphabet.map((character, level) => [character, level]));
  const space = levelOf.get(' ');
  const [height, width] = grid.size;
  const count = places.reduce((sum, { map }) => sum + windowCount(map, grid), 0);
  const pixels = levelsArray(count * height * width, alphabet.length);
  const [labels, wholes] = [new Uint16Array(count), new Uint32Array(count)];
  let image = 0;
  let at = 0;
  for (const [index, { map, label }] of places.entries()) {
    if (index % 1024 === 0) await letIn(signal);
    const full = Math.max(map.width, width);
    const cells = new Uint16Array(map.height * full);
    for (const [y, row] of rowsOf(map, rules).entries()) {
      for (let x = 0; x < full; x++) cells[y * full + x] = x < row.length ? levelOf.get(row[x]!)! : space!;
    }
    const [tops, lefts] = windowsOf(map, grid);
    for (const top of tops) {
      for (const left of lefts) {
        for (let y = top; y < top + height; y++, at += width) {
          pixels.set(cells.subarray(y * full + left, y * full + left + width), at);
        }
        labels[image] = label ?? 0;
        wholes[image] = index;
        image++;
      }
    }
  }
  const { map, label } = places[0]!;
  return { pixels, count, height, width, path: map.path, wholes, ...(label !== undefined && { labels }) };
}

function inWords(
  maps: readonly TextMap[],
  { size: [height, width], stride: [rows, columns] }: Grid,
  count: number,
  windowed: boolean,
): Pick<MapImages, 'name' | 'said'> {
  const number = (of: number): string => of.toLocaleString('en-US');
  const textMaps = `${number(maps.length)} text map${maps.length === 1 ? '' : 's'}`;
  const filled = maps.filter((map) => map.shortest < Math.max(map.width, width)).length;
  const spaces = filled === 0 ? '' : `; short lines of ${number(filled)} filled with spaces`;
  const steps = rows === 1 && columns === 1 ? '' : ` every ${rows}x${columns}`;
  return {
    name: windowed ? `windows of ${height}x${width}${steps} of ${textMaps}` : 'text maps',
    said: [
      `Maps: ${textMaps}${spaces}`,
      ...(windowed ? [`Windows: ${number(count)} of ${height}x${width}${steps}`] : []),
    ],
  };
}

/** The characters in the order of their levels, and what that says of spaces and semicolons. */
async function alphabetOf(
  files: Parts<MapFiles>,
  texts: Parts<readonly string[]>,
  { alphabet: asked }: MapOptions,
  signal: AbortSignal | undefined,
): Promise<{ alphabet: readonly string[]; rules: CellRules }> {
  const given = asked === undefined ? undefined : new Set(asked);
  const reading: CellRules = { space: given?.has(' ') ?? true, semicolon: given?.has(';') ?? false };
  const all = partNames.flatMap((part) =>
    (files[part]?.paths ?? []).map((path, index) => [path, texts[part]![index]!] as const),
  );
  const found = new Set<string>();
  for (const [index, [path, text]] of all.entries()) {
    if (index % 64 === 0) await letIn(signal);
    const before = found.size;
    addCharacters(text, reading, found);
    if (given === undefined || found.size === before) continue;
    const other = [...found].find((character) => !given.has(character));
    if (other === undefined) continue;
    const got = `${characterInWords(other)} in line ${lineOf(text, other, reading)}`;
    throw invalid(path, `the characters of the alphabet ${show(asked)}`, got, 'alphabet');
  }
  if (given !== undefined) return { alphabet: [...given], rules: reading };
  const alphabet = [...found].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  const [path] = all[0]!;
  if (alphabet.length < 2) {
    const got = alphabet.length === 0 ? 'none' : `${characterInWords(alphabet[0]!)} alone`;
    throw invalid(path, 'maps of at least 2 different characters', got);
  }
  if (alphabet.length <= mostLevels) return { alphabet, rules: { ...reading, space: found.has(' ') } };
  throw invalid(path, `maps of at most ${mostLevels} different characters`, `${alphabet.length}; are these maps?`);
}

/** The size that most maps have, the first of several. */
function sizeOf(maps: readonly TextMap[]): Size {
  const counts = new Map<string, { size: Size; count: number }>();
  for (const { height, width } of maps) {
    const of = counts.get(`${height}x${width}`) ?? { size: [height, width], count: 0 };
    of.count++;
    counts.set(`${height}x${width}`, of);
  }
  return [...counts.values()].reduce((most, of) => (of.count > most.count ? of : most)).size;
}

/**
 * Refuses a map that is not of the size, or smaller than the window. Rows may have lost spaces at their ends, as editors strip them;
 * a map whose rows are all of one length has not.
 */
function checkMap(map: TextMap, [height, width]: Size, rules: CellRules, windowed: boolean): void {
  const { space } = rules;
  const { path, number, line, shortest } = map;
  const at = `in map ${number}, which begins in line ${line}`;
  const got = `${map.height}x${map.width} ${at}`;
  const stripped = space && (windowed || shortest < map.width);
  const lower = windowed ? map.height < height : map.height !== height;
  if (lower || (map.width < width && !stripped) || (map.width > width && !windowed)) {
    const wanted = windowed
      ? `maps of at least ${height}x${width}, as the window has`
      : `maps of ${height}x${width}, as most are, or a window to cut them by (--window)`;
    const blank = map.height < height ? '; a blank line ends a map' : '';
    throw invalid(path, wanted, `${got}${blank}`, 'window');
  }
  const full = Math.max(map.width, width);
  if (space || shortest === full) return;
  const row = rowsOf(map, rules).findIndex(({ length }) => length < full);
  throw invalid(path, `rows of ${full} characters`, `${rowsOf(map, rules)[row]!.length} in line ${line + row}`, 'data');
}
