/**
 * Maps of islands in three characters, `~` sea, `.` beach, `^` land, as data to train on; and the one rule that they keep, counted
 * in these and in what a model drew: beaches are what touches the sea, so that land never does.
 *
 *     npx tsx examples/islands.ts FOLDER [MAPS [ROWSxCOLUMNS]]    writes FOLDER/train.txt, and FOLDER/test.txt with a tenth as many
 *                                                                 (default: 3000 of 16x24)
 *     npx tsx examples/islands.ts --check FOLDER                  counts in all maps of a folder
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [first, second = '3000', third = '16x24'] = process.argv.slice(2);
const [height, width] = third.split('x').map(Number) as [number, number];

/** Numbers from 0 to 1 that a seed decides (a Weyl sequence, its bits mixed by two multiplications). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Hills and valleys: random heights every `step` cells, and a smooth way from one to the next. */
function noise(step: number, random: () => number): (y: number, x: number) => number {
  const columns = Math.ceil(width / step) + 2;
  const corners = Array.from({ length: columns * (Math.ceil(height / step) + 2) }, random);
  const [down, right] = [step * random(), step * random()];
  return (row, column) => {
    const [y, x] = [(row + down) / step, (column + right) / step];
    const at = Math.floor(y) * columns + Math.floor(x);
    const [v, u] = [y, x].map((t) => (t % 1) ** 2 * (3 - 2 * (t % 1))) as [number, number];
    const along = (first: number) => corners[first]! + u * (corners[first + 1]! - corners[first]!);
    return along(at) + v * (along(at + columns) - along(at));
  };
}

/** A map: rows of characters. Its rim is sea. */
function islands(random: () => number): string[] {
  const [broad, fine] = [noise(7, random), noise(3, random)];
  const isLand = (y: number, x: number) => {
    const fromRim = Math.min(y, x, height - 1 - y, width - 1 - x);
    return broad(y, x) + 0.4 * fine(y, x) > 0.64 + 0.2 / fromRim;
  };
  const cell = (y: number, x: number) => {
    if (!isLand(y, x)) return '~';
    return around(y, x).every(([row, column]) => isLand(row, column)) ? '^' : '.';
  };
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => cell(y, x)).join(''));
}

/** The eight cells beside a cell. */
function around(y: number, x: number): [number, number][] {
  const steps = [-1, 0, 1];
  return steps
    .flatMap((down) => steps.map((right): [number, number] => [y + down, x + right]))
    .filter((_, i) => i !== 4);
}

function write(folder: string, count: number): void {
  mkdirSync(folder, { recursive: true });
  const random = randomNumbers(1);
  const parts = { 'train.txt': count, 'test.txt': Math.ceil(count / 10) };
  for (const [name, maps] of Object.entries(parts)) {
    const texts = Array.from({ length: maps }, (_, i) => `; ${i}\n${islands(random).join('\n')}\n`);
    writeFileSync(join(folder, name), texts.join('\n'));
  }
  const [train, test] = Object.values(parts);
  console.log(`${folder}: ${train} maps to train on and ${test} to test with, ${height} rows of ${width} characters`);
}

function check(folder: string): void {
  let [maps, land, wet, beach, dry] = [0, 0, 0, 0, 0];
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
    for (const map of readFileSync(join(folder, name), 'utf8').split(/\n\n|^;.*\n/m)) {
      const rows = map.trim().split('\n');
      if (rows.length < 2) continue;
      maps++;
      const touchesSea = (y: number, x: number) => around(y, x).some(([row, column]) => rows[row]?.[column] === '~');
      for (const [y, row] of rows.entries()) {
        for (const [x, character] of [...row].entries()) {
          if (character === '^') [land, wet] = [land + 1, wet + Number(touchesSea(y, x))];
          if (character === '.') [beach, dry] = [beach + 1, dry + Number(!touchesSea(y, x))];
        }
      }
    }
  }
  console.log(`${maps} maps: ${wet} of ${land} cells of land touch the sea, ${dry} of ${beach} cells of beach do not`);
}

const isWrong = first !== '--check' && !(Number(second) >= 1 && height >= 3 && width >= 3);
if (first === undefined || isWrong) throw new Error('expected FOLDER [MAPS [ROWSxCOLUMNS]], or --check FOLDER');
if (first === '--check') check(second);
else write(first, Number(second));
