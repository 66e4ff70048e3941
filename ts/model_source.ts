/** Where a model comes from: a path, a URL, bytes or a response, each read whole. */

import { show, wrongKind, wrongValue } from './arguments.js';
import { PixelCnnError, type PixelCnnErrorCode } from './error.js';
import { builtin } from './host.js';

/**
 * A model file (`.safetensors`): its path, its URL (`file:`, `http:`, `https:`, `data:`, `blob:`, as an object or a
 * string), its bytes, or the response of a `fetch`. In a browser a path is taken from the page's own address.
 */
export type ModelSource = string | URL | Uint8Array | ArrayBuffer | Response;

/** The largest model file read, in bytes: file, weights and packed weights must fit into 32-bit memory together. */
export const maxModelBytes = 2 ** 29;

/** The source's name for messages; undefined for bytes. */
export function sourceName(model: ModelSource): string | undefined {
  if (typeof model === 'string') return model.startsWith('data:') ? 'data: URL' : model;
  if (model instanceof URL) return sourceName(model.href);
  if (isResponse(model)) return model.url || undefined;
  return undefined;
}

/** Reads a model file. */
export async function readModel(model: ModelSource, signal?: AbortSignal): Promise<Uint8Array> {
  if (model instanceof Uint8Array) return checkSize(model);
  if (model instanceof ArrayBuffer) return checkSize(new Uint8Array(model));
  if (isResponse(model)) return readResponse(model);
  if (!(model instanceof URL) && (typeof model !== 'string' || model === '')) {
    const got = model === '' ? 'an empty string' : show(model);
    throw wrongKind('model', `expected a path, a URL, a Uint8Array, an ArrayBuffer or a Response, got ${got}`);
  }
  const url = typeof model === 'string' && /^(file|https?|data|blob):/i.test(model) ? parseUrl(model) : model;
  const files = builtin('node:fs/promises');
  const isFile = typeof url === 'string' || url.protocol === 'file:';
  return isFile && files !== undefined ? readFile(files, url, signal) : readUrl(url, signal);
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw wrongValue('model', `expected a URL, got ${show(text)}`);
  }
}

/** By name as well, for a response of another realm or of a polyfill. */
function isResponse(model: unknown): model is Response {
  return Object.prototype.toString.call(model) === '[object Response]';
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
    return await files.readFile(path, { signal });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    if (cause instanceof PixelCnnError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    throw code === 'ENOENT' || code === 'ENOTDIR'
      ? failed('MODEL_NOT_FOUND', `expected a file at ${path}, got none`, cause)
      : failed('MODEL_UNREADABLE', `expected to read ${path}, got ${code || cause}`, cause);
  }
}

async function readUrl(url: string | URL, signal?: AbortSignal): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(url, { signal: signal ?? null });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw failed('MODEL_UNREADABLE', `expected an answer from ${url}, got none`, cause);
  }
  return readResponse(response, signal);
}

/** Reads a body piece by piece, so that one without an end is left at the limit. */
async function readResponse(response: Response, signal?: AbortSignal): Promise<Uint8Array> {
  const from = response.url ? ` from ${response.url.startsWith('data:') ? 'a data: URL' : response.url}` : '';
  if (!response.ok) {
    await response.body?.cancel();
    const code: PixelCnnErrorCode = response.status === 404 ? 'MODEL_NOT_FOUND' : 'MODEL_UNREADABLE';
    const got = `${response.status} ${response.statusText}`.trim();
    throw failed(code, `expected HTTP status 200${from}, got ${got}`);
  }
  if (response.bodyUsed) throw wrongKind('model', 'expected a Response not yet read, got one whose body is used up');
  checkLength(Number(response.headers.get('content-length') ?? 0));
  if (response.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
      checkLength(length);
    }
  } catch (cause) {
    await reader.cancel().catch(() => {}); // the reason to stop is `cause`, not what stopping says
    if (signal?.aborted) throw signal.reason;
    if (cause instanceof PixelCnnError) throw cause;
    const got = `${length} bytes and then a broken connection`;
    throw failed('MODEL_UNREADABLE', `expected a whole file${from}, got ${got}`, cause);
  }
  const bytes = new Uint8Array(length);
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

function checkSize(bytes: Uint8Array): Uint8Array {
  checkLength(bytes.length);
  return bytes;
}

function checkLength(length: number): void {
  if (length > maxModelBytes) {
    throw failed('MODEL_TOO_LARGE', `expected at most ${maxModelBytes} bytes, got ${length}`);
  }
}
