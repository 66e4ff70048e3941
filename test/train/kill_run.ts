// kill -9 at random moments of a run that checkpoints after each update: whatever is on disk then, the run must go on
// from it, and end with the model of a run that nothing befell. `npx tsx test/train/kill_run.ts [kills]`

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { idx } from '../idx.js';
import { blobs } from './support.js';

/** The built command line; `npm run build:ts` makes it. */
const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const size = { height: 7, width: 6 };
const images = 100;
/** Small in everything, so that a step takes less than its checkpoint; shuffling, schedule, clipping and average are on. */
const options = [
  ...['--data', 'frames', '--device', 'javascript', '--seed', '5', '--json'],
  ...['--filters', '4', '--blocks', '1', '--head-layers', '0', '--first-kernel', '3'],
  ...['--preset', 'fast', '--warmup-steps', '20', '--epochs', '12', '--batch-size', '8', '--patience', '11'],
];

export interface KillReport {
  readonly kills: number;
  /** Runs that came to their end, and so gave the unbroken run's model. */
  readonly runs: number;
  /** Kills that left a checkpoint half-written, that came before LATEST named the newest, and before there was any. */
  readonly midWrite: number;
  readonly beforeLatest: number;
  readonly beforeFirst: number;
}

interface Event {
  readonly type: string;
  readonly epoch?: number;
  readonly stepInEpoch?: number;
  readonly stepsPerEpoch?: number;
  readonly warnings?: readonly string[];
}

/**
 * Kills `count` times, each time at a moment between the start of training and `longest` milliseconds later, and lets the
 * last run end. Throws where a run does not go on, goes back behind a checkpoint that it told of, or ends with another model.
 */
export async function killRun(count: number, longest: number, say: (line: string) => void): Promise<KillReport> {
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
    const unbroken = readFileSync(join(root, 'unbroken', 'model.safetensors'));

    let [kills, runs, midWrite, beforeLatest, beforeFirst] = [0, 0, 0, 0, 0];
    while (kills < count || runs === 0) {
      const name = `run-${runs}`;
      const checkpoints = join(root, name, 'checkpoints');
      let updates = 0;
      for (;;) {
        const resume = existsSync(join(checkpoints, 'LATEST')) ? ['--resume'] : [];
        const after = kills < count ? Math.random() * longest : undefined;
        const { start, saved, ended } = await attempt(root, name, ['--checkpoint-every', '1', ...resume], after);
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
        if (left.some((entry) => entry.startsWith('.step'))) midWrite++;
        if (newest === undefined) beforeFirst++;
        else if (newest !== readFileSync(join(checkpoints, 'LATEST'), 'utf8').trim()) beforeLatest++;
      }
      if (!readFileSync(join(root, name, 'model.safetensors')).equals(unbroken)) {
        throw new Error(`run ${runs} ended with another model than the unbroken one, after ${kills} kills in all`);
      }
      rmSync(join(root, name), { recursive: true });
      runs++;
      say(`${kills} kills: run ${runs} ended with the unbroken run's model, byte for byte`);
    }
    return { kills, runs, midWrite, beforeLatest, beforeFirst };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Runs `pixelcnn train`; kills it so many milliseconds after training began, unless it has ended by then. */
async function attempt(root: string, out: string, more: readonly string[], after?: number) {
  const child = spawn(process.execPath, [cli, 'train', '--out', out, ...options, ...more], { cwd: root });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let start: Event | undefined;
  let saved = 0;
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  for await (const line of createInterface({ input: child.stdout })) {
    let event: Event & { readonly path?: string };
    try {
      event = JSON.parse(line) as typeof event;
    } catch {
      break; // half a line: it was killed while it wrote
    }
    if (event.type === 'start') {
      start = event;
      if (after !== undefined) void setTimeout(after).then(() => child.kill('SIGKILL'));
    }
    if (event.type === 'checkpoint') saved = Number(/step-(\d+)/.exec(event.path ?? '')?.[1]);
  }
  const [code, signal] = await closed;
  if (start === undefined || (code !== 0 && signal !== 'SIGKILL')) {
    throw new Error(`the run failed with code ${code}, signal ${signal}: ${stderr}`);
  }
  return { start, saved, ended: code === 0 };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const report = await killRun(Number(process.argv[2] ?? 20), 600, console.log);
  console.log(JSON.stringify(report));
}
