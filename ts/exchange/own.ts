/** What this package writes beside a net that it exports, so that the net comes back as it was: its config and its record. */

import type { Config } from '../config.js';
import { namesOf } from '../metadata.js';
import { sha256 } from '../node/files.js';
import type { Core } from '../train/net/core.js';
import { at } from './stored.js';

/** As it stands in the file. */
export interface OwnWords {
  readonly config: Config;
  /** Of the model file, but for what is the format's own. */
  readonly metadata: Readonly<Record<string, string>>;
  /** sha256 of the weights that the metadata is about, as they lie in the model file. */
  readonly weightsSha256: string;
}

export interface ReadOwn {
  readonly config: Config;
  /** Names of levels, which hold whatever has become of the weights, and the background. */
  readonly names: Readonly<Record<string, string>>;
  /** The metadata, where it is about this very net and these weights; undefined where they were trained on. */
  metadataFor(config: Config, weights: Float32Array): Readonly<Record<string, string>> | undefined;
}

/** What a file says for itself, where it is in form; else it is as good as not there. */
export function readOwn(value: unknown, core: Core): ReadOwn | undefined {
  const [config, metadata, hash] = [at(value, 'config'), at(value, 'metadata'), at(value, 'weightsSha256')];
  if (typeof config !== 'object' || config === null || !isRecord(metadata) || typeof hash !== 'string')
    return undefined;
  let canonical: Config;
  try {
    canonical = core.describe(config as Config).config;
    namesOf(canonical, metadata);
  } catch {
    return undefined;
  }
  const kept = Object.entries(metadata).filter(([name]) => name === 'alphabet' || name === 'background');
  return {
    config: canonical,
    names: Object.fromEntries(kept),
    metadataFor: (found, weights) =>
      JSON.stringify(found) === JSON.stringify(canonical) && sha256(weights) === hash ? metadata : undefined,
  };
}

function isRecord(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string');
}
