/** Models of Keras and TensorFlow.js as model files of pixelcnn's. */

import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { checkObject } from '../arguments.js';
import type { Config } from '../config.js';
import { PixelCnnError } from '../error.js';
import { foreignFormat } from '../foreign.js';
import { readWholeFile, reasonOf, sha256 } from '../node/files.js';
import { loadCore } from '../train/net/core.js';
import { type AssembleOptions, assemble, type Forbidden } from './assemble.js';
import { chainOf } from './graph.js';
import { readKerasArchive, readKerasHdf5 } from './keras_file.js';
import { readOwn } from './own.js';
import { refused, type StoredModel } from './stored.js';
import { mostJson, readTfjsModel } from './tfjs_file.js';

export interface ImportOptions extends Pick<AssembleOptions, 'size'> {}

export interface ImportedModel {
  /** The model file. */
  readonly bytes: Uint8Array;
  readonly config: Config;
  /** What the file was, in words. */
  readonly what: string;
  /** sha256 of the file. */
  readonly sha256: string;
  readonly forbidden: Forbidden;
  /** What a user should know, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Takes over a model: a `.keras`, `.weights.h5` or `.h5` file, a `model.json` with the weights beside it, or a folder with one. The
 * net is told by its layers and the shapes of their weights; weights that a mask forbids become 0.
 *
 * @throws RangeError for a file that is damaged, or of a net that pixelcnn has not; PixelCnnError `MODEL_NOT_FOUND`,
 *   `MODEL_UNREADABLE`, or `MISSING_PACKAGE` where it takes a package that is not installed.
 */
export async function importModel(path: string, options: ImportOptions = {}): Promise<ImportedModel> {
  checkObject('options', options);
  const core = await loadCore();
  const { file, bytes } = await readSource(path);
  const stored = await readStored(bytes, file);
  try {
    const own = readOwn(stored.own, core);
    const chain = chainOf(stored);
    const { config, weights, forbidden, notes } = assemble(core, chain, {
      ...options,
      told: own?.config,
    });
    const hash = sha256(bytes);
    const record: Record<string, string> = {
      'imported.from': `${basename(file)}, ${stored.what}`,
      'imported.sha256': hash,
      ...(stored.weightsSha256 !== undefined && { 'imported.weightsSha256': stored.weightsSha256 }),
      ...(forbidden.count > 0 && {
        'imported.forbidden': `${forbidden.count} weights that masks forbid were not 0, and are now`,
      }),
    };
    const kept = own?.metadataFor(config, weights);
    const changed = own !== undefined && kept === undefined;
    return {
      // What was exported and is as it was, is the file again that it was.
      bytes: core.writeModel(config, kept ?? { ...own?.names, ...record }, weights),
      ...{ config, what: stored.what, sha256: hash, forbidden },
      notes: changed
        ? [
            ...notes,
            'its weights are not those that it was exported with, so that the record of their training is left out',
          ]
        : notes,
    };
  } finally {
    stored.close();
  }
}

/** A file, or the model.json of a folder. */
async function readSource(path: string): Promise<{ file: string; bytes: Buffer }> {
  const failed = (code: 'MODEL_NOT_FOUND' | 'MODEL_UNREADABLE', sentence: string, cause?: unknown) =>
    new PixelCnnError(code, `model: ${sentence}`, { argument: 'model', cause });
  if (path === '') throw failed('MODEL_NOT_FOUND', 'expected the path of a file, got an empty name');
  let file = path;
  try {
    if ((await stat(path)).isDirectory()) {
      file = join(path, 'model.json');
      const found = await stat(file).catch(() => undefined);
      if (found === undefined)
        throw failed('MODEL_UNREADABLE', `expected a file, or a folder with a model.json, got the folder ${path}`);
    }
    return { file, bytes: await readWholeFile(file) };
  } catch (cause) {
    if (cause instanceof PixelCnnError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    throw code === 'ENOENT' || code === 'ENOTDIR'
      ? failed('MODEL_NOT_FOUND', `expected a file at ${path}, got none`, cause)
      : failed('MODEL_UNREADABLE', `expected to read ${path}, got: ${reasonOf(cause)}`, cause);
  }
}

/** What a file is, is told by its first bytes. */
async function readStored(bytes: Buffer, file: string): Promise<StoredModel> {
  const start = bytes.toString('latin1', 0, 64);
  if (start.startsWith('PK\x03\x04') || start.startsWith('PK\x05\x06')) return readKerasArchive(bytes);
  if (start.startsWith('\x89HDF\r\n\x1a\n')) return readKerasHdf5(bytes);
  if (/^(\xef\xbb\xbf)?\s*\{/.test(start)) {
    if (bytes.length > mostJson)
      throw refused(`expected a model.json of at most ${mostJson} bytes, got ${bytes.length}`);
    return readTfjsModel(bytes, file);
  }
  const isOurs = bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);
  const found = isOurs ? 'a .safetensors file, which is a model already, or another program’s' : foreignFormat(bytes);
  throw refused(
    `expected a .keras, .weights.h5 or .h5 file of Keras, or a model.json of TensorFlow.js, got ${found ?? 'another file'}`,
  );
}
