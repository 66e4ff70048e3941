/** Numbers and plain tables for people. */

import { excerpt, visible } from './terminal.js';

/** `532,673`. */
export function thousands(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

/** `111.1 kB`, `2.0 MB`. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`;
  if (n < 1e9) return `${(n / 1e6).toFixed(1)} MB`;
  return `${(n / 1e9).toFixed(1)} GB`;
}

/** The longest label and the longest value of a row, in characters, and the most lines of a value. */
const longest = { label: 60, value: 2000, lines: 20 };

/** Columns of help: those of the terminal, or as many as most have. */
export function helpWidth(): number {
  return process.stdout.columns || 80;
}

/**
 * Text in lines of at most `columns` characters, broken at spaces; a word that is longer stays whole. Lines that are short enough keep
 * their spaces.
 */
export function wrapped(text: string, columns: number): string[] {
  return text.split('\n').flatMap((line) => {
    if (line.length <= columns) return [line];
    const lines: string[] = [];
    for (const word of line.split(' ')) {
      const last = lines.at(-1);
      if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    return lines;
  });
}

/** Rows of help: what is to be typed or seen, and what it means beside it. */
export function rowsOf(rows: readonly (readonly [term: string, meaning: string])[], columns: number): string {
  const width = Math.max(...rows.map(([term]) => term.length));
  const indent = ' '.repeat(width + 4);
  return rows
    .map(([term, words]) => `  ${term.padEnd(width)}  ${wrapped(words, columns - width - 4).join(`\n${indent}`)}`)
    .join('\n');
}

/**
 * Lines of `label  value`, the values under each other, also those of several lines; what is longer than people read is cut.
 *
 * @param columns Of a terminal, whose lines values are broken for; programs find each on one line.
 */
export function labelled(
  rows: readonly (readonly [label: string, value: string])[],
  columns: number | undefined = process.stdout.columns,
): string {
  // As they will be printed, so that they stand under each other.
  const labels = rows.map(([label]) => visible(excerpt(label, longest.label).replace(/[\n\t]/g, ' ')));
  const width = labels.reduce((most, label) => Math.max(most, label.length), 0);
  const indent = `\n${' '.repeat(width + 2)}`;
  const room = Math.max(leastRoom, (columns ?? Number.POSITIVE_INFINITY) - width - 2);
  return rows
    .map(([, value], i) => `${labels[i]!.padEnd(width)}  ${shown(value, room).join(indent)}`.trimEnd())
    .join('\n');
}

/** Columns that a value has, however narrow the terminal. */
const leastRoom = 20;

function shown(value: string, columns: number): string[] {
  const lines = excerpt(value, longest.value).split('\n');
  const more = lines.length - longest.lines;
  const few = more <= 0 ? lines : [...lines.slice(0, longest.lines), `... (${thousands(more)} lines more)`];
  return few.flatMap((line) => wrapped(line, columns));
}

/** Columns that the first of a table has, however narrow the terminal. */
const leastColumn = 16;

/**
 * A box with a heavy head, as Keras draws it. Columns whose every cell is a number stand right; the first is broken into lines where
 * the terminal is too narrow for it.
 */
export function boxTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined = process.stdout.columns,
): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const excess = widths.reduce((sum, width) => sum + width + 3, 1) - (columns || Number.POSITIVE_INFINITY);
  if (excess > 0) widths[0] = Math.max(leastColumn, widths[0]! - excess);
  const isNumber = head.map((_, i) => rows.every((row) => /^[\d,]+$/.test(row[i]!)));
  const line = (cells: readonly string[], bar: string) => {
    const padded = cells.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
    return `${bar} ${padded.join(` ${bar} `)} ${bar}`;
  };
  const lines = ([first, ...others]: readonly string[], bar: string) =>
    wrapped(first!, widths[0]!).map((part, i) => line([part, ...others.map((cell) => (i === 0 ? cell : ''))], bar));
  const rule = (left: string, dash: string, middle: string, right: string) =>
    left + widths.map((width) => dash.repeat(width + 2)).join(middle) + right;
  return [
    rule('┏', '━', '┳', '┓'),
    ...lines(head, '┃'),
    rule('┡', '━', '╇', '┩'),
    ...rows.flatMap((row, i) => (i === 0 ? lines(row, '│') : [rule('├', '─', '┼', '┤'), ...lines(row, '│')])),
    rule('└', '─', '┴', '┘'),
  ].join('\n');
}
