/**
 * `npm run check:gpu`: everything about training on a GPU that can be checked, in one table, on the machine that has one.
 * `--device cpu` rehearses it without.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitCodes } from '../ts/cli/failure.js';
import { boxTable } from '../ts/cli/format.js';
import type { Job, Result } from './gpu_part.js';
import { root, runMain, tee } from './shell.js';

const help = `Usage: npm run check:gpu -- [options]

Trains the reference's net for a few steps on the GPU, goes on from a checkpoint in another process, and holds logits
and losses to those of the CPU; of gated nets, and of nets with levels, classes and other kernels, too. Exit code: 0 when all is well, 3 without a GPU that can be used, else 1.

Options:
  --device NAME    gpu, or cpu to rehearse (default: gpu)
  --steps N        updates of the run (default: 20)
  --batch-size N   images an update (default: 128)
  --filters N      channels of the net (default: 128)
  --blocks N       its residual blocks (default: 5)`;

/** Updates that are compared with the CPU's, which is slow. */
const fewSteps = 3;

/** Bounds: of a logit, absolute; of losses, relative. Sums of other orders differ by less, wrong kernels by far more. */
const bounds = { logit: 1e-3, resumed: 1e-3, cpu: 1e-3 } as const;

type Row = readonly [check: string, found: string, ok: boolean | undefined];

function whole(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`${option}: expected a whole number of at least 1, got ${text}`);
}

async function check(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      device: { type: 'string', default: 'gpu' },
      steps: { type: 'string', default: '20' },
      'batch-size': { type: 'string', default: '128' },
      filters: { type: 'string', default: '128' },
      blocks: { type: 'string', default: '5' },
    },
  });
  if (values.help === true) return console.log(help);
  const { device } = values;
  if (device !== 'gpu' && device !== 'cpu') throw new RangeError(`--device: expected gpu or cpu, got ${device}`);
  const folder = await mkdtemp(join(tmpdir(), 'pixelcnn-gpu-'));
  const job: Omit<Job, 'part'> = {
    device,
    folder,
    fewSteps,
    steps: 2 * Math.ceil(Math.max(whole('--steps', values.steps), 4) / 2),
    batchSize: whole('--batch-size', values['batch-size']),
    filters: whole('--filters', values.filters),
    blocks: whole('--blocks', values.blocks),
  };
  try {
    const trained = await part({ ...job, part: 'train' });
    const resumed = await part({ ...job, part: 'resume' });
    const exact = await part({ ...job, part: 'exact' });
    const cpu = await part({ ...job, part: 'cpu' });
    const rows = report(job, trained, resumed, exact, cpu);
    const marks = rows.map(([name, found, ok]) => [name, found, ok === undefined ? '' : ok ? 'ok' : 'FAILED']);
    console.log(`\n${boxTable(['check', 'found', ''], marks)}`);
    const failed = rows.filter(([, , ok]) => ok === false).map(([name]) => name);
    if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`);
    console.log(device === 'gpu' ? 'The GPU trains as it should.' : 'A rehearsal on the CPU; no GPU was checked.');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const parts: Readonly<Record<Job['part'], string>> = {
  train: 'a run, and half of it again',
  resume: 'the other half, from the checkpoint',
  exact: 'logits and a few steps, TF32 off',
  cpu: 'the same few steps on the CPU',
};

/** Runs a part to its end. Where it fails, it says why itself, and that is the end. */
async function part(job: Job): Promise<Result> {
  console.log(`== ${parts[job.part]}`);
  const tsx = join(root, 'node_modules', '.bin', 'tsx');
  const [status] = await tee(tsx, [join(root, 'scripts', 'gpu_part.ts'), JSON.stringify(job)]);
  if (status !== 0) throw new PartFailed(job.part, status);
  return JSON.parse(await readFile(join(job.folder, `${job.part}.json`), 'utf8')) as Result;
}

class PartFailed extends Error {
  constructor(
    name: Job['part'],
    readonly status: number,
  ) {
    super(`this failed, as it says above: ${parts[name]}`);
  }
}

function report(job: Omit<Job, 'part'>, trained: Result, resumed: Result, exact: Result, cpu: Result): Row[] {
  const { backend, losses, times } = trained;
  const [first, last] = [losses[0]!, losses.at(-1)!];
  const gpu = backend.gpu && `${backend.gpu.name}, compute capability ${backend.gpu.capability.toFixed(1)}`;
  const half = losses.slice(job.steps / 2);
  const apart = { resumed: farthest(half, resumed.losses), cpu: farthest(cpu.losses, exact.losses) };
  const logit = exact.logitDifference!;
  const settled = times.slice(2).sort((a, b) => a - b);
  return [
    ['device', gpu ?? backend.device.toUpperCase(), backend.device === job.device],
    ['TensorFlow', `${backend.version}, TF32 ${backend.tf32 ? 'on' : 'off'}`, undefined],
    [
      `loss over ${job.steps} steps of ${job.batchSize} images`,
      `${first.toFixed(4)} to ${last.toFixed(4)}`,
      last < first,
    ],
    ['step time, median', `${settled[Math.floor(settled.length / 2)]!.toFixed(1)} ms`, undefined],
    ['checkpoint', trained.checkpoint === undefined ? 'none' : 'written', trained.checkpoint !== undefined],
    ['resumed: losses off the unbroken run', apart.resumed.toExponential(1), apart.resumed <= bounds.resumed],
    ['logits off the sampler, TF32 off', logit.toExponential(1), logit <= bounds.logit && !exact.backend.tf32],
    [`losses of ${fewSteps} steps off the CPU, TF32 off`, apart.cpu.toExponential(1), apart.cpu <= bounds.cpu],
    ...Object.entries(exact.kinds ?? {}).flatMap(([name, { losses, logitDifference = Number.NaN }]): Row[] => {
      const off = farthest(cpu.kinds?.[name]?.losses ?? [], losses);
      return [
        [`${name}: logits`, logitDifference.toExponential(1), logitDifference <= bounds.logit],
        [`${name}: losses`, off.toExponential(1), off <= bounds.cpu],
      ];
    }),
  ];
}

/** The largest relative difference; infinite where the lists are not of the same things. */
function farthest(expected: readonly number[], got: readonly number[]): number {
  if (expected.length === 0 || expected.length !== got.length) return Number.POSITIVE_INFINITY;
  return Math.max(...expected.map((value, i) => Math.abs(value - got[i]!) / value));
}

await runMain('check:gpu', () =>
  check().catch((error: unknown) => {
    if (!(error instanceof PartFailed) || error.status !== exitCodes.unavailable) throw error;
    process.exitCode = exitCodes.unavailable; // the part has said what is missing
  }),
);
