/**
 * `npm run bench -- nets RUN... [--untimed]`: what finished runs of `npm run train` tell of their nets, beside each other. Each makes a small record
 * in bench/results/nets, and all records the tables of docs/nets.md. A candidate more is a run more.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { curveOf, trainCommand } from '../scripts/card.js';
import { type Config, completeConfig, type Description } from '../ts/config.js';
import { nets } from '../ts/train/net/reference.js';
import { describeRecipe, presets } from '../ts/train/run/recipe.js';
import { type Contender, draw, everything, inBothPrecisions, open, type Precision, precisions, seed } from './core.js';
import { type Case, interleave } from './harness.js';
import { describeMachine } from './machine.js';

/** Milliseconds an image, the net's and those of the packaged mnist-binary taken in turn with them, medians. */
interface Pair {
  readonly ms: number;
  readonly beside: number;
}

/** What is kept of a run. */
export interface NetRecord {
  readonly command: string;
  readonly config: Config;
  /** Of 1,969 updates of 32 images. */
  readonly epochs: number;
  readonly seed: number;
  /** Of each epoch, nats a pixel of the 7,000 validation images. */
  readonly valLoss: readonly number[];
  /** That is what an image costs given its class. */
  readonly givenClass?: true;
  readonly parameters: number;
  readonly nonZeroParameters: number;
  /** Multiply-adds a pixel with kept activations. */
  readonly macs: number;
  /** Of all pixels before a pixel, the part that it sees, over all places in the image. */
  readonly horizon: number;
  readonly fronts: number;
  /** One image after the other on one thread; the integers' are missing where the net has no integer form. */
  readonly time?: { readonly machine: string; readonly load: number } & { readonly [precision in Precision]?: Pair };
}

const folder = fileURLToPath(new URL('results/nets/', import.meta.url));
const page = fileURLToPath(new URL('../docs/nets.md', import.meta.url));
const begin = '<!-- npm run bench -- nets: begin -->';
const end = '<!-- npm run bench -- nets: end -->';

/** The pixels that a pixel depends on, `dy,dx`, as far as an image of this size holds them. */
export function fieldOf({ layers, config: { height, width } }: Description): ReadonlySet<string> {
  const fields = new Map<string, ReadonlySet<string>>([['pixels', new Set(['0,0'])]]);
  let field = new Set<string>();
  for (const { name, inputs, start, residual } of layers) {
    field = new Set();
    for (const source of [start, residual]) for (const place of fields.get(source ?? '') ?? []) field.add(place);
    for (const { source, taps } of inputs) {
      for (const place of fields.get(source) ?? []) {
        const [y, x] = place.split(',').map(Number) as [number, number];
        for (const [dy, dx] of taps) {
          if (y + dy > -height && Math.abs(x + dx) < width) field.add(`${y + dy},${x + dx}`);
        }
      }
    }
    fields.set(name, field);
  }
  return field;
}

/** Of all pixels before a pixel, over all places in an image, the part that it sees. */
export function horizonOf(net: Description): number {
  const { height, width } = net.config;
  let seen = 0;
  for (const place of fieldOf(net)) {
    const [dy, dx] = place.split(',').map(Number) as [number, number];
    seen += (height + dy) * (width - Math.abs(dx));
  }
  const pixels = height * width;
  return seen / ((pixels * (pixels - 1)) / 2);
}

/** `48x10-k5`, and what else is not as a plain net has it. */
export function nameOf({ config, epochs }: Pick<NetRecord, 'config' | 'epochs'>): string {
  const { architecture, filters, blocks, blockKernel, firstKernel, headLayers } = config;
  const { lean, dilations, activation, classes } = completeConfig(config);
  const usual = architecture === 'gated' ? nets.gated : nets.reference;
  return [
    ...(architecture === 'plain' ? [] : [architecture]),
    `${filters}x${blocks}`,
    `k${blockKernel}`,
    ...(firstKernel === usual.firstKernel ? [] : [`first${firstKernel}`]),
    ...(headLayers === usual.headLayers ? [] : [`head${headLayers}`]),
    ...(lean === 0 ? [] : [`lean${lean}`]),
    ...(dilations.length === 1 && dilations[0] === 1 ? [] : [`dilated${dilations.join('')}`]),
    ...(config.activation === undefined ? [] : [activation]),
    ...(classes === 0 ? [] : ['classes']),
    ...(epochs === 1 ? [] : [`epochs${epochs}`]),
  ].join('-');
}

/** Multiply-adds a pixel of the reference's net. */
const mostMacs = 363_648;

/** What the model file at the end of a run tells. Throws RangeError where the run is none that may stand beside the others. */
export function recordOf(net: Description, metadata: Readonly<Record<string, string>>, path: string): NetRecord {
  const { config } = net;
  const of = (name: string): string => metadata[`training.${name}`] ?? 'nothing';
  const wanted: readonly [name: string, value: string][] = [
    ['data', 'MNIST, 60,000 training then 10,000 test images'],
    ['binarisation', 'pixel 1 iff value >= 84.48 of 255'],
    ['split', 'all: the first 63000 train, the last 7000 validate'],
    ['optimizer', describeRecipe(presets.fast)],
    ['batchSize', String(presets.fast.batchSize)],
  ];
  for (const [name, value] of wanted) {
    if (of(name) !== value) throw new RangeError(`${path}: expected ${name} ${value}, got ${of(name)}`);
  }
  if (net.macsPerPixel > mostMacs) {
    throw new RangeError(
      `${path}: expected at most the reference's ${mostMacs} multiply-adds, got ${net.macsPerPixel}`,
    );
  }
  const valLoss = curveOf(metadata).map(({ valLoss }) => Number(valLoss));
  const [epochs, seedOf] = [of('epochs'), of('seed')].map(Number) as [number, number];
  if (valLoss.length !== epochs || metadata['training.ended'] !== undefined) {
    throw new RangeError(`${path}: expected a run that went to its end, got one that was stopped`);
  }
  return {
    command: trainCommand(config, metadata),
    ...{ config, epochs, seed: seedOf, valLoss },
    ...(config.classes !== undefined && { givenClass: true }),
    ...{ parameters: net.parameters, nonZeroParameters: net.nonZeroParameters, macs: net.macsPerPixel },
    horizon: Math.round(1e4 * horizonOf(net)) / 1e4,
    fronts: net.schedule.fronts,
  };
}

/** All records, the least val_loss first. */
export function readRecords(): NetRecord[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  return files
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as NetRecord)
    .sort((a, b) => a.valLoss.at(-1)! - b.valLoss.at(-1)!);
}

/** The tables of docs/nets.md. */
export function tables(records: readonly NetRecord[]): string {
  const one = records.filter(({ epochs }) => epochs === 1);
  const longer = records.filter(({ epochs }) => epochs > 1);
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const head = (names: readonly string[]): string[] => [
    row(names),
    row(names.map((_, i) => (i === 0 ? '---' : '---:'))),
  ];
  const count = (value: number): string => value.toLocaleString('en-US');
  const time = ({ time }: NetRecord, precision: Precision): string => {
    const pair = time?.[precision];
    return pair === undefined ? '-' : `${pair.ms.toFixed(1)} (${(pair.ms / pair.beside).toFixed(2)})`;
  };
  const ms = precisions.map((precision) => `ms an image, ${precision}`);
  const nats = (loss: number): string => (loss * 784).toFixed(2);
  const file = (record: NetRecord): string => `[${nameOf(record)}](../bench/results/nets/${nameOf(record)}.json)`;
  return [
    ...head(['net', 'val_loss', 'nats an image', 'multiply-adds', 'sees', 'parameters', 'fronts', ...ms]),
    ...one.map((record) => {
      const [loss] = record.valLoss as [number];
      return row([
        ...[file(record), loss.toFixed(4), nats(loss), count(record.macs), `${(100 * record.horizon).toFixed(1)} %`],
        ...[count(record.parameters), String(record.fronts), ...precisions.map((precision) => time(record, precision))],
      ]);
    }),
    ...(longer.length === 0
      ? []
      : [
          '',
          ...head(['net, run on', 'val_loss after each epoch', 'nats an image']),
          ...longer.map((record) => {
            const given = record.givenClass ? ' given the class' : '';
            const losses = record.valLoss.map((loss) => loss.toFixed(4)).join(', ');
            return row([file(record), losses, `${nats(record.valLoss.at(-1)!)}${given}`]);
          }),
        ]),
    '',
    'The commands:',
    '',
    '```sh',
    ...records.map(({ command }) => command),
    '```',
  ].join('\n');
}

/** A page with other tables. */
export function withTables(text: string, made: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new RangeError(`docs/nets.md: expected ${begin} and ${end}, found them not`);
  return `${text.slice(0, from + begin.length)}\n${made}\n${text.slice(to)}`;
}

/** @param untimed Takes no times, as on a busy machine, and keeps those that a record has. */
export async function benchNets(runs: readonly string[], { untimed }: { readonly untimed: boolean }): Promise<void> {
  const made = runs.map((run) => {
    const path = run.endsWith('.safetensors') ? run : join(run, 'model.safetensors');
    if (!existsSync(path)) throw new RangeError(`expected a finished run, got ${run}, which has no model.safetensors`);
    const contender = open(readFileSync(path), path);
    const metadata = JSON.parse(contender.sampler.metadata()) as Record<string, string>;
    return { contender, record: recordOf(contender.net, metadata, path) };
  });
  const machine = describeMachine();
  const times = untimed ? [] : await timeNets(made.map(({ contender }) => contender));
  mkdirSync(folder, { recursive: true });
  for (const [i, { record }] of made.entries()) {
    const before = readRecords().find((other) => nameOf(other) === nameOf(record))?.time;
    const taken = {
      machine: `${machine.cpu}, Node ${machine.node}`,
      load: Math.round(10 * machine.load) / 10,
      ...times[i],
    };
    const time = untimed ? before : taken;
    const kept = { ...record, ...(time && { time }) };
    writeFileSync(join(folder, `${nameOf(record)}.json`), `${JSON.stringify(kept, undefined, 2)}\n`);
  }
  const all = tables(readRecords());
  writeFileSync(page, withTables(readFileSync(page, 'utf8'), all));
  console.log(all);
}

const images = 8;

/** Times of all nets and of the packaged model, in turn, in this process. */
async function timeNets(contenders: readonly Contender[]): Promise<{ readonly [precision in Precision]?: Pair }[]> {
  if (contenders.length === 0) return [];
  const packaged = open(readFileSync(new URL('../models/mnist-binary.safetensors', import.meta.url)), 'mnist-binary');
  const forms = [packaged, ...contenders].map((contender): Partial<Record<Precision, Contender>> => {
    try {
      return inBothPrecisions(contender);
    } catch {
      return { f32: contender }; // a net that has no other form
    }
  });
  const cases: (Case & { readonly precision: Precision; readonly of: number })[] = forms.flatMap((form, of) =>
    precisions.flatMap((precision) => {
      const { sampler, net } = form[precision] ?? {};
      if (sampler === undefined) return [];
      const { classes } = completeConfig(net!.config);
      const run = (round: number): undefined => {
        for (let image = 0; image < images; image++) {
          const startIndex = round * images + image;
          const labels = classes > 0 ? { labels: Uint16Array.of(startIndex % classes) } : {};
          draw(sampler, { ...everything, count: 1, seed, startIndex, ...labels });
        }
      };
      return [{ name: `${of} ${precision}`, precision, of, run }];
    }),
  );
  const timings = await interleave(cases, { time: 60_000, fewest: 5, most: 40 });
  const msOf = (of: number, precision: Precision): number | undefined => {
    const timing = timings.get(`${of} ${precision}`);
    return timing && Math.round((100 * timing.median) / images) / 100;
  };
  return contenders.map((_, i) =>
    Object.fromEntries(
      precisions.flatMap((precision) => {
        const [ms, beside] = [msOf(i + 1, precision), msOf(0, precision)];
        return ms === undefined || beside === undefined ? [] : [[precision, { ms, beside }]];
      }),
    ),
  );
}
