/** `pixelcnn export`: a model file of a run that was stopped, or that still goes on. */

import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { createCommand } from './command.js';
import { UsageError } from './failure.js';
import { labelled, bytes as size, thousands } from './format.js';
import { openOutputFile } from './output_folder.js';
import { print, printJson, tell } from './terminal.js';

interface ExportCommandOptions {
  out?: string;
  best?: boolean;
  json?: boolean;
}

export const command = createCommand('export', 'make a model file of a run, stopped or not, or of one checkpoint', [
  ['runs/mnist', 'the newest weights, into mnist.step-00012345.safetensors'],
  ['runs/mnist --best --out best.safetensors', 'those of the epoch with the least val_loss'],
  ['runs/mnist/checkpoints/step-00000493', 'those of one checkpoint'],
])
  .argument('<run>', 'folder of a run, or of one of its checkpoints')
  .option('--out <file>', 'the model file (default: the name of the run and of the checkpoint)')
  .option('--best', 'the weights after the epoch with the least val_loss, where they are kept')
  .option('--json', 'print one JSON object and nothing else')
  .action(run);

async function run(path: string, options: ExportCommandOptions): Promise<void> {
  const [{ exportModel }, { validated }] = await Promise.all([
    import('../train/run/export.js'),
    import('../train/run/record.js'),
  ]);
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new UsageError(
      `run: expected the folder of a run or of a checkpoint, got ${path === '' ? 'an empty name' : path}`,
    );
  }
  const { bytes, checkpoint, result, skipped } = await exportModel(path, { ...(options.best && { best: true }) });
  const out = options.out ?? `${nameOf(checkpoint)}.safetensors`;
  await (await openOutputFile(out, '--out'))(bytes);
  for (const sentence of skipped) tell(`warning: ${sentence}`);
  const { updates, epoch, recipe } = result;
  const valLoss = validated(result)?.valLoss;
  if (options.json) {
    const figures = { updates, epoch, ...(valLoss !== undefined && { valLoss }) };
    printJson({ checkpoint, out, bytes: bytes.length, ...figures });
    return;
  }
  print(
    labelled([
      ['checkpoint', checkpoint],
      ['trained', `${thousands(updates)} updates, ${epoch} of ${recipe.epochs} epochs`],
      ['val_loss', valLoss === undefined ? 'none: not validated after its last update' : valLoss.toFixed(4)],
      ['written', `${out}, ${size(bytes.length)}`],
    ]),
  );
}

/** `mnist.step-00012345` for the checkpoint of that name in a run called mnist. */
function nameOf(checkpoint: string): string {
  const folder = dirname(resolve(checkpoint));
  const run = basename(folder) === 'checkpoints' ? basename(dirname(folder)) : basename(folder);
  return `${run}.${basename(resolve(checkpoint))}`;
}
