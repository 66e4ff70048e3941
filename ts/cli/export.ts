/** `pixelcnn export`: a model file of a run that was stopped, or that still goes on; and models for other programs. */

import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { namingModel } from '../load.js';
import { readModel } from '../model_source.js';
import { createCommand } from './command.js';
import { UsageError } from './failure.js';
import { labelled, bytes as size, thousands } from './format.js';
import { checkKept, type Input } from './kept_files.js';
import { choice } from './option.js';
import { openOutputFile, openOutputFolder } from './output_folder.js';
import { print, printJson, tell } from './terminal.js';

const formats = ['safetensors', 'tfjs'] as const;

interface ExportCommandOptions {
  to: (typeof formats)[number];
  out?: string;
  best?: boolean;
  json?: boolean;
}

export const command = createCommand(
  'export',
  'make a model file of a run, stopped or not, or a model for TensorFlow.js',
  [
    ['runs/mnist', 'the newest weights, into mnist.step-00012345.safetensors'],
    ['runs/mnist --best --out best.safetensors', 'those of the epoch with the least val_loss'],
    ['runs/mnist/checkpoints/step-00000493', 'those of one checkpoint'],
    ['mine.safetensors --to tfjs', 'a LayersModel of TensorFlow.js, in mine.tfjs/model.json'],
  ],
)
  .argument('<run>', 'folder of a run, or of one of its checkpoints; with --to tfjs a model file too')
  .option(
    '--to <format>',
    'safetensors: a model file; tfjs: a folder with a model.json, of layers of pixelcnn/layers',
    choice('--to', formats),
    'safetensors',
  )
  .option(
    '--out <path>',
    'the model file, or the folder (default: the name of the run and of the checkpoint, or of the model)',
  )
  .option('--best', 'the weights after the epoch with the least val_loss, where they are kept')
  .option('--json', 'print one JSON object and nothing else')
  .action(run);

async function run(path: string, options: ExportCommandOptions): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() && options.to === 'tfjs') return exportFile(path, options);
  const [{ exportModel }, { validated }] = await Promise.all([
    import('../train/run/export.js'),
    import('../train/run/record.js'),
  ]);
  if (!found?.isDirectory()) {
    const hint = found?.isFile() ? '; of a model file, --to tfjs makes one for TensorFlow.js' : '';
    throw new UsageError(
      `run: expected the folder of a run or of a checkpoint, got ${path === '' ? 'an empty name' : path}${hint}`,
    );
  }
  const { bytes, checkpoint, result, skipped } = await exportModel(path, { ...(options.best && { best: true }) });
  const inputs = (await readdir(checkpoint)).map((name) => ({
    what: 'those of the run',
    path: join(checkpoint, name),
  }));
  const latest = { what: 'those of the run', path: join(dirname(checkpoint), 'LATEST') };
  const written = await write(bytes, nameOf(checkpoint), options, [...inputs, latest]);
  for (const sentence of skipped) tell(`warning: ${sentence}`);
  const { updates, epoch, recipe } = result;
  const valLoss = validated(result)?.valLoss;
  if (options.json) {
    const figures = { updates, epoch, ...(valLoss !== undefined && { valLoss }) };
    printJson({ checkpoint, ...written, ...figures });
    return;
  }
  print(
    labelled([
      ['checkpoint', checkpoint],
      ['trained', `${thousands(updates)} updates, ${epoch} of ${recipe.epochs} epochs`],
      ['val_loss', valLoss === undefined ? 'none: not validated after its last update' : valLoss.toFixed(4)],
      ['written', `${written.out}, ${size(written.bytes)}`],
    ]),
  );
}

/** A model file for another program. */
async function exportFile(path: string, options: ExportCommandOptions): Promise<void> {
  if (options.best)
    throw new UsageError('--best: expected the folder of a run, which has several weights, got a model file');
  const model = await readModel(path);
  const name = basename(path).replace(/\.safetensors$/, '');
  const itself = { what: 'the model itself', path };
  const written = await write(model, name, options, [itself]).catch((error: unknown) => {
    throw namingModel(error, path);
  });
  if (options.json) return printJson({ model: path, ...written });
  print(
    labelled([
      ['model', `${path}, ${size(model.length)}`],
      ['written', `${written.out}, ${size(written.bytes)}`],
    ]),
  );
}

/** Writes a model in the form that was asked for; where, and how many bytes. `name` is what it is called without --out, `inputs` are what it was made of. */
async function write(
  model: Uint8Array,
  name: string,
  { to, out = `${name}.${to}` }: ExportCommandOptions,
  inputs: readonly Input[],
): Promise<{ out: string; bytes: number }> {
  const file = { option: '--out', path: out };
  if (to === 'safetensors') {
    await checkKept([file], inputs);
    await (await openOutputFile(out, '--out'))(model);
    return { out, bytes: model.length };
  }
  const { tfjsModel } = await import('../exchange/tfjs_model.js');
  const { json, weights, shard } = await tfjsModel(model, `pixelcnn ${versionHere()}`);
  const names = [shard, 'model.json'] as const; // the last one names the other
  await checkKept([{ ...file, names: (name) => names.some((one) => one === name) }], inputs);
  const folder = await openOutputFolder(out, '--out');
  await folder.write(names[0], weights);
  const path = await folder.write(names[1], Buffer.from(json));
  return { out: path, bytes: weights.length + json.length };
}

function versionHere(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** `mnist.step-00012345` for the checkpoint of that name in a run called mnist. */
function nameOf(checkpoint: string): string {
  const folder = dirname(resolve(checkpoint));
  const run = basename(folder) === 'checkpoints' ? basename(dirname(folder)) : basename(folder);
  return `${run}.${basename(resolve(checkpoint))}`;
}
