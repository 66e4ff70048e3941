/** Which images a command reads, and how they become levels, for the commands that read some. */

import type { Command } from 'commander';
import { argumentOf } from '../arguments.js';
import { maxSeed } from '../sample_options.js';
import type { ImageSet } from '../train/data/image_set.js';
import type { DataOptions } from '../train/data/load_data.js';
import { binarisations, mapNames, mostLevels, ruleNames } from '../train/data/rule.js';
import { UsageError } from './failure.js';
import { choice, integer, number, pair } from './option.js';
import { tell } from './terminal.js';
import { quoted } from './typed.js';

/** The flags of what {@link addRuleOptions} adds. */
export const ruleFlags: Readonly<Record<RuleName, string>> = {
  binarisation: '--binarisation',
  threshold: '--threshold',
  binarisationSeed: '--binarisation-seed',
  levels: '--levels',
  nominal: '--nominal',
  alphabet: '--alphabet',
  window: '--window',
  stride: '--stride',
};

type RuleName = (typeof ruleNames)[number] | (typeof mapNames)[number];

/** The options of {@link addDataOptions}, where given. */
export type DataFlags = Pick<DataOptions, 'limit' | 'offline' | RuleName> & { data?: string };

/** The same, and which part. */
export type DataChoice = DataFlags & Pick<DataOptions, 'split'>;

/** Those of some options that are such, and given. */
export function dataFlagsOf(options: DataFlags): DataFlags {
  const names = ['data', 'limit', 'offline', ...ruleNames, ...mapNames] as const;
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
}

/** Adds the options that say which images; `defaults` says what holds without them, since none of them has a value then. */
export function addDataOptions(command: Command, defaults: { data: string; binarisation: string }): Command {
  command
    .option(
      '--data <name>',
      `mnist, fashion-mnist or static-mnist, fetched once where not at hand; or a .npy or IDX file, or maps in text, or a folder of PNG, .npy, IDX or .txt files (default: ${defaults.data})`,
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
    )
    .option(
      '--levels <n>',
      'grey values as n even levels, in place of two; of stored levels and codes how many there are',
      integer('--levels', { min: 2, max: mostLevels }),
    )
    .option('--nominal', 'values are codes as they are stored, such as those of a VQ-VAE or of tiles')
    .option('--alphabet <text>', 'of maps in text: the characters in the order of levels (default: by their codes)')
    .option(
      '--window <HxW>',
      'of maps in text: windows of this size are the images (default: each map is one)',
      pair('--window', { min: 1, max: 4096 }),
    )
    .option(
      '--stride <n>',
      'rows and columns from one window to the next, n or RxC (default: 1)',
      pair('--stride', { min: 1, max: 4096 }),
    );
}

/** What {@link readData} is asked for: as the model was trained, but for what is asked otherwise. */
export function likeTrained(trained: DataFlags, asked: DataFlags): DataFlags {
  const { limit: _trained, ...own } = dataFlagsOf(trained);
  const given = dataFlagsOf(asked);
  const isAsked = (...names: readonly RuleName[]): boolean => names.some((name) => given[name] !== undefined);
  const replaced: readonly string[] = [
    // Another rule has no use for the numbers of the one before; a threshold asks for its rule.
    ...(isAsked('binarisation', 'threshold', 'levels', 'nominal') ? ruleNames : []),
    ...(isAsked('window') ? ['stride'] : []),
  ];
  return { ...Object.fromEntries(Object.entries(own).filter(([name]) => !replaced.includes(name))), ...given };
}

/**
 * The images, as levels, where `options` hold some of the model's own beside those that were `asked` for: no flag that nobody typed
 * is blamed, but the images.
 *
 * @param flag What these are named by.
 */
export async function readLikeTrained(options: DataOptions, asked: DataFlags, flag: string): Promise<ImageSet> {
  try {
    return await readData(options);
  } catch (cause) {
    const name = argumentOf(cause) as RuleName;
    const own = Object.hasOwn(ruleFlags, name ?? '') && asked[name] === undefined && options[name] !== undefined;
    if (!own || !(cause instanceof Error) || !cause.message.startsWith(`${name}: `)) throw cause;
    const value = options[name] === true ? '' : ` ${quoted([options[name]].flat().join('x'))}`;
    const rule = `${flag}: read as the model was trained, by ${ruleFlags[name]}${value}`;
    throw new UsageError(`${rule}${cause.message.slice(name.length)}`, { cause });
  }
}

/** The images, as levels. */
async function readData(options: DataOptions): Promise<ImageSet> {
  const { loadData } = await import('../train/data/load_data.js');
  return loadData({ ...options, say: (line) => tell(line) });
}
