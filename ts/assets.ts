/** The files that lie beside the sampling modules. `pixelcnn/inline` is built with inline_assets.ts in the place of this one. */

import type { NodeWorker } from './host.js';

// Each address is written out in this form, which bundlers know and replace by that of the file they emit. All stand in this module,
// so that they are right in a bundle of the whole package too. Functions, since a module may have no address: see load.ts.

/** The WebAssembly binary, which any host with SIMD runs. */
export function plainBinary(): URL | Uint8Array<ArrayBuffer> {
  return new URL('./wasm/pkg/pixelcnn_bg.wasm', import.meta.url);
}

/** The same for hosts with relaxed SIMD; undefined where there is none. */
export function relaxedBinary(): URL | undefined {
  return new URL('./wasm/pkg/pixelcnn_relaxed_bg.wasm', import.meta.url);
}

/** The script of a pool's workers, which imports nothing; or what starts one. */
export function workerScript(): URL | (() => Worker | NodeWorker) {
  return new URL('./pool/worker.mjs', import.meta.url);
}
