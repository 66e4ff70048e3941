/** What a command reads stays as it is: no output takes the place of an input, nor of another output. */

import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addressOf } from '../address.js';
import { UsageError } from './failure.js';

/** A file that is going to be written, or a folder. */
export interface Output {
  /** What an error calls it. */
  readonly option: string;
  readonly path: string;
  /** Of a folder: whether a file of this name goes into it. */
  readonly names?: (name: string) => boolean;
}

/** A file that is read. */
export interface Input {
  /** In words, such as `the model itself`. */
  readonly what: string;
  /** A path, or what else a model is named by. */
  readonly path: string;
}

/** Refuses outputs that would take the place of an input. Nothing is written before. */
export async function checkKept(
  outputs: readonly Output[],
  inputs: Iterable<Input> | AsyncIterable<Input>,
): Promise<void> {
  const all = await Promise.all(outputs.map(async (output) => ({ ...output, there: await identityOf(output.path) })));
  const standing = all.filter(({ there }) => there !== undefined); // what is not there yet is nobody's
  if (standing.length === 0) return; // of a million inputs none is looked at
  for await (const { what, path: named } of inputs) {
    const file = pathOf(named);
    const own = await identityOf(file);
    if (own === undefined) continue;
    for (const { option, path, names, there } of standing) {
      if (names === undefined) {
        if (own !== there) continue;
        throw new UsageError(`${option}: expected another file than ${what}, which would be lost, got ${path}`);
      }
      // Under its own name, or under that of the file which a link leads to.
      for (const name of [file, await realpath(file)].map((one) => basename(one))) {
        const target = join(path, name);
        if (!names(name) || (await identityOf(target)) !== own) continue;
        throw new UsageError(
          `${option}: expected another folder, got ${path}, in which ${what} would be lost: ${target}`,
        );
      }
    }
  }
}

/** Refuses a file that would have the name of one that goes into a folder. */
export async function checkDistinct({ option, path }: Output, folder: Required<Output>): Promise<void> {
  const beside = (await placeOf(dirname(path))) === (await placeOf(folder.path));
  if (!beside || !folder.names(basename(path))) return;
  throw new UsageError(`${option}: expected another file than those of ${folder.option}, got ${path}, which is one`);
}

/**
 * Refuses a folder for output that is the folder of the images which are read, or lies in it: whoever reads them again would read
 * what was written too.
 */
export async function checkOutside(option: string, path: string, data: string | undefined): Promise<void> {
  if (data === undefined) return;
  const [{ isPublished }, found] = await Promise.all([
    import('../train/data/read_data.js'),
    stat(data).catch(() => undefined),
  ]);
  if (isPublished(data) || !found?.isDirectory()) return;
  const way = relative(await placeOf(data), await placeOf(path));
  if (isAbsolute(way) || way === '..' || way.startsWith(`..${sep}`)) return;
  const where = way === '' ? 'which is that folder' : 'which lies in it';
  throw new UsageError(
    `${option}: expected a folder outside of ${data}, whose images are read, got ${path}, ${where}; name another`,
  );
}

/** The file or folder at a path, whatever the path; undefined where there is none. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}

/** The path of a model; an address of the network is the path of nothing. */
function pathOf(model: string): string {
  try {
    const address = addressOf(model);
    return typeof address === 'string' ? address : fileURLToPath(address);
  } catch {
    return model;
  }
}

/** Where a path leads, also where its end is not there yet. */
async function placeOf(path: string): Promise<string> {
  const whole = resolve(path);
  const real = await realpath(whole).catch(() => undefined);
  if (real !== undefined || dirname(whole) === whole) return real ?? whole;
  return join(await placeOf(dirname(whole)), basename(whole));
}
