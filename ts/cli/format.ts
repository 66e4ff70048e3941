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

/** Lines of `label  value`, the values under each other, also those of several lines; what is longer than people read is cut. */
export function labelled(rows: readonly (readonly [label: string, value: string])[]): string {
  // As they will be printed, so that they stand under each other.
  const labels = rows.map(([label]) => visible(excerpt(label, longest.label).replace(/[\n\t]/g, ' ')));
  const width = labels.reduce((most, label) => Math.max(most, label.length), 0);
  const indent = `\n${' '.repeat(width + 2)}`;
  return rows.map(([, value], i) => `${labels[i]!.padEnd(width)}  ${shown(value).join(indent)}`.trimEnd()).join('\n');
}

function shown(value: string): string[] {
  const lines = excerpt(value, longest.value).split('\n');
  const more = lines.length - longest.lines;
  return more <= 0 ? lines : [...lines.slice(0, longest.lines), `... (${thousands(more)} lines more)`];
}

/** A box with a heavy head, as Keras draws it. Columns whose every cell is a number stand right. */
export function boxTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const isNumber = head.map((_, i) => rows.every((row) => /^[\d,]+$/.test(row[i]!)));
  const line = (cells: readonly string[], bar: string) => {
    const padded = cells.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
    return `${bar} ${padded.join(` ${bar} `)} ${bar}`;
  };
  const rule = (left: string, dash: string, middle: string, right: string) =>
    left + widths.map((width) => dash.repeat(width + 2)).join(middle) + right;
  return [
    rule('┏', '━', '┳', '┓'),
    line(head, '┃'),
    rule('┡', '━', '╇', '┩'),
    ...rows.flatMap((row, i) => (i === 0 ? [line(row, '│')] : [rule('├', '─', '┼', '┤'), line(row, '│')])),
    rule('└', '─', '┴', '┘'),
  ].join('\n');
}
