/** `npm run bench -- quote FILE`: writes what the README says of speed, from a results file and from nothing else. */

import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shown } from './chart.js';
import { type Results, short } from './format.js';

const markers = {
  begin: '<!-- npm run bench -- quote: begin -->',
  end: '<!-- npm run bench -- quote: end -->',
} as const;

/** The text between the README's markers. `name` is that of the results file, without its ending. */
export function quotation({ machine, rows, digits, bounds }: Results, name: string): string {
  const cells = shown(rows, (row) => row.ms_per_image).map((row) => [
    row.kind === 'ours' ? `**ours**, ${row.name}` : row.name,
    short(row.ms_per_image),
    row.roof_share === null ? '-' : row.roof_share.toFixed(2),
    row.ratio_to_tfjs_wasm === null ? '-' : short(row.ratio_to_tfjs_wasm),
  ]);
  const head = ['', 'ms an image', "share of the machine's peak", 'times as fast as tfjs-backend-wasm, naive'];
  const line = (values: readonly string[]) => `| ${values.join(' | ')} |`;
  const single = (precision: string) => digits?.single.find((d) => d.precision === precision && d.skipping === 'all');
  const f32 = single('f32');
  const integers = single('int8') ?? single('int16'); // as version 0.1.0 had
  const drawn =
    digits && f32 && integers
      ? [
          '',
          `What is skipped depends on the digits: the ${digits.count} drawn here have ${digits.ink.toFixed(0)} pixels of ink (MNIST's: 116), and ` +
            `${(100 * f32.executed).toFixed(0)} % of the arithmetic is left. One by one they take ${short(f32.mean)} ms in f32 ` +
            `(the slowest ${short(f32.worst)}) and ${short(integers.mean)} ms in ${integers.precision} (${short(integers.worst)}).`,
        ]
      : [];
  const missed = bounds.filter(({ holds }) => holds === false);
  const results = `bench/results/${name}`;
  return [
    `![Seconds for an image, peers and ours](${results}.png)`,
    '',
    `${machine.cpu}, Node ${machine.node}, medians of one run; one thread unless workers are named. Quartiles and all other figures: ` +
      `[${name}.md](${results}.md).`,
    '',
    line(head),
    line(head.map((_, c) => (c === 0 ? '---' : '---:'))),
    ...cells.map(line),
    ...drawn,
    ...(missed.length === 0 ? [] : ['', `Bounds that this run missed: ${missed.map((b) => b.name).join('; ')}.`]),
  ].join('\n');
}

/** A README with another quotation. */
export function withQuotation(readme: string, text: string): string {
  const [begin, end] = [readme.indexOf(markers.begin), readme.indexOf(markers.end)];
  if (begin < 0 || end < begin)
    throw new RangeError(`README.md: expected ${markers.begin} and ${markers.end}, found them not`);
  return `${readme.slice(0, begin + markers.begin.length)}\n${text}\n${readme.slice(end)}`;
}

export function benchQuote(file: string | undefined): void {
  if (!file?.endsWith('.json'))
    throw new RangeError(`quote: expected a .json file of bench/results, got ${file ?? 'none'}`);
  const readme = fileURLToPath(new URL('../README.md', import.meta.url));
  const results = JSON.parse(readFileSync(file, 'utf8')) as Results;
  const text = quotation(results, basename(file, '.json'));
  writeFileSync(readme, withQuotation(readFileSync(readme, 'utf8'), text));
  console.log(text);
}
