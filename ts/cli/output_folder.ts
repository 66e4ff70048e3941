/** The folder or the file that a command writes: made and tried first, each file put there whole. */

import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { reasonOf, replaceFile, tryToWrite } from '../node/files.js';
import { Failure, UsageError } from './failure.js';

export interface OutputFolder {
  /** Puts a file there whole, or leaves the one before; returns its path. */
  write(name: string, bytes: Uint8Array): Promise<string>;
}

/** Makes `path` if it is not there, and tries that it can be written. `option` is what an error calls it. */
export async function openOutputFolder(path: string, option: string): Promise<OutputFolder> {
  if (path === '') throw new UsageError(`${option}: expected the name of a folder, got an empty one`);
  try {
    await tryToWrite(path);
  } catch (cause) {
    // A disk that is full now may not be later: whoever tries again must not be told that it is of no use.
    const isFull = ['ENOSPC', 'EDQUOT'].includes(String((cause as NodeJS.ErrnoException).code));
    const message = `${option}: expected a folder that can be written, got ${path} (${reasonOf(cause)})`;
    throw isFull ? new Failure(message, { cause }) : new UsageError(message, { cause });
  }
  return {
    write: async (name, bytes) => {
      const target = join(path, name);
      await replaceFile(target, bytes).catch((cause: unknown) => {
        throw new Failure(`expected to write ${target}, got: ${reasonOf(cause)}`, { cause });
      });
      return target;
    },
  };
}

/**
 * Sees to it, before any work is done, that a file can be put at `path`, and makes the folder of it; what it returns puts it
 * there whole.
 */
export async function openOutputFile(path: string, option: string): Promise<(bytes: Uint8Array) => Promise<string>> {
  const refuse = (got: string) => new UsageError(`${option}: expected the name of a file, got ${got}`);
  if (path === '') throw refuse('an empty one');
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() || /[/\\]$/.test(path)) throw refuse(`the folder ${path}`);
  if (found !== undefined && !found.isFile()) throw refuse(`${path}, where something else stands`);
  const folder = await openOutputFolder(dirname(path), option);
  return (bytes) => folder.write(basename(path), bytes);
}
