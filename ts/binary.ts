/** The WebAssembly binary: which of two, where it is, and compiling it. */

import { anything, checkOptions, show, unlike } from './arguments.js';
import { plainBinary, relaxedBinary } from './assets.js';
import { isModule, isUrl, kindOf, messageOf } from './brand.js';
import { failure, type PixelCnnError } from './error.js';
import { isEdge } from './host.js';
import { isStarted, start } from './instance.js';
import { isSource, placeOf, readSource } from './model_source.js';
import { hasRelaxedSimd, hasSimd } from './simd.js';

declare global {
  // As the types of a browser have it too, for projects without them. Where it is there, it is the same.
  namespace WebAssembly {
    interface Module {}
  }
}

/**
 * A binary that is still to be compiled: its address or path, as for a model, its bytes, or the response of a `fetch`.
 * @inline
 */
type WasmFile = string | URL | Uint8Array | ArrayBuffer | Blob | Response;

/** A binary: its URL or path, as for a model, its bytes, the response of a `fetch`, or compiled. */
export type WasmSource = WasmFile | WebAssembly.Module;

/** `pixelcnn/pixelcnn.wasm`, and where there is one the build for hosts with relaxed SIMD, which alone are given it. */
export interface WasmBuilds {
  /** For every host with SIMD: `pixelcnn/pixelcnn.wasm`. */
  plain: WasmSource;
  /** For hosts with relaxed SIMD: `pixelcnn/pixelcnn.relaxed.wasm`. */
  relaxed?: WasmSource;
}

/** The option `wasm`, checked; of two builds the one for this host. */
export function checkWasm(argument: string, value: unknown): WasmSource {
  if (isWasmSource(value)) return value;
  const wanted = 'the URL, path, bytes, Response or WebAssembly.Module of a binary, or { plain, relaxed }';
  if (kindOf(value) !== 'Object') throw unlike(argument, wanted, value);
  const { plain, relaxed } = checkOptions(argument, value, { plain: anything, relaxed: anything });
  const [name, chosen] = relaxed !== undefined && hasRelaxedSimd() ? ['relaxed', relaxed] : ['plain', plain];
  if (isWasmSource(chosen)) return chosen;
  throw unlike(argument, wanted, chosen, ` as ${name}`);
}

function isWasmSource(value: unknown): value is WasmSource {
  return isSource(value) || isModule(value);
}

/** Throws where the host cannot compile the binary, whoever reads it. */
export function checkHost(): void {
  if (typeof WebAssembly !== 'object') {
    throw failure('WASM_LOAD_FAILED', 'expected a host with WebAssembly, got one without');
  }
  if (!hasSimd()) {
    throw failure(
      'SIMD_UNSUPPORTED',
      'expected a host with WebAssembly SIMD, got one without; use one of 2023 or newer',
    );
  }
}

/** Compiles and starts a binary, once: without a source the one that runs already, or else the package's own. */
export async function startInstance(wasm?: WasmSource): Promise<void> {
  const isThere = () => wasm === undefined && isStarted();
  if (isThere()) return;
  const module = await compileBinary(wasm);
  if (isThere()) return; // another call has started one meanwhile
  start(module, wasm === undefined ? undefined : 'wasm');
}

/** The last binary that was asked for, and what it was asked by. */
let compiling: { key: unknown; module: Promise<WebAssembly.Module> } | undefined;

/** Compiles a binary, once; a failure is forgotten, so that a later call tries again. */
export function compileBinary(wasm?: WasmSource): Promise<WebAssembly.Module> {
  const key = isUrl(wasm) ? wasm.href : wasm;
  if (compiling === undefined || compiling.key !== key) {
    const mine = { key, module: findAndCompile(wasm) };
    compiling = mine;
    mine.module.catch(() => {
      if (compiling === mine) compiling = undefined; // a later one may be on its way
    });
  }
  return compiling.module;
}

const otherWays = "import from 'pixelcnn/inline', or give the binary's address as the option wasm";

async function findAndCompile(wasm: WasmSource | undefined): Promise<WebAssembly.Module> {
  checkHost();
  if (isModule(wasm)) return wasm;
  const argument = wasm === undefined ? undefined : 'wasm';
  const refused = (sentence: string, cause?: unknown): PixelCnnError =>
    failure('WASM_LOAD_FAILED', `expected ${sentence}`, { argument, cause });
  if (isEdge()) {
    const wanted = 'a compiled WebAssembly.Module as the option wasm, since the edge compiles no bytes';
    throw refused(`${wanted}, got ${show(wasm)}; ${edgeLine()}`);
  }
  let source = wasm as WasmFile | undefined; // to the compiler a module is any object
  try {
    source ??= (hasRelaxedSimd() ? relaxedBinary() : undefined) ?? plainBinary();
  } catch (cause) {
    throw refused(`this module to know its address, got none (as in a CommonJS bundle); ${otherWays}`, cause);
  }
  const binary = `the WebAssembly binary${placeOf(source, 'at')}`;
  const todo = argument
    ? 'give pixelcnn.wasm, or its address'
    : `in Vite write optimizeDeps: { exclude: ['pixelcnn'] }; elsewhere ${otherWays}`;
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readSource(source);
  } catch (cause) {
    // What led to it, or what was wanted of a model, whose reader it is.
    const why = messageOf((cause as Error).cause ?? cause).replace(/^model: /, '');
    throw refused(`${binary}, could not read it (${why}); ${todo}`, cause);
  }
  const start = new TextDecoder().decode(bytes.subarray(0, 256));
  if (!start.startsWith('\0asm')) {
    const isPage = /^\s*</.test(start);
    const got = start === '' ? 'an empty file' : isPage ? 'an HTML or XML page' : 'other bytes';
    // A page is what single-page applications and development servers send, with status 200, for a file that they do not have.
    throw refused(`${binary}, got ${got}; ${todo}`);
  }
  try {
    // Not compileStreaming, which refuses what a server sends as another type than application/wasm. The binary is small.
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const todo = /unsafe-eval|CSP/.test(messageOf(cause))
      ? "allow it by script-src 'wasm-unsafe-eval' in the page's Content-Security-Policy"
      : 'give the pixelcnn.wasm of this very version of the package as the option wasm';
    throw refused(`${binary}, the host did not compile it (${messageOf(cause)}); ${todo}`, cause);
  }
}

/** The line to write where modules are imported compiled. */
export function edgeLine(): string {
  const query = 'EdgeRuntime' in globalThis ? '?module' : '';
  return `write import module from 'pixelcnn/pixelcnn.wasm${query}' and loadSampler(model, { wasm: module })`;
}
