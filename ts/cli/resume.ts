/** What a run needs so that `--resume` alone goes on with it, and what a stopped run says of that. */

import { existsSync } from 'node:fs';
import { basename, join, normalize, resolve } from 'node:path';
import { show, wrongValue } from '../arguments.js';
import type { CheckpointState } from '../train/run/checkpoint.js';
import type { Device } from '../train/tensorflow/backend.js';
import { type DataChoice, ruleFlags } from './data_option.js';
import { UsageError } from './failure.js';
import { quoted, typed } from './typed.js';

/** What the command line keeps in a checkpoint. Of the user's own images no path, only the last part of its name. */
export type Note = {
  readonly data?: string;
  readonly device?: Device;
  readonly tf32?: boolean;
  readonly deterministic?: boolean;
  readonly samples?: number;
  readonly tensorboard?: boolean;
};

/** A run to go on with. */
export interface RunBefore {
  readonly folder: string;
  readonly state: CheckpointState;
  readonly note: Note;
}

/** The newest checkpoint of a run; throws where there is none. */
export async function readRun(folder: string): Promise<RunBefore> {
  const { readCheckpoint } = await import('../train/run/checkpoint.js');
  const found = await readCheckpoint(folder);
  if (found === undefined) {
    throw new UsageError(`--resume: expected a checkpoint in ${folder}, found none; start a new run without --resume`);
  }
  return { folder, state: found.state, note: noteOf(found.state.run?.note ?? {}) };
}

/** What of a note has the right kind; whoever wrote it may have been another version. */
function noteOf(note: Readonly<Record<string, unknown>>): Note {
  const kinds = { data: 'string', device: 'string', tf32: 'boolean', deterministic: 'boolean' };
  const all = { ...kinds, samples: 'number', tensorboard: 'boolean' };
  return Object.fromEntries(
    Object.entries(all).flatMap(([n, kind]) => (typeof note[n] === kind ? [[n, note[n]]] : [])),
  );
}

/** What holds where neither the user nor the run says anything. */
const defaults: Partial<Record<keyof DataChoice, string | number>> = {
  ...{ split: 'reference', binarisation: 'threshold', threshold: 0.33 * 256, binarisationSeed: 0 },
};

/**
 * What loadData is asked for: what is given, else what the run has.
 *
 * @throws RangeError where what is given contradicts that; UsageError where the run's images have no name and none is given.
 */
export async function dataOfRun({ folder, state, note }: RunBefore, given: DataChoice): Promise<DataChoice> {
  const { dataOptionsOf, describeImages } = await import('../train/run/resume.js');
  const own = dataOptionsOf(state);
  if (own === undefined) return given; // of version 0.1.0: what is not that run's is refused by its hash
  const refuse = (name: string, wanted: unknown, got: unknown): never => {
    const advice = 'leave it out, or start a new run in another folder';
    const shown = Array.isArray(got) ? got.join('x') : show(got);
    const own = Array.isArray(wanted) ? wanted.join('x') : String(wanted);
    throw wrongValue(name, `expected ${own}, as the run in ${folder} has, got ${shown}; ${advice}`);
  };
  for (const name of ['split', ...(Object.keys(ruleFlags) as (keyof typeof ruleFlags)[])] as const) {
    const wanted = own[name] ?? defaults[name] ?? 'none';
    if (given[name] !== undefined && String(given[name]) !== String(wanted)) refuse(name, wanted, given[name]);
  }
  if (given.limit !== undefined && given.limit !== (own.limit ?? state.run?.data.count)) {
    refuse('limit', own.limit ?? 'all images', given.limit);
  }
  const published = own.data !== undefined;
  if (published && given.data !== undefined && given.data !== own.data && !existsSync(given.data)) {
    refuse('data', own.data, given.data);
  }
  const options = { ...own, ...given };
  if (options.data !== undefined) return options;
  // Never a path: but what lies here under the name that it had is worth a look, and its hash tells.
  if (note.data !== undefined && basename(note.data) === note.data && existsSync(note.data)) {
    return { ...options, data: note.data };
  }
  const name = note.data === undefined ? '' : `${show(note.data)}: `;
  throw new UsageError(
    `--data: expected ${name}${describeImages(state)}, which the run in ${folder} is of, got none, and nothing of that ` +
      'name is here; say where they are',
  );
}

/** The part of a path to keep: none of a published set, whose name is known. */
export function dataName(data: string, published: boolean): Pick<Note, 'data'> {
  return published ? {} : { data: basename(resolve(data)) };
}

/** How a stopped run goes on, and how it becomes a model. */
export function goOnWith(out: string, { data }: Note, given: string | undefined): string {
  // What lies in this folder is found by its name.
  const named = data === undefined || given === undefined || normalize(join(given, '.')) === data;
  const more = named ? '' : ` --data ${quoted(given)}`;
  const [goOn, make] = [typed('train', `--out ${quoted(out)} --resume${more}`), typed('export', quoted(out))];
  return `go on with \`${goOn}\`, or make a model of it with \`${make}\``;
}
