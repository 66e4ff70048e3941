/**
 * `npm run bench`: how long an image takes, by each of our ways and by each rival that is installed, beside what the machine
 * can do. Nothing is timed before all of them were seen to agree.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildTsIfStale } from '../scripts/build_ts.js';
import { pngOfSvg } from '../ts/node/chart.js';
import type { SamplerPool } from '../ts/pool/pool.js';
import { checkAll, checkPool, near, same } from './agree.js';
import { chartSvg } from './chart.js';
import {
  type Contender,
  draw,
  integerElement,
  logits,
  contenders as openContenders,
  type Precision,
  precisions,
  scaled,
  seed,
} from './core.js';
import { crop } from './crop.js';
import { timeDigits } from './digits.js';
import { timeFirstImages } from './first.js';
import { aligned, formatJson, formatMarkdown, formatTable, gridTable } from './format.js';
import { timeGrids } from './grids.js';
import { type Budget, type Case, interleave, summary } from './harness.js';
import { cpuSlug, describeMachine, machineLine } from './machine.js';
import { timePackaged } from './packaged.js';
import type { Peer } from './peer.js';
import { startApart } from './peer_apart.js';
import { type Field, startPeers } from './peers.js';
import type { Report } from './report.js';
import { clock, findRoof, loads } from './roof.js';
import {
  type Entrant,
  naiveName,
  ownEntrants,
  peerEntrant,
  peerName,
  poolEntrant,
  type Row,
  workerCounts,
} from './rows.js';
import { timeSizes } from './sizes.js';
import { timeTile } from './tile.js';
import { startTwoProbes } from './two_probes.js';

export interface SamplingOptions {
  /** More of everything: about ten minutes instead of one. */
  readonly full: boolean;
  /** Only rows whose name holds this, and none of the other tables. */
  readonly only?: string;
  /** Where to write the figures as JSON. */
  readonly json?: string;
  /** Whether to write bench/results/<date>-<cpu>-node<major>.{md,json,svg,png}. */
  readonly save: boolean;
}

/** How much of each is done. */
interface Plan {
  readonly rows: Budget;
  /** Images of a pool's row. */
  readonly poolImages: number;
  readonly digits: { readonly count: number; readonly passes: number };
  readonly sides: readonly number[];
  readonly sizes: Budget;
  /** Fresh instances for the first image. */
  readonly instances: number;
  /** Each so-many-th window of an image is cropped for the fastest peer. */
  readonly cropStep: number;
  readonly tile?: Budget;
  readonly grids?: Budget;
  readonly packaged?: Budget;
  /** Whether whole images are drawn naively too. */
  readonly whole: boolean;
}

const quick: Plan = {
  rows: { time: 8_000, fewest: 5, most: 15 },
  poolImages: 64,
  digits: { count: 16, passes: 2 },
  sides: [28, 64, 128],
  sizes: { time: 2_000, fewest: 1, most: 5 },
  instances: 1,
  cropStep: 9,
  whole: false,
};

const full: Plan = {
  rows: { time: 200_000, fewest: 17, most: 101 },
  poolImages: 256,
  digits: { count: 64, passes: 5 },
  sides: [28, 64, 128, 256],
  sizes: { time: 40_000, fewest: 5, most: 15 },
  instances: 15,
  cropStep: 1,
  tile: { time: 15_000, fewest: 9, most: 61 },
  grids: { time: 30_000, fewest: 9, most: 61 },
  packaged: { time: 40_000, fewest: 9, most: 61 },
  whole: true,
};

export async function benchSampling(options: SamplingOptions): Promise<void> {
  const machine = describeMachine(); // before our own work is part of the load
  const contenders = openContenders();
  const { net, sampler } = contenders.f32;
  const field = await startPeers(net, sampler.weights());
  buildTsIfStale(); // workers, and the first image, run the built package
  const pools = await startPools(contenders);
  try {
    const report = await measure(options, { machine, contenders, field, pools });
    console.log(formatTable(report));
    if (options.json !== undefined) writeFileSync(options.json, formatJson(report));
    if (options.save) await save(report);
  } finally {
    for (const peer of field.peers) peer.end?.();
    await Promise.all(pools.map(({ pool }) => pool.dispose()));
  }
}

interface Pool {
  readonly precision: Precision;
  readonly pool: SamplerPool;
}

async function startPools(contenders: Record<Precision, Contender>): Promise<Pool[]> {
  const { loadSamplerPool } = (await import(
    new URL('../dist/index.js', import.meta.url).href
  )) as typeof import('../ts/index.js');
  const wanted = precisions.flatMap((precision) => workerCounts().map((workers) => ({ precision, workers })));
  return Promise.all(
    wanted.map(async ({ precision, workers }) => ({
      precision,
      pool: await loadSamplerPool(contenders[precision].file, { workers }),
    })),
  );
}

interface Started extends Pick<Report, 'machine'> {
  readonly contenders: Record<Precision, Contender>;
  readonly field: Field;
  readonly pools: readonly Pool[];
}

async function measure(options: SamplingOptions, { machine, contenders, field, pools }: Started): Promise<Report> {
  const plan = options.full ? full : quick;
  const say = (text: string) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
  const { f32 } = contenders;
  const entrants: Entrant[] = [
    ...ownEntrants(contenders, options.full),
    ...pools.map(({ precision, pool }) => poolEntrant(precision, contenders[precision], pool, plan.poolImages)),
    ...field.peers.map((peer) => peerEntrant(peer, f32)),
  ].filter(({ name }) => options.only === undefined || name.includes(options.only));
  if (entrants.length === 0) throw new RangeError(`--only: no row has "${options.only}" in its name`);

  say('checking that all draw the same');
  await checkAll(contenders, field.peers);
  for (const { precision, pool } of pools) await checkPool(pool, contenders[precision]);
  say('probing the roof');
  const speed = clock();
  const bytes = f32.net.nonZeroParameters;
  const bandwidth = {
    f32: loads(bytes * Float32Array.BYTES_PER_ELEMENT),
    int8: loads(bytes * (integerElement === 'int16' ? Int16Array.BYTES_PER_ELEMENT : 1)),
  };
  const [roof, roofOfIntegers] = [findRoof('f32'), findRoof(integerElement)];
  const probed: number[] = [];
  const probe: Case = {
    name: 'roof',
    run: () => {
      for (let i = 0; i < 4; i++) probed.push(roof.again());
      roofOfIntegers.again();
      return undefined;
    },
  };
  const { binary, iterations } = roof.alone(100);
  const two = workerCounts().includes(2) ? startTwoProbes(binary, iterations, 4) : undefined;

  const cases: Case[] = [...entrants, probe, ...(two ? [two.alone, two.together] : [])];
  const timings = await interleave(cases, { ...plan.rows, progress: (round) => say(`round ${round}`) });
  await two?.end();
  const rows: Row[] = entrants.map((entrant) => ({
    ...entrant,
    ...entrant.drawn(),
    timing: timings.get(entrant.name)!,
  }));

  const ownNaive = { f32: naiveName('f32'), int8: naiveName('int8') };
  const [tfjs] = field.peers;
  const fastest = fastestOf(field.peers, rows);
  probed.sort((a, b) => a - b);
  const whole = options.only === undefined;
  if (whole && plan.whole) {
    say('drawing whole images naively');
    rows.push(wholeNaive(f32));
    for (const peer of new Set([tfjs!, fastest!])) rows.push(await wholePeer(peer, f32));
  }
  const cropped = whole && fastest ? await cropRow(fastest, f32, plan.cropStep) : undefined;
  if (cropped) rows.push(cropped);
  say('drawing the same digits again');
  const digits = whole ? timeDigits(contenders, plan.digits.count, plan.digits.passes) : undefined;
  say('drawing larger images');
  const sizes = whole ? await timeSizes(contenders, plan.sides, plan.sizes) : [];
  say('loading fresh instances');
  const first = whole ? timeFirstImages(contenders, plan.instances) : [];
  say('timing the tile');
  const tile = whole && plan.tile ? await timeTile(roof, plan.tile) : undefined;
  say('drawing grids of codes');
  const grids = whole && plan.grids ? await timeGrids([startApart('onnxruntime-node')], plan.grids) : undefined;
  say('drawing from all packaged models');
  const packaged = whole && plan.packaged ? await timePackaged(plan.packaged) : undefined;
  say('');
  const [peak, ofIntegers] = [roof.peak(), roofOfIntegers.peak()];
  return {
    machine,
    models: { f32: named(f32), int8: named(contenders.int8) },
    pixels: imagePixels(f32),
    macsPerImage: f32.net.macsPerImage,
    roof: {
      clock: speed,
      f32: peak,
      int8: ofIntegers,
      loads: bandwidth,
      steady: probed[probed.length >> 1]! / peak.rate,
    },
    rows,
    ownNaive,
    peerNaive: peerName(tfjs!),
    missing: field.missing,
    sizes,
    first,
    ...(fastest && { fastestPeer: peerName(fastest) }),
    ...(cropped && { cropped: cropped.name }),
    ...(digits && { digits }),
    ...(tile && { tile }),
    ...(grids && { grids }),
    ...(packaged && { packaged }),
    ...(two && { probes: { alone: timings.get(two.alone.name)!, together: timings.get(two.together.name)! } }),
  };
}

function imagePixels({ net }: Contender): number {
  return net.config.height * net.config.width * net.config.channels;
}

/** The peer whose naive row has the least median. */
function fastestOf(peers: readonly Peer[], rows: readonly Row[]): Peer | undefined {
  const time = (peer: Peer) =>
    rows.find(({ name }) => name === peerName(peer))?.timing.median ?? Number.POSITIVE_INFINITY;
  const raced = peers.filter((peer) => time(peer) < Number.POSITIVE_INFINITY);
  return raced.sort((a, b) => time(a) - time(b))[0];
}

const drawing = { method: 'wavefront', skipping: 'none', count: 1, seed, startIndex: 0 } as const;
const once = { batch: 1, threads: 1, precision: 'f32', ink: null } as const;

/** Draws one image naively from the first pixel to the last, and holds it against the wavefront's. */
function wholeNaive({ sampler }: Contender): Row {
  const start = performance.now();
  const { images, macs } = draw(sampler, { ...drawing, method: 'naive' });
  const timing = summary([performance.now() - start]);
  same('naive', images, draw(sampler, drawing).images);
  return { ...once, name: 'f32 naive, a whole image', kind: 'ours', imagesPerRun: 1, macsPerImage: macs, timing };
}

/** A peer's forward passes for one image, one for each pixel, given the pixels before it; each logit is held against ours. */
async function wholePeer(peer: Peer, model: Contender): Promise<Row> {
  const { sampler, net } = model;
  const { height, width } = net.config;
  const image = draw(sampler, drawing).images;
  const ours = logits(sampler, image, 'wavefront');
  const pixels = scaled(image, net);
  const known = new Float32Array(pixels.length);
  let [time, worst] = [0, 0];
  for (let pixel = 0; pixel < pixels.length; pixel++) {
    const answer = await peer.forward(known, 1, height, width);
    time += answer.time;
    worst = Math.max(worst, Math.abs(answer.logits[pixel]! - ours[pixel]!));
    known[pixel] = pixels[pixel]!;
  }
  near(peer.name, worst);
  const { macsPerImage } = peerEntrant(peer, model).drawn();
  const name = `${peer.name}, naive, a whole image`;
  return { ...once, name, kind: kindOf(peer), imagesPerRun: 1, macsPerImage, timing: summary([time]) };
}

async function cropRow(peer: Peer, { sampler, net }: Contender, step: number): Promise<Row> {
  const image = draw(sampler, drawing).images;
  const ours = logits(sampler, image, 'wavefront');
  const { time, macsPerImage, worst, windows } = await crop(peer, net, scaled(image, net), ours, step);
  near(`${peer.name}, cropped`, worst);
  const part = windows / ours.length;
  const name = `${peer.name}, exact clipped crop`;
  return { ...once, name, kind: kindOf(peer), imagesPerRun: part, macsPerImage, timing: summary([time * part]) };
}

function kindOf({ native }: Peer): Row['kind'] {
  return native ? 'native' : 'wasm';
}

async function save(report: Report): Promise<void> {
  const folder = fileURLToPath(new URL('./results/', import.meta.url));
  const { machine } = report;
  const file = `${machine.date}-${cpuSlug(machine)}-node${machine.node.split('.')[0]}`;
  mkdirSync(folder, { recursive: true });
  const svg = await chartSvg(report);
  writeFileSync(`${folder}${file}.md`, formatMarkdown(report, `${file}.png`));
  writeFileSync(`${folder}${file}.json`, formatJson(report));
  writeFileSync(`${folder}${file}.svg`, svg);
  writeFileSync(`${folder}${file}.png`, await pngOfSvg(svg));
  console.log(`\nwrote bench/results/${file}.md, .json, .svg and .png`);
}

/** Where a model comes from, and the sum of its file: figures hold for that one. */
function named({ origin, file }: Contender): string {
  return `${origin}, sha256 ${createHash('sha256').update(file).digest('hex').slice(0, 16)}`;
}

/** `npm run bench -- grids`: the table of grids alone. */
export async function benchGrids(): Promise<void> {
  console.log(machineLine(describeMachine()));
  const grids = await timeGrids([startApart('onnxruntime-node')], { time: 30_000, fewest: 9, most: 61 });
  console.log([...aligned(gridTable(grids)), ...grids.missing].join('\n'));
}
