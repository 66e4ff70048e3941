/** Scale-out with workers that are killed: what the suite does in small, `npm run scale` does in full. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import { installPacked } from '../../scripts/everywhere/tools.js';
import { sha256 } from '../../ts/node/files.js';
import { ended } from '../cli/run.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = join(root, 'dist', 'cli', 'main.js');
export const scaleFolder = join(root, 'examples', 'scale');

export const hasProgram = (name: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0;

/** A folder with a program `pixelcnn` in it: the packed package's, which npm installs below the folder that is given. */
export function binFolder(folder: string): string {
  const project = join(folder, 'installed');
  mkdirSync(project);
  installPacked(project);
  return join(project, 'node_modules', '.bin');
}

/** Runs the command line; throws with what it said where it fails. */
export async function run(cwd: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await ended(program, args, cwd, env);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

export const pixelcnn = (cwd: string, args: readonly string[]) => run(cwd, process.execPath, [cli, ...args]);

/** Starts a Redis that keeps nothing, on a free port of this machine alone. */
export async function startRedis(folder: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const redis = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  redis.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const exited = once(redis, 'exit');
  while (!said.includes('Ready to accept connections')) {
    if (redis.exitCode !== null) throw new Error(`redis-server ended with ${redis.exitCode}: ${said}`);
    await setTimeout(20);
  }
  const stop = async () => {
    redis.kill();
    await exited;
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Numbers from 0 to 1 of a seed, so that a run that failed can be looked at again. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Ends a group of processes at once, whatever they do. */
export function killGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch {
    // it has ended
  }
}

export interface KillOptions {
  /** The path of a model file. */
  readonly model: string;
  readonly images: number;
  readonly shards: number;
  readonly workers: number;
  readonly kills: number;
  /** An empty folder. */
  readonly folder: string;
  /** Milliseconds without a sign of life until a worker is taken for dead. */
  readonly lock: number;
  readonly say: (line: string) => void;
}

export interface KillReport {
  readonly kills: number;
  /** Shards that were in the hands of a worker when it was killed, and were given to another. */
  readonly handedOn: number;
  /** Shards that the queue says are done, and that it has given up. */
  readonly done: number;
  readonly failed: number;
  /** Of those done, how many a worker found whole: one that was killed had drawn them, and had not said so. */
  readonly foundWhole: number;
  /** Seconds of all workers, and of one process for the same images. */
  readonly seconds: number;
  readonly aloneSeconds: number;
  /** How often an image is in the merged set: the least and the most. */
  readonly least: number;
  readonly most: number;
  /** Of the array of all images, merged and by one process. */
  readonly sha256: string;
  readonly aloneSha256: string;
}

/**
 * Draws images by BullMQ's workers on a Redis of its own, one of which is killed, with all that it started, whenever so much more is
 * done; and by one process.
 */
export async function killWorkers(options: KillOptions): Promise<KillReport> {
  const { model, images, shards, workers, kills, folder, lock, say } = options;
  const redis = await startRedis(folder);
  const env = {
    ...process.env,
    REDIS_URL: redis.url,
    LOCK_MS: String(lock),
    PIXELCNN: join(binFolder(folder), 'pixelcnn'),
  };
  const program = ['--import', import.meta.resolve('tsx'), join(scaleFolder, 'bullmq.ts')];
  const start = () =>
    spawn(process.execPath, [...program, 'work', '--out', 'parts', '--model', model], {
      cwd: folder,
      env,
      stdio: 'ignore',
      detached: true, // a group of its own, which is killed as one
    });
  const living: ChildProcess[] = [];
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const name = `pixelcnn-${sha256(readFileSync(model)).slice(0, 16)}`;
  const queue = new Queue(name, { connection });
  const listening = connection.duplicate();
  const events = new QueueEvents(name, { connection: listening });
  let [killed, handedOn] = [0, 0];
  events.on('stalled', () => handedOn++);
  try {
    await events.waitUntilReady();
    const add = ['add', '--count', `${images}`, '--shards', `${shards}`, '--seed', '1', '--model', model];
    await run(folder, process.execPath, [...program, ...add], env);
    await run(folder, process.execPath, [...program, ...add], env); // changes nothing
    const random = randomNumbers(kills);
    const began = performance.now();
    for (let i = 0; i < workers; i++) living.push(start());
    let [done, failed] = [0, 0];
    while (done + failed < shards) {
      // Spread over the work, so that there are as many as were asked for, however fast the machine is.
      while (killed < Math.floor(((kills + 1) * done) / shards) && killed < kills) {
        await setTimeout(100 * random()); // at any moment of a shard
        const which = Math.floor(random() * workers);
        killGroup(living[which]!);
        living[which] = start();
        if (++killed % 10 === 0) say(`${killed} kills, ${done} of ${shards} shards`);
      }
      await setTimeout(5);
      const counts = await queue.getJobCounts('completed', 'failed');
      [done, failed] = [counts.completed ?? 0, counts.failed ?? 0];
    }
    const seconds = (performance.now() - began) / 1000;
    const answers = (await queue.getCompleted(0, -1)).map(({ returnvalue }) => returnvalue as { state: string });
    const foundWhole = answers.filter(({ state }) => state === 'whole').length;
    await pixelcnn(folder, ['merge', 'parts', '--out', 'merged.npy', '--model', model]);
    const beganAlone = performance.now();
    const one = ['--shard', '0/1', '--out', 'alone', '--workers', '1'];
    await pixelcnn(folder, ['sample', '--model', model, '--count', `${images}`, '--seed', '1', ...one]);
    const aloneSeconds = (performance.now() - beganAlone) / 1000;
    const [least, most] = timesMerged(folder, images);
    const hash = (name: string) => sha256(readFileSync(join(folder, name)));
    const figures = { kills: killed, handedOn, done, failed, foundWhole, seconds, aloneSeconds, least, most };
    const aloneSha256 = hash(join('alone', 'part-000000-of-000001.images.npy'));
    return { ...figures, sha256: hash('merged.npy'), aloneSha256 };
  } finally {
    for (const child of living) killGroup(child);
    await events.close();
    await queue.close();
    connection.disconnect();
    listening.disconnect();
    await redis.stop();
  }
}

/** How often an image is in a merged set, by its manifest: the least and the most. */
function timesMerged(folder: string, images: number): [least: number, most: number] {
  const { parts } = JSON.parse(readFileSync(join(folder, 'merged.json'), 'utf8')) as {
    parts: { first: number; count: number }[];
  };
  const times = new Array<number>(images).fill(0);
  for (const { first, count } of parts) for (let i = first; i < first + count; i++) times[i] = (times[i] ?? 0) + 1;
  return times.reduce(([least, most], n) => [Math.min(least, n), Math.max(most, n)], [Number.POSITIVE_INFINITY, 0]);
}
