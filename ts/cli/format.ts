/** Numbers and plain tables for people. */

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

/** Lines of `label  value`, the values under each other, also those of several lines. Control characters are taken out. */
export function labelled(rows: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  const indent = `\n${' '.repeat(width + 2)}`;
  const printable = (text: string) => text.replace(/(?!\n)\p{Cc}/gu, '?').replaceAll('\n', indent);
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${printable(value)}`.trimEnd()).join('\n');
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
