/** What `eval --against` compares with. */

import { show } from '../arguments.js';
import { loadSampler, namingModel } from '../load.js';
import { maxModelBytes } from '../model_source.js';
import { readWholeFile, reasonOf } from '../node/files.js';
import type { Compared, Comparison } from '../train/score/compare.js';
import { UsageError } from './failure.js';
import { thousands } from './format.js';

/** Reads what `eval --json` printed, or the likelihood of the validation images from a model's training record. */
export async function readAgainst(path: string, signal: AbortSignal): Promise<Compared> {
  const [{ readValidation }, { readEvaluation }] = await Promise.all([
    import('../train/run/record.js'),
    import('../train/score/compare.js'),
  ]);
  if (path === '') throw new UsageError('--against: expected the name of a file, got an empty one');
  const bytes = await readWholeFile(path, maxModelBytes, signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new UsageError(`--against: expected a file at ${path}, got: ${reasonOf(cause)}`, { cause });
  });
  // A model begins with a length of 8 bytes, whose last is 0; text holds no such byte.
  if (bytes.length >= 8 && bytes[7] === 0) {
    const { metadata } = await loadSampler(bytes, { signal }).catch((error: unknown) => {
      throw namingModel(error, path);
    });
    const validation = readValidation(metadata);
    // What was made from a model carries the record of that model, whose likelihood is not quite its own.
    if (validation !== undefined && metadata.derived === undefined) return validation;
    const got = validation === undefined ? 'none' : 'that of the model it was derived from';
    throw new UsageError(
      `--against: expected a record of the likelihood and its protocol in ${path}, got ${got}; ` +
        'give what eval --json prints for it',
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    const got = show(bytes.toString('utf8', 0, 20));
    throw new UsageError(`--against: expected a model, or what eval --json prints, in ${path}, got ${got}`, { cause });
  }
  return readEvaluation(parsed, path);
}

/** The lines of a comparison. */
export function againstRows(path: string, other: Compared, { natsPerImage, bitsPerDim, standardError }: Comparison) {
  const signed = (value: number, digits: number) => `${value > 0 ? '+' : ''}${value.toFixed(digits)}`;
  const error = standardError === undefined ? '' : ` with a standard error of ${standardError.toFixed(3)}`;
  const hint =
    standardError === undefined
      ? '; how sure that is, only what eval --json printed can tell'
      : `, over ${thousands(other.images)} images, each compared with itself`;
  return [
    ['against', `${path}: ${other.natsPerImage.toFixed(3)} nats an image, ${other.bitsPerDim.toFixed(5)} bits/dim`],
    ['difference', `${signed(natsPerImage, 3)} nats an image${error}, ${signed(bitsPerDim, 5)} bits/dim${hint}`],
  ] as const;
}
