/**
 * A part: what one shard makes, a file for each array and a manifest, which is written last and names the sha256 of each. Files appear
 * whole or not at all, and a part is whole where its manifest is there and every hash agrees; anything less is no part.
 */

import { join } from 'node:path';
import type { Levels } from '../../images.js';
import { readWholeFile, reasonOf, replaceDurably, sha256 } from '../../node/files.js';
import { npyBytes, npyHead } from '../../node/npy.js';
import { Failure, UsageError } from '../failure.js';
import { version } from '../version.js';
import { arraysOf, differenceOf, isCount, isHash, type Job, readJob } from './job.js';
import { parseShard, type Range, rangeOf, type Shard, shardText } from './shard.js';

/** What a manifest begins with; another form has another number. */
const format = 'pixelcnn part 1';

export interface Manifest extends Range {
  readonly shard: Shard;
  readonly job: Job;
  /** Of each array its file's length and sha256. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  /** Of scored images whose class is known: how many have it for the likeliest. */
  readonly classifiedRight?: number;
  /** What wrote it. */
  readonly package: string;
}

/** A manifest is small, whatever it speaks of. */
const mostManifestBytes = 2 ** 20;

/** `part-000003-of-000016`. */
export function partName({ index, of }: Shard): string {
  const six = (n: number) => String(n).padStart(6, '0');
  return `part-${six(index)}-of-${six(of)}`;
}

/** The shard of a manifest's file name; undefined for any other name. */
export function shardOfName(name: string): Shard | undefined {
  const [, index, of] = /^part-(\d{6,7})-of-(\d{6,7})\.json$/.exec(name) ?? [];
  if (index === undefined || of === undefined) return undefined;
  const shard = { index: Number(index), of: Number(of) };
  return `${partName(shard)}.json` === name ? shard : undefined;
}

export const manifestPath = (folder: string, shard: Shard): string => join(folder, `${partName(shard)}.json`);

export const arrayPath = (folder: string, shard: Shard, array: string): string =>
  join(folder, `${partName(shard)}.${array}.npy`);

/** A manifest as its file holds it: of equal parts equal in every byte. */
function manifestText({ shard, first, count, job, files, classifiedRight, ...rest }: Manifest): string {
  const right = classifiedRight === undefined ? {} : { classifiedRight };
  const fields = { format, shard: shardText(shard), first, count, job, files, ...right, package: rest.package };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

/** Reads a manifest; tells what is wrong with one that is none. */
export function parseManifest(text: string): Manifest | { readonly wrong: string } {
  let value: Record<string, unknown>;
  try {
    value = Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return { wrong: 'no JSON, as of a file that was cut off or changed' };
  }
  if (value.format !== format) return { wrong: `another format than ${JSON.stringify(format)}` };
  const job = readJob(value.job);
  if (job === undefined) return { wrong: 'a job that this version does not know' };
  let shard: Shard;
  try {
    shard = parseShard('shard', String(value.shard));
  } catch {
    return { wrong: 'no shard such as 0/4' };
  }
  const { first, count } = rangeOf(shard, job.count);
  if (value.first !== first || value.count !== count) return { wrong: 'other images than those of its shard' };
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const [name, { type, shape }] of Object.entries(arraysOf(job))) {
    const { bytes, sha256 } = Object((value.files as Record<string, unknown> | undefined)?.[name]);
    const each = shape.reduce((product, axis) => product * axis, Number(type.at(-1)));
    const wanted = npyHead(type, [count, ...shape]).length + count * each;
    if (bytes !== wanted || !isHash(sha256)) return { wrong: `no length and sha256 of its ${name}` };
    files[name] = { bytes, sha256 };
  }
  const { classifiedRight, package: by } = value;
  const knowsRight = job.command === 'eval' && job.labels !== undefined;
  if (knowsRight !== isCount(classifiedRight) || typeof by !== 'string') return { wrong: 'fields missing or too many' };
  const right = knowsRight ? { classifiedRight: classifiedRight as number } : {};
  return { shard, first, count, job, files, ...right, package: by };
}

/** A file of a part, where all of it has the hash that the manifest names; what is wrong with it otherwise. */
export async function readArray(
  folder: string,
  { shard, files }: Manifest,
  array: string,
  signal: AbortSignal,
): Promise<Buffer | { readonly wrong: string }> {
  const path = arrayPath(folder, shard, array);
  const wanted = files[array]!;
  let bytes: Buffer;
  try {
    bytes = await readWholeFile(path, wanted.bytes, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { wrong: `${path} cannot be read (${reasonOf(error)})` };
  }
  if (bytes.length !== wanted.bytes) return { wrong: `${path} has ${bytes.length} bytes of ${wanted.bytes}` };
  return sha256(bytes) === wanted.sha256 ? bytes : { wrong: `${path} has another sha256 than its manifest says` };
}

/**
 * The manifest of a part that is there and whole; undefined where none is, or only some of one, which may be written over.
 *
 * @throws UsageError where another job's part stands in its place: that is somebody's work.
 */
export async function findPart(
  folder: string,
  shard: Shard,
  job: Job,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const path = manifestPath(folder, shard);
  const text = await readWholeFile(path, mostManifestBytes, signal).catch(() => undefined);
  signal.throwIfAborted();
  const manifest = text === undefined ? { wrong: 'nothing' } : parseManifest(text.toString('utf8'));
  if ('wrong' in manifest) return undefined;
  const difference = differenceOf(job, manifest.job);
  if (difference !== undefined) {
    const [mine, theirs] = difference;
    throw new UsageError(
      `--out: expected a folder for ${mine}, got ${folder}, where ${partName(shard)} is of ${theirs}; choose another folder`,
    );
  }
  if (shardText(manifest.shard) !== shardText(shard)) return undefined;
  for (const array of Object.keys(manifest.files)) {
    if ('wrong' in (await readArray(folder, manifest, array, signal))) return undefined;
  }
  return manifest;
}

/** Writes a part: its arrays, then the manifest. Waits until the disk has them. */
export async function writePart(
  folder: string,
  shard: Shard,
  job: Job,
  arrays: Readonly<Record<string, Levels | Float64Array>>,
  more: { classifiedRight?: number } = {},
): Promise<Manifest> {
  const { first, count } = rangeOf(shard, job.count);
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const [name, { shape }] of Object.entries(arraysOf(job))) {
    const data = arrays[name]!;
    const bytes = npyBytes(data, [count, ...shape]);
    await write(arrayPath(folder, shard, name), bytes);
    files[name] = { bytes: bytes.length, sha256: sha256(bytes) };
  }
  const manifest = { shard, first, count, job, files, ...more, package: `pixelcnn ${version}` };
  await write(manifestPath(folder, shard), manifestText(manifest));
  return manifest;
}

async function write(path: string, data: Uint8Array | string): Promise<void> {
  await replaceDurably(path, data).catch((cause: unknown) => {
    throw new Failure(`expected to write ${path}, got: ${reasonOf(cause)}`, { cause });
  });
}
