/** Where a model comes from: a path, a URL, bytes, a file of a page or a response, each read whole. */

import { throwIfAborted } from './abort.js';
import { addressOf } from './address.js';
import { named, show, unlike, wrongKind, wrongValue } from './arguments.js';
import { byteLengthOf, isArrayBuffer, isBlob, isBytes, isResponse, isUrl } from './brand.js';
import { ownNumbers, room } from './bytes.js';
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
  /** Bytes in all; where the server does not say, or sends them compressed, undefined until all are there. */
  readonly total: number | undefined;
}

export type OnLoad = (progress: LoadProgress) => unknown;

/** The largest model file read, in bytes: file, weights and packed weights must fit into 32-bit memory together. */
export const maxModelBytes = 2 ** 29;

/** The source's name for messages; undefined for bytes. */
export function sourceName(model: ModelSource): string | undefined {
  const name = nameOf(model);
  if (typeof name !== 'string' || name === '') return undefined;
  return name.startsWith('data:') ? 'data: URL' : named(name);
}

function nameOf(model: ModelSource): unknown {
  if (isUrl(model)) return model.href;
  if (isResponse(model)) return model.url;
  return isBlob(model) && 'name' in model ? model.name : model;
}

/** The same in a sentence, such as ` at model.safetensors`; nothing of bytes. */
export function placeOf(model: ModelSource, preposition: 'at' | 'from'): string {
  const name = sourceName(model);
  return name === undefined ? '' : ` ${preposition} ${name}`;
}

/** Whether it is one of what a model or a binary is read from. */
export function isSource(value: unknown): value is ModelSource {
  if (typeof value === 'string') return value !== '';
  return [isUrl, isBytes, isArrayBuffer, isBlob, isResponse].some((is) => is(value));
}

/**
 * Reads a model file. Bytes are copied before it returns.
 *
 * @param onLoad Told how much is there: piece by piece of what comes in pieces, and at the end.
 */
export async function readModel(model: ModelSource, signal?: AbortSignal, onLoad?: OnLoad): Promise<Uint8Array> {
  if (!isSource(model)) {
    throw unlike('model', 'a path, a URL, a Uint8Array, an ArrayBuffer, a Blob or a Response', model);
  }
  const bytes = await readSource(model, signal, onLoad);
  await onLoad?.({ loaded: bytes.length, total: bytes.length });
  return bytes;
}

/** A copy of the bytes of a model, which may not be too many. */
export function takeModel(bytes: Uint8Array | ArrayBuffer): Uint8Array<ArrayBuffer> {
  checkLength(byteLengthOf(bytes));
  return ownNumbers('model', bytes);
}

/**
 * Reads a source whole, up to the size of the largest model.
 *
 * @throws PixelCnnError `MODEL_NOT_FOUND`, `MODEL_UNREADABLE`, `MODEL_TOO_LARGE`; all of the argument `model`.
 */
export async function readSource(
  source: ModelSource,
  signal?: AbortSignal,
  onLoad?: OnLoad,
): Promise<Uint8Array<ArrayBuffer>> {
  const found = typeof source === 'string' || isUrl(source) ? await find(source, signal) : source;
  if (isBytes(found) || isArrayBuffer(found)) return takeModel(found);
  const from = placeOf(found, 'from');
  let size: number;
  let body: ReadableStream | null | undefined;
  if (isBlob(found)) {
    size = found.size;
    body = found.stream?.();
  } else {
    body = found.body;
    const { ok, status, statusText, headers } = found;
    if (!ok) {
      body?.cancel().catch(() => {}); // it is not waited for: what the server says besides is of no use
      throw failed(status === 404, `expected HTTP status 200${from}, got ${[status, statusText].join(' ').trim()}`);
    }
    if (found.bodyUsed || body?.locked) {
      throw wrongKind('model', 'expected a Response not yet read, got one whose body is used up or being read');
    }
    size = Number(headers.get('content-length'));
    checkLength(size, from);
    if (headers.get('content-encoding') !== null) size = 0; // it is that of what is sent, compressed
  }
  checkLength(size, from);
  // Without a body, or without streams, as in jsdom and some polyfills.
  if (typeof body?.getReader !== 'function') return takeModel(await found.arrayBuffer());
  // Piece by piece, so that a stream without an end is left at the limit.
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  const cancel = () => {
    reader.cancel(signal?.reason).catch(() => {});
  };
  signal?.addEventListener('abort', cancel);
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throwIfAborted(signal);
        throw failed(false, `expected a whole file${from}, got ${length} bytes and then a broken connection`, cause);
      });
      if (done) break;
      if (!isBytes(value)) throw failed(false, `expected a body of bytes${from}, got a piece that is ${show(value)}`);
      const part = ownNumbers('model', value);
      parts.push(part);
      length += part.length;
      checkLength(length, from);
      // A server may hide from a page of another origin that it sends them compressed.
      await onLoad?.({ loaded: length, total: (length <= size && size) || undefined });
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel(); // at its end, nothing
  }
  throwIfAborted(signal);
  const bytes = room(Uint8Array, length, 'model');
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
    if (!isFile) return await fetch(address, { signal });
    const stats = await files.stat(address);
    if (!stats.isFile()) {
      const got = stats.isDirectory() ? 'a folder' : 'something else';
      throw failed(false, `expected a file, got ${got}${placeOf(address, 'at')}`);
    }
    checkLength(stats.size, placeOf(address, 'from'));
    return await files.readFile(address, { signal });
  } catch (cause) {
    throwIfAborted(signal);
    if (cause instanceof PixelCnnError) throw cause;
    if (!isFile) throw failed(false, `expected an answer${placeOf(address, 'from')}, got none`, cause);
    const { code } = Object(cause) as { code?: unknown };
    const isNone = code === 'ENOENT' || code === 'ENOTDIR';
    const [wanted, got] = isNone ? ['a file', 'none'] : ['a file that can be read', code ?? cause];
    throw failed(isNone, `expected ${wanted}${placeOf(address, 'at')}, got ${got}`, cause);
  }
}

function failed(isNone: boolean, sentence: string, cause?: unknown): PixelCnnError {
  return failure(isNone ? 'MODEL_NOT_FOUND' : 'MODEL_UNREADABLE', sentence, { argument: 'model', cause });
}

function checkLength(length: number, from = ''): void {
  if (length > maxModelBytes) {
    const sentence = `expected at most ${maxModelBytes} bytes, got ${length}${from}; use a net of fewer filters`;
    throw failure('MODEL_TOO_LARGE', sentence, { argument: 'model' });
  }
}
