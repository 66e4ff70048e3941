/**
 * One part of `npm run check:gpu`, in a process of its own, because TensorFlow takes its settings once, when it is loaded.
 * Leaves its result as JSON in the folder of the check, under the part's name.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodeOf, sentenceOf } from '../ts/cli/failure.js';
import { packagedModel } from '../ts/cli/packaged_model.js';
import type { Config } from '../ts/config.js';
import { binarise } from '../ts/train/data/binarisation.js';
import { firstImages, type ImageSet, splitImages, wholeSet } from '../ts/train/data/image_set.js';
import { loadMnist } from '../ts/train/data/published.js';
import type { NamedImages } from '../ts/train/data/raw.js';
import { loadCore } from '../ts/train/net/core.js';
import { configOf } from '../ts/train/run/plan.js';
import { trainSteps } from '../ts/train/run/trainer.js';
import { type Backend, type Device, openBackend } from '../ts/train/tensorflow/backend.js';
import { largestLogitDifference } from './logit_parity.js';
import { randomWeights } from './random_weights.js';

export interface Job {
  /**
   * `train`: the run without a break, then its first half once more, which leaves a checkpoint. `resume`: its second half,
   * from there. `exact`: without TF32, the packaged model's logits beside the sampler's, and the first steps; of nets of other
   * kinds too. `cpu`: the first steps on the CPU.
   */
  readonly part: 'train' | 'resume' | 'exact' | 'cpu';
  readonly device: Device;
  readonly filters: number;
  readonly blocks: number;
  readonly batchSize: number;
  /** Updates of the run without a break; even. */
  readonly steps: number;
  /** Updates of `exact` and `cpu`. */
  readonly fewSteps: number;
  readonly folder: string;
}

export interface Result {
  readonly backend: Pick<Backend, 'name' | 'version' | 'device' | 'gpu' | 'tf32'>;
  /** After each update, the mean nats a pixel of all batches of the run until then. */
  readonly losses: readonly number[];
  /** Milliseconds of each update. */
  readonly times: readonly number[];
  readonly checkpoint?: string;
  readonly logitDifference?: number;
  /** Of `exact` and `cpu`, by the kind of net. */
  readonly kinds?: Readonly<Record<string, KindResult>>;
}

export interface KindResult {
  readonly losses: readonly number[];
  /** Of `exact`: of weights that nobody has trained. */
  readonly logitDifference?: number;
}

const parityImages = 64;

/** Nets in which all occurs that the reference's has not: each cell, head, kind of input and shape of kernel. */
const kinds: Readonly<Record<string, Partial<Config>>> = {
  'gated, 16 levels, 10 classes': { architecture: 'gated', levels: 16, classes: 10 },
  'gated with relu, 64 kinds embedded': {
    ...{ architecture: 'gated', activation: 'relu', levels: 64, input: 'nominal', embedding: 16, dilations: [1, 2] },
  },
  'tanh, 5 kinds one-hot, kernels that lean': {
    activation: 'tanh',
    levels: 5,
    input: 'nominal',
    blockKernel: 5,
    lean: 4,
  },
};

async function work(job: Job): Promise<Result> {
  const { part, steps, fewSteps } = job;
  const checkpointFolder = join(job.folder, 'checkpoints');
  const say = (line: string): void => console.error(line);
  const device = part === 'cpu' ? 'cpu' : job.device;
  const backend = await openBackend(device, { tf32: part === 'train' || part === 'resume', say });
  switch (part) {
    case 'train': {
      const whole = await run(job, backend, {});
      const { checkpoint } = await run(job, backend, { checkpointFolder, maxSteps: steps / 2 });
      return { ...whole, ...(checkpoint !== undefined && { checkpoint }) };
    }
    case 'resume':
      return run(job, backend, { checkpointFolder, resume: true });
    case 'cpu': {
      const { losses, ...rest } = await run({ ...job, steps: fewSteps }, backend, {});
      return { ...rest, losses, kinds: await runKinds(job, backend, false) };
    }
    case 'exact': {
      const mnist = await loadMnist({ say });
      const digits = firstImages(splitImages(binarise(mnist, mnist.source)).validation, parityImages);
      const model = await readFile(packagedModel('mnist-binary'));
      const logitDifference = await largestLogitDifference(backend, model, digits.pixels);
      const few = await run({ ...job, steps: fewSteps }, backend, {});
      return { ...few, logitDifference, kinds: await runKinds(job, backend, true) };
    }
  }
}

interface RunOptions {
  readonly checkpointFolder?: string;
  readonly maxSteps?: number;
  readonly resume?: boolean;
}

/** A few steps with each kind of net, on digits whose greys are made its levels. */
async function runKinds(job: Job, backend: Backend, parity: boolean): Promise<Record<string, KindResult>> {
  const { fewSteps: steps, batchSize, filters, blocks } = job;
  const core = await loadCore();
  const mnist = await loadMnist({ say: (line) => console.error(line) });
  const results: Record<string, KindResult> = {};
  for (const [name, changes] of Object.entries(kinds)) {
    const { levels, classes = 0, ...net } = { levels: 2, ...changes };
    const config = { filters: Math.max(8, filters / 4), blocks, headLayers: 1, ...net };
    const data = levelled(mnist, steps * batchSize, levels, net.input === 'nominal' ? 'nominal' : 'ordinal');
    const options = { batchSize, epochs: 1, seed: 1, validationSplit: 0, config, classes: classes > 0 };
    const losses: number[] = [];
    for await (const event of trainSteps({ data, backend, core, ...options })) {
      if (event.type === 'step') losses.push(event.loss);
    }
    results[name] = { losses };
    if (!parity) continue;
    const whole = core.describe(configOf(options, data));
    const model = core.writeModel(whole.config, {}, randomWeights(whole, 1));
    const [pixels, labels] = [data.pixels.slice(0, 8 * 784), classes > 0 ? data.labels?.slice(0, 8) : undefined];
    results[name] = { losses, logitDifference: await largestLogitDifference(backend, model, pixels, labels) };
  }
  return results;
}

/** The first digits with their greys in even steps, and labels that say nothing. */
function levelled(mnist: NamedImages, count: number, levels: number, input: 'ordinal' | 'nominal'): ImageSet {
  const { height, width, source } = mnist;
  const greys = mnist.pixels.subarray(0, count * height * width);
  const pixels = Uint8Array.from(greys, (grey) => Math.floor((grey * levels) / 256));
  const parts = { pixels, levels, input, source, binarisation: `${levels} even steps` };
  const labels = Uint16Array.from({ length: count }, (_, image) => image % 10);
  const classNames = Array.from({ length: 10 }, (_, label) => String(label));
  return { ...wholeSet({ count, height, width }, parts), labels, classNames };
}

/** Trains for `steps` updates, an epoch of its own: always the same images in the same order. */
async function run({ filters, blocks, batchSize, steps }: Job, backend: Backend, options: RunOptions): Promise<Result> {
  const core = await loadCore();
  const mnist = await loadMnist({ say: (line) => console.error(line) });
  const data = firstImages(binarise(mnist, mnist.source), steps * batchSize);
  const recipe = { batchSize, epochs: 1, seed: 1, validationSplit: 0 };
  const [losses, times]: [number[], number[]] = [[], []];
  let checkpoint: string | undefined;
  let at = performance.now();
  for await (const event of trainSteps({ data, backend, core, config: { filters, blocks }, ...recipe, ...options })) {
    if (event.type === 'checkpoint') checkpoint = event.path;
    if (event.type === 'pause') checkpoint = event.checkpoint;
    if (event.type === 'step') {
      losses.push(event.loss);
      times.push(performance.now() - at);
    }
    at = performance.now();
  }
  const { name, version, device, gpu, tf32 } = backend;
  const told = { name, version, device, tf32, ...(gpu !== undefined && { gpu }) };
  return { backend: told, losses, times, ...(checkpoint !== undefined && { checkpoint }) };
}

try {
  const job = JSON.parse(process.argv[2] ?? '{}') as Job;
  await writeFile(join(job.folder, `${job.part}.json`), JSON.stringify(await work(job)));
} catch (error) {
  console.error(`check:gpu: ${sentenceOf(error)}`);
  process.exitCode = exitCodeOf(error);
}
