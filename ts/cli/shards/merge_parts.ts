/** Putting parts together: every one there once, all of one job, every hash as its manifest says. */

import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  flushFolder,
  forgetTemporary,
  readWholeFile,
  reasonOf,
  replaceDurably,
  temporaryPath,
} from '../../node/files.js';
import { npyHead } from '../../node/npy.js';
import { exitCodes, Failure, UsageError } from '../failure.js';
import { thousands } from '../format.js';
import { arraysOf, differenceOf, type Job } from './job.js';
import { type Manifest, manifestPath, parseManifest, partName, readArray, shardOfName } from './part.js';
import { shardText } from './shard.js';

/** A part, and the folder in which it lies. */
export interface Found {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Parts of one job, all of them, by their index. */
export interface Parts {
  readonly job: Job;
  readonly of: number;
  readonly found: readonly Found[];
}

/** No manifest is longer. */
const mostManifestBytes = 2 ** 20;

/** What running some shards again mends. */
function incomplete(message: string): Failure {
  return new Failure(message, { exitCode: exitCodes.incomplete });
}

/**
 * Finds the parts in some folders.
 *
 * @throws UsageError for a folder that cannot be read or has none; Failure, with the exit code `incomplete` where running shards
 *   again mends it, for parts that are missing, there twice, unreadable, or of different jobs.
 */
export async function findParts(folders: readonly string[], signal: AbortSignal): Promise<Parts> {
  const byIndex = new Map<number, Found>();
  let one: Found | undefined;
  for (const folder of folders) {
    for (const name of await namesIn(folder)) {
      const shard = shardOfName(name);
      if (shard === undefined) continue; // such as a part's arrays, or pictures
      signal.throwIfAborted();
      const manifest = await readManifest(folder, shard, signal);
      one ??= { folder, manifest };
      checkSame(one, { folder, manifest });
      const found = { folder, manifest: { ...manifest, job: one.manifest.job } }; // one job for a million parts
      const twin = byIndex.get(shard.index);
      if (twin !== undefined) {
        const both = `${manifestPath(twin.folder, shard)} and ${manifestPath(folder, shard)}`;
        throw new UsageError(
          `expected each part once, got part ${shardText(shard)} twice, ${both}; leave one of them out`,
        );
      }
      byIndex.set(shard.index, found);
    }
  }
  if (one === undefined) {
    throw new UsageError(`expected folders with parts, as --shard writes them, got none in ${folders.join(', ')}`);
  }
  const { of } = one.manifest.shard;
  const missing: number[] = [];
  for (let index = 0; index < of; index++) if (!byIndex.has(index)) missing.push(index);
  if (missing.length > 0) {
    const listed = missing.slice(0, 10).map((index) => `${index}/${of}`);
    const more = missing.length > listed.length ? ` and ${thousands(missing.length - listed.length)} more` : '';
    throw incomplete(
      `expected ${thousands(of)} parts, got ${thousands(byIndex.size)}; run again with --shard ${listed.join(', ')}${more}`,
    );
  }
  const found = Array.from({ length: of }, (_, index) => byIndex.get(index)!);
  return { job: one.manifest.job, of, found };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    throw new UsageError(`expected a folder with parts at ${folder}, got: ${reasonOf(cause)}`, { cause });
  }
}

async function readManifest(folder: string, shard: Manifest['shard'], signal: AbortSignal): Promise<Manifest> {
  const path = manifestPath(folder, shard);
  const text = await readWholeFile(path, mostManifestBytes, signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new Failure(`expected to read ${path}, got: ${reasonOf(cause)}`, { cause });
  });
  const manifest = parseManifest(text.toString('utf8'));
  const again = `run again with --shard ${shardText(shard)}`;
  if ('wrong' in manifest) throw incomplete(`expected a manifest in ${path}, got ${manifest.wrong}; ${again}`);
  if (shardText(manifest.shard) === shardText(shard)) return manifest;
  const got = shardText(manifest.shard);
  throw new UsageError(
    `expected the manifest of ${shardText(shard)} in ${path}, got that of ${got}; leave it out, and ${again}`,
  );
}

/** Refuses a part of another job, or of the same in other pieces. */
function checkSame(one: Found, other: Found): void {
  const [first, second] = [one, other].map(({ folder, manifest }) => manifestPath(folder, manifest.shard));
  const refuse = (mine: string, theirs: string) => {
    throw new UsageError(
      `expected parts of one job, got ${mine} in ${first} and ${theirs} in ${second}; leave one of them out`,
    );
  };
  const difference = differenceOf(one.manifest.job, other.manifest.job);
  if (difference !== undefined) refuse(...difference);
  const [mine, theirs] = [one.manifest.shard.of, other.manifest.shard.of];
  if (mine !== theirs) refuse(`one of ${mine} parts`, `one of ${theirs}`);
}

/** An array's bytes, part by part, without the files' heads. Throws Failure `incomplete` for a damaged part. */
export async function* arrayOf({ job, found }: Parts, array: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { type, shape } = arraysOf(job)[array]!;
  for (const { folder, manifest } of found) {
    signal.throwIfAborted();
    const bytes = await readArray(folder, manifest, array, signal);
    const again = `run again with --shard ${shardText(manifest.shard)}`;
    if ('wrong' in bytes)
      throw incomplete(`expected ${partName(manifest.shard)} whole, got one of which ${bytes.wrong}; ${again}`);
    const head = npyHead(type, [manifest.count, ...shape]);
    if (!bytes.subarray(0, head.length).equals(head)) {
      const file = `the array of ${array} of ${partName(manifest.shard)}`;
      throw new UsageError(`expected ${file} in the form in which this version writes it, got another`);
    }
    yield bytes.subarray(head.length);
  }
}

/** A file that was written, and what it holds. */
export interface Written {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly shape: readonly number[];
}

/**
 * Writes the arrays of all parts to one file each, which appear when all are on the disk.
 *
 * @param pathOf Where an array goes.
 * @param progress Told of images, once for each array.
 */
export async function writeArrays(
  parts: Parts,
  pathOf: (array: string) => string,
  signal: AbortSignal,
  progress: (images: number) => void,
): Promise<Record<string, Written>> {
  const written: Record<string, Written> = {};
  const temporaries = new Map<string, string>();
  try {
    for (const array of Object.keys(arraysOf(parts.job))) {
      const path = pathOf(array);
      const temporary = temporaryPath(dirname(path));
      temporaries.set(temporary, path);
      written[array] = { path, ...(await writeArray(parts, array, temporary, path, signal, progress)) };
    }
    for (const [temporary, path] of temporaries) {
      await rename(temporary, path).catch((cause: unknown) => refuse(path, cause));
      await flushFolder(dirname(path));
    }
  } finally {
    for (const temporary of temporaries.keys()) {
      await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
      forgetTemporary(temporary);
    }
  }
  return written;
}

function refuse(path: string, cause: unknown): never {
  throw new Failure(`expected to write ${path}, got: ${reasonOf(cause)}`, { cause });
}

async function writeArray(
  parts: Parts,
  array: string,
  temporary: string,
  path: string,
  signal: AbortSignal,
  progress: (images: number) => void,
): Promise<Omit<Written, 'path'>> {
  const { type, shape } = arraysOf(parts.job)[array]!;
  const whole = [parts.job.count, ...shape];
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(temporary, 'wx').catch((cause: unknown) => refuse(path, cause));
  const put = async (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    await writeAll(file, chunk).catch((cause: unknown) => refuse(path, cause));
  };
  try {
    await put(npyHead(type, whole));
    let part = 0;
    for await (const chunk of arrayOf(parts, array, signal)) {
      await put(chunk);
      progress(parts.found[part++]!.manifest.count);
    }
    await file.sync().catch((cause: unknown) => refuse(path, cause));
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex'), shape: whole };
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done)).bytesWritten;
}

/** Writes what was merged from what. */
export async function writeMergedManifest(
  path: string,
  { job, found }: Parts,
  written: Readonly<Record<string, Written>>,
  by: string,
): Promise<void> {
  const files = Object.entries(written).map(([array, { path, ...rest }]) => [array, { file: basename(path), ...rest }]);
  const parts = found.map(({ manifest: { shard, first, count, files } }) => ({
    shard: shardText(shard),
    first,
    count,
    files,
  }));
  const text = JSON.stringify({
    format: 'pixelcnn merged 1',
    job,
    files: Object.fromEntries(files),
    parts,
    package: by,
  });
  await replaceDurably(path, `${text}\n`).catch((cause: unknown) => refuse(path, cause));
}
