/**
 * What a model of Boxoban's levels is worth: `npx tsx judge/boxoban.ts --data FOLDER [--model FILE] [--save]`. How likely it finds the test
 * levels, beside models that count; of the levels that it draws, how many keep the rules, and how many of them a bounded
 * search solves, beside real ones. A few minutes; `--drawn` and `--solve` say of how many (10,000 and 500).
 */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { runMain } from '../scripts/shell.js';
import type { Levels } from '../ts/images.js';
import { loadSampler, toText } from '../ts/index.js';
import { sha256 } from '../ts/node/files.js';
import { loadData } from '../ts/train/data/load_data.js';
import { contexts, countingNats } from './counting.js';
import { startReport } from './report.js';
import { broken, type Level, rules, solve } from './sokoban.js';

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
const whole = (value: string): number => {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new RangeError(`expected a whole number from 1 on, got ${value}`);
  return number;
};

async function judge(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      model: { type: 'string', default: 'models/boxoban.safetensors' },
      drawn: { type: 'string', default: '10000' },
      solve: { type: 'string', default: '500' },
      bound: { type: 'string', default: '100000' },
      save: { type: 'boolean' },
    },
  });
  if (values.data === undefined) throw new RangeError('--data: expected the folder of the levels; docs/data.md');
  const [drawn, solved, bound] = [whole(values.drawn), whole(values.solve), whole(values.bound)];
  const { print, save } = startReport(56);

  const bytes = readFileSync(values.model);
  const sampler = await loadSampler(bytes);
  const { alphabet } = sampler;
  if (alphabet === undefined) throw new RangeError(`${values.model}: expected a model of maps in text, got another`);
  print('model', `${basename(values.model)}, sha256 ${sha256(bytes)}`);

  const maps = { data: values.data, alphabet: alphabet.join('') };
  const both = await loadData({ ...maps, split: 'standard' });
  const count = both.count - (both.validationImages ?? 0);
  const train = { ...both, count };
  const test = await loadData({ ...maps, split: 'test' });
  print(
    'data',
    `${count.toLocaleString('en-US')} levels to count in, ${test.count.toLocaleString('en-US')} to test with`,
  );
  const counted = new Map<string, number>();
  for (const [name, context] of Object.entries(contexts)) {
    const nats = countingNats(train, test, context);
    counted.set(name, nats);
    print(name, `${nats.toFixed(3)} nats a level`);
  }
  const nats = -sampler.logProb(test.pixels).reduce((sum, logProb) => sum + logProb, 0) / test.count;
  print('the model', `${nats.toFixed(3)} nats a level`);
  for (const [name, of] of counted) {
    if (name.includes('window')) print(`the model over the ${name.slice(0, 3)} window`, (nats / of).toFixed(3));
  }

  const toLevels = (data: Levels): Level[] => {
    const shape = [data.length / (test.height * test.width), test.height, test.width, 1];
    return toText({ data, shape }, alphabet).map((text) => text.split('\n').slice(0, -1));
  };
  const levels: Level[] = [];
  while (levels.length < drawn) {
    const count = Math.min(500, drawn - levels.length);
    levels.push(...toLevels(sampler.sample({ count, seed: 1, startIndex: levels.length }).data));
  }
  const of = `of ${drawn.toLocaleString('en-US')} drawn with seed 1`;
  const broke = levels.map(broken);
  print(`${of}, keep all rules`, share(broke.filter((rules) => rules.length === 0).length, drawn));
  for (const rule of rules) print(`  ${rule}`, share(broke.filter((rules) => !rules.includes(rule)).length, drawn));
  const known = new Set(toLevels(train.pixels.subarray(0, count * test.height * test.width)).map(String));
  print('  one that it was trained on', share(levels.filter((level) => known.has(String(level))).length, drawn));
  const real = toLevels(test.pixels);
  for (const [name, of] of [
    ['drawn', levels],
    ['real test', real],
  ] as const) {
    const some = of.slice(0, solved);
    const outcomes = some.map((level) => (broken(level).length === 0 ? solve(level, bound) : undefined));
    const ways = outcomes.flatMap((outcome) => (outcome?.kind === 'solved' ? [outcome.pushes.length] : []));
    const gaveUp = outcomes.filter((outcome) => outcome?.kind === 'gave up').length;
    const mean = ways.reduce((sum, pushes) => sum + pushes, 0) / ways.length;
    print(
      `of ${some.length} ${name} levels, solved within ${bound.toLocaleString('en-US')} states`,
      `${share(ways.length, some.length)}, in ${mean.toFixed(1)} pushes in the mean; given up ${gaveUp}`,
    );
  }
  if (values.save) save('boxoban');
}

await runMain('boxoban', judge);
