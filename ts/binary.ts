/** The WebAssembly binary: which of two, where it is, and compiling it. */

import { addressOf } from './address.js';
import { checkOptions, lookedAt, show, wrongKind } from './arguments.js';
import { plainBinary, relaxedBinary } from './assets.js';
import { isArrayBuffer, isBlob, isBytes, isModule, isResponse, isUrl, kindOf, messageOf } from './brand.js';
import { ownBytes } from './bytes.js';
import { PixelCnnError } from './error.js';
import { foreignFormat } from './foreign.js';
import { builtin, isEdge } from './host.js';
import { checkHost, isStarted, start } from './instance.js';
import { hasRelaxedSimd } from './simd.js';

/** A binary that is still to be compiled: its address or path, as for a model, its bytes, or the response of a `fetch`. */
type WasmFile = string | URL | Uint8Array | ArrayBuffer | Blob | Response;

/** A binary: its URL or path, as for a model, its bytes, the response of a `fetch`, or compiled. */
export type WasmSource = WasmFile | WebAssembly.Module;

/** `pixelcnn/pixelcnn.wasm`, and where there is one the build for hosts with relaxed SIMD, which alone are given it. */
export interface WasmBuilds {
  plain: WasmSource;
  relaxed?: WasmSource;
}

/** The option `wasm`, checked; of two builds the one for this host. */
export function checkWasm(value: unknown): WasmSource | undefined {
  if (value === undefined || isWasmSource(value)) return value;
  const wanted = 'expected the URL, path, bytes, Response or WebAssembly.Module of a binary, or { plain, relaxed }';
  const isObject = typeof value === 'object' && value !== null && lookedAt('wasm', () => !Array.isArray(value));
  if (!isObject || kindOf(value) !== 'Object') throw wrongKind('wasm', `${wanted}, got ${show(value)}`);
  const { plain, relaxed } = checkOptions('wasm', value, ['plain', 'relaxed']);
  const [name, chosen] = relaxed !== undefined && hasRelaxedSimd() ? ['relaxed', relaxed] : ['plain', plain];
  if (isWasmSource(chosen)) return chosen;
  throw wrongKind('wasm', `${wanted}, got ${show(chosen)} as ${name}`);
}

function isWasmSource(value: unknown): value is WasmSource {
  if (typeof value === 'string') return value !== '';
  return [isUrl, isBytes, isArrayBuffer, isBlob, isResponse, isModule].some((is) => is(value));
}

/** Compiles and starts a binary, once: without a source the one that runs already, or else the package's own. */
export async function startInstance(wasm?: WasmSource): Promise<void> {
  if (wasm === undefined && isStarted()) return;
  start(await compileBinary(wasm), wasm === undefined ? undefined : 'wasm');
}

/** The last binary that was asked for, and what it was asked by. */
let compiling: { key: unknown; module: Promise<WebAssembly.Module> } | undefined;

/** Compiles a binary, once; a failure is forgotten, so that a later call tries again. */
export function compileBinary(wasm?: WasmSource): Promise<WebAssembly.Module> {
  const key = isUrl(wasm) ? wasm.href : wasm;
  if (compiling === undefined || compiling.key !== key) {
    const module = findAndCompile(wasm).catch((error: unknown) => {
      if (compiling?.module === module) compiling = undefined;
      throw error;
    });
    compiling = { key, module };
  }
  return compiling.module;
}

async function findAndCompile(wasm: WasmSource | undefined): Promise<WebAssembly.Module> {
  checkHost();
  if (isModule(wasm)) return wasm;
  if (isEdge()) throw edgeError(wasm);
  const source = (wasm as WasmFile | undefined) ?? packagedBinary(); // to the compiler a module is any object
  const bytes = await bytesOf(source, wasm !== undefined);
  try {
    // Not compileStreaming, which refuses what a server sends as another type than application/wasm. The binary is small.
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const todo = /unsafe-eval|content security|\bCSP\b/i.test(messageOf(cause))
      ? "allow it by script-src 'wasm-unsafe-eval' in the page's Content-Security-Policy"
      : 'give the pixelcnn.wasm of this very version of the package as the option wasm';
    throw loadError(wasm, `${nameOf(source)}, the host did not compile it (${messageOf(cause)})`, todo, cause);
  }
}

/** The package's own binary, for this host. */
function packagedBinary(): URL | Uint8Array<ArrayBuffer> {
  try {
    return (hasRelaxedSimd() ? relaxedBinary() : undefined) ?? plainBinary();
  } catch (cause) {
    const wanted = 'this module to know its address, got none (as in a CommonJS bundle)';
    const todo = "keep pixelcnn out of the bundle (esbuild: --external:pixelcnn), or import from 'pixelcnn/inline'";
    throw loadError(undefined, wanted, todo, cause);
  }
}

/** What a WebAssembly binary begins with. */
const magic = [0x00, 0x61, 0x73, 0x6d];

const otherWays = "import from 'pixelcnn/inline', or give the binary's address as the option wasm";

async function bytesOf(source: WasmFile, given: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const wasm = given ? source : undefined;
  const wanted = nameOf(source);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readBytes(source);
  } catch (cause) {
    const todo = given ? 'give an address that the host can read' : `where a bundler does not copy it, ${otherWays}`;
    throw loadError(wasm, `${wanted}, could not read it (${messageOf(cause)})`, todo, cause);
  }
  if (magic.every((byte, at) => bytes[at] === byte)) return bytes;
  const got = foreignFormat(bytes)?.what ?? 'other bytes';
  if (given) throw loadError(wasm, `${wanted}, got ${got}`, 'give pixelcnn.wasm');
  // What single-page applications and development servers send, with status 200, for a file that they do not have.
  const why = 'as a server may answer for a file that it does not have';
  const todo = `in Vite write optimizeDeps: { exclude: ['pixelcnn'] }; elsewhere ${otherWays}`;
  throw loadError(wasm, `${wanted}, got ${got}, ${why}`, todo);
}

async function readBytes(source: WasmFile): Promise<Uint8Array<ArrayBuffer>> {
  if (isBytes(source) || isArrayBuffer(source)) return ownBytes('wasm', source);
  if (isBlob(source)) return new Uint8Array(await source.arrayBuffer());
  if (isResponse(source)) return bodyOf(source, 'the server');
  const url = addressOf(source);
  const files = builtin('node:fs/promises');
  if (files !== undefined && (typeof url === 'string' || url.protocol === 'file:')) {
    return new Uint8Array(await files.readFile(url));
  }
  return bodyOf(await fetch(url), url);
}

async function bodyOf(response: Response, from: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  if (!response.ok) throw new Error(`expected HTTP status 200 from ${from}, got ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

function nameOf(source: WasmFile): string {
  const address = isUrl(source) ? source.href : source;
  const at = typeof address === 'string' && !address.startsWith('data:') ? ` at ${address}` : '';
  return `the WebAssembly binary${at}`;
}

/** What an edge host needs, which compiles nothing itself. */
function edgeError(wasm: unknown): PixelCnnError {
  const got = wasm === undefined ? 'none' : show(wasm);
  return loadError(
    wasm,
    `a compiled WebAssembly.Module as the option wasm, since the edge compiles no bytes, got ${got}`,
    edgeLine(),
  );
}

/** The line to write where modules are imported compiled. */
export function edgeLine(): string {
  const query = 'EdgeRuntime' in globalThis ? '?module' : '';
  return `write import module from 'pixelcnn/pixelcnn.wasm${query}' and loadSampler(model, { wasm: module })`;
}

function loadError(wasm: unknown, wantedAndGot: string, todo: string, cause?: unknown): PixelCnnError {
  const argument = wasm === undefined ? undefined : 'wasm';
  const message = `${argument === undefined ? '' : `${argument}: `}expected ${wantedAndGot}; ${todo}`;
  return new PixelCnnError('WASM_LOAD_FAILED', message, { argument, ...(cause !== undefined && { cause }) });
}
