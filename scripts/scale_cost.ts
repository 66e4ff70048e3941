/**
 * `npm run scale:cost`: what an image, a start, a part, a gigabyte of merging and a queued shard cost on this machine, and what
 * follows for a billion images: the figures of docs/scale.md. Processor seconds, which other programs on the machine move little.
 *
 *     npm run scale:cost -- [--model FILE] [--images 2000]
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { hasProgram, startRedis } from '../test/examples/scale.js';
import { sampleJob } from '../ts/cli/shards/job.js';
import { writePart } from '../ts/cli/shards/part.js';
import { rangeOf } from '../ts/cli/shards/shard.js';
import { loadSampler } from '../ts/index.js';
import { buildTsIfStale } from './build_ts.js';
import { packagedIntegers } from './packaged_integers.js';
import { root, runMain } from './shell.js';

/** Processor seconds of the command line, user's and system's, of all its threads. */
function seconds(folder: string, args: readonly string[], input = ''): number {
  const program = [process.execPath, join(root, 'dist', 'cli', 'main.js'), ...args];
  const line = 'TIMEFORMAT="%U %S"; time "$@" > out.txt 2> err.txt';
  const { stderr, status } = spawnSync('bash', ['-c', line, 'bash', ...program], {
    cwd: folder,
    input,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${readFileSync(join(folder, 'err.txt'), 'utf8')}`);
  return stderr
    .trim()
    .split(' ')
    .reduce((sum, text) => sum + Number(text), 0);
}

/** The least of some. What else a machine does can only add. */
const least = (times: number, measure: (time: number) => number): number =>
  Math.min(...Array.from({ length: times }, (_, time) => measure(time)));

await runMain('scale:cost', async () => {
  const { values } = parseArgs({ options: { model: { type: 'string' }, images: { type: 'string', default: '2000' } } });
  buildTsIfStale();
  const model = resolve(values.model ?? packagedIntegers());
  const images = Number(values.images);
  const { height, width, levels } = (await loadSampler(model)).config;
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-cost-'));
  try {
    const sample = ['sample', '--model', model, '--workers', '1', '--seed', '1'];
    // Of two shards of one image the first has none.
    const start = least(5, (i) => seconds(folder, [...sample, '--count', '1', '--shard', '0/2', '--out', `start${i}`]));
    const draw = least(3, (i) =>
      seconds(folder, [...sample, '--count', String(images), '--shard', '0/1', '--out', `draw${i}`]),
    );
    const image = (draw - start) / images;

    // Parts without images, which cost what every part costs beside them.
    const parts = 1000;
    const lines = Array.from({ length: parts }, (_, i) => `{"shard":"${i}/${parts}","count":1,"seed":1}\n`).join('');
    const work = ['work', '--model', model, '--out'];
    const part = least(3, (i) => seconds(folder, [...work, `work${i}`], lines) - start) / parts;
    const merge = ['merge', '--out', 'merged.npy'];
    const mergePart = least(3, () => seconds(folder, [...merge, 'work0']) - start) / parts;

    const [count, of] = [400_000_000 / (height * width), 20].map(Math.floor) as [number, number];
    const shape = { height, width, levels, labelled: false };
    const job = sampleJob({ model: '0'.repeat(64), seed: 1, startIndex: 0, count, temperature: 1, ...shape });
    mkdirSync(join(folder, 'big'));
    for (let index = 0; index < of; index++) {
      const some = rangeOf({ index, of }, count).count;
      const made = new (levels > 256 ? Uint16Array : Uint8Array)(some * height * width);
      await writePart(join(folder, 'big'), { index, of }, job, { images: made, nats: new Float64Array(some) });
    }
    const imageBytes = height * width * (levels > 256 ? 2 : 1) + 8;
    const gigabyte =
      (least(3, () => seconds(folder, [...merge, 'big'])) - start - of * mergePart) / ((count * imageBytes) / 1e9);
    const queued = hasProgram('redis-server') ? await queueCost(folder) : undefined;

    const billion = 1e9;
    const kills = 1; // a core's hour
    const best = (begin: number) => Math.sqrt((2 * begin * 3600) / kills);
    const per = (value: number, unit: string) => `${value.toPrecision(3)} ${unit}`;
    const hours = (s: number) => `${(s / 3600).toPrecision(3)} h`;
    console.log(
      [
        `${cpus()[0]?.model}, node ${process.versions.node}, ${relative(root, model)}, processor time`,
        `an image          ${per(1000 * image, 'ms')}: ${per(1 / image, 'images a second')} a core`,
        `a start           ${per(start, 's')}: the program, the model, the WebAssembly`,
        `a part            ${per(1000 * part, 'ms')} to write, ${per(1000 * mergePart, 'ms')} to merge`,
        `a GB of merging   ${per(gigabyte, 's')}`,
        `a queued shard    ${queued === undefined ? 'not measured, found no redis-server' : `${per(1e6 * queued.seconds, 'us')} to add by one process, ${per(queued.bytes, 'bytes')} of Redis`}`,
        '',
        `a billion images  ${hours(billion * image)} of a core, ${per((billion * imageBytes) / 1e9, 'GB')} of parts`,
        `  a core writes   ${per(imageBytes / image / 1e3, 'kB a second')}`,
        `  merging         ${hours(((billion * imageBytes) / 1e9) * gigabyte)} of one core`,
        `  best part       ${per(best(start), 's')}, ${per(best(start) / image, 'images')}, where a core is killed once an hour and a start takes ${per(start, 's')}`,
        `                  ${per(best(10), 's')}, ${per(best(10) / image, 'images')}, where a start takes 10 s, as of a pod`,
      ].join('\n'),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

async function queueCost(folder: string): Promise<{ seconds: number; bytes: number }> {
  const redis = await startRedis(folder);
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const queue = new Queue('cost', { connection });
  try {
    const used = async () => Number(/used_memory:(\d+)/.exec(await connection.info('memory'))?.[1]);
    await queue.add('shard', {});
    const before = await used();
    const shards = 10_000;
    const jobs = Array.from({ length: shards }, (_, i) => ({
      name: 'shard',
      data: { shard: `${i}/${shards}`, count: 1e9, seed: 1 },
      opts: { jobId: `seed1-count1000000000-${i}of${shards}` },
    }));
    const began = performance.now();
    await queue.addBulk(jobs);
    const seconds = (performance.now() - began) / 1000;
    return { seconds: seconds / shards, bytes: ((await used()) - before) / shards };
  } finally {
    await queue.close();
    connection.disconnect();
    await redis.stop();
  }
}
