// Files that are on disk whole, or not at all.

import { createHash, randomBytes } from 'node:crypto';
import { constants, rmSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PixelCnnError } from '../error.js';

/** Writes a file that is not there yet and waits until the disk has it. */
export async function writeDurably(path: string, data: Uint8Array | string): Promise<void> {
  await writeNew(path, data, { durable: true });
}

/**
 * Puts a file in the place of the one before, whose permissions it takes over, or leaves that as it was; waits until the disk
 * has it. A link is replaced itself, and never what it leads to; folders and devices are left alone.
 */
export async function replaceDurably(path: string, data: Uint8Array | string): Promise<void> {
  await replace(path, data, { durable: true });
}

/**
 * As {@link replaceDurably}, for files that can be made again: who looks sees the old one or the new one, but the disk may
 * have neither after a power failure. Makes the folder where there is none.
 */
export async function replaceFile(path: string, data: Uint8Array | string): Promise<void> {
  await makeFolder(dirname(path));
  await replace(path, data, { durable: false });
}

interface WriteOptions {
  durable: boolean;
  /** Permissions. Default: those of a new file. */
  mode?: number;
}

async function replace(path: string, data: Uint8Array | string, { durable }: WriteOptions): Promise<void> {
  const old = await stat(path).catch(() => undefined);
  if (old?.isFile() === false) {
    const kind = old.isDirectory() ? 'folder' : 'device';
    throw Object.assign(new Error(`a ${kind} stands in its place`), { syscall: 'rename', path }); // as the system says it
  }
  const temporary = temporaryPath(dirname(path));
  try {
    await writeNew(temporary, data, { durable, ...(old && { mode: old.mode & 0o777 }) });
    await rename(temporary, path);
    if (durable) await flushFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw error;
  } finally {
    unfinished.delete(temporary);
  }
}

/** Writes a file that must not be there: a link that someone put in its place is not followed. */
async function writeNew(path: string, data: Uint8Array | string, { durable, mode }: WriteOptions): Promise<void> {
  const file = await open(path, 'wx');
  try {
    if (mode !== undefined) await file.chmod(mode);
    await file.writeFile(data);
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Opens a file to read it. What stands in its place and is none is refused, never waited for: a FIFO may never begin, and a
 * device never end.
 */
export async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = await file.stat();
    if (!found.isFile()) {
      const message = `a ${found.isDirectory() ? 'folder' : 'device or FIFO'} stands in its place`;
      throw Object.assign(new Error(message), { syscall: 'open', path }); // as an error of the system has it
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

/** A whole file of at most `most` bytes, opened as {@link openFile} does. */
export async function readWholeFile(path: string, most = 2 ** 31 - 1, signal?: AbortSignal): Promise<Buffer> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    if (size > most) throw new Error(`it has ${size} bytes, more than ${most}`);
    return await file.readFile({ signal });
  } finally {
    await file.close();
  }
}

/** Temporary files of this process that are not in their place yet. */
const unfinished = new Set<string>();

/**
 * A new name beside the file that it will become: nobody can guess it, and no other process, on this machine or on another that
 * shares the disk, has the same. It is removed where the process ends before {@link forgetTemporary}.
 */
export function temporaryPath(folder: string): string {
  if (unfinished.size === 0) {
    process.off('exit', removeUnfinished);
    process.on('exit', removeUnfinished);
  }
  const path = join(folder, `.pixelcnn-${randomBytes(8).toString('hex')}.tmp`);
  unfinished.add(path);
  return path;
}

/** A temporary file or folder was renamed or removed. */
export function forgetTemporary(path: string): void {
  unfinished.delete(path);
}

function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { recursive: true, force: true });
}

/** Names of `temporaryPath`. */
const temporaryName = /^\.pixelcnn-[0-9a-f]{16}\.tmp$/;

/** No write takes as long: a temporary file as old belongs to a process that was killed. */
const staleMilliseconds = 24 * 3600 * 1000;

/** Removes what killed processes left in a folder. What cannot be removed stays. */
export async function removeStale(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!temporaryName.test(name)) continue;
    const path = join(folder, name);
    const age = Date.now() - ((await lstat(path).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY);
    if (age > staleMilliseconds) await rm(path, { recursive: true, force: true }).catch(() => undefined);
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

/** Writes into a folder, and once more where that was removed meanwhile: whoever removes it may be at it this very moment. */
export async function writeThough<T>(isRemoved: (error: unknown) => boolean, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isRemoved(error)) throw error;
    await setTimeout(500);
    return write();
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

/** Makes a folder and tries that it can be written, so that a night's work does not fail at its end. Removes what is stale there. */
export async function tryFolder(path: string): Promise<void> {
  try {
    await tryToWrite(path);
  } catch (cause) {
    throw new PixelCnnError(
      'WRITE_FAILED',
      `expected a folder that can be written at ${path}, got: ${reasonOf(cause)}`,
      { cause },
    );
  }
}

/** As `tryFolder`; throws what the system says. */
export async function tryToWrite(path: string): Promise<void> {
  await makeFolder(path);
  const trial = temporaryPath(path);
  try {
    await writeNew(trial, 'trial', { durable: false });
    await rm(trial);
  } finally {
    forgetTemporary(trial);
  }
  await removeStale(path);
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
  EISDIR: 'a folder stands in its place',
  ELOOP: 'links lead round in a circle',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'the disk failed',
  EFBIG: 'it grew longer than the limit for files',
  EBADF: 'it is closed',
};

/** Why something failed: what the system said, in words. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const reason = reasons['code' in error ? String(error.code) : ''] ?? error.message;
  // fetch says only "fetch failed"; what failed is its cause.
  return error.cause instanceof Error ? `${reason}: ${error.cause.message}` : reason;
}

export const sha256 = (bytes: NodeJS.ArrayBufferView | string): string =>
  createHash('sha256').update(bytes).digest('hex');
