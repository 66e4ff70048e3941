/**
 * `npm run bench`: how long an image takes, by each of our methods and by the nearest rival, beside what the machine can
 * do. Nothing is timed before all of them were seen to give the same bytes.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Contender, defaultModel, draw, logits, type Method, randomModel, type Skipping } from './core.js';
import { type Budget, type Case, interleave } from './harness.js';
import { cpuSlug, describeMachine } from './machine.js';
import { type Peer, startTfjs } from './peer_tfjs.js';
import { formatJson, formatMarkdown, formatTable, type Report, type Row } from './report.js';
import { clock, findRoof, loads } from './roof.js';

export interface SamplingOptions {
  /** More rounds, and a whole naive image beside the extrapolated one: minutes instead of one. */
  readonly full: boolean;
  /** Only rows whose name holds this. */
  readonly only?: string;
  /** Where to write the figures as JSON. */
  readonly json?: string;
  /** Whether to write bench/results/<date>-<cpu>.{md,json}. */
  readonly save: boolean;
}

const seed = 1;
const ownNaive = 'naive';

/** A row to be timed. */
interface Entrant extends Case, Omit<Row, 'timing' | 'macsPerImage'> {
  /** Multiply-adds issued for one image, in the mean over what was run. */
  macsPerImage(): number;
}

export async function benchSampling(options: SamplingOptions): Promise<void> {
  const machine = describeMachine(); // before our own work is part of the load
  const model = defaultModel();
  const peer = await startTfjs(model.net, model.sampler.weights());
  const say = (text: string) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);

  const entrants = [...ownEntrants(model), peerEntrant(model, peer)].filter(
    ({ name }) => options.only === undefined || name.includes(options.only),
  );
  if (entrants.length === 0) throw new RangeError(`--only: no row has "${options.only}" in its name`);

  say('checking that all methods give the same bytes');
  const images = checkAll(model, peer);
  say('probing the roof');
  const speed = clock();
  const bandwidth = loads(model.net.nonZeroParameters * Float32Array.BYTES_PER_ELEMENT);
  const roof = findRoof('f32');
  const probed: number[] = [];
  const probe: Case = {
    name: 'roof',
    run: () => {
      for (let i = 0; i < 4; i++) probed.push(roof.again());
    },
  };

  const budget: Budget = {
    ...(options.full ? { time: 180_000, fewest: 15, most: 101 } : { time: 20_000, fewest: 5, most: 31 }),
    progress: (round) => say(`round ${round}`),
  };
  const timings = interleave([...entrants, probe], budget);
  const rows: Row[] = entrants.map((entrant) => ({
    ...entrant,
    macsPerImage: entrant.macsPerImage(),
    timing: timings.get(entrant.name)!,
  }));
  if (options.full && options.only === undefined) {
    say('drawing a whole image naively');
    rows.push(wholeNaive(model));
  }
  say('');

  const pixels = imagePixels(model);
  const ink = images.reduce((sum, level) => sum + (level > 0 ? 1 : 0), 0) / (images.length / pixels);
  probed.sort((a, b) => a - b);
  const peak = roof.peak();
  const report: Report = {
    machine,
    model: { origin: model.origin, ink, pixels, macsPerImage: model.net.macsPerImage },
    roof: { clock: speed, f32: peak, loads: bandwidth, steady: probed[probed.length >> 1]! / peak.rate },
    rows,
    ownNaive,
    peerNaive: peer.name,
  };
  console.log(formatTable(report));
  if (options.json !== undefined) writeFileSync(options.json, formatJson(report));
  if (options.save) {
    const folder = fileURLToPath(new URL('./results/', import.meta.url));
    const file = `${machine.date}-${cpuSlug(machine)}`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}${file}.md`, formatMarkdown(report));
    writeFileSync(`${folder}${file}.json`, formatJson(report));
    console.log(`\nwrote bench/results/${file}.md and .json`);
  }
}

function imagePixels({ net }: Contender): number {
  return net.config.height * net.config.width * net.config.channels;
}

/** Forward passes that a naive sampler makes for one image. */
function forwards({ net }: Contender): number {
  return net.config.height * net.config.width;
}

/** Throws unless all methods and the peer agree; returns the images they agree on. */
function checkAll(model: Contender, peer: Peer): Uint8Array {
  const { sampler } = model;
  const all = { method: 'wavefront', skipping: 'none', count: 16, seed, startIndex: 0 } as const;
  const { images } = draw(sampler, all);
  const size = imagePixels(model);
  same('cached', draw(sampler, { ...all, method: 'cached' }).images, images);
  for (const skipping of ['background', 'all'] as const) {
    for (const method of ['wavefront', 'cached'] as const) {
      same(`${method}, skipping ${skipping}`, draw(sampler, { ...all, method, skipping }).images, images);
    }
  }
  for (const [startIndex, count] of [
    [0, 1],
    [7, 1],
    [1, 4],
  ] as const) {
    const part = images.subarray(startIndex * size, (startIndex + count) * size);
    same(`a batch of ${count}`, draw(sampler, { ...all, count, startIndex }).images, part);
  }

  // A whole naive image takes too long here. Its logits given the image are the same computation, and those must be equal
  // in every bit; how a value is drawn from a logit is seen on a small net.
  const one = images.subarray(0, size);
  const ours = logits(sampler, one, 'wavefront');
  same('naive', new Uint8Array(logits(sampler, one, 'naive').buffer), new Uint8Array(ours.buffer));
  const small = randomModel({ height: 6, width: 7, filters: 16, blocks: 2 }).sampler;
  const few = { ...all, count: 2 };
  same('naive, on a small net', draw(small, { ...few, method: 'naive' }).images, draw(small, few).images);
  small.free();

  const theirs = peer.logits(one);
  const worst = ours.reduce((most, logit, i) => Math.max(most, Math.abs(logit - theirs[i]!)), 0);
  if (!(worst <= 1e-4)) throw new Error(`${peer.name}: expected our logits within 1e-4, got one off by ${worst}`);
  return images;
}

function same(name: string, got: Uint8Array, want: Uint8Array): void {
  const at = want.findIndex((byte, i) => byte !== got[i]);
  if (got.length !== want.length || at >= 0) {
    throw new Error(`${name}: expected the bytes of wavefront, got others from byte ${at} on; nothing was timed`);
  }
}

const shared = { precision: 'f32', threads: 1 } as const;

function ownEntrants(model: Contender): Entrant[] {
  const { sampler } = model;
  const drawn = (name: string, method: Method, skipping: Skipping, batch: number): Entrant => {
    let [macs, images] = [0, 0];
    return {
      ...shared,
      name,
      batch,
      imagesPerRun: batch,
      macsPerImage: () => macs / images,
      every: batch >= 64 ? 4 : 1,
      // The next images each round, so that no single digit decides; all rows draw the same.
      run: (round) => {
        macs += draw(sampler, { method, skipping, count: batch, seed, startIndex: round * batch }).macs;
        images += batch;
      },
    };
  };
  let forward = 0;
  const naive: Entrant = {
    ...shared,
    name: ownNaive,
    batch: 1,
    imagesPerRun: 1 / forwards(model),
    macsPerImage: () => forward * forwards(model),
    run: (round) => {
      const run = sampler.sample(1, seed, round, 1, 'naive', 'none');
      run.step();
      forward = run.macs();
      run.free();
    },
  };
  return [
    drawn('wavefront', 'wavefront', 'none', 1),
    drawn('cached', 'cached', 'none', 1),
    naive,
    ...[4, 16, 64].map((batch) => drawn(`wavefront, batch ${batch}`, 'wavefront', 'none', batch)),
    drawn('skipping background', 'wavefront', 'background', 1),
    drawn('skipping all', 'wavefront', 'all', 1),
    drawn('skipping all, batch 16', 'wavefront', 'all', 16),
  ];
}

function peerEntrant(model: Contender, peer: Peer): Entrant {
  const image = draw(model.sampler, { method: 'wavefront', skipping: 'none', count: 1, seed, startIndex: 0 }).images;
  return {
    ...shared,
    name: peer.name,
    batch: 1,
    imagesPerRun: 1 / forwards(model),
    macsPerImage: () => peer.macsPerForward * forwards(model),
    run: () => peer.logits(image),
  };
}

/** Draws one image naively from the first pixel to the last, and holds it against the wavefront's. */
function wholeNaive({ sampler }: Contender): Row {
  const drawing = { method: 'naive', skipping: 'none', count: 1, seed, startIndex: 0 } as const;
  const start = performance.now();
  const { images, macs } = draw(sampler, drawing);
  const time = performance.now() - start;
  same('naive', images, draw(sampler, { ...drawing, method: 'wavefront' }).images);
  const timing = { runs: 1, best: time, median: time, low: time, high: time };
  return { ...shared, name: 'naive, a whole image', batch: 1, imagesPerRun: 1, macsPerImage: macs, timing };
}
