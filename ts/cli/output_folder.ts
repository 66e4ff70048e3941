/** The folder that a command writes into: made and tried first, each file put there whole. */

import { join } from 'node:path';
import { reasonOf, replaceFile, tryToWrite } from '../node/files.js';
import { Failure, UsageError } from './failure.js';

export interface OutputFolder {
  /** Puts a file there whole, or leaves the one before; returns its path. */
  write(name: string, bytes: Uint8Array): Promise<string>;
}

/** Makes `path` if it is not there, and tries that it can be written. `option` is what an error calls it. */
export async function openOutputFolder(path: string, option: string): Promise<OutputFolder> {
  try {
    await tryToWrite(path);
  } catch (cause) {
    throw new UsageError(`${option}: expected a folder that can be written, got ${path} (${codeOf(cause)})`, { cause });
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

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
