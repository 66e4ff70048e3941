/**
 * Kills a training run at random moments by SIGKILL, goes on by --resume, and compares the model at the end with that of
 * a run that was left alone. `npx tsx test/train/kill.ts 200 [seed]` kills 200 times and tells each; kill.test.ts kills some.
 *
 * The runs are the built command line's. A checkpoint after every update makes writing one most of what they do, so that
 * most kills fall into it. What SIGKILL leaves in the system's cache is not lost, as it would be with the power.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildTsIfStale } from '../../scripts/build_ts.js';
import { npy } from './npy.js';
import { blobs, noise, smallConfig } from './support.js';

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const images = 60;
/** Of 7 updates, the last one smaller. */
const epochs = 12;
/** Everything that a recipe can have, and a net of a few hundred weights. */
const options =
  `--data images.npy --device wasm --filters 4 --blocks 1 --first-kernel 3 --head-layers 1 --epochs ${epochs}
  --batch-size 8 --learning-rate 0.01 --warmup-steps 9 --schedule cosine --clip-norm 0.1 --ema-decay 0.99 --seed 3
  --checkpoint-every 1 --json`.split(/\s+/);

/** What came of all kills together. */
export interface Kills {
  /** Runs that were under way when they were killed. */
  readonly kills: number;
  /** Kills in the middle of writing a checkpoint: they left a part of one. */
  readonly whileWriting: number;
  /** Kills before the first checkpoint was whole, after which a run starts anew. */
  readonly beforeTheFirst: number;
  /** Updates from which runs went on, one number a resumption. */
  readonly resumedAt: readonly number[];
  /** Runs that were killed once or more and then came to their end, each with the model of the unbroken one. */
  readonly equalEnds: number;
}

type Life = { readonly event: Record<string, unknown> | undefined; readonly ended: boolean };

/** Runs until the end, or until so many milliseconds after the first update could begin. */
async function live(folder: string, out: string, milliseconds?: number): Promise<Life> {
  const resume = existsSync(join(folder, out, 'checkpoints', 'LATEST')) ? ['--resume'] : [];
  const child = spawn(process.execPath, [cli, 'train', ...options, '--out', out, ...resume], { cwd: folder });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let event: Record<string, unknown> | undefined;
  let timer: NodeJS.Timeout | undefined;
  createInterface(child.stdout).on('line', (line) => {
    if (event !== undefined || !line.startsWith('{"type":"start"')) return;
    event = JSON.parse(line) as Record<string, unknown>;
    if (milliseconds !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...how) => resolve(how));
  });
  clearTimeout(timer);
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`expected the run to go on, it ended with ${code}: ${said}`);
  return { event, ended: code === 0 };
}

/** Kills so many times, at moments that follow from the seed, and throws where a run does not go on as if nothing had been. */
export async function killRuns(count: number, seed: number, say: (line: string) => void): Promise<Kills> {
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-kill-'));
  try {
    const { height, width } = smallConfig;
    const grey = blobs(images, smallConfig).pixels.map((level) => 255 * level);
    writeFileSync(join(folder, 'images.npy'), npy([images, height, width], grey));
    const modelOf = (out: string): Buffer => readFileSync(join(folder, out, 'model.safetensors'));
    await live(folder, 'unbroken');
    const expected = modelOf('unbroken');

    const moments = noise(count + seed, 0.5).subarray(seed);
    const resumedAt: number[] = [];
    let [kills, whileWriting, beforeTheFirst, equalEnds] = [0, 0, 0, 0];
    for (let round = 1; kills < count; round++) {
      const out = `round-${round}`;
      const killsBefore = kills;
      for (let ended = false; !ended; ) {
        const milliseconds = kills < count ? 400 * ((moments[kills] as number) + 0.5) : undefined;
        const life = await live(folder, out, milliseconds);
        const { event } = life;
        const warnings = (event?.warnings ?? []) as string[];
        if (warnings.length > 0) throw new Error(`expected whole checkpoints alone, got: ${warnings.join('; ')}`);
        const at = 7 * Number(event?.epoch) + Number(event?.stepInEpoch);
        if (at > 0) resumedAt.push(at);
        ended = life.ended;
        if (ended) break;
        kills += 1;
        const left = readdirSync(join(folder, out, 'checkpoints'));
        const partly = left.some((name) => name.endsWith('.tmp'));
        if (partly) whileWriting += 1;
        if (!left.includes('LATEST')) beforeTheFirst += 1;
        const after = `${milliseconds?.toFixed(0)} ms after it went on from update ${at}`;
        say(`kill ${kills}: run ${round}, ${after}${partly ? ', while writing a checkpoint' : ''}`);
      }
      if (kills === killsBefore) continue;
      if (!modelOf(out).equals(expected))
        throw new Error(`expected the model of the unbroken run, got another in ${out}`);
      equalEnds += 1;
      say(`run ${round}: killed ${kills - killsBefore} times, its model is that of the unbroken run, byte for byte`);
    }
    return { kills, whileWriting, beforeTheFirst, resumedAt, equalEnds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (basename(process.argv[1] ?? '') === 'kill.ts') {
  buildTsIfStale();
  const [count = 200, seed = 0] = process.argv.slice(2).map(Number);
  const { resumedAt, ...result } = await killRuns(count, seed, console.log);
  console.log(JSON.stringify({ ...result, resumed: resumedAt.length, places: new Set(resumedAt).size }));
}
