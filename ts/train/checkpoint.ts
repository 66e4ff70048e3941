// Checkpoints: everything a run needs to go on as if it had never stopped. A checkpoint is a folder, written under a
// temporary name, flushed to disk and renamed; the file LATEST names it and is renamed last. Whatever a crash
// interrupts, LATEST names a whole one.

import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { PixelCnnError } from '../error.js';
import type { Recipe } from './recipe.js';

/** What one finished epoch reports. */
export interface EpochRecord {
  readonly epoch: number;
  readonly steps: number;
  readonly seconds: number;
  /** Mean over the epoch's samples of the binary cross entropy a pixel, in nats. */
  readonly loss: number;
  readonly valLoss: number;
}

/** Where exact resuming is promised; a difference is worth a warning. */
export interface Environment {
  readonly backend: string;
  readonly device: string;
  readonly version: string;
  readonly cpu: string;
  readonly threads: number;
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
}

export interface Checkpoint {
  readonly state: CheckpointState;
  /** Flat arrays in the layout of parameters.ts: `parameters`, the optimiser's `m` and `v`, and `ema` where there is one. */
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

interface Manifest {
  readonly state: CheckpointState;
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly length: number }>>;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Writes a checkpoint into `folder` and removes all but the newest `keep`. Returns the new one's path. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint, keep: number): Promise<string> {
  const name = await freeName(folder, `step-${String(checkpoint.state.step).padStart(8, '0')}`);
  const temporary = join(folder, `.${name}.${process.pid}.tmp`);
  await mkdir(folder, { recursive: true });
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    const files: Record<string, { sha256: string; length: number }> = {};
    for (const [array, values] of Object.entries(checkpoint.arrays)) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      await writeDurably(join(temporary, `${array}.f32`), bytes);
      files[array] = { sha256: sha256(bytes), length: values.length };
    }
    const manifest: Manifest = { state: checkpoint.state, files };
    await writeDurably(join(temporary, 'checkpoint.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await flushFolder(temporary);
    const target = join(folder, name);
    await rename(temporary, target);
    await writeDurably(join(folder, '.LATEST.tmp'), `${name}\n`);
    await rename(join(folder, '.LATEST.tmp'), join(folder, 'LATEST'));
    await flushFolder(folder);
    await prune(folder, keep, name);
    return target;
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PixelCnnError(
      'INVALID_CHECKPOINT',
      `could not write a checkpoint into ${folder} (${reason}); the one before it is untouched`,
      {
        cause,
      },
    );
  }
}

/** The newest whole checkpoint of `folder`, or undefined where none was ever written. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  const latest = await readFile(join(folder, 'LATEST'), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (latest === undefined) return undefined;
  const path = join(folder, latest.trim());
  const manifest = JSON.parse(await readFile(join(path, 'checkpoint.json'), 'utf8')) as Manifest;
  if (manifest.state.format !== 2) {
    throw new PixelCnnError(
      'INVALID_CHECKPOINT',
      `${path}: expected a checkpoint of format 2, got ${String(manifest.state.format)}`,
    );
  }
  const arrays: Record<string, Float32Array> = {};
  for (const [array, { sha256: expected, length }] of Object.entries(manifest.files)) {
    const file = join(path, `${array}.f32`);
    const bytes = await readFile(file);
    if (bytes.byteLength !== 4 * length || sha256(bytes) !== expected) {
      throw new PixelCnnError(
        'INVALID_CHECKPOINT',
        `${file}: its sha256 is not the one recorded; remove ${path} and put an older name into LATEST`,
      );
    }
    arrays[array] = new Float32Array(Uint8Array.from(bytes).buffer);
  }
  // JSON has no NaN; without validation images, that is what val_loss is.
  const history = manifest.state.history.map((epoch) => ({ ...epoch, valLoss: epoch.valLoss ?? Number.NaN }));
  return { state: { ...manifest.state, history }, arrays };
}

/** Never the name of a checkpoint that is there: replacing it would leave a moment with neither. */
async function freeName(folder: string, name: string): Promise<string> {
  const taken = await readdir(folder).catch(() => [] as string[]);
  if (!taken.includes(name)) return name;
  let suffix = 1;
  while (taken.includes(`${name}-${suffix}`)) suffix++;
  return `${name}-${suffix}`;
}

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

/** A rename is on disk only once its folder is. Some file systems cannot flush folders; they order renames themselves. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  try {
    await folder?.sync().catch(() => undefined);
  } finally {
    await folder?.close();
  }
}

async function prune(folder: string, keep: number, newest: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^step-\d+(-\d+)?$/.test(name)).sort();
  const old = names.filter((name) => name !== newest).slice(0, Math.max(0, names.length - keep));
  for (const name of old) await rm(join(folder, name), { recursive: true, force: true });
}
