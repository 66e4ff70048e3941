/** What assets.ts gives, out of this very module: the build puts it in the place of assets.ts and the files in these texts. */

import { textAddress } from './address.js';
import { type NodeWorker, nodeWorker } from './host.js';
import { decodeText } from './inline_text.js';

declare const inlineBinary: string;
declare const inlineWorker: string;

/** The WebAssembly binary itself. */
export function plainBinary(): URL | Uint8Array<ArrayBuffer> {
  return decodeText(inlineBinary);
}

/** None: the module would be twice as large. */
export function relaxedBinary(): URL | undefined {
  return undefined;
}

/** Starts a worker of its text. */
export function workerScript(): URL | (() => Worker | NodeWorker) {
  return () => nodeWorker(inlineWorker, { eval: true }) ?? new Worker(textAddress(inlineWorker), { type: 'module' });
}
