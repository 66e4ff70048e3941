/**
 * `npm run scale`: ten thousand digits by four BullMQ workers on a Redis of this machine, fifty of them killed at random, beside one
 * process; prints what came of it, and fails where a byte is another. Needs redis-server. Minutes of all cores.
 *
 *     npm run scale -- [--images 10000] [--shards 400] [--workers 4] [--kills 50] [--model FILE]
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { hasProgram, killWorkers } from '../test/examples/scale.js';
import { buildTsIfStale } from './build_ts.js';
import { packagedIntegers } from './packaged_integers.js';
import { root, runMain } from './shell.js';

await runMain('scale', async () => {
  const { values } = parseArgs({
    options: {
      images: { type: 'string', default: '10000' },
      shards: { type: 'string', default: '400' },
      workers: { type: 'string', default: '4' },
      kills: { type: 'string', default: '50' },
      model: { type: 'string' },
    },
  });
  const [images, shards, workers, kills] = [values.images, values.shards, values.workers, values.kills].map(Number);
  const numbers = [images, shards, workers, kills];
  if (!numbers.every((n) => Number.isSafeInteger(n) && n! >= 0)) throw new Error('expected whole numbers');
  if (!hasProgram('redis-server')) throw new Error('expected redis-server, which apt-get install redis-server brings');
  buildTsIfStale();
  const model = resolve(values.model ?? packagedIntegers());
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-scale-'));
  try {
    const machine = `${cpus()[0]?.model}, ${availableParallelism()} threads, node ${process.versions.node}`;
    console.log(`${machine}\n${images} images of ${relative(root, model)} in ${shards} shards, ${workers} workers`);
    const options = { model, images: images!, shards: shards!, workers: workers!, kills: kills!, lock: 5000, folder };
    const report = await killWorkers({ ...options, say: (line) => console.log(line) });
    console.log(
      [
        `kills             ${report.kills}, of which ${report.handedOn} shards were handed to another worker`,
        `shards done       ${report.done}, ${report.failed} given up, ${report.foundWhole} found whole though nobody had said so`,
        `each image        ${report.least} to ${report.most} times in the merged set`,
        `sha256, merged    ${report.sha256}`,
        `sha256, alone     ${report.aloneSha256}`,
        `seconds           ${report.seconds.toFixed(1)} of the workers, ${report.aloneSeconds.toFixed(1)} of one process`,
      ].join('\n'),
    );
    const exact = report.sha256 === report.aloneSha256 && report.least === 1 && report.most === 1;
    if (!exact || report.failed > 0) throw new Error('expected the images of one process, each once, got others');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
