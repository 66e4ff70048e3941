/** `pixelcnn merge`: puts the parts of shards together, once all are there and whole. */

import { readDoubles } from '../node/npy.js';
import type { Evaluation } from '../train/score/protocol.js';
import { createCommand } from './command.js';
import { rounded } from './eval.js';
import { UsageError } from './failure.js';
import { labelled, thousands } from './format.js';
import { interruptible } from './interrupt.js';
import { checkKept, type Input } from './kept_files.js';
import { checkModelName } from './open_model.js';
import { openOutputFile } from './output_folder.js';
import { startProgress } from './progress.js';
import { arraysOf, type EvalJob } from './shards/job.js';
import { arrayOf, findParts, type Parts, writeArrays, writeMergedManifest } from './shards/merge_parts.js';
import { arrayPath, manifestPath } from './shards/part.js';
import { print, printJson } from './terminal.js';
import { version } from './version.js';

interface MergeCommandOptions {
  out: string;
  model?: string;
  json?: boolean;
}

export const command = createCommand(
  'merge',
  'put the parts of sample --shard or eval --shard together, once all are whole',
  [
    ['parts --out all.npy', 'all images, and all.nats.npy, what each costs'],
    ['here there --out all.npy', 'parts from two folders'],
    ['scores --out all.json', 'of eval: what eval --json prints of all images'],
  ],
)
  .argument('<folders...>', 'where the parts are')
  .requiredOption(
    '--out <file>',
    'the file to write: .npy of images, .json of scores; what belongs to it stands beside it',
  )
  .option('--model <file>', 'refuse parts of any other model')
  .option('--json', 'print one JSON object and nothing else')
  .action((folders: string[], options: MergeCommandOptions) =>
    interruptible((signal) => run(folders, options, signal)),
  );

async function run(folders: readonly string[], options: MergeCommandOptions, signal: AbortSignal): Promise<void> {
  if (folders.includes('')) throw new UsageError('folders: expected names of folders with parts, got an empty one');
  if (options.model !== undefined) checkModelName('model', options.model);
  const parts = await findParts(folders, signal);
  const { job } = parts;
  if (options.model !== undefined) await checkModel(options.model, job.model, signal);
  const ending = job.command === 'sample' ? '.npy' : '.json';
  if (!options.out.endsWith(ending) || options.out === ending) {
    throw new UsageError(
      `--out: expected a name that ends with ${ending} for what ${job.command} made, got ${options.out}`,
    );
  }
  const stem = options.out.slice(0, -ending.length);
  const pathOf = (array: string) => (array === 'images' ? options.out : `${stem}.${array}.npy`);
  const manifest = `${stem}.json`;
  const names = Object.keys(arraysOf(job));
  const paths = job.command === 'sample' ? [...names.map(pathOf), manifest] : [options.out];
  await checkKept(
    paths.map((path) => ({ option: '--out', path })),
    filesOf(parts, names),
  );
  const write = await openOutputFile(options.out, '--out');
  if (job.command === 'eval') return mergeScores(parts, job, write, options, signal);
  const arrays = names.length;
  const bar = options.json ? undefined : await startProgress('merging', job.count, 'images');
  let done = 0;
  const written = await writeArrays(parts, pathOf, signal, (images) => {
    done += images / arrays;
    bar?.update(done);
  }).finally(() => bar?.stop());
  await writeMergedManifest(manifest, parts, written, `pixelcnn ${version}`);
  const { count, seed, startIndex, model } = job;
  if (options.json) {
    printJson({
      command: 'sample',
      parts: parts.of,
      count,
      seed,
      startIndex,
      model,
      files: written,
      manifest,
    });
    return;
  }
  const files = [...Object.values(written).map(({ path }) => path), manifest];
  print(
    labelled([
      ['parts', `${thousands(parts.of)}, each there once and whole`],
      ['images', `${startIndex} to ${startIndex + count - 1} of seed ${seed}`],
      ['sha256', written.images!.sha256],
      ['wrote', `${files.slice(0, -1).join(', ')} and ${files.at(-1)}`],
    ]),
  );
}

/** The files of all parts, of which there may be millions. */
function* filesOf({ found }: Parts, arrays: readonly string[]): Generator<Input> {
  for (const { folder, manifest } of found) {
    const { shard } = manifest;
    for (const path of [manifestPath(folder, shard), ...arrays.map((array) => arrayPath(folder, shard, array))]) {
      yield { what: 'those of the parts', path };
    }
  }
}

async function checkModel(path: string, wanted: string, signal: AbortSignal): Promise<void> {
  const [{ readModel }, { sha256 }] = await Promise.all([import('../model_source.js'), import('../node/files.js')]);
  const got = sha256(await readModel(path, signal));
  if (got === wanted) return;
  const short = (hash: string) => `sha256 ${hash.slice(0, 12)}...`;
  throw new UsageError(`--model: expected the model of the parts, ${short(wanted)}, got ${path}, ${short(got)}`);
}

/** The mean over all images is that of one process: summed in their order, whatever the parts were and whenever they came. */
async function mergeScores(
  parts: Parts,
  job: EvalJob,
  write: (bytes: Uint8Array) => Promise<string>,
  options: MergeCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const { likelihoodOf } = await import('../train/score/protocol.js');
  const of = async (array: string) => {
    const all: number[] = [];
    for await (const chunk of arrayOf(parts, array, signal)) for (const nats of readDoubles(chunk)) all.push(nats);
    return likelihoodOf(all, job.dimensions);
  };
  const classifiedRight = parts.found.reduce((sum, { manifest }) => sum + (manifest.classifiedRight ?? 0), 0);
  const evaluation: Evaluation = {
    images: job.count,
    ...(await of('nats')),
    protocol: job.protocol,
    ...(job.labels !== undefined && { given: await of('given'), classifiedRight }),
  };
  const merged = { model: job.model, ...rounded(evaluation), parts: parts.of };
  const path = await write(Buffer.from(`${JSON.stringify(merged)}\n`));
  if (options.json) return printJson(merged);
  const costs = ({ natsPerImage, bitsPerDim }: { natsPerImage: number; bitsPerDim: number }) =>
    `${natsPerImage.toFixed(3)} nats an image, ${bitsPerDim.toFixed(5)} bits/dim`;
  const { given, images, protocol } = evaluation;
  print(
    labelled([
      ['parts', `${thousands(parts.of)}, each there once and whole`],
      ['images', `${thousands(images)}: ${protocol.split} of ${protocol.source}`],
      ['protocol', protocol.binarisation],
      ['likelihood', costs(evaluation)],
      ...(given === undefined
        ? []
        : ([
            ['by class', `${costs(given)}: p(image | class)`],
            ['classified', `${thousands(classifiedRight)} of ${thousands(images)} right`],
          ] as const)),
      ['wrote', path],
    ]),
  );
}
