/** What assets.ts gives, out of this very module: the build puts it in the place of assets.ts and the files in these texts. */

import { putTogether } from './inline_binary.js';
import { decodeText } from './inline_text.js';

declare const inlineBinary: readonly string[];
declare const inlineWorker: string;

/** The WebAssembly binary itself. */
export function plainBinary(): URL | Uint8Array<ArrayBuffer> {
  return putTogether(inlineBinary.map(decodeText));
}

/** None: the module would be twice as large. */
export function relaxedBinary(): URL | undefined {
  return undefined;
}

/** The worker's text. */
export function workerScript(): URL | string {
  return inlineWorker;
}
