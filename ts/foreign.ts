/** Files that are given for models and are something else. */

import { giveBytes, readText } from './instance.js';

/** What a file is that is no model, by what it begins with; undefined where that says nothing. Takes the core, started. */
export function foreignFormat(bytes: Uint8Array): string | undefined {
  giveBytes(bytes);
  return readText((core) => core.foreign_format()) || undefined;
}
