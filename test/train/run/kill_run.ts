// All that may befall a run that checkpoints after each update, at random moments: signals, a closed pipe, a removed folder, a
// full disk, a second run in its folder. Whatever is on disk then, the run must go on from it by `--resume` alone, and end with
// the model and the figures of a run that nothing befell. `npx tsx test/train/run/kill_run.ts [moments] [seed] [way]`
//
// What SIGKILL leaves in the system's cache is not lost, as it would be with the power.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
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
  ...['--data', 'frames', '--device', 'javascript', '--seed', '5'],
  ...['--filters', '4', '--blocks', '1', '--head-layers', '0', '--first-kernel', '3'],
  ...['--preset', 'fast', '--warmup-steps', '20', '--epochs', '5', '--batch-size', '8', '--patience', '4'],
];

/** What befalls a run, and the exit code with which it ends; null for a signal that no process sees. */
const ways = {
  SIGKILL: null,
  'closed pipe': 141,
  SIGHUP: 129,
  'removed folder': 143,
  SIGTERM: 143,
  'full disk': 1,
  SIGINT: 130,
  'two runs': 143,
} as const;
type Way = keyof typeof ways;

export interface KillReport {
  readonly moments: number;
  readonly ways: Readonly<Partial<Record<Way, number>>>;
  /** Runs that came to their end, and so gave what the unbroken run gave. */
  readonly runs: number;
  /** Moments that left a checkpoint half-written, that came before LATEST named the newest, and before there was any. */
  readonly midWrite: number;
  readonly beforeLatest: number;
  readonly beforeFirst: number;
}

/** When it befalls: so many milliseconds after a process has told of so many checkpoints, or of its start for none. */
interface Moment {
  readonly way: Way;
  readonly checkpoints: number;
  readonly milliseconds: number;
}

interface Event {
  readonly type: string;
  readonly epoch?: number;
  readonly stepInEpoch?: number;
  readonly stepsPerEpoch?: number;
  readonly warnings?: readonly string[];
  readonly message?: string;
  readonly path?: string;
}

/**
 * Has something befall it at `count` moments, which follow from the seed, and lets the last run end. Throws where a run does not
 * go on, ends with another exit code, goes back behind a checkpoint that it told of, or ends with another model or other figures.
 */
export async function killRun(
  count: number,
  seed: number,
  say: (line: string) => void,
  only?: Way,
): Promise<KillReport> {
  const root = mkdtempSync(join(tmpdir(), 'pixelcnn-kill-'));
  const disk = mountSmall(join(root, 'disk'));
  try {
    writeImages(root);
    await attempt(root, 'unbroken', [...options, '--json']);
    const modelIn = (out: string): Buffer => readFileSync(join(root, out, 'model.safetensors'));
    /** The figures of every update and epoch but how long they took. */
    const figuresOf = async (out: string): Promise<string[]> =>
      (await readMetrics(join(root, out, 'metrics.jsonl'))).map((line) =>
        JSON.stringify({ ...line, seconds: undefined }),
      );
    const unbroken = await figuresOf('unbroken');
    /**
     * How a run that came to its end differs from the unbroken one; `whole` unless its folder was removed on the way.
     * `removed` is the model that lay in the folder when it was: then the run had its end behind it, and no model is due.
     */
    const difference = async (out: string, whole: boolean, removed?: Buffer): Promise<string | undefined> => {
      if (!(removed ?? modelIn(out)).equals(modelIn('unbroken'))) return 'with another model';
      if (removed !== undefined) return undefined;
      const figures = await figuresOf(out);
      if (whole && figures.length !== unbroken.length) return `with ${figures.length} lines of figures`;
      const expected = unbroken.slice(unbroken.length - figures.length);
      return figures.some((line, i) => line !== expected[i]) ? 'with other figures' : undefined;
    };
    const random = noise(2 * (count + seed), 0.5).map((value) => value + 0.5);
    const names = Object.keys(ways) as Way[];
    const momentOf = (moment: number): Moment | undefined => {
      if (moment >= count) return undefined;
      const [a = 0, b = 0] = random.subarray(2 * (seed + moment));
      // From 1 ms to half a second, short times as likely as long ones: within an update or the writing of its checkpoint,
      // or within the pictures at an epoch's end. Counting checkpoints, a slow machine comes as far as a fast one.
      const way = only ?? names[moment % names.length]!;
      return { way, checkpoints: Math.floor(8 * a), milliseconds: 512 ** b };
    };
    const befell: Partial<Record<Way, number>> = {};
    let [moments, runs, midWrite, beforeLatest, beforeFirst] = [0, 0, 0, 0, 0];
    while (moments < count || runs === 0) {
      const name = join(disk === undefined ? '' : 'disk', `run-${runs}`);
      const checkpoints = join(root, name, 'checkpoints');
      let updates = 0;
      let whole = true; // until its folder is removed, with the figures of what was done
      let removedModel: Buffer | undefined;
      const seen = new Set<string>(); // what SIGKILL leaves is swept up only once a whole checkpoint has been written
      for (;;) {
        const resume = await holdsCheckpoints(checkpoints);
        const moment = momentOf(moments);
        const asked = resume ? ['--resume'] : [...options, '--checkpoint-every', '1'];
        const { start, saved, ended, removed } = await attempt(root, name, [...asked, '--json'], moment);
        const { epoch = 0, stepInEpoch = 0, stepsPerEpoch = 0, warnings = [] } = start;
        const unforeseen = warnings.filter((line) => !line.startsWith('a run that has ended without a word'));
        if (unforeseen.length > 0) throw new Error(`the resumed run warned: ${unforeseen.join('; ')}`);
        const from = epoch * stepsPerEpoch + stepInEpoch;
        if (from < updates)
          throw new Error(`the run told of a checkpoint after ${updates} updates, and began at ${from}`);
        if (moment?.way === 'removed folder') whole = false;
        removedModel = removed;
        if (ended) break;
        if (moment === undefined) throw new Error('the run ended before its end, though nothing befell it');
        updates = Math.max(from, saved);
        moments++;
        befell[moment.way] = (befell[moment.way] ?? 0) + 1;
        const left = readdirSync(checkpoints).sort();
        const newest = left.filter((entry) => entry.startsWith('step-')).at(-1);
        if (left.some((entry) => entry.endsWith('.tmp') && !seen.has(entry))) midWrite++;
        for (const entry of left) seen.add(entry);
        if (newest === undefined) beforeFirst++;
        else if (!left.includes('LATEST') || newest !== readFileSync(join(checkpoints, 'LATEST'), 'utf8').trim())
          beforeLatest++;
      }
      const other = await difference(name, whole, removedModel);
      if (other !== undefined) throw new Error(`run ${runs} ended ${other}, after ${moments} moments in all`);
      rmSync(join(root, name), { recursive: true, force: true });
      runs++;
      say(`${moments} moments: run ${runs} ended with the unbroken run's model and figures`);
    }
    return { moments, ways: befell, runs, midWrite, beforeLatest, beforeFirst };
  } finally {
    if (disk !== undefined) execFileSync('umount', [disk]);
    rmSync(root, { recursive: true, force: true });
  }
}

function writeImages(root: string): void {
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
}

/** A small file system in memory; undefined where only the administrator may have one. */
function mountSmall(path: string): string | undefined {
  mkdirSync(path);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path], { stdio: 'ignore' });
  return status === 0 ? path : undefined;
}

/** Runs `pixelcnn train`; at the moment, has something befall it, unless it has ended by then. */
async function attempt(root: string, out: string, more: readonly string[], moment?: Moment) {
  const train = (args: readonly string[]) =>
    spawn(process.execPath, [cli, 'train', '--out', out, ...args], { cwd: root });
  const child = train(more);
  const lines = createInterface({ input: child.stdout });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let start: Event | undefined;
  let [saved, checkpoints] = [0, 0];
  let due = false;
  /** What is to be done once the next checkpoint is told of. */
  let next: (() => void) | undefined;
  let fault: Error | undefined;
  let removed: Buffer | undefined;
  const filler = join(root, 'disk', 'filler');
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const befall: Record<Way, () => unknown> = {
    SIGKILL: () => child.kill('SIGKILL'),
    SIGHUP: () => child.kill('SIGHUP'),
    SIGTERM: () => child.kill('SIGTERM'),
    SIGINT: () => child.kill('SIGINT'),
    'closed pipe': () => {
      lines.close(); // else it waits for an end that does not come
      child.stdout.destroy();
    },
    'removed folder': () => {
      // Moved away in one step, so that a model either lies in it or is still to be written, and not there.
      const away = join(root, `${out}-removed`);
      renameSync(join(root, out), away);
      const model = join(away, 'model.safetensors');
      if (existsSync(model)) removed = readFileSync(model);
      rmSync(away, { recursive: true, force: true, maxRetries: 5 });
      next = () => child.kill('SIGTERM');
    },
    'full disk': () => {
      if (out.startsWith('disk')) fill(filler);
      else execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=256']);
    },
    'two runs': async () => {
      const second = train(['--resume']);
      let said = '';
      second.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      second.stdout.resume();
      const [code] = (await once(second, 'close')) as [number | null];
      const refused = said.includes('expected a folder without another run at work') || said.includes('found none');
      // Unless the first has ended by then.
      if (child.exitCode === null && !(code !== 0 && refused)) fault = new Error(`a second run was let in: ${said}`);
      child.kill('SIGTERM');
    },
  };
  try {
    for await (const line of lines) {
      let event: Event;
      try {
        event = JSON.parse(line) as typeof event;
      } catch {
        break; // half a line: it was killed while it wrote
      }
      if (event.type === 'start') start = event;
      if (event.type === 'checkpoint') {
        checkpoints++;
        saved = Number(/step-(\d+)/.exec(event.path ?? '')?.[1]);
        next?.();
        next = undefined;
      }
      if (start === undefined || due || moment === undefined || checkpoints < moment.checkpoints) continue;
      due = true;
      void setTimeout(moment.milliseconds).then(() => child.exitCode === null && befall[moment.way]());
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error; // we closed it ourselves
  }
  const [code, signal] = await closed;
  rmSync(filler, { force: true });
  if (fault !== undefined) throw fault;
  const ended = code === 0;
  // A signal that comes once the run is over, when nothing listens any more, ends the process as it ends any other.
  const exit = code ?? (signal === 'SIGKILL' || signal === null ? signal : 128 + constants.signals[signal]);
  const foreseen = moment !== undefined && (ways[moment.way] ?? 'SIGKILL') === exit;
  if (start === undefined || !(ended || foreseen)) {
    throw new Error(`${moment?.way}: the run ended with code ${code}, signal ${signal}: ${stderr}`);
  }
  return { start, saved, ended, removed };
}

/** Writes until the disk is full. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const chunk of [Buffer.alloc(65_536), Buffer.alloc(512)]) {
      try {
        for (;;) writeSync(file, chunk);
      } catch {
        // no more of this size
      }
    }
  } finally {
    closeSync(file);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = '50', seed = '1', way] = process.argv.slice(2);
  const report = await killRun(Number(count), Number(seed), console.log, way as Way | undefined);
  console.log(JSON.stringify(report));
}
