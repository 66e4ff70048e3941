// kill -9 at random moments of a run that checkpoints after each update: whatever is on disk then, the run must go on
// from it, and end with the model and the figures of a run that nothing befell. `npx tsx test/train/run/kill_run.ts [kills] [seed]`
//
// What SIGKILL leaves in the system's cache is not lost, as it would be with the power.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { holdsCheckpoints } from '../../../ts/train/run/checkpoint.js';
import { readMetrics } from '../../../ts/train/watch/metrics.js';
import { idx } from '../data/idx.js';
import { blobs, noise } from '../support.js';

/** The built command line; `npm run build:ts` makes it. */
const cli = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

const size = { height: 7, width: 6 };
const images = 100;
/** Small in everything, so that a step takes less than its checkpoint; shuffling, schedule, clipping and average are on. */
const options = [
  ...['--data', 'frames', '--device', 'javascript', '--seed', '5', '--json'],
  ...['--filters', '4', '--blocks', '1', '--head-layers', '0', '--first-kernel', '3'],
  ...['--preset', 'fast', '--warmup-steps', '20', '--epochs', '5', '--batch-size', '8', '--patience', '4'],
];

export interface KillReport {
  readonly kills: number;
  /** Runs that came to their end, and so gave what the unbroken run gave. */
  readonly runs: number;
  /** Kills that left a checkpoint half-written, that came before LATEST named the newest, and before there was any. */
  readonly midWrite: number;
  readonly beforeLatest: number;
  readonly beforeFirst: number;
}

/** When to kill: so many milliseconds after a process has told of so many checkpoints, or of its start for none. */
interface Moment {
  readonly checkpoints: number;
  readonly milliseconds: number;
}

interface Event {
  readonly type: string;
  readonly epoch?: number;
  readonly stepInEpoch?: number;
  readonly stepsPerEpoch?: number;
  readonly warnings?: readonly string[];
}

/**
 * Kills `count` times, at moments that follow from the seed, and lets the last run end. Throws where a run does not go on,
 * goes back behind a checkpoint that it told of, or ends with another model or other figures.
 */
export async function killRun(count: number, seed: number, say: (line: string) => void): Promise<KillReport> {
  const root = mkdtempSync(join(tmpdir(), 'pixelcnn-kill-'));
  try {
    mkdirSync(join(root, 'frames'));
    const pixels = blobs(images, size).pixels.map((level) => 255 * level);
    const cut = 0.9 * images * size.height * size.width;
    for (const [file, part] of [
      ['train', pixels.subarray(0, cut)],
      ['t10k', pixels.subarray(cut)],
    ] as const) {
      const count = part.length / (size.height * size.width);
      writeFileSync(join(root, 'frames', `${file}-images-idx3-ubyte`), idx(count, size.height, size.width, part));
    }
    await attempt(root, 'unbroken', []);
    /** The model, and the figures of every update and epoch but how long they took. */
    const resultOf = async (out: string): Promise<string> => {
      const lines = await readMetrics(join(root, out, 'metrics.jsonl'));
      const figures = JSON.stringify(lines.map((line) => ({ ...line, seconds: undefined })));
      return readFileSync(join(root, out, 'model.safetensors'), 'latin1') + figures;
    };
    const unbroken = await resultOf('unbroken');

    const random = noise(2 * (count + seed), 0.5).map((value) => value + 0.5);
    const momentOf = (kill: number): Moment | undefined => {
      if (kill >= count) return undefined;
      const [a = 0, b = 0] = random.subarray(2 * (seed + kill));
      // From 1 ms to half a second, short times as likely as long ones: within an update or the writing of its checkpoint,
      // or within the pictures at an epoch's end. Counting checkpoints, a slow machine comes as far as a fast one.
      return { checkpoints: Math.floor(8 * a), milliseconds: 512 ** b };
    };
    let [kills, runs, midWrite, beforeLatest, beforeFirst] = [0, 0, 0, 0, 0];
    while (kills < count || runs === 0) {
      const name = `run-${runs}`;
      const checkpoints = join(root, name, 'checkpoints');
      let updates = 0;
      const seen = new Set<string>(); // what a kill leaves is swept up only once a whole checkpoint has been written
      for (;;) {
        const resume = (await holdsCheckpoints(checkpoints)) ? ['--resume'] : [];
        const more = ['--checkpoint-every', '1', ...resume];
        const { start, saved, ended } = await attempt(root, name, more, momentOf(kills));
        const { epoch = 0, stepInEpoch = 0, stepsPerEpoch = 0, warnings = [] } = start;
        if (warnings.length > 0) throw new Error(`the resumed run warned: ${warnings.join('; ')}`);
        const from = epoch * stepsPerEpoch + stepInEpoch;
        if (from < updates)
          throw new Error(`the run told of a checkpoint after ${updates} updates, and began at ${from}`);
        if (ended) break;
        updates = Math.max(from, saved);
        kills++;
        const left = readdirSync(checkpoints).sort();
        const newest = left.filter((entry) => entry.startsWith('step-')).at(-1);
        if (left.some((entry) => entry.startsWith('.step') && !seen.has(entry))) midWrite++;
        for (const entry of left) seen.add(entry);
        if (newest === undefined) beforeFirst++;
        else if (!left.includes('LATEST') || newest !== readFileSync(join(checkpoints, 'LATEST'), 'utf8').trim())
          beforeLatest++;
      }
      if ((await resultOf(name)) !== unbroken) {
        throw new Error(`run ${runs} ended otherwise than the unbroken one, after ${kills} kills in all`);
      }
      rmSync(join(root, name), { recursive: true });
      runs++;
      say(`${kills} kills: run ${runs} ended with the unbroken run's model and figures`);
    }
    return { kills, runs, midWrite, beforeLatest, beforeFirst };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Runs `pixelcnn train`; kills it at the moment, unless it has ended by then. */
async function attempt(root: string, out: string, more: readonly string[], moment?: Moment) {
  const child = spawn(process.execPath, [cli, 'train', '--out', out, ...options, ...more], { cwd: root });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let start: Event | undefined;
  let [saved, checkpoints] = [0, 0];
  let due = false;
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  for await (const line of createInterface({ input: child.stdout })) {
    let event: Event & { readonly path?: string };
    try {
      event = JSON.parse(line) as typeof event;
    } catch {
      break; // half a line: it was killed while it wrote
    }
    if (event.type === 'start') start = event;
    if (event.type === 'checkpoint') {
      checkpoints++;
      saved = Number(/step-(\d+)/.exec(event.path ?? '')?.[1]);
    }
    if (start === undefined || due || moment === undefined || checkpoints < moment.checkpoints) continue;
    due = true;
    void setTimeout(moment.milliseconds).then(() => child.kill('SIGKILL'));
  }
  const [code, signal] = await closed;
  if (start === undefined || (code !== 0 && signal !== 'SIGKILL')) {
    throw new Error(`the run failed with code ${code}, signal ${signal}: ${stderr}`);
  }
  return { start, saved, ended: code === 0 };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const report = await killRun(Number(process.argv[2] ?? 20), Number(process.argv[3] ?? 1), console.log);
  console.log(JSON.stringify(report));
}
