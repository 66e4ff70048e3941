/**
 * `npm run bench -- previous`: the kernels of version 0.1.0, whose WebAssembly is kept in bench/peers/pixelcnn-0.1.0, and ours
 * on the same models, in turn. A change that costs speed shows here, whatever the machine does meanwhile: each round times both
 * within a few milliseconds of each other, and the ratio is taken round by round. 0.1.0 had integers of 16 bits: it makes them of
 * the model of f32, and draws other images than ours of 8 bits now and then.
 */

import { readFileSync } from 'node:fs';
import {
  type Contender,
  contenders,
  type Drawing,
  draw,
  everything,
  ofClass,
  type Precision,
  precisions,
  reopened,
  seed,
  withMetadata,
} from './core.js';
import { interleave, summary } from './harness.js';
import { describeMachine, machineLine } from './machine.js';
import * as previous from './peers/pixelcnn-0.1.0/pixelcnn.js';

previous.initSync({ module: readFileSync(new URL('./peers/pixelcnn-0.1.0/pixelcnn_bg.wasm', import.meta.url)) });

/** What is drawn by both. */
const ways: readonly { name: string; drawing: Omit<Drawing, 'startIndex'> }[] = [
  { name: 'wavefront', drawing: { method: 'wavefront', skipping: 'none', count: 1, seed } },
  { name: 'wavefront, batch 16', drawing: { method: 'wavefront', skipping: 'none', count: 16, seed } },
  { name: 'skipping all', drawing: { ...everything, count: 1, seed } },
  { name: 'skipping all, batch 16', drawing: { ...everything, count: 16, seed } },
];

export interface Race {
  readonly name: string;
  readonly precision: Precision;
  /** Medians, milliseconds an image. */
  readonly before: number;
  readonly now: number;
  /** Time now over time before, of each round: its quartiles and median. */
  readonly ratio: { readonly low: number; readonly median: number; readonly high: number };
  readonly rounds: number;
}

/**
 * The model as 0.1.0 reads it. Its `optimize` names the background: of a file that does not, 0.1.0 skips nothing but zeros. It knew no
 * classes: of a net with classes, the net that it is for one of them.
 */
export function asBefore(models: Record<Precision, Contender>, precision: Precision, label?: number): Uint8Array {
  const model = label === undefined ? models.f32 : ofClass(models.f32, label);
  const file = withMetadata(model.file, () => ({ background: '0' }));
  if (precision === 'f32') return file;
  const { images } = draw(reopened(model), { ...everything, count: 64, seed, startIndex: 0 });
  return previous.quantize(file, Uint8Array.from(images), '{}');
}

/** Races every way in every precision, after both were seen to draw the same in f32. */
export async function racePrevious(models: Record<Precision, Contender>, rounds: number): Promise<Race[]> {
  const races: Race[] = [];
  for (const precision of precisions) {
    const old = asBefore(models, precision);
    for (const { name, drawing } of ways) {
      // Samplers of their own: each keeps the constants of its last run, as a user's does.
      const samplers = { before: new previous.Sampler(old), now: reopened(models[precision]) };
      const images = (side: keyof typeof samplers) =>
        Uint8Array.from(draw(samplers[side], { ...drawing, startIndex: 0 }).images); // of two levels
      if (precision === 'f32' && Buffer.compare(images('before'), images('now')) !== 0) {
        throw new Error(`${precision} ${name}: expected the images of 0.1.0, got others; nothing was timed`);
      }
      const times = { before: [] as number[], now: [] as number[] };
      const cases = (['before', 'now'] as const).map((side) => ({
        name: side,
        run: (round: number) => {
          const start = performance.now();
          draw(samplers[side], { ...drawing, startIndex: round * drawing.count });
          const time = performance.now() - start;
          times[side].push(time);
          return time;
        },
      }));
      const timings = await interleave(cases, { time: 0, fewest: rounds, most: rounds });
      // What warmed up is not counted.
      const [before, now] = [times.before.slice(-rounds), times.now.slice(-rounds)];
      const { low, median, high } = summary(now.map((time, round) => time / before[round]!));
      races.push({
        name,
        precision,
        before: timings.get('before')!.median / drawing.count,
        now: timings.get('now')!.median / drawing.count,
        ratio: { low, median, high },
        rounds,
      });
      for (const sampler of Object.values(samplers)) sampler.free();
    }
  }
  return races;
}

/** `npm run bench -- previous`. */
export async function benchPrevious(): Promise<void> {
  console.log(machineLine(describeMachine()));
  console.log('Time for an image, 0.1.0 and now in turn; the ratio of each round, its median and quartiles');
  for (const { name, precision, before, now, ratio, rounds } of await racePrevious(contenders(), 60)) {
    const spread = `${ratio.low.toFixed(3)} - ${ratio.high.toFixed(3)}`;
    console.log(
      `${`${precision} ${name}`.padEnd(30)} ${before.toFixed(2)} -> ${now.toFixed(2)} ms, ` +
        `${ratio.median.toFixed(3)} (${spread}), ${rounds} rounds`,
    );
  }
}
