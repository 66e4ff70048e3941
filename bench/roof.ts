/**
 * What this machine, in this process, can do at most: its clock, plain f32 multiply-adds, dot products of integers, and loads
 * over a model's weights. All on one thread, through the same WebAssembly engine as the kernels.
 *
 * A roof is the best of many probes (probe.ts) over many short runs: a probe can only be too slow. Its one failure is to
 * read low, and then a kernel would show a share above 1, which the report refuses.
 */

import { hasRelaxedSimd } from '../ts/simd.js';
import { type Element, instantiate, type Probe, probes } from './probe.js';

export interface Peak {
  /** The best rate seen, GMAC/s. */
  readonly rate: number;
  /** The probe that reached it. */
  readonly shape: string;
}

/** A roof that can be looked at again later, so that it may be interleaved with what it is compared to. */
export interface RoofProbe {
  readonly element: Element;
  /** The best so far. */
  peak(): Peak;
  /** Runs the fastest probe again; returns this run's rate, GMAC/s. */
  again(): number;
  /** The fastest probe as a module (`Probe.binary`), and the iterations of it that take about `ms`. */
  alone(ms: number): { binary: Uint8Array<ArrayBuffer>; iterations: number };
}

/** Multiply-adds of one run of a probe: about a millisecond, so that some runs fall between interruptions. */
const macsOfRun = 16e6;

/** Tries all probes of an element type, keeping the faster half from time to time. */
export function findRoof(element: Element): RoofProbe {
  let field = probes(element).map((probe) => {
    const iterations = Math.ceil(macsOfRun / probe.macs);
    if (!probe.isRight(probe.run(iterations), iterations))
      throw new Error(`the probe "${probe.name}" computes wrong sums`);
    return { probe, iterations, rate: 0 };
  });
  const once = (entry: { probe: Probe; iterations: number; rate: number }): number => {
    const start = performance.now();
    entry.probe.run(entry.iterations);
    const rate = (entry.probe.macs * entry.iterations) / (performance.now() - start) / 1e6;
    entry.rate = Math.max(entry.rate, rate);
    return rate;
  };
  // The first rounds bring every loop to the optimising compiler, which works beside us; so nothing is dropped before
  // it must be done.
  for (const rounds of [24, 12, 12, 24]) {
    for (let round = 0; round < rounds; round++) for (const entry of field) once(entry);
    field.sort((a, b) => b.rate - a.rate);
    if (rounds !== 24 || field.length > 8) field = field.slice(0, Math.max(4, field.length >> 1));
  }
  const best = () => field.reduce((a, b) => (b.rate > a.rate ? b : a));
  return {
    element,
    peak: () => ({ rate: best().rate, shape: best().probe.name }),
    again: () => once(best()),
    alone: (ms) => {
      const { probe, rate } = best();
      return { binary: probe.binary(), iterations: Math.ceil((ms * rate * 1e6) / probe.macs) };
    },
  };
}

/** The core's clock in GHz, taken from a chain of integer operations of one cycle each. */
export function clock(): number {
  const links = 64;
  const step = '(local.set $x (i32.xor (i32.add (local.get $x) (local.get $y)) (local.get $y)))';
  const { chain } =
    instantiate(`(module (func (export "chain") (param $n i32) (param $x i32) (param $y i32) (result i32)
    (loop $again
      ${step.repeat(links / 2)}
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x)))`) as { chain: (n: number, x: number, y: number) => number };
  const iterations = 5_000;
  return (links * iterations) / fastest(() => chain(iterations, 1, 3)) / 1e6;
}

/** Load bandwidth over `bytes` of memory read again and again, in GB/s. */
export function loads(bytes: number): number {
  const stride = 128;
  const rounded = Math.ceil(bytes / stride) * stride;
  const sums = Array.from({ length: stride / 16 }, (_, i) => `(local.get $s${i})`);
  const load = (i: number) => `(v128.load offset=${16 * i} (local.get $at))`;
  const { read, memory } = instantiate(`(module (memory (export "memory") ${Math.ceil(rounded / 65536)})
    (func (export "read") (param $times i32) (result i32)
      (local $at i32) ${sums.map((_, i) => `(local $s${i} v128)`).join(' ')}
      (loop $again
        (local.set $at (i32.const 0))
        (loop $on
          ${sums.map((sum, i) => `(local.set $s${i} (i32x4.add ${sum} ${load(i)}))`).join('\n')}
          (br_if $on (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const ${stride}))) (i32.const ${rounded}))))
        (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
      (i32x4.extract_lane 0 ${sums.reduce((a, b) => `(i32x4.add ${a} ${b})`)})))`) as {
    read: (times: number) => number;
    memory: WebAssembly.Memory;
  };
  new Int32Array(memory.buffer).fill(1);
  const times = Math.ceil(4e6 / rounded);
  if (read(times) !== (times * rounded) / 16) throw new Error('the load probe computes a wrong sum');
  return (times * rounded) / fastest(() => read(times)) / 1e6;
}

/** Milliseconds of the fastest of many runs, the first of which warm up. */
function fastest(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  const start = performance.now();
  for (let runs = 0; runs < 100 || performance.now() - start < 150; runs++) {
    const from = performance.now();
    run();
    best = Math.min(best, performance.now() - from);
  }
  return best;
}

/** `npm run bench -- roof`. */
export function benchRoof(): void {
  const ghz = clock();
  console.log(`clock          ${ghz.toFixed(2)} GHz`);
  for (const element of ['f32', 'int16', ...(hasRelaxedSimd() ? (['bytes', 'fours'] as const) : [])] as const) {
    const { rate, shape } = findRoof(element).peak();
    console.log(`${element.padEnd(14)} ${rate.toFixed(1)} GMAC/s, ${(rate / ghz).toFixed(1)} a cycle (${shape})`);
  }
  for (const kib of [16, 256, 738, 1428, 16384])
    console.log(`${`loads ${kib} KiB`.padEnd(14)} ${loads(kib * 1024).toFixed(0)} GB/s`);
}
