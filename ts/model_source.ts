/** Where a model comes from: a path, a URL, bytes, a file of a page or a response, each read whole. */

import { onAbort, reasonOf, throwIfAborted } from './abort.js';
import { addressOf } from './address.js';
import { show, unlike, wrongKind, wrongValue } from './arguments.js';
import { byteLengthOf, codeOf, isArrayBuffer, isBlob, isBytes, isResponse, isUrl } from './brand.js';
import { ownBytes, room } from './bytes.js';
import { failure, PixelCnnError } from './error.js';
import { builtin } from './host.js';

/**
 * A model file (`.safetensors`): its path, its URL (`file:`, `http:`, `https:`, `data:`, `blob:`, as an object or a
 * string), its bytes, a `Blob` or `File` of them, or the response of a `fetch`. In a browser a path is taken from the page's own
 * address.
 */
export type ModelSource = string | URL | Uint8Array | ArrayBuffer | Blob | Response;

/** How much of a model is there. */
export interface LoadProgress {
  /** Bytes so far. */
  readonly loaded: number;
  /** Bytes in all; undefined where the server does not say, or sends them compressed. */
  readonly total: number | undefined;
}

export type OnLoad = (progress: LoadProgress) => unknown;

/** The largest model file read, in bytes: file, weights and packed weights must fit into 32-bit memory together. */
export const maxModelBytes = 2 ** 29;

/** The source's name for messages; undefined for bytes. */
export function sourceName(model: ModelSource): string | undefined {
  if (typeof model === 'string') return model.startsWith('data:') ? 'data: URL' : model;
  if (isUrl(model)) return sourceName(model.href);
  if (isResponse(model)) return model.url ? sourceName(model.url) : undefined;
  return isBlob(model) && isNamed(model) ? model.name : undefined;
}

function isNamed(blob: Blob): blob is File {
  return 'name' in blob && typeof blob.name === 'string' && blob.name !== '';
}

/**
 * Reads a model file. Bytes are copied before it returns.
 *
 * @param onLoad Told how much is there: piece by piece of what comes in pieces, and at the end.
 */
export async function readModel(model: ModelSource, signal?: AbortSignal, onLoad?: OnLoad): Promise<Uint8Array> {
  let told: number | undefined;
  const tell: OnLoad = (progress) => {
    told = progress.loaded;
    return onLoad?.(progress);
  };
  const bytes = await read(model, signal, tell);
  if (told !== bytes.length) await tell({ loaded: bytes.length, total: bytes.length });
  return bytes;
}

async function read(model: ModelSource, signal: AbortSignal | undefined, onLoad: OnLoad): Promise<Uint8Array> {
  if (isBytes(model) || isArrayBuffer(model)) return takeModel(model);
  if (model === '') throw wrongKind('model', 'expected a path or a URL, got an empty string');
  if (typeof model === 'string' || isUrl(model) || isBlob(model) || isResponse(model)) {
    return readSource(model, signal, onLoad);
  }
  throw unlike('model', 'a path, a URL, a Uint8Array, an ArrayBuffer, a Blob or a Response', model);
}

/** A copy of the bytes of a model, which may not be too many. */
export function takeModel(bytes: Uint8Array | ArrayBuffer): Uint8Array<ArrayBuffer> {
  checkLength(byteLengthOf(bytes));
  return ownBytes('model', bytes);
}

/**
 * Reads what is no array of bytes, whole, up to the size of the largest model.
 *
 * @throws PixelCnnError `MODEL_NOT_FOUND`, `MODEL_UNREADABLE`, `MODEL_TOO_LARGE`; all of the argument `model`.
 */
export async function readSource(
  source: string | URL | Blob | Response,
  signal?: AbortSignal,
  onLoad: OnLoad = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  const found = isBlob(source) || isResponse(source) ? source : await find(source, signal);
  if (isBytes(found)) return found;
  const name = sourceName(found);
  const from = name === undefined ? '' : ` from ${name}`;
  let body: ReadableStream | null | undefined;
  let total: number | undefined;
  if (isBlob(found)) {
    body = found.stream?.();
    total = found.size;
    checkLength(total);
  } else {
    body = found.body;
    const { ok, status, statusText } = found;
    if (!ok) {
      body?.cancel().catch(() => {}); // it is not waited for: what the server says besides is of no use
      const got = `${Number(status)} ${statusText ?? ''}`.trim();
      throw failed(status === 404, `expected HTTP status 200${from}, got ${got}`);
    }
    if (found.bodyUsed || body?.locked) {
      throw wrongKind('model', 'expected a Response not yet read, got one whose body is used up or being read');
    }
    const size = Number(found.headers.get('content-length') ?? 0);
    checkLength(size);
    // What is sent compressed has the length of that.
    if (size > 0 && found.headers.get('content-encoding') === null) total = size;
  }
  // Without a body, or without streams, as in jsdom and some polyfills.
  if (typeof body?.getReader !== 'function') return takeModel(await found.arrayBuffer());
  // Piece by piece, so that a stream without an end is left at the limit.
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  const leave = signal && onAbort(signal, () => reader.cancel(reasonOf(signal)).catch(() => {}));
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throwIfAborted(signal);
        throw failed(false, `expected a whole file${from}, got ${length} bytes and then a broken connection`, cause);
      });
      if (done) break;
      if (!isBytes(value)) throw failed(false, `expected a body of bytes${from}, got a piece that is ${show(value)}`);
      const part = ownBytes('model', value);
      parts.push(part);
      length += part.length;
      checkLength(length);
      // A server may hide from a page of another origin that it sends them compressed.
      await onLoad({ loaded: length, total: total !== undefined && length <= total ? total : undefined });
    }
  } finally {
    leave?.();
    reader.cancel().catch(() => {}); // at its end, nothing
  }
  throwIfAborted(signal);
  const bytes = room(length, 'model', () => new Uint8Array(length));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** The bytes of a file, or what a server answers. */
async function find(source: string | URL, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer> | Response> {
  let address: string | URL;
  try {
    address = addressOf(source);
  } catch {
    throw wrongValue('model', `expected a URL, got ${show(String(source))}`);
  }
  const files = builtin('node:fs/promises');
  const isFile = files !== undefined && (typeof address === 'string' || address.protocol === 'file:');
  try {
    if (!isFile) return await fetch(address, { signal: signal ?? null });
    const stats = await files.stat(address);
    if (!stats.isFile()) {
      const got = stats.isDirectory() ? 'a folder' : 'something else';
      throw failed(false, `expected a file, got ${got} at ${address}`);
    }
    checkLength(stats.size);
    return await files.readFile(address, signal && { signal });
  } catch (cause) {
    throwIfAborted(signal);
    if (cause instanceof PixelCnnError) throw cause;
    if (!isFile) throw failed(false, `expected an answer from ${sourceName(address)}, got none`, cause);
    const code = codeOf(cause);
    const isNone = code === 'ENOENT' || code === 'ENOTDIR';
    const [wanted, got] = isNone ? ['a file at', 'none'] : ['to read', code ?? cause];
    throw failed(isNone, `expected ${wanted} ${address}, got ${got}`, cause);
  }
}

function failed(isNone: boolean, sentence: string, cause?: unknown): PixelCnnError {
  return failure(isNone ? 'MODEL_NOT_FOUND' : 'MODEL_UNREADABLE', sentence, { argument: 'model', cause });
}

function checkLength(length: number): void {
  if (length > maxModelBytes) {
    throw failure('MODEL_TOO_LARGE', `expected at most ${maxModelBytes} bytes, got ${length}`, { argument: 'model' });
  }
}
