/** Which images a command reads, and how they become levels, for the commands that read some. */

import type { Command } from 'commander';
import { maxSeed } from '../sample_options.js';
import type { ImageSet } from '../train/data/image_set.js';
import type { DataOptions } from '../train/data/load_data.js';
import { choice, integer, number } from './option.js';
import { tell } from './terminal.js';

/** Values of `--binarisation`; those of ts/train, which is not loaded for `--help`. A test holds them together. */
export const binarisations = ['threshold', 'static', 'dynamic', 'none'] as const;

/** The options of {@link addDataOptions}, where given. */
export type DataFlags = Pick<DataOptions, 'limit' | 'offline' | 'binarisation' | 'threshold' | 'binarisationSeed'> & {
  data?: string;
};

/** The same, and which part. */
export type DataChoice = DataFlags & Pick<DataOptions, 'split'>;

/** Those of some options that are such, and given. */
export function dataFlagsOf(options: DataFlags): DataFlags {
  const names = ['data', 'limit', 'offline', 'binarisation', 'threshold', 'binarisationSeed'] as const;
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
}

/** Adds the options that say which images; `defaults` says what holds without them, since none of them has a value then. */
export function addDataOptions(command: Command, defaults: { data: string; binarisation: string }): Command {
  command
    .option(
      '--data <name>',
      `mnist or fashion-mnist, fetched once where not at hand; or a .npy or IDX file, or a folder of PNG, .npy or IDX files (default: ${defaults.data})`,
    )
    .option('--limit <n>', 'only the first n images', integer('--limit', { min: 1, max: 2 ** 31 }));
  return addRuleOptions(command, defaults.binarisation).option('--offline', 'never fetch data or libraries');
}

/** Adds the options that say how values become levels; `byDefault` says what holds without them. */
export function addRuleOptions(command: Command, byDefault: string): Command {
  return command
    .option(
      '--binarisation <name>',
      `threshold; static: drawn once; dynamic: drawn in each epoch anew; none: values are levels (default: ${byDefault})`,
      choice('--binarisation', binarisations),
    )
    .option(
      '--threshold <x>',
      'least value, of 0 to 255, that is 1 (default: 84.48)',
      number('--threshold', { min: 0 }),
    )
    .option(
      '--binarisation-seed <n>',
      'seed of the draw that validation and eval see (default: 0)',
      integer('--binarisation-seed', { min: 0, max: maxSeed }),
    );
}

/** What {@link readData} is asked for: as the model was trained, but for what is asked otherwise. */
export function likeTrained(trained: DataFlags, asked: DataFlags): DataFlags {
  const { limit: _trained, ...own } = dataFlagsOf(trained);
  const given = dataFlagsOf(asked);
  // Another rule has no use for the numbers of the one before; a threshold asks for its rule.
  const another = given.binarisation !== undefined || given.threshold !== undefined;
  const kept = another ? dataFlagsOf(own.data === undefined ? {} : { data: own.data }) : own;
  return { ...kept, ...given };
}

/** The images, as levels. */
export async function readData(options: DataOptions): Promise<ImageSet> {
  const { loadData } = await import('../train/data/load_data.js');
  return loadData({ ...options, say: (line) => tell(line) });
}
