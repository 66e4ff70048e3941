/** What the commands share that make a model file from another. */

import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Command } from 'commander';
import type { ConvertOptions } from '../convert.js';
import { imageSize } from '../images.js';
import { loadSampler, namingModel } from '../load.js';
import { readModel } from '../model_source.js';
import { maxSeed } from '../sample_options.js';
import { openSampler, type Sampler } from '../sampler.js';
import { type CalibrationOptions, calibrateHelp, calibrationImages } from './calibration.js';
import { addRuleOptions } from './data_option.js';
import { UsageError } from './failure.js';
import { bytes, labelled } from './format.js';
import { interruptible } from './interrupt.js';
import { integer } from './option.js';
import { openOutputFolder } from './output_folder.js';
import { packagedModel } from './packaged_model.js';

export interface ConvertCommandOptions extends CalibrationOptions {
  out?: string;
  json?: boolean;
}

/** What there is to tell of a conversion. */
export interface Converted {
  before: Uint8Array;
  after: Uint8Array;
  /** The new model. */
  sampler: Sampler;
  /** The images of calibration. */
  images: Uint8Array;
  /** Pixels of an image. */
  size: number;
}

export function withConvertOptions(command: Command): Command {
  return addRuleOptions(command, 'as the model was trained')
    .argument('[model]', 'model file of precision f32 (default: the packaged MNIST model)')
    .option('--out <file>', 'the new model file (default: the name of the old, with what was done)')
    .option('--calibrate <name>', calibrateHelp, 'samples')
    .option('--images <n>', 'how many images', integer('--images', { min: 1, max: 100_000 }), 300)
    .option('--seed <n>', 'seed of the samples', integer('--seed', { min: 0, max: maxSeed }), 0)
    .option('--offline', 'never fetch data')
    .option('--json', 'print one JSON object and nothing else');
}

/** Converts a file, writes the new one whole or not at all, and prints what `tell` has to say. */
export function convertFile(
  suffix: string,
  convert: (model: Uint8Array, images: Uint8Array, options: ConvertOptions) => Promise<Uint8Array>,
  model: string | undefined,
  options: ConvertCommandOptions,
  tell: (converted: Converted) => { figures: object; rows: [string, string][] },
): Promise<void> {
  return interruptible(async (signal) => {
    const path = model ?? packagedModel();
    const out = options.out ?? `${basename(path).replace(/\.safetensors$/, '')}.${suffix}.safetensors`;
    if ((await stat(out).catch(() => undefined))?.isDirectory()) {
      throw new UsageError(`--out: expected the name of a file, got the folder ${out}`);
    }
    const folder = await openOutputFolder(dirname(out), '--out');
    const before = await readModel(path, signal);
    const old = await loadSampler(before, { signal }).catch((error: unknown) => {
      throw namingModel(error, path);
    });
    const { data: images, name: calibration } = await calibrationImages(old, options, signal);
    const after = await convert(before, images, { calibration, signal });
    old.dispose();
    await folder.write(basename(out), after);
    const sampler = openSampler(after);
    const size = imageSize(sampler.config);
    const { figures, rows } = tell({ before, after, sampler, images, size });
    if (options.json) {
      console.log(JSON.stringify({ model: path, out, calibration, bytes: after.length, ...figures }));
      return;
    }
    console.log(
      labelled([
        ['model', `${path}, ${bytes(before.length)}`],
        ['calibration', calibration],
        ...rows,
        ['written', `${out}, ${bytes(after.length)}`],
      ]),
    );
  });
}
