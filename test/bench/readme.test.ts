import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Results } from '../../bench/format.js';
import { quotation, withQuotation } from '../../bench/quote.js';

const root = new URL('../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');

it('the README says of speed what its results file says', () => {
  const name = /bench\/results\/([^/)]+)\.png/.exec(readme)?.[1] ?? 'none';
  const results = JSON.parse(readFileSync(new URL(`bench/results/${name}.json`, root), 'utf8')) as Results;
  expect(withQuotation(readme, quotation(results, name))).toBe(readme);
});
