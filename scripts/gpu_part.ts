/**
 * One part of `npm run check:gpu`, in a process of its own, because TensorFlow takes its settings once, when it is loaded.
 * Leaves its result as JSON in the folder of the check, under the part's name.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodeOf, sentenceOf } from '../ts/cli/failure.js';
import { packagedModel } from '../ts/cli/packaged_model.js';
import { binarise } from '../ts/train/data/binarisation.js';
import { firstImages, splitImages } from '../ts/train/data/image_set.js';
import { loadMnist } from '../ts/train/data/published.js';
import { loadCore } from '../ts/train/net/core.js';
import { trainSteps } from '../ts/train/run/trainer.js';
import { type Backend, type Device, openBackend } from '../ts/train/tensorflow/backend.js';
import { largestLogitDifference } from './logit_parity.js';

export interface Job {
  /**
   * `train`: the run without a break, then its first half once more, which leaves a checkpoint. `resume`: its second half,
   * from there. `exact`: without TF32, the packaged model's logits beside the sampler's, and the first steps. `cpu`: the
   * first steps on the CPU.
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
}

const parityImages = 64;

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
    case 'cpu':
      return run({ ...job, steps: fewSteps }, backend, {});
    case 'exact': {
      const mnist = await loadMnist({ say });
      const digits = firstImages(splitImages(binarise(mnist, mnist.source)).validation, parityImages);
      const model = await readFile(packagedModel());
      const logitDifference = await largestLogitDifference(backend, model, digits.pixels);
      return { ...(await run({ ...job, steps: fewSteps }, backend, {})), logitDifference };
    }
  }
}

interface RunOptions {
  readonly checkpointFolder?: string;
  readonly maxSteps?: number;
  readonly resume?: boolean;
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
