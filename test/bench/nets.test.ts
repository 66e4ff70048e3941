import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { fieldOf, horizonOf, nameOf, readRecords, recordOf, tables, withTables } from '../../bench/nets.js';
import type { Config } from '../../ts/config.js';
import { loadSampler } from '../../ts/index.js';
import { loadCore } from '../../ts/train/net/core.js';
import { nets, referenceConfig } from '../../ts/train/net/reference.js';

const core = await loadCore();
const describe = (changes: Partial<Config>) => core.describe({ ...referenceConfig, ...changes });
const page = readFileSync(new URL('../../docs/nets.md', import.meta.url), 'utf8');

it('has in docs/nets.md what the records say, each of which is of its net', () => {
  const records = readRecords();
  expect(withTables(page, tables(records))).toBe(page);
  expect(new Set(records.map(nameOf)).size).toBe(records.length);
  for (const record of records) {
    const net = core.describe(record.config);
    expect(record).toMatchObject({
      ...{ parameters: net.parameters, nonZeroParameters: net.nonZeroParameters, macs: net.macsPerPixel },
      fronts: net.schedule.fronts,
    });
    expect(record.horizon).toBeCloseTo(horizonOf(net), 4);
    expect(record.valLoss).toHaveLength(record.epochs);
  }
});

it.each<[string, Partial<Config>]>([
  ['plain', nets.reference],
  ['deep', nets.deep],
  ['leaning', { filters: 8, blocks: 2, lean: 2 }],
  ['dilated', { filters: 8, blocks: 3, dilations: [1, 2] }],
  ['gated', { ...nets.gated, filters: 8, blocks: 2 }],
])('finds the field of a %s net that the core finds, and of it the part that lies in the image', (_, changes) => {
  const small = describe({ ...changes, height: 12, width: 9 });
  const field = [...fieldOf(small)].map((place) => place.split(',').map(Number) as [number, number]);
  let [seen, before] = [0, 0];
  for (let y = 0; y < 12; y++) {
    for (let x = 0; x < 9; x++) {
      before += 9 * y + x;
      seen += field.filter(([dy, dx]) => y + dy >= 0 && x + dx >= 0 && x + dx < 9).length;
    }
  }
  expect(horizonOf(small)).toBeCloseTo(seen / before, 12);
  const large = describe({ ...changes, height: 128, width: 128 });
  expect(fieldOf(large).size).toBe(large.receptiveField.pixels);
});

it('makes a record of the run of the packaged model, with its command, and of no other kind of run', async () => {
  const file = readFileSync(new URL('../../models/mnist-binary.safetensors', import.meta.url));
  const sampler = await loadSampler(file);
  const record = recordOf(sampler.describe(), sampler.metadata, 'a');
  expect(nameOf(record)).toBe('128x5-k3-epochs8');
  expect(record.command).toBe('npm run train -- --preset fast --seed 1');
  expect(record.valLoss.at(-1)).toBeCloseTo(0.08303, 5);
  const changed = (key: string, value: string) => () =>
    recordOf(sampler.describe(), { ...sampler.metadata, [`training.${key}`]: value }, 'a');
  expect(() => recordOf(describe({ filters: 130 }), sampler.metadata, 'a')).toThrow(
    /^a: expected at most the reference's 363648 multiply-adds, got \d{6}$/,
  );
  expect(core.describe(referenceConfig).macsPerPixel).toBe(363_648);
  expect(changed('batchSize', '128')).toThrow('a: expected batchSize 32, got 128');
  expect(changed('ended', 'after 3 epochs')).toThrow(
    'a: expected a run that went to its end, got one that was stopped',
  );
});

it('names a net, and the command that trains it, by what is not usual', () => {
  const of = (changes: Partial<Config>, epochs = 1) => nameOf({ config: { ...referenceConfig, ...changes }, epochs });
  expect(of({ filters: 32, blocks: 20, blockKernel: 5, lean: 2 })).toBe('32x20-k5-lean2');
  expect(of({ filters: 32, blocks: 20, dilations: [1, 2, 4] })).toBe('32x20-k3-dilated124');
  expect(of({ ...nets.gated, blockKernel: 3, activation: 'relu' })).toBe('gated-32x11-k3-relu');
  expect(of({ ...nets.deep, classes: 10 }, 5)).toBe('48x19-k5-classes-epochs5');
});
