/**
 * Remakes everything that follows from models/mnist-binary.safetensors: `npm run models`. Its ordered and its integer form,
 * the README's picture of digits, and the bench's tables and chart (minutes, on a quiet machine; `--no-bench` leaves them).
 * Each names the sha256 of what it was made from, and a test holds them to the files that are there.
 */

import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, run, runMain } from './shell.js';

const file = (form: string) => join('models', `mnist-binary${form}.safetensors`);

/** Puts the files' sizes and sums into the model's card. */
function writeCard(): void {
  const path = join(root, file('').replace('.safetensors', '.md'));
  const rows = [
    ['', 'the model, as it was trained'],
    ['.optimized', 'the same function, channels ordered so that sampling skips more of them'],
    ['.int8', 'the ordered model in 8-bit integers'],
  ].map(([form, what]) => {
    const bytes = readFileSync(join(root, file(form!)));
    const sum = createHash('sha256').update(bytes).digest('hex');
    return `| \`${basename(file(form!))}\` | ${what} | ${bytes.length.toLocaleString('en-US')} | \`${sum}\` |`;
  });
  const table = ['| file | | bytes | sha256 |', '|---|---|---:|---|', ...rows].join('\n');
  const card = readFileSync(path, 'utf8').replace(/\| file \|[\s\S]*?\n\n/, `${table}\n\n`);
  writeFileSync(path, card);
}

function remake(): void {
  const { values } = parseArgs({ options: { 'no-bench': { type: 'boolean' } } });
  const npm = (...args: string[]) => run('npm', ['run', '--silent', ...args]);
  // The digits that the model was trained on show what its channels do; the last tenth stays for validation.
  npm('optimize', '--', file(''), '--calibrate', 'mnist', '--out', file('.optimized'));
  npm('quantize', '--', file('.optimized'), '--calibrate', 'mnist', '--out', file('.int8'));
  const drawn = mkdtempSync(join(tmpdir(), 'pixelcnn-models-'));
  try {
    npm('sample', '--', '--count', '32', '--seed', '1', '--out', drawn);
    copyFileSync(join(drawn, 'grid.png'), join(root, 'docs', 'digits.png'));
  } finally {
    rmSync(drawn, { recursive: true });
  }
  writeCard();
  if (values['no-bench']) return;
  npm('bench', '--', '--full');
  const folder = join('bench', 'results');
  const age = (name: string) => statSync(join(root, folder, name)).mtimeMs;
  const results = readdirSync(join(root, folder)).filter((name) => name.endsWith('.json'));
  npm('bench', '--', 'quote', join(folder, results.sort((a, b) => age(b) - age(a))[0]!));
}

await runMain('models', remake);
