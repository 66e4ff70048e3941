/**
 * The first image after loading, in fresh processes: the compiler has seen nothing yet, and no constant is known. It is the
 * built package that is loaded, as users load it.
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Contender, draw, everything, type Precision, precisions, type Skipping, seed } from './core.js';
import { summary, type Timing } from './harness.js';

export interface FirstImage {
  readonly precision: Precision;
  readonly skipping: Skipping;
  /** Milliseconds until the sampler is there, model file read. */
  readonly load: Timing;
  /** Milliseconds of the first image after that. */
  readonly image: Timing;
  /** The most bytes that rows take which are remembered; 0 without. */
  readonly rowBytes: number;
}

const program = `
const [dist, skipping, seed] = process.argv.slice(1);
const { loadSampler } = await import(dist);
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const model = new Uint8Array(Buffer.concat(chunks));
const start = performance.now();
const sampler = await loadSampler(model);
const loaded = performance.now();
sampler.sample({ count: 1, seed: Number(seed), skipping });
console.log(JSON.stringify({ load: loaded - start, image: performance.now() - loaded }));
`;

/** Loads `times` fresh instances of each kind, in turn. dist/ must be built. */
export function timeFirstImages(contenders: Record<Precision, Contender>, times: number): FirstImage[] {
  const dist = new URL('../dist/index.js', import.meta.url).href;
  const cases = precisions.flatMap((precision) =>
    (['none', 'all'] as const).map((skipping) => ({
      precision,
      skipping,
      loads: [] as number[],
      images: [] as number[],
    })),
  );
  for (let time = 0; time < times; time++) {
    for (const { precision, skipping, loads, images } of cases) {
      const args = ['--input-type=module', '--eval', program, dist, skipping, String(seed)];
      const options = {
        input: contenders[precision].file,
        encoding: 'utf8',
        cwd: fileURLToPath(new URL('..', import.meta.url)),
      } as const;
      const { stdout, stderr, status } = spawnSync(process.execPath, args, options);
      if (status !== 0) throw new Error(`the first image could not be drawn:\n${stderr}`);
      const { load, image } = JSON.parse(stdout) as { load: number; image: number };
      loads.push(load);
      images.push(image);
    }
  }
  return cases.map(({ precision, skipping, loads, images }) => {
    const drawing = { ...everything, skipping, count: 1, seed, startIndex: 0 };
    const [, rowBytes] = draw(contenders[precision].sampler, drawing).stateBytes;
    return { precision, skipping, load: summary(loads), image: summary(images), rowBytes };
  });
}
