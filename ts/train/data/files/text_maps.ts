// Files of text as maps: each line a row, each character a cell. Blank lines, and lines that begin with a semicolon, stand
// between maps.

import { show } from '../../../arguments.js';
import { readPacked } from './data_file.js';
import { invalid } from './numbers.js';

/** No file of maps comes near it; as one text, it must fit into memory several times. */
const mostBytes = 2 ** 28;

/**
 * The text of a file, packed or not, its lines ended by \n alone.
 *
 * @throws PixelCnnError `DATA_NOT_FOUND` where it cannot be read, `INVALID_DATA` for what is no text of UTF-8.
 */
export async function readText(path: string, signal?: AbortSignal): Promise<string> {
  const bytes = await readPacked(path, mostBytes, signal);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw invalid(path, 'text in UTF-8', 'UTF-16; save it as UTF-8');
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(path, 'text in UTF-8', 'bytes that are none; save it as UTF-8');
  }
  // The mark of byte order stands at the beginning of each file that was put behind another, and is no character.
  text = text.replace(/\r\n?/g, '\n').replaceAll('\ufeff', '');
  const control = /(?!\n)\p{Cc}/u.exec(text);
  if (control === null) return text;
  const what = control[0] === '\t' ? 'a tab' : `the control character ${unicode(control[0])}`;
  throw invalid(path, 'characters for cells', `${what} in line ${lineAt(text, control.index)}`);
}

const unicode = (character: string): string =>
  `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;

/** The number of the line that a place of a text is in. */
function lineAt(text: string, place: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < place; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** A character in words, and so that it can be seen: `"é" (U+00E9)`. */
export function characterInWords(character: string): string {
  return /^[!-~]$/.test(character) ? show(character) : `${show(character)} (${unicode(character)})`;
}

/** What is a cell and what is not. */
export interface CellRules {
  /** A space is a cell; else spaces at the ends of lines are nothing. */
  readonly space: boolean;
  /** A semicolon is a cell, also at the beginning of a line. */
  readonly semicolon: boolean;
}

/** Calls back with each line, its number from 1 and its place. */
function eachLine(text: string, visit: (line: string, number: number, start: number) => void): void {
  for (let start = 0, number = 1; start < text.length; number++) {
    const end = text.indexOf('\n', start);
    const stop = end < 0 ? text.length : end;
    visit(text.slice(start, stop), number, start);
    start = stop + 1;
  }
}

const isBlank = (line: string): boolean => /^ *$/.test(line);

/** Whether a line belongs to no map. */
const isBetween = (line: string, { space, semicolon }: CellRules): boolean =>
  line === '' || (!semicolon && line.startsWith(';')) || (!space && isBlank(line));

/** Adds the characters of a text that are cells of maps. */
export function addCharacters(text: string, rules: CellRules, characters: Set<string>): void {
  eachLine(text, (line) => {
    // Whether a line of spaces is a row, only the others tell.
    if (isBlank(line) || isBetween(line, rules)) return;
    for (const cell of cellsOf(line, rules)) characters.add(cell);
  });
}

/** The line that a character first stands in, from 1, among those of maps. */
export function lineOf(text: string, character: string, rules: CellRules): number {
  let found = 0;
  eachLine(text, (line, number) => {
    if (found === 0 && !isBetween(line, rules) && cellsOf(line, rules).includes(character)) found = number;
  });
  return found;
}

/** A map in the text of a file. */
export interface TextMap {
  readonly path: string;
  /** From 1, in its file. */
  readonly number: number;
  /** Its first line in the file, from 1. */
  readonly line: number;
  readonly height: number;
  /** Of the longest row. */
  readonly width: number;
  /** Of the shortest row. */
  readonly shortest: number;
  /** Where it stands in the text. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The maps of a text, in order. `path` is what an error calls it. */
export function findMaps(text: string, path: string, rules: CellRules): TextMap[] {
  const maps: TextMap[] = [];
  let open: { -readonly [Name in keyof TextMap]: TextMap[Name] } | undefined;
  const close = (): void => {
    if (open !== undefined) maps.push(open);
    open = undefined;
  };
  eachLine(text, (line, number, start) => {
    if (isBetween(line, rules)) return close();
    const width = cellsOf(line, rules).length;
    open ??= {
      path,
      number: maps.length + 1,
      line: number,
      height: 0,
      width: 0,
      shortest: width,
      text,
      start,
      end: start,
    };
    open.height++;
    open.width = Math.max(open.width, width);
    open.shortest = Math.min(open.shortest, width);
    open.end = start + line.length;
  });
  close();
  return maps;
}

/** The cells of a row: a text, where each of its units is one. */
function cellsOf(line: string, { space }: CellRules): string | readonly string[] {
  const row = space ? line : line.replace(/ +$/, '');
  return /[\ud800-\udfff]/.test(row) ? [...row] : row;
}

/** The rows of a map, each a list of cells. */
export function rowsOf({ text, start, end }: TextMap, rules: CellRules): (string | readonly string[])[] {
  return text
    .slice(start, end)
    .split('\n')
    .map((line) => cellsOf(line, rules));
}
