// Checkpoints: everything a run needs to go on as if it had never stopped. A checkpoint is a folder, written under a
// temporary name, flushed to disk and renamed; the file LATEST names it and is renamed last. Whatever a crash
// interrupts, LATEST names a whole one. What a disk spoils later is found by hashes, and the checkpoint before serves.

import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { show } from '../../arguments.js';
import type { Config } from '../../config.js';
import { PixelCnnError } from '../../error.js';
import {
  flushFolder,
  forgetTemporary,
  makeFolder,
  openFile,
  readWholeFile,
  reasonOf,
  replaceDurably,
  sha256,
  temporaryPath,
  writeDurably,
} from '../../node/files.js';
import type { ImageSet } from '../data/image_set.js';
import type { Protocol, TrainingOrigin } from '../score/protocol.js';
import type { Backend } from '../tensorflow/backend.js';
import type { Recipe } from './recipe.js';
import type { Ancestor } from './starting_model.js';

/** What one finished epoch reports. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** Updates in it. */
  readonly steps: number;
  /** What it took, validation included. */
  readonly seconds: number;
  /** Mean over the epoch's samples of what a pixel costs, in nats; given the class, where the net has classes. */
  readonly loss: number;
  /** The same of the validation images, after it. */
  readonly valLoss: number;
}

/** Where exact resuming is promised; a difference is worth a warning. */
export interface Environment {
  readonly backend: string;
  readonly device: string;
  readonly version: string;
  readonly gpu?: string;
  readonly cpu: string;
  readonly threads: number;
  /** On a GPU: whether it may round factors, and whether it sums up in one order. */
  readonly tf32?: boolean;
  readonly deterministic?: boolean;
}

/** What a model's record says of the images, without any of them. */
export interface DataRecord
  extends Pick<ImageSet, 'count' | 'source' | 'split' | 'sha256' | 'labelsSha256' | 'classNames' | 'alphabet'> {
  /** How values became what training sees, in words. */
  readonly binarisation: string;
  /** How the same images are had again, where that is known. */
  readonly origin?: TrainingOrigin;
  /** Of the images that validate. */
  readonly validation: Protocol;
}

/** What a model's record says of what computed. */
export type BackendRecord = Pick<Backend, 'name' | 'version' | 'device' | 'gpu' | 'tf32' | 'deterministic'>;

/** What a run was asked for beside its recipe and net: enough to go on without a word, or to make a model. */
export interface RunRecord {
  readonly data: DataRecord;
  readonly backend: BackendRecord;
  readonly validationSplit: number;
  /** The model that it began with, where it began with one. */
  readonly from?: Ancestor;
  readonly patience?: number;
  readonly checkpointEvery?: number;
  readonly keepCheckpoints?: number;
  /** What the caller wants kept, as JSON. */
  readonly note?: Readonly<Record<string, unknown>>;
}

/** The part of a checkpoint that is not tensors. */
export interface CheckpointState {
  readonly format: 2;
  readonly config: Config;
  readonly seed: number;
  readonly recipe: Recipe;
  readonly validationImages: number;
  /** sha256 of the data set's pixels, as levels. */
  readonly data: string;
  /** Finished epochs, and steps and summed nats of the one begun. */
  readonly epoch: number;
  readonly stepInEpoch: number;
  readonly lossSum: number;
  readonly secondsInEpoch: number;
  /** Updates since the start. */
  readonly step: number;
  readonly history: readonly EpochRecord[];
  readonly environment: Environment;
  /** The epoch after which val_loss was least; only where the run is to end early, `best` among the arrays with it. */
  readonly bestEpoch?: number;
  /** Absent in what version 0.1.0 wrote. */
  readonly run?: RunRecord;
}

export interface Checkpoint {
  readonly state: CheckpointState;
  /**
   * Flat arrays in the layout of parameters.ts: `parameters`, the optimiser's `m` and `v`, and where there are such `ema`
   * and the weights of the best epoch, `best`.
   */
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

interface Manifest {
  readonly state: CheckpointState;
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly length: number }>>;
  /** Of the two fields above, as JSON without spaces. */
  readonly sha256: string;
}

/** Writes a checkpoint into `folder` and removes all but the newest `keep` and the best. Returns the new one's path. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint, keep: number): Promise<string> {
  const { state, arrays } = checkpoint;
  const temporary = temporaryPath(folder);
  try {
    await makeFolder(folder);
    await mkdir(temporary);
    const files: Record<string, { sha256: string; length: number }> = {};
    for (const [array, values] of Object.entries(arrays)) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      await writeDurably(join(temporary, `${array}.f32`), bytes);
      files[array] = { sha256: sha256(bytes), length: values.length };
    }
    const manifest: Manifest = { state, files, sha256: sha256(JSON.stringify({ state, files })) };
    await writeDurably(join(temporary, 'checkpoint.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await flushFolder(temporary);
    const name = freeName(await namesIn(folder), state.step);
    await rename(temporary, join(folder, name));
    await replaceDurably(join(folder, 'LATEST'), `${name}\n`);
    await prune(folder, state, keep);
    return join(folder, name);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    const last = (await latestIn(folder)) ?? (await namesIn(folder).catch(() => []))[0];
    const advice = last === undefined ? 'it holds none yet' : `resume from ${join(folder, last)}, which is whole`;
    throw new PixelCnnError(
      'WRITE_FAILED',
      `expected to write a checkpoint into ${folder}, got: ${reasonOf(cause)}; ${advice}`,
      { cause },
    );
  } finally {
    forgetTemporary(temporary);
  }
}

/** A checkpoint that was found. */
export interface Found extends Checkpoint {
  readonly path: string;
  /** What is wrong with those that would have gone first, a sentence each. */
  readonly skipped: readonly string[];
}

/**
 * The newest checkpoint of `folder` that is whole, or undefined where none was ever written.
 *
 * @throws PixelCnnError `INVALID_CHECKPOINT` where there are some and none of them is whole.
 */
export async function readCheckpoint(folder: string): Promise<Found | undefined> {
  const before = await placesIn(folder);
  let { newest, skipped } = await newestOf(folder, before);
  if (skipped.length === 0) return newest;
  // A run that goes on writes and removes some meanwhile: what then is not there was never missing.
  const now = await placesIn(folder);
  if (JSON.stringify(now) !== JSON.stringify(before)) ({ newest, skipped } = await newestOf(folder, now));
  if (newest !== undefined || skipped.length === 0) return newest;
  throw new PixelCnnError(
    'INVALID_CHECKPOINT',
    `expected a whole checkpoint in ${folder}, got none (${skipped.join('; ')}); start a new run in another folder`,
  );
}

/** Where the checkpoints of `folder` are, at one moment or nearly so. */
interface Places {
  /** Newest first. */
  readonly names: readonly string[];
  readonly latest: string | undefined;
}

async function placesIn(folder: string): Promise<Places> {
  const names = await namesIn(folder);
  return { names, latest: await latestIn(folder) };
}

/** The newest checkpoint that is whole, and what is wrong with those before it. */
async function newestOf(
  folder: string,
  { names, latest }: Places,
): Promise<{ newest: Found | undefined; skipped: readonly string[] }> {
  const skipped: string[] = [];
  if (latest !== undefined && !names.includes(latest)) {
    skipped.push(`${join(folder, 'LATEST')} names ${show(latest)}, which is not there`);
  }
  for (const name of [...names].sort((a, b) => Number(b === latest) - Number(a === latest))) {
    const path = join(folder, name);
    try {
      return { newest: { ...(await readWhole(path)), path, skipped }, skipped };
    } catch (error) {
      skipped.push(`${path} is not whole: ${reasonOf(error)}`);
    }
  }
  return { newest: undefined, skipped };
}

/**
 * The checkpoint of `folder` after so many updates, or undefined where there is none.
 *
 * @throws PixelCnnError `INVALID_CHECKPOINT` where it is not whole.
 */
export async function readCheckpointAt(folder: string, step: number): Promise<Found | undefined> {
  const name = (await namesIn(folder)).find((candidate) => numbersOf(candidate)[0] === step);
  return name === undefined ? undefined : readOneCheckpoint(join(folder, name));
}

/** The checkpoint that is the folder `path`. Throws PixelCnnError `INVALID_CHECKPOINT` where it is not whole. */
export async function readOneCheckpoint(path: string): Promise<Found> {
  try {
    return { ...(await readWhole(path)), path, skipped: [] };
  } catch (cause) {
    throw new PixelCnnError('INVALID_CHECKPOINT', `${path}: expected a whole checkpoint, got: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Whether a run has been in `folder`: another one there would take its checkpoints for its own, and remove them. */
export async function holdsCheckpoints(folder: string): Promise<boolean> {
  return (await namesIn(folder)).length > 0;
}

/** More bytes are no state: that of 100,000 epochs has fewer. */
const mostState = 2 ** 26;

/** Reads one checkpoint; throws where anything about it is not as it was written. */
async function readWhole(path: string): Promise<Checkpoint> {
  const stateFile = join(path, 'checkpoint.json');
  const { state, files, sha256: recorded } = manifestOf(await readWholeFile(stateFile, mostState));
  if (state?.format !== 2 || files === undefined) {
    throw new Error(`expected a checkpoint of format 2, got ${show(state?.format)}`);
  }
  if (recorded !== sha256(JSON.stringify({ state, files }))) {
    throw new Error(`the sha256 of checkpoint.json is not ${recorded === undefined ? 'recorded' : 'the one recorded'}`);
  }
  const arrays: Record<string, Float32Array> = {};
  for (const [array, { sha256: expected, length }] of Object.entries(files)) {
    const file = join(path, `${array}.f32`);
    const bytes = await readWholeFile(file, 4 * length);
    if (bytes.length !== 4 * length || sha256(bytes) !== expected) {
      throw new Error(`the sha256 of ${array}.f32 is not the one recorded`);
    }
    arrays[array] = new Float32Array(Uint8Array.from(bytes).buffer);
  }
  // JSON has no NaN; without validation images, that is what val_loss is.
  const history = state.history.map((epoch) => ({ ...epoch, valLoss: epoch.valLoss ?? Number.NaN }));
  return { state: { ...state, history }, arrays };
}

/** What a text says of a checkpoint: nothing, where it is another kind of JSON, or none. */
function manifestOf(bytes: Buffer): Partial<Manifest> {
  try {
    return (JSON.parse(bytes.toString('utf8')) as Partial<Manifest> | null) ?? {};
  } catch {
    throw new Error('checkpoint.json is no JSON, cut off or damaged');
  }
}

const namePattern = /^step-(\d+)(?:-(\d+))?$/;

/** Updates before the checkpoint, and which of several after as many. */
function numbersOf(name: string): readonly [step: number, suffix: number] {
  const [, step, suffix] = namePattern.exec(name) ?? [];
  return [Number(step), Number(suffix ?? 0)];
}

/** The checkpoints of `folder`, newest first. */
async function namesIn(folder: string): Promise<readonly string[]> {
  const all = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    const message = `expected a folder of checkpoints that can be read at ${folder}, got: ${reasonOf(error)}`;
    throw new PixelCnnError('INVALID_CHECKPOINT', message, { cause: error });
  });
  return all
    .filter((name) => namePattern.test(name))
    .sort((a, b) => {
      const [[stepA, suffixA], [stepB, suffixB]] = [numbersOf(a), numbersOf(b)];
      return stepB - stepA || suffixB - suffixA;
    });
}

/** What LATEST names. A file that cannot be read is no reason to give up what it points to. */
async function latestIn(folder: string): Promise<string | undefined> {
  const file = await openFile(join(folder, 'LATEST')).catch(() => undefined);
  try {
    // Longer than any name, and no more of whatever else may be in its place.
    const read = await file?.read({ buffer: Buffer.alloc(80) });
    return read?.buffer.toString('utf8', 0, read.bytesRead).trim();
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

/** Never the name of a checkpoint that is there: replacing it would leave a moment with neither. */
function freeName(taken: readonly string[], step: number): string {
  const name = `step-${String(step).padStart(8, '0')}`;
  const newest = taken.map(numbersOf).find((numbers) => numbers[0] === step);
  return newest === undefined ? name : `${name}-${newest[1] + 1}`;
}

/**
 * Removes what is not to be kept, and what a killed process left. Checkpoints of later steps than the one just written
 * are of a way that was given up: they were skipped when this run went on from an older one.
 */
async function prune(folder: string, state: CheckpointState, keep: number): Promise<void> {
  const names = (await namesIn(folder)).filter((name) => numbersOf(name)[0] <= state.step);
  const best = bestEpochOf(state.history);
  const step = best && updatesOf(state.history, best);
  const kept = new Set([...names.slice(0, keep), names.find((name) => numbersOf(name)[0] === step)]);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const { name } = entry;
    const old = namePattern.test(name) && !kept.has(name);
    // A folder is the beginning of a checkpoint, and this run has the lock; a file may be of one that only looks.
    if (old || (entry.isDirectory() && name.startsWith('.') && name.endsWith('.tmp')))
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** The first epoch with the least val_loss; undefined where nothing was validated. */
export function bestEpochOf(history: readonly EpochRecord[]): number | undefined {
  let best: EpochRecord | undefined;
  for (const record of history) {
    if (record.valLoss < (best?.valLoss ?? Number.POSITIVE_INFINITY)) best = record;
  }
  return best?.epoch;
}

/** Updates done at the end of an epoch. */
export function updatesOf(history: readonly EpochRecord[], epoch: number): number {
  return history.slice(0, epoch).reduce((sum, { steps }) => sum + steps, 0);
}
