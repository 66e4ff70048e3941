/** Addresses of files: paths and URLs. */

import { isUrl } from './brand.js';

/**
 * A path as it is, a URL as an object of this realm. What Turbopack makes of `new URL('./file', import.meta.url)` looks like a URL and
 * holds a path.
 *
 * @throws TypeError for what begins as a URL does, and is none.
 */
export function addressOf(source: string | URL): string | URL {
  const text = isUrl(source) ? source.href : source;
  const isPath = isUrl(source) ? text.startsWith('/') : !/^(file|https?|data|blob):/i.test(text);
  return isPath ? text : new URL(text);
}

/** The address of each text so far; they are few, and a pool may start another worker at any time. */
const texts = new Map<string, string>();

/** An address at which a script of this text is found. */
export function textAddress(text: string): string {
  const address = texts.get(text) ?? URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  texts.set(text, address);
  return address;
}
