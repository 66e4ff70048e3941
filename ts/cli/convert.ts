/** What the commands share that make a model file from another. */

import { basename } from 'node:path';
import type { Command } from 'commander';
import { checkConvertible } from '../convert.js';
import { imageSize } from '../images.js';
import { namingModel } from '../load.js';
import { maxSeed } from '../sample_options.js';
import { openSampler, type Sampler } from '../sampler.js';
import { type CalibrationOptions, calibrateHelp, calibrationImages } from './calibration.js';
import type { Made } from './core_tasks.js';
import { inThread } from './core_thread.js';
import { addRuleOptions } from './data_option.js';
import { bytes, labelled } from './format.js';
import { interruptible } from './interrupt.js';
import { checkKept } from './kept_files.js';
import { openModel } from './open_model.js';
import { integer } from './option.js';
import { openOutputFile } from './output_folder.js';
import { packagedModel } from './packaged_model.js';
import { print, printJson } from './terminal.js';

export interface ConvertCommandOptions extends CalibrationOptions {
  out?: string;
  json?: boolean;
}

export function withConvertOptions(command: Command): Command {
  return addRuleOptions(command, 'as the model was trained')
    .argument('[model]', 'model file of precision f32 (default: the packaged mnist-binary)')
    .option('--out <file>', 'the new model file (default: the name of the old, with what was done)')
    .option('--calibrate <name>', calibrateHelp, 'samples')
    .option('--images <n>', 'how many images', integer('--images', { min: 1, max: 100_000 }), 300)
    .option('--seed <n>', 'seed of the samples', integer('--seed', { min: 0, max: maxSeed }), 0)
    .option('--offline', 'never fetch data')
    .option('--json', 'print one JSON object and nothing else');
}

/** Converts a file, writes the new one whole or not at all, and prints what `describe` has to say. */
export function convertFile<Name extends 'optimize' | 'quantize'>(
  name: Name,
  suffix: string,
  model: string | undefined,
  options: ConvertCommandOptions,
  describe: (made: Made<Name>, sampler: Sampler) => { figures: object; rows: [string, string][] },
): Promise<void> {
  return interruptible(async (signal) => {
    const path = model ?? packagedModel('mnist-binary');
    const out = options.out ?? `${basename(path).replace(/\.safetensors$/, '')}.${suffix}.safetensors`;
    await checkKept(
      [{ option: '--out', path: out }],
      [
        { what: 'the model itself', path },
        { what: 'the images of --calibrate', path: options.calibrate },
      ],
    );
    const { bytes: before, sampler: old } = await openModel(path, signal);
    checkConvertible(name, old.config);
    const write = await openOutputFile(out, '--out');
    const { data: images, labels, name: calibration } = await calibrationImages(before, old, options, signal);
    const size = imageSize(old.config);
    old.dispose();
    const made = await inThread(name, { model: before, images, calibration, labels, size }, signal).catch(
      (error: unknown) => {
        throw namingModel(error, path);
      },
    );
    const { after } = made;
    await write(after);
    const { figures, rows } = describe(made, openSampler(after));
    if (options.json) {
      printJson({ model: path, out, calibration, bytes: after.length, ...figures });
      return;
    }
    print(
      labelled([
        ['model', `${path}, ${bytes(before.length)}`],
        ['calibration', calibration],
        ...rows,
        ['written', `${out}, ${bytes(after.length)}`],
      ]),
    );
  });
}
