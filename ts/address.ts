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
