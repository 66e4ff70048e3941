// Files that are on disk whole, or not at all.

import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PixelCnnError } from '../error.js';

/** Writes a file and waits until the disk has it. */
export async function writeDurably(path: string, data: Uint8Array | string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Puts a file in the place of the one before, or leaves that as it was. */
export async function replaceDurably(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeDurably(temporary, data);
    await rename(temporary, path);
    await flushFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

/** A rename is on disk only once its folder is. Some file systems cannot flush folders; they order renames themselves. */
export async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  try {
    await folder?.sync().catch(() => undefined);
  } finally {
    await folder?.close();
  }
}

/** As `mkdir -p`. Not by Node's own `recursive`, which never ends where a parent takes no folders, such as /proc. */
export async function makeFolder(path: string): Promise<void> {
  const isThere = async (): Promise<boolean> => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (await isThere()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch(async (error: unknown) => {
    if (!(await isThere())) throw error; // else another process was faster
  });
}

/** Makes a folder and tries that it can be written, so that a night's work does not fail at its end. */
export async function tryFolder(path: string): Promise<void> {
  const trial = join(path, `.trial.${process.pid}.tmp`);
  try {
    await makeFolder(path);
    await writeDurably(trial, 'trial');
    await rm(trial);
  } catch (cause) {
    throw new PixelCnnError(
      'WRITE_FAILED',
      `expected a folder that can be written at ${path}, got: ${reasonOf(cause)}`,
      {
        cause,
      },
    );
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota on the disk is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'a file stands in its place',
  EIO: 'the disk failed',
};

/** Why something failed: what the system said, in words. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const reason = reasons['code' in error ? String(error.code) : ''] ?? error.message;
  // fetch says only "fetch failed"; what failed is its cause.
  return error.cause instanceof Error ? `${reason}: ${error.cause.message}` : reason;
}

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
