import { beforeEach, expect, it, vi } from 'vitest';
import { LinePrinter } from '../../ts/cli/train_output.js';
import { loadCore } from '../../ts/train/net/core.js';
import { recipeOf } from '../../ts/train/run/recipe.js';
import type { TrainEvent } from '../../ts/train/train.js';
import { configJson } from '../wasm.js';

const said = vi.hoisted((): string[] => []);
vi.mock('../../ts/cli/terminal.js', async (original) => {
  const say = (line: string): void => void said.push(line);
  return { ...(await original<typeof import('../../ts/cli/terminal.js')>()), print: say, tell: say };
});

beforeEach(() => {
  said.length = 0;
});

/** A printer of a run of 8 epochs of 1,000 updates that goes on from a place. */
async function printerAt(epoch: number, stepInEpoch: number): Promise<LinePrinter> {
  const net = (await loadCore()).describe(JSON.parse(configJson({ filters: 8 })));
  const printer = new LinePrinter('go on with --resume', 'runs/test');
  const counts = { epochs: 8, stepsPerEpoch: 1000, trainImages: 32_000, validationImages: 100 };
  const recipe = recipeOf({ preset: 'fast' });
  await printer.print({
    type: 'start',
    net,
    seed: 1,
    recipe,
    ...counts,
    epoch,
    stepInEpoch,
    history: [],
    warnings: [],
  });
  return printer;
}

/** Updates of `epoch` that take a second each. */
async function step(printer: LinePrinter, epoch: number, first: number, last: number): Promise<void> {
  for (let step = first; step <= last; step++) {
    const figures = { loss: 0.1, batchLoss: 0.1, learningRate: 0.001, gradientNorm: 0.1 };
    const event: TrainEvent = { type: 'step', epoch, step, steps: 1000, seconds: 100 + step, ...figures };
    await printer.print(event);
  }
}

it('says how long an epoch and what is left of the run will take, once, when ten seconds have shown it', async () => {
  const printer = await printerAt(6, 500);
  await step(printer, 7, 501, 510);
  expect(said.join('\n')).not.toContain('will take');
  await step(printer, 7, 501, 530);
  // 490 updates of the seventh epoch, and the eighth
  expect(said.filter((line) => line.includes('will take'))).toEqual([
    'An epoch will take about 17 minutes, all that is left 24:49',
  ]);
});

it('names an epoch when it begins, and no other where a run stops between two', async () => {
  const printer = await printerAt(0, 0);
  await step(printer, 1, 1, 2);
  const model = async () => new Uint8Array();
  await printer.print({ type: 'epoch', epoch: 1, epochs: 8, steps: 1000, seconds: 9, loss: 0.1, valLoss: 0.1, model });
  expect(said.filter((line) => line.startsWith('Epoch '))).toEqual(['Epoch 1/8']);
  await printer.print({ type: 'pause', limit: 'maxSteps', epoch: 1, stepInEpoch: 0, checkpoint: 'c' });
  expect(said.at(-1)).toMatch(/^Stopped by --max-steps after epoch 1, with a checkpoint; go on /);
  await step(printer, 2, 1, 2);
  expect(said.filter((line) => line.startsWith('Epoch '))).toEqual(['Epoch 1/8', 'Epoch 2/8']);
});

it.each([
  [1, 0, 'Resuming after 1 epoch'],
  [2, 1, 'Resuming after 2 epochs and 1 step'],
  [0, 1206, 'Resuming after 1,206 steps'],
])('says where it goes on: after %i epochs and %i updates', async (epoch, stepInEpoch, line) => {
  await printerAt(epoch, stepInEpoch);
  expect(said).toContain(line);
});
