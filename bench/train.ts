/**
 * `npm run bench -- train`: a training step of the reference's net at batch 128, ours and Keras's in turn, on the same
 * cores in the same minutes. Keras takes part where a Python with keras and tensorflow is found.
 */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCommand } from '../ts/node/command.js';
import { binarise } from '../ts/train/data/binarisation.js';
import { loadCore } from '../ts/train/net/core.js';
import type { TrainerEvent } from '../ts/train/run/event.js';
import { trainSteps } from '../ts/train/run/trainer.js';
import { type Backend, type Device, devices, openBackend } from '../ts/train/tensorflow/backend.js';
import { summary, type Timing } from './harness.js';
import { describeMachine, machineLine } from './machine.js';

const help = `Usage: npm run bench -- train [options]

A training step at batch 128: ours, and Keras's beside it where a Python with keras and tensorflow is found.

Options:
  --steps N      timed steps of each (default: 7); two more warm up
  --device NAME  ${devices.join(', ')} (default: cpu)
  --python FILE  the Python that has keras and tensorflow (default: python3)
  --json         print one JSON object and nothing else`;

const batchSize = 128;
const warmUp = 2;

export async function benchTrain(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      steps: { type: 'string', default: '7' },
      device: { type: 'string', default: 'cpu' },
      python: { type: 'string', default: 'python3' },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.help === true) return console.log(help);
  const steps = Number(values.steps);
  if (!Number.isInteger(steps) || steps < 1)
    throw new RangeError(`--steps: expected a whole number, got ${values.steps}`);

  const machine = describeMachine(); // before our own work is part of the load
  const say = (line: string): void => console.error(line);
  const backend = await openBackend(values.device as Device, { say });
  const keras = await Keras.start(values.python, say);
  const ours = await ourSteps(backend, warmUp + steps);
  const [ourTimes, kerasTimes, tensors]: [number[], number[], number[]] = [[], [], []];
  try {
    for (let step = 0; step < warmUp + steps; step++) {
      const mine = await ours.step();
      const theirs = await keras?.step();
      tensors.push(backend.tf.memory().numTensors);
      if (step < warmUp) continue;
      ourTimes.push(mine);
      if (theirs !== undefined) kerasTimes.push(theirs);
    }
  } finally {
    await ours.end();
    keras?.end();
  }

  const [our, their] = [summary(ourTimes), keras === undefined ? undefined : summary(kerasTimes)];
  const ratio = their === undefined ? null : our.median / their.median;
  const constant = new Set(tensors.slice(1)).size === 1;
  if (values.json) {
    const { name, version, device } = backend;
    const report = { machine, batchSize, backend: { name, version, device }, ours: our, keras: their ?? null };
    console.log(JSON.stringify({ ...report, kerasVersions: keras?.versions ?? null, ratio, liveTensors: tensors }));
    return;
  }
  console.log(machineLine(machine));
  console.log(`a training step of the reference's net, batch ${batchSize}, median of ${steps} [quartiles], in turn\n`);
  console.log(line(`ours: ${backend.name} ${backend.version}, ${backend.device}`, our));
  if (keras !== undefined && their !== undefined && ratio !== null) {
    console.log(line(`Keras ${keras.versions.keras}, TensorFlow ${keras.versions.tensorflow}, cpu`, their));
    console.log(`\nours / Keras: ${ratio.toFixed(2)}`);
  } else {
    console.log(`\nKeras: not found; python3 -m pip install keras tensorflow-cpu, or name a Python by --python`);
  }
  const counts = constant ? `${tensors[1]}, constant from step 2` : `NOT constant: ${tensors.join(', ')}`;
  console.log(`live tensors between steps: ${counts}`);
}

const line = (name: string, { median, low, high }: Timing): string =>
  `${name.padEnd(44)} ${median.toFixed(0).padStart(6)} ms  [${low.toFixed(0)}, ${high.toFixed(0)}]`;

/** The trainer's own loop, driven a step at a time. */
async function ourSteps(
  backend: Backend,
  steps: number,
): Promise<{ step(): Promise<number>; end(): Promise<unknown> }> {
  const core = await loadCore();
  const count = steps * batchSize;
  // About as many bright pixels as MNIST has; what the pixels are does not change what a step costs.
  const words = core.randomWords(1, 3, 0, 0, count * 784);
  const raw = Uint8Array.from({ length: words.length }, (_, i) => (words[i]! < 0.13 * 2 ** 32 ? 255 : 0));
  const data = binarise({ pixels: raw, count, height: 28, width: 28 }, 'noise');
  const events = trainSteps({ data, backend, core, batchSize, epochs: 1, validationSplit: 0, seed: 1 });
  const next = async (type: TrainerEvent['type']): Promise<void> => {
    const { value } = await events.next();
    if (value?.type !== type)
      throw new Error(`expected the trainer to report a ${type}, got ${value?.type ?? 'its end'}`);
  };
  await next('start');
  return {
    step: async () => {
      const start = performance.now();
      await next('step');
      return performance.now() - start;
    },
    end: () => events.return(),
  };
}

/** Keras in a process of its own, which computes only when it is asked. */
class Keras {
  private constructor(
    readonly versions: { readonly keras: string; readonly tensorflow: string },
    private readonly answer: () => Promise<string>,
    private readonly ask: () => void,
    readonly end: () => void,
  ) {}

  static async start(python: string, say: (line: string) => void): Promise<Keras | undefined> {
    const check = await runCommand(python, ['-c', 'import keras, tensorflow']);
    if (check.status !== 0) return undefined;
    say('starting Keras');
    const script = fileURLToPath(new URL('keras_step.py', import.meta.url));
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const answer = async (): Promise<string> => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error('Keras ended before it answered; its own words are above');
      return value as string;
    };
    const versions = JSON.parse(await answer()) as { keras: string; tensorflow: string; parameters: number };
    if (versions.parameters !== 532_673)
      throw new Error(`Keras built another net, of ${versions.parameters} parameters`);
    return new Keras(
      versions,
      answer,
      () => void child.stdin.write('step\n'),
      () => child.stdin.end(),
    );
  }

  async step(): Promise<number> {
    this.ask();
    return (JSON.parse(await this.answer()) as { ms: number }).ms;
  }
}
