/** What a judge says: printed line by line, and kept as a file of judge/results where that is asked for. */

import { writeFileSync } from 'node:fs';

export interface Report {
  /** Prints a line: what it is about, and what was found. */
  readonly print: (label: string, text: string) => void;
  /** Writes all lines to `judge/results/NAME.txt`, from where `npm run models` takes them into a model's card. */
  readonly save: (name: string) => void;
}

/** @param width Columns of the labels. */
export function startReport(width: number): Report {
  const lines: string[] = [];
  return {
    print: (label, text) => {
      const line = `${label.padEnd(width)}${text}`;
      lines.push(line);
      console.log(line);
    },
    save: (name) => writeFileSync(new URL(`results/${name}.txt`, import.meta.url), `${lines.join('\n')}\n`),
  };
}
