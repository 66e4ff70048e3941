/** Where a model comes from: a path, a URL, bytes, a file of a page or a response, each read whole. */

import { onAbort, reasonOf, throwIfAborted } from './abort.js';
import { addressOf } from './address.js';
import { show, wrongKind, wrongValue } from './arguments.js';
import { byteLengthOf, codeOf, isArrayBuffer, isBlob, isBytes, isResponse, isUrl } from './brand.js';
import { ownBytes, room } from './bytes.js';
import { PixelCnnError, type PixelCnnErrorCode } from './error.js';
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

export type OnLoad = (progress: LoadProgress) => void;

/** The largest model file read, in bytes: file, weights and packed weights must fit into 32-bit memory together. */
export const maxModelBytes = 2 ** 29;

/** The source's name for messages; undefined for bytes. */
export function sourceName(model: ModelSource): string | undefined {
  if (typeof model === 'string') return model.startsWith('data:') ? 'data: URL' : model;
  if (isUrl(model)) return sourceName(model.href);
  if (isResponse(model)) return nameOf(model);
  if (isBlob(model)) return isNamed(model) ? model.name : undefined;
  return undefined;
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
  let told = -1;
  let failure: { reason: unknown } | undefined;
  const fail = (reason: unknown) => {
    failure ??= { reason };
  };
  const tell: OnLoad = (progress) => {
    told = progress.loaded;
    try {
      // Of an asynchronous listener too, whose rejection would otherwise end a process of Node.
      Promise.resolve(onLoad?.(progress) as unknown).catch(fail);
    } catch (reason) {
      fail(reason);
    }
    if (failure !== undefined) throw failure.reason; // which ends the reading
  };
  try {
    const bytes = await read(model, signal, tell);
    if (told < bytes.length) tell({ loaded: bytes.length, total: bytes.length });
    return bytes;
  } catch (error) {
    throw failure === undefined ? error : failure.reason;
  }
}

async function read(model: ModelSource, signal: AbortSignal | undefined, onLoad: OnLoad): Promise<Uint8Array> {
  if (isBytes(model) || isArrayBuffer(model)) return takeModel(model);
  if (isResponse(model)) return readResponse(model, signal, onLoad);
  if (isBlob(model)) return readBlob(model, signal, onLoad);
  if (!isUrl(model) && (typeof model !== 'string' || model === '')) {
    if (model === '') throw wrongKind('model', 'expected a path or a URL, got an empty string');
    const wanted = 'expected a path, a URL, a Uint8Array, an ArrayBuffer, a Blob or a Response';
    throw wrongKind('model', `${wanted}, got ${show(model)}`);
  }
  const url = parsed(model);
  const files = builtin('node:fs/promises');
  const isFile = typeof url === 'string' || url.protocol === 'file:';
  return isFile && files !== undefined ? readFile(files, url, signal) : readUrl(url, signal, onLoad);
}

/** A copy of the bytes of a model, which may not be too many. */
export function takeModel(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  checkLength(byteLengthOf(bytes));
  return ownBytes('model', bytes);
}

function parsed(model: string | URL): string | URL {
  try {
    return addressOf(model);
  } catch {
    throw wrongValue('model', `expected a URL, got ${show(isUrl(model) ? model.href : model)}`);
  }
}

function nameOf({ url }: Response): string | undefined {
  return typeof url === 'string' && url !== '' ? sourceName(url) : undefined;
}

async function readFile(
  files: typeof import('node:fs/promises'),
  path: string | URL,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  try {
    const stats = await files.stat(path);
    if (!stats.isFile()) {
      const got = stats.isDirectory() ? 'a folder' : 'something else';
      throw failed('MODEL_UNREADABLE', `expected a file, got ${got} at ${path}`);
    }
    checkLength(stats.size);
    return await files.readFile(path, signal && { signal });
  } catch (cause) {
    throwIfAborted(signal);
    if (cause instanceof PixelCnnError) throw cause;
    const code = codeOf(cause);
    throw code === 'ENOENT' || code === 'ENOTDIR'
      ? failed('MODEL_NOT_FOUND', `expected a file at ${path}, got none`, cause)
      : failed('MODEL_UNREADABLE', `expected to read ${path}, got ${code ?? cause}`, cause);
  }
}

async function readUrl(url: string | URL, signal: AbortSignal | undefined, onLoad: OnLoad): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(url, { signal: signal ?? null });
  } catch (cause) {
    throwIfAborted(signal);
    throw failed('MODEL_UNREADABLE', `expected an answer from ${sourceName(url)}, got none`, cause);
  }
  return readResponse(response, signal, onLoad);
}

async function readResponse(response: Response, signal: AbortSignal | undefined, onLoad: OnLoad): Promise<Uint8Array> {
  const name = nameOf(response);
  const from = name === undefined ? '' : ` from ${name}`;
  const { ok, status, statusText, body } = response;
  if (!ok) {
    body?.cancel().catch(() => {}); // it is not waited for: what the server says besides is of no use
    const got = `${Number(status)} ${statusText ?? ''}`.trim();
    throw failed(
      status === 404 ? 'MODEL_NOT_FOUND' : 'MODEL_UNREADABLE',
      `expected HTTP status 200${from}, got ${got}`,
    );
  }
  if (response.bodyUsed || body?.locked) {
    throw wrongKind('model', 'expected a Response not yet read, got one whose body is used up or being read');
  }
  const size = Number(response.headers.get('content-length') ?? 0);
  checkLength(size);
  if (body === null) return new Uint8Array();
  if (typeof body?.getReader !== 'function') return takeModel(await response.arrayBuffer()); // some polyfills have no streams
  // What is sent compressed has the length of that.
  const total = size > 0 && response.headers.get('content-encoding') === null ? size : undefined;
  return readStream(body, from, total, signal, onLoad);
}

async function readBlob(blob: Blob, signal: AbortSignal | undefined, onLoad: OnLoad): Promise<Uint8Array> {
  checkLength(blob.size);
  const from = isNamed(blob) ? ` from ${blob.name}` : '';
  if (typeof blob.stream === 'function') return readStream(blob.stream(), from, blob.size, signal, onLoad);
  return takeModel(await blob.arrayBuffer()); // as in jsdom
}

/** Reads a stream piece by piece, so that one without an end is left at the limit. */
async function readStream(
  body: ReadableStream,
  from: string,
  total: number | undefined,
  signal: AbortSignal | undefined,
  onLoad: OnLoad,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  const leave = signal && onAbort(signal, () => reader.cancel(reasonOf(signal)).catch(() => {}));
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (!isBytes(value)) {
        throw failed('MODEL_UNREADABLE', `expected a body of bytes${from}, got a piece that is ${show(value)}`);
      }
      const part = ownBytes('model', value);
      parts.push(part);
      length += part.length;
      checkLength(length);
      // A server may hide from a page of another origin that it sends them compressed.
      onLoad({ loaded: length, total: total !== undefined && length <= total ? total : undefined });
    }
  } catch (cause) {
    reader.cancel().catch(() => {}); // the reason to stop is `cause`, not what stopping says
    throwIfAborted(signal);
    if (cause instanceof PixelCnnError) throw cause;
    const got = `${length} bytes and then a broken connection`;
    throw failed('MODEL_UNREADABLE', `expected a whole file${from}, got ${got}`, cause);
  } finally {
    leave?.();
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

function failed(code: PixelCnnErrorCode, sentence: string, cause?: unknown): PixelCnnError {
  return new PixelCnnError(code, `model: ${sentence}`, { argument: 'model', ...(cause !== undefined && { cause }) });
}

function checkLength(length: number): void {
  if (length > maxModelBytes) {
    throw failed('MODEL_TOO_LARGE', `expected at most ${maxModelBytes} bytes, got ${length}`);
  }
}
