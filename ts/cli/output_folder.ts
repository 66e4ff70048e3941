/** The folder that a command writes into: made and tried first, each file put there whole. */

import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../node/files.js';
import { Failure, UsageError } from './failure.js';

export interface OutputFolder {
  /** Writes a file under a temporary name and renames it; returns its path. */
  write(name: string, bytes: Uint8Array): Promise<string>;
}

/** Makes `path` if it is not there, and tries that it can be written. `option` is what an error calls it. */
export async function openOutputFolder(path: string, option: string): Promise<OutputFolder> {
  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    const target = join(path, name);
    const temporary = join(path, `.${name}.${process.pid}.tmp`);
    try {
      await writeFile(temporary, bytes);
      await rename(temporary, target);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {}); // the first error is the one to tell
      throw new Failure(`expected to write ${target}, got ${reasonOf(cause)}`, { cause });
    }
    return target;
  };
  try {
    await makeFolder(path);
    const trial = join(path, `.pixelcnn.${process.pid}.tmp`);
    await writeFile(trial, '');
    await rm(trial);
  } catch (cause) {
    throw new UsageError(`${option}: expected a folder that can be written, got ${path} (${reasonOf(cause)})`, {
      cause,
    });
  }
  return { write };
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
