/** `pixelcnn import`: a model of Keras or TensorFlow.js as a model file. */

import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Forbidden } from '../exchange/assemble.js';
import { readWholeFile } from '../node/files.js';
import { createCommand } from './command.js';
import type { Given, Made } from './core_tasks.js';
import { inThread } from './core_thread.js';
import { UsageError } from './failure.js';
import { labelled, bytes as size, thousands } from './format.js';
import { netInWords } from './inspect.js';
import { interruptible } from './interrupt.js';
import { checkKept, type Input } from './kept_files.js';
import { pair } from './option.js';
import { openOutputFile } from './output_folder.js';
import { print, printJson, tell } from './terminal.js';

interface ImportCommandOptions {
  out?: string;
  size?: readonly [number, number];
  json?: boolean;
}

export const command = createCommand('import', 'make a model file of a model of Keras or TensorFlow.js', [
  ['pixelcnn.keras', 'what model.save of Keras 3 wrote, into pixelcnn.safetensors'],
  ['pixelcnn.weights.h5 --size 28x28', 'weights alone, of a net for images of 28 rows and columns'],
  ['model.json --out mine.safetensors', 'a LayersModel of TensorFlow.js of the layers of pixelcnn/layers'],
])
  .argument('<model>', '.keras, .weights.h5 or .h5 file, or model.json with its weights beside it')
  .option('--out <file>', 'the model file (default: the name of the other, with .safetensors)')
  .option(
    '--size <HxW>',
    'rows and columns of images, where the file tells none or others are wanted',
    pair('--size', { min: 1, max: 4096 }),
  )
  .option('--json', 'print one JSON object and nothing else')
  .action((model: string, options: ImportCommandOptions) => interruptible((signal) => run(model, options, signal)));

async function run(path: string, options: ImportCommandOptions, signal: AbortSignal): Promise<void> {
  const out = options.out ?? `${basename(path).replace(/(\.weights)?\.(keras|h5|hdf5|json|tfjs)$/i, '')}.safetensors`;
  await checkKept([{ option: '--out', path: out }], filesOf(path));
  const { size: found } = await stat(path).catch(() => ({ size: 0 }));
  const limit = patience.least + patience.perByte * found;
  const made = await importInTime({ path, ...(options.size && { size: options.size }) }, signal, limit);
  await (await openOutputFile(out, '--out'))(made.bytes);
  const { config, what, sha256, forbidden } = made;
  const notes = [...made.notes, ...(forbidden.count === 0 ? [] : [maskedSentence(forbidden)])];
  for (const note of notes) tell(`warning: ${note}`);
  if (options.json) {
    printJson({ model: path, what, sha256, out, bytes: made.bytes.length, config, forbidden, warnings: notes });
    return;
  }
  const { filters, blocks, firstKernel, blockKernel, headLayers } = config;
  print(
    labelled([
      ['model', `${path}, ${what}`],
      ['net', netInWords(config)],
      [
        'layers',
        `${filters} filters, ${blocks} blocks of ${blockKernel}x${blockKernel} after ${firstKernel}x${firstKernel}, ${headLayers} before the logits`,
      ],
      ['written', `${out}, ${size(made.bytes.length)}`],
    ]),
  );
}

/** The files of a model: itself, and those of weights that a model.json names. What is wrong with it is told by its reader. */
async function* filesOf(path: string): AsyncGenerator<Input> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const file = isFolder ? join(path, 'model.json') : path;
  yield { what: 'the model itself', path: file };
  const { mostJson } = await import('../exchange/tfjs_file.js');
  const text = await readWholeFile(file, mostJson).catch(() => Buffer.alloc(0));
  for (const name of weightNames(text)) yield { what: 'its weights', path: join(dirname(file), name) };
}

function weightNames(text: Buffer): string[] {
  if (!/^\s*\{/.test(text.toString('latin1', 0, 64))) return [];
  try {
    const { weightsManifest } = JSON.parse(text.toString()) as { weightsManifest: { paths: string[] }[] };
    return weightsManifest.flatMap(({ paths }) => paths.map(String));
  } catch {
    return [];
  }
}

/** Milliseconds that a file is given, some hundred times what it takes: HDF5's library never comes back from some damaged ones. */
const patience = { least: 120_000, perByte: 0.002 };

/** Imports in a thread, which is ended with a sentence after `limit` milliseconds. */
export async function importInTime(
  given: Given<'importModel'>,
  signal: AbortSignal,
  limit: number,
): Promise<Made<'importModel'>> {
  const controller = new AbortController();
  const seconds = Math.ceil(limit / 1000);
  const timer = setTimeout(() => {
    const sentence = `model: expected a file that can be read within ${seconds} seconds, got one that could not; it may be damaged`;
    controller.abort(new UsageError(sentence));
  }, limit);
  try {
    return await inThread('importModel', given, AbortSignal.any([signal, controller.signal]));
  } finally {
    clearTimeout(timer);
  }
}

function maskedSentence({ count, largest, largestAllowed }: Forbidden): string {
  const weights = count === 1 ? 'weight that a mask forbids was' : 'weights that masks forbid were';
  const sizes = `the largest ${largest.toPrecision(2)}, of those that are allowed ${largestAllowed.toPrecision(2)}`;
  return `${thousands(count)} ${weights} not 0 (${sizes}) and became 0, as masks make them where the model computes`;
}
