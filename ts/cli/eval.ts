/** `pixelcnn eval`: how likely a model finds a data set. */

import { Option } from 'commander';
import { imageSize } from '../images.js';
import { workersRange } from '../pool/pool.js';
import type { Sampler } from '../sampler.js';
import type { Sharing } from '../sharing.js';
import type { ImageSet } from '../train/data/image_set.js';
import type { DataOptions } from '../train/data/load_data.js';
import type { Scorer } from '../train/score/evaluate.js';
import type { Evaluation, Likelihood, TrainingOrigin } from '../train/score/protocol.js';
import { againstRows, readAgainst } from './against.js';
import { createCommand } from './command.js';
import { inThread } from './core_thread.js';
import { addDataOptions, type DataFlags, dataFlagsOf, likeTrained, readLikeTrained } from './data_option.js';
import { openPool, workersFor } from './drawing.js';
import { Interrupted, UsageError } from './failure.js';
import { labelled, thousands } from './format.js';
import { interruptible } from './interrupt.js';
import { checkKept, checkOutside } from './kept_files.js';
import { openModel } from './open_model.js';
import { choice, integer, integers, megabytes } from './option.js';
import { type OutputFolder, openOutputFolder } from './output_folder.js';
import { packagedModel } from './packaged_model.js';
import { startProgress } from './progress.js';
import { parseShard, type Shard } from './shards/shard.js';
import { print, printJson, tell } from './terminal.js';

const splits = ['validation', 'train', 'test', 'all'] as const;

interface EvalCommandOptions extends DataFlags {
  split: (typeof splits)[number];
  against?: string;
  map?: string;
  mapImages?: readonly number[];
  workers?: number;
  sharing?: number;
  shard?: Shard;
  out?: string;
  json?: boolean;
}

const indices = (text: string): number[] => [...new Set(integers('--map-images', { min: 0, max: 2 ** 31 })(text))];

export const command = addDataOptions(
  createCommand('eval', 'tell how likely a model finds a data set, on any CPU', [
    ['', 'the packaged model, on what it was validated on'],
    ['my.safetensors --split test', 'a model of your own, on the test images'],
    ['my.safetensors --json > my.json', 'each image too, to compare with'],
    ['other.safetensors --against my.json', 'the difference, and how sure it is'],
    ['--limit 16 --map surprise', 'what surprises the model, as pictures'],
    ['my.safetensors --workers 8', 'on eight threads'],
    ['my.safetensors --shard 3/16 --out scores', 'one of 16 parts, which merge puts together'],
  ]),
  { data: 'what the model was trained on', binarisation: 'as the model was trained' },
)
  .argument('[model]', 'model file (default: the packaged MNIST model)')
  .option(
    '--split <name>',
    'validation: what the model was validated on; train: what it was trained on; test: the test images; all',
    choice('--split', splits),
    'validation',
  )
  .option('--against <file>', 'compare with what eval --json printed, or with the record in a model file')
  .option('--map <folder>', 'write the surprise of each pixel as pictures')
  .option('--map-images <list>', 'which images of the split, such as 0,5,17 (default: the first 16)', indices)
  .option(
    '--workers <n>',
    `threads, 1 to ${workersRange.max} (default: one, or as many as run at once where there is enough to score)`,
    integer('--workers', workersRange),
  )
  .option(
    '--sharing <megabytes>',
    'rows of activations that each thread remembers, 0 for none: memory for speed, never a bit of the result (default: 16)',
    megabytes('--sharing'),
  )
  .addOption(
    new Option('--shard <i/n>', 'score part i of n of the images alone, 0/n to n-1/n: docs/scale.md')
      .argParser((text) => parseShard('--shard', text))
      .conflicts(['against', 'map', 'mapImages']),
  )
  .option('--out <folder>', 'with --shard: where the part goes (default: scores)')
  .option('--json', 'print one JSON object and nothing else')
  .action((model: string | undefined, options: EvalCommandOptions) =>
    interruptible((signal) => run(model ?? packagedModel(), options, signal)),
  );

async function run(model: string, options: EvalCommandOptions, signal: AbortSignal): Promise<void> {
  const [{ checkComparable, compareEvaluations }, { protocolOf }] = await Promise.all([
    import('../train/score/compare.js'),
    import('../train/score/protocol.js'),
  ]);
  if (options.mapImages !== undefined && options.map === undefined) {
    throw new UsageError('--map-images: expected --map beside it, which says where the pictures go, got none');
  }
  const { shard, out = 'scores' } = options;
  if (shard === undefined && options.out !== undefined) {
    throw new UsageError('--out: expected --shard beside it, whose part goes there, got none');
  }
  await checkOutputs(options, shard === undefined ? undefined : out);
  const { bytes, sampler } = await openModel(model, signal, remembering(options.sharing));
  const other = options.against === undefined ? undefined : await readAgainst(options.against, signal);
  const folder = options.map === undefined ? undefined : await openOutputFolder(options.map, '--map');
  const { data, warnings } = await chooseImages(sampler, options, signal);
  for (const warning of warnings) tell(`warning: ${warning}`);
  const beyond = options.mapImages?.find((image) => image >= data.count);
  if (beyond !== undefined) throw new UsageError(`--map-images: expected numbers below ${data.count}, got ${beyond}`);
  if (other !== undefined) checkComparable(protocolOf(data), other.protocol); // before minutes of scoring
  if (folder !== undefined) checkMappable(sampler, data);
  if (shard !== undefined) {
    const { scorePart } = await import('./shards/score_part.js');
    const scored = (some: ImageSet) => score(bytes, sampler, some, options, signal);
    return scorePart({ model, bytes, sampler }, data, shard, scored, { ...options, out }, signal);
  }
  const evaluation = await score(bytes, sampler, data, options, signal);
  const comparison = other && compareEvaluations(evaluation, other);
  const { maps, scale } =
    folder === undefined ? { maps: [], scale: '' } : await drawMaps(bytes, data, options, folder, signal);
  if (options.json) {
    const also = { ...(comparison && { against: options.against, comparison }), ...(maps.length > 0 && { maps }) };
    printJson({ model, ...rounded(evaluation), ...also, warnings });
    return;
  }
  const { images, protocol } = evaluation;
  print(
    labelled([
      ['model', model],
      ['images', `${thousands(images)}: ${protocol.split} of ${protocol.source}`],
      ['protocol', protocol.binarisation],
      ...likelihoodRows(evaluation, sampler),
      ...(other && comparison ? againstRows(options.against!, other, comparison) : []),
      ...(maps.length > 0 ? [['pictures', `${maps[0]} and ${maps.length - 1} more: ${scale}`] as const] : []),
    ]),
  );
}

/** Refuses pictures, and the part of a shard, that would become images of the data, or take the place of its file. */
async function checkOutputs({ map, data }: EvalCommandOptions, part: string | undefined): Promise<void> {
  if (part !== undefined) await checkOutside('--out', part, data);
  if (map === undefined || data === undefined) return;
  await checkOutside('--map', map, data);
  const { surpriseName } = await import('./surprise.js');
  const names = (name: string) => surpriseName.test(name);
  await checkKept([{ option: '--map', path: map, names }], [{ what: 'the file of --data', path: data }]);
}

/** As many digits of each image's nats as mean something. */
export function rounded<L extends Likelihood & { given?: Likelihood }>(likelihood: L): L {
  const imageNats = likelihood.imageNats.map((nats) => Math.round(1e6 * nats) / 1e6);
  return { ...likelihood, imageNats, ...(likelihood.given && { given: rounded(likelihood.given) }) };
}

/** What images cost; of a model with classes by themselves and, where the data tells it, given their class. */
function likelihoodRows(
  evaluation: Evaluation,
  { config: { classes = 0 } }: Sampler,
): (readonly [label: string, value: string])[] {
  const costs = ({ natsPerImage, bitsPerDim }: Likelihood) =>
    `${natsPerImage.toFixed(3)} nats an image, ${bitsPerDim.toFixed(5)} bits/dim`;
  const loss = ({ loss }: Likelihood) =>
    ['loss', `${loss.toFixed(6)} nats a pixel, what training prints as val_loss`] as const;
  if (classes === 0) return [['likelihood', costs(evaluation)], loss(evaluation)];
  const { given, classifiedRight: right = 0, images } = evaluation;
  const alone = ['likelihood', `${costs(evaluation)}: p(image), the mean over all ${classes} classes`] as const;
  if (given === undefined) return [alone, ['classes', 'the data tells none']];
  return [
    alone,
    ['by class', `${costs(given)}: p(image | class)`],
    ['classified', `${thousands(right)} of ${thousands(images)} right, ${((100 * right) / images).toFixed(2)} %`],
    loss(given),
  ];
}

/** The images to score: as the model was trained, unless asked otherwise; and what makes their likelihood doubtful. */
async function chooseImages(
  { config, metadata }: Sampler,
  { limit, split, ...flags }: EvalCommandOptions,
  signal: AbortSignal,
): Promise<{ data: ImageSet; warnings: string[] }> {
  const [{ firstImages, splitImages }, { publishedSets }, { readTrainingOrigin }] = await Promise.all([
    import('../train/data/image_set.js'),
    import('../train/data/published.js'),
    import('../train/run/record.js'),
  ]);
  const trained = readTrainingOrigin(metadata) ?? referenceOrigin;
  if (trained.data === undefined && flags.data === undefined) {
    throw new UsageError(
      '--data: expected the images that the model was trained on, since its record names no data set',
    );
  }
  const asked = dataFlagsOf(flags);
  const like = likeTrained(trained, asked);
  // The published labels are fetched where they are of use; those of other data come along where there are any.
  const classes = config.classes !== undefined && like.data !== undefined && Object.hasOwn(publishedSets, like.data);
  const from = { ...like, ...(classes && { classes }), signal };
  const first = (set: ImageSet): ImageSet => (limit === undefined ? set : firstImages(set, Math.min(limit, set.count)));
  const read = (part: Pick<DataOptions, 'split' | 'limit'>) => readLikeTrained({ ...from, ...part }, asked, '--data');
  const warnings: string[] = [];
  if (split === 'all') return { data: first(await read({ split })), warnings };
  if (split === 'test') {
    const test = first(await read({ split }));
    const seen = await seenOf(test, metadata, from);
    if (seen > 0) warnings.push(`${thousands(seen)} of the test images are among those that the model was trained on`);
    return { data: test, warnings };
  }
  const { validationSplit } = trained;
  const whole = await read({ split: trained.split, limit: trained.limit });
  const recorded = metadata[dataKey];
  if (recorded === undefined) {
    warnings.push('the model does not say what it was trained on, so that it may have been trained on these images');
  } else if (recorded !== whole.sha256) {
    warnings.push(
      'these are not the images and levels that the model was trained on, though they are split as those were',
    );
  }
  const part = splitImages(whole, validationSplit)[split];
  if (part.count === 0) {
    throw new UsageError(
      `--split: expected a part with images, got ${split}, which has none of ${whole.source}; all has them`,
    );
  }
  return { data: first(part), warnings };
}

/** The sha256 of all that a model's training could see. */
const dataKey = 'training.dataSha256';

/** Which images are scored by a model without a word on its data. */
const referenceOrigin: TrainingOrigin = { data: 'mnist', split: 'reference', validationSplit: 0.1 };

/**
 * How many of the test images a model was trained on, as far as that can be shown: read as its record says, the same data
 * must have the sha256 of what it was trained on.
 */
async function seenOf(
  test: ImageSet,
  metadata: Readonly<Record<string, string>>,
  { data, offline, signal }: DataOptions,
): Promise<number> {
  const [{ splitImages }, { loadData }, { readTrainingOrigin }] = await Promise.all([
    import('../train/data/image_set.js'),
    import('../train/data/load_data.js'),
    import('../train/run/record.js'),
  ]);
  const origin = readTrainingOrigin(metadata);
  if (origin === undefined || metadata[dataKey] === undefined || data === undefined) return 0;
  const { validationSplit, limit, ...own } = origin;
  const asked = { ...own, data, limit, offline, signal };
  const whole = await loadData(asked).catch(() => undefined);
  signal?.throwIfAborted();
  if (whole?.sha256 !== metadata[dataKey]) return 0;
  const { train } = splitImages(whole, validationSplit);
  const end = Math.min(train.first + train.count, test.first + test.count);
  return Math.max(0, end - Math.max(train.first, test.first));
}

/** Refuses pictures of what pixels cost where that depends on a class that nobody told. */
function checkMappable({ config }: Sampler, { labels }: ImageSet): void {
  if (config.classes === undefined || labels !== undefined) return;
  const sentence = 'expected images whose classes the data tells, since what a pixel costs depends on them, got none';
  throw new UsageError(`--map: ${sentence}`);
}

/** Writes the pictures of what surprises; their paths, and what their colours mean. */
async function drawMaps(
  model: Uint8Array,
  data: ImageSet,
  { mapImages = Array.from({ length: Math.min(16, data.count) }, (_, image) => image) }: EvalCommandOptions,
  folder: OutputFolder,
  signal: AbortSignal,
): Promise<{ maps: string[]; scale: string }> {
  const { surpriseScale } = await import('./surprise.js');
  const maps: string[] = [];
  for (const { name, bytes } of await inThread('surprise', { model, data: packed(data), chosen: mapImages }, signal)) {
    maps.push(await folder.write(name, bytes));
  }
  return { maps, scale: surpriseScale(data.levels) };
}

/** Images that each thread is given at a time, several times the 16 that the core computes in step. */
const perWorker = 64;

/** What each thread remembers, where it was said. */
function remembering(megabytes: number | undefined): Sharing | undefined {
  return megabytes === undefined ? undefined : { megabytes };
}

async function score(
  model: Uint8Array,
  sampler: Sampler,
  data: ImageSet,
  { workers, sharing, json }: EvalCommandOptions,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { evaluate } = await import('../train/score/evaluate.js');
  const { config, classNames } = sampler;
  const [size, classes] = [imageSize(config), Math.max(1, config.classes ?? 0)];
  const times = classes * data.count;
  const threads = Math.min(data.count, workers ?? workersFor(times, 'wavefront', sampler.describe()));
  const pool = await openPool(model, { workers: threads, sharing: remembering(sharing), signal }, 'scoring');
  const bar = json ? undefined : await startProgress('scoring', data.count, 'images');
  // Each image is scored once, or under every class.
  let scored = 0;
  const done = (more = 0) => Math.floor((scored + more) / classes);
  const scorer: Scorer = {
    config,
    classNames,
    logProb: async (images, options) => {
      const onProgress = ({ done: pixels }: { done: number }) => bar?.update(done(pixels / size));
      const logProb = await (pool?.logProb(images, { ...options, signal, onProgress }) ??
        sampler.logProb(images, options));
      scored += images.length / size;
      bar?.update(done());
      return logProb;
    },
  };
  const batchSize = pool === undefined ? 16 : Math.min(1024, perWorker * threads);
  try {
    for await (const event of evaluate({ sampler: scorer, data, batchSize, signal })) {
      if (event.type === 'end') return event.evaluation;
    }
    throw new Error('expected an evaluation at the end');
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    const so = `${thousands(done())} of ${thousands(data.count)} images were scored`;
    throw new Interrupted(`${error.message}; ${so}`, { cause: error });
  } finally {
    bar?.stop();
    await pool?.dispose();
  }
}

/** The images alone, and their labels: a view travels between threads with all that it is a view of. */
function packed({ greys: _, wholes: _also, ...data }: ImageSet): ImageSet {
  return { ...data, pixels: data.pixels.slice(), ...(data.labels && { labels: data.labels.slice() }) };
}
