/**
 * Draws images by workers on any number of machines that share a folder and a Redis: BullMQ hands out the shards, hands one out
 * again whose worker died, and `pixelcnn work` draws them. Each is a file of its own, so that it may be drawn twice.
 *
 *     npm i pixelcnn bullmq ioredis
 *     npx tsx bullmq.ts add --model my.safetensors --count 10000 --shards 400 --seed 1    fills the queue; a second time changes nothing
 *     npx tsx bullmq.ts work --model my.safetensors --out parts                           a worker: one for each core, until it is ended
 *     npx tsx bullmq.ts status --model my.safetensors                                     how many shards are done, as JSON
 *     pixelcnn merge parts --out all.npy                                                  all images, once all shards are done
 *
 * REDIS_URL is where Redis listens (default: redis://127.0.0.1:6379), QUEUE what the queue's name begins with, PIXELCNN how the program is started.
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';

const { REDIS_URL = 'redis://127.0.0.1:6379', QUEUE = 'pixelcnn', PIXELCNN = 'npx pixelcnn' } = process.env;

/** A line of `pixelcnn work`. */
interface Job {
  shard: string;
  count: number;
  seed: number;
}

interface Answer {
  state?: 'drawn' | 'whole';
  error?: { message: string; exitCode: number };
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    shards: { type: 'string' },
    seed: { type: 'string' },
    model: { type: 'string' },
    out: { type: 'string', default: 'parts' },
  },
});

// A queue for each model, so that none is drawn by a worker that has another.
const model = values.model && createHash('sha256').update(readFileSync(values.model)).digest('hex');
const name = model ? `${QUEUE}-${model.slice(0, 16)}` : QUEUE;

const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
connection.on('error', (error) => console.error(`redis: ${error.message}`)); // it connects again by itself

switch (positionals[0]) {
  case 'add':
    await add(Number(values.count), Number(values.shards), Number(values.seed));
    break;
  case 'work':
    await work(['work', '--out', values.out, ...(values.model === undefined ? [] : ['--model', values.model])]);
    break;
  case 'status':
    await status();
    break;
  default:
    console.error('expected add, work or status');
    process.exitCode = 2;
}
connection.disconnect();

async function add(count: number, shards: number, seed: number): Promise<void> {
  if (![count, shards, seed].every(Number.isSafeInteger)) {
    console.error('expected whole numbers as --count, --shards and --seed');
    process.exitCode = 2;
    return;
  }
  const queue = new Queue<Job>(name, { connection });
  const jobs = Array.from({ length: shards }, (_, i) => ({
    name: 'shard',
    data: { shard: `${i}/${shards}`, count, seed },
    opts: {
      jobId: `seed${seed}-count${count}-${i}of${shards}`, // one that is there is not added again
      attempts: 10,
      backoff: { type: 'exponential' as const, delay: 1000 },
    },
  }));
  await queue.addBulk(jobs);
  await queue.close();
}

async function work(args: string[]): Promise<void> {
  const [program, ...words] = PIXELCNN.split(' ');
  const child = spawn(program!, [...words, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.on('error', () => {}); // its end is told by `answers`

  // In a process of its own, what is drawn never keeps this one from telling Redis that it lives.
  const draw = async (job: Job): Promise<Answer> => {
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error('pixelcnn work ended');
    const answer = JSON.parse(value) as Answer;
    if (answer.error === undefined) return answer;
    // What is wrong with the job will be wrong the next time, too.
    const { message, exitCode } = answer.error;
    throw exitCode === 2 ? new UnrecoverableError(message) : new Error(message);
  };
  const worker = new Worker<Job, Answer>(name, (job) => draw(job.data), {
    connection,
    concurrency: 1,
    // A worker that shows no life for so long is taken for dead, and its shard given to another.
    lockDuration: Number(process.env.LOCK_MS ?? 30_000),
    stalledInterval: Number(process.env.LOCK_MS ?? 30_000) / 2,
    maxStalledCount: 1000, // BullMQ gives a job up whose second worker dies; here machines may come and go
  });
  worker.on('error', (error) => console.error(`worker: ${error.message}`)); // such as a lock lost to another: both draw the same
  const stop = () => worker.close().finally(() => child.stdin.end()); // the shard in hand is drawn to its end
  process.once('SIGTERM', stop).once('SIGINT', stop);
  const [code] = await ended;
  await worker.close();
  process.exitCode = code ?? 1;
}

async function status(): Promise<void> {
  const queue = new Queue<Job, Answer>(name, { connection });
  console.log(JSON.stringify(await queue.getJobCounts()));
  await queue.close();
}
