// One file of a data set: read whole, but never more of it than it may hold; unpacked where it is packed; of a kind that
// ends. Its size is looked at before it is read, and the header of what is packed before the rest is unpacked.

import { closeSync, constants, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip, gunzipSync, constants as zlibConstants } from 'node:zlib';
import { PixelCnnError } from '../../../error.js';
import { reasonOf } from '../../../node/files.js';
import { type DataFormat, formatOf, headLength } from './data_format.js';
import { idxHeader } from './idx.js';
import { npyHeader } from './npy.js';
import { type ArrayHeader, fileLength, imagesOf, invalid, mostPixels, type StoredImages } from './numbers.js';

/** The most bytes of a file of numbers: {@link mostPixels} of 8 bits, and a header. */
const mostBytes = mostPixels + 2 ** 16;

/** So that a FIFO that nobody writes to does not hang whoever opens it. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** What stands at a path, in words, where it is neither a file nor a folder. */
export function oddKindOf(found: Stats): string | undefined {
  if (found.isFile() || found.isDirectory()) return undefined;
  if (found.isFIFO()) return 'a FIFO';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

/**
 * A whole file of at most `most` bytes.
 *
 * @throws PixelCnnError `DATA_NOT_FOUND` where it cannot be read, `INVALID_DATA` for one that is larger or no file; the
 *   signal's reason once it aborts.
 */
export async function readDataFile(path: string, most = mostBytes, signal?: AbortSignal): Promise<Buffer> {
  try {
    const file = await open(path, openFlags);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw invalid(path, 'a file', oddKindOf(found) ?? 'a folder');
      if (found.size > most) throw invalid(path, `at most ${most} bytes`, String(found.size));
      const bytes = Buffer.allocUnsafeSlow(found.size);
      let length = 0;
      while (length < bytes.length) {
        signal?.throwIfAborted();
        const { bytesRead } = await file.read(bytes, length, Math.min(2 ** 24, bytes.length - length), length);
        if (bytesRead === 0) break; // it was cut meanwhile
        length += bytesRead;
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof PixelCnnError) throw cause;
    throw unreadable(path, cause);
  }
}

/** A file or folder of data that cannot be read: what was given, wherever in it that is. */
export function unreadable(path: string, cause: unknown): PixelCnnError {
  const sentence = `${path}: could not be read (${reasonOf(cause)})`;
  return new PixelCnnError('DATA_NOT_FOUND', sentence, { cause, argument: 'data' });
}

/** The first bytes of a file; undefined where they cannot be read. */
export function readHead(path: string): Buffer | undefined {
  try {
    const file = openSync(path, openFlags);
    try {
      const buffer = Buffer.alloc(headLength);
      return buffer.subarray(0, readSync(file, buffer, 0, headLength, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** What a file is, by its first bytes, or by those of what it packs; undefined where they cannot be read. */
export function peek(path: string): DataFormat | undefined {
  const head = readHead(path);
  if (head === undefined) return undefined;
  if (!isGzip(head)) return formatOf(head, path);
  try {
    const options = { finishFlush: zlibConstants.Z_SYNC_FLUSH, maxOutputLength: 1024 * headLength };
    const packed = formatOf(gunzipSync(head, options).subarray(0, headLength), path.replace(/\.gz$/i, ''));
    return packed.reader === 'PNG' ? { name: 'a packed PNG file', advice: 'unpack it first' } : packed;
  } catch {
    return formatOf(head, path);
  }
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * Images of a file of numbers, packed or not.
 *
 * @throws PixelCnnError `INVALID_DATA` for a file of another format, which it names; see {@link readDataFile}.
 */
export async function readArray(path: string, signal?: AbortSignal): Promise<StoredImages> {
  const { header, bytes } = await readNumbers(path, signal);
  return imagesOf(header, bytes, path);
}

/** A file of numbers, packed or not: all its bytes, once unpacked, and what their header says. */
export async function readNumbers(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly header: ArrayHeader; readonly bytes: Uint8Array }> {
  const stored = await readDataFile(path, mostBytes, signal);
  const bytes = isGzip(stored) ? await unpackArray(stored, path, signal) : stored;
  const format = formatOf(bytes.subarray(0, headLength), path);
  const header = format.reader === 'IDX' ? idxHeader(bytes) : undefined;
  if (header !== undefined) return { header, bytes };
  if (format.reader === '.npy') return { header: npyHeader(bytes, path), bytes };
  throw notRead(path, format);
}

/** A whole file of at most `most` bytes, packed or not. */
export async function readPacked(path: string, most: number, signal?: AbortSignal): Promise<Uint8Array> {
  const stored = await readDataFile(path, most, signal);
  return isGzip(stored) ? unpack(stored, path, most, signal) : stored;
}

/** A file that is none of those that are read. */
export function notRead(path: string, { name, advice }: DataFormat): PixelCnnError {
  return invalid(path, 'an IDX, .npy, PNG or text file', advice === undefined ? name : `${name}; ${advice}`);
}

/** No header that is read is longer. */
const headerLength = 2 ** 16;

/** Unpacks as much as the header of what is packed speaks of, and no more. */
function unpackArray(bytes: Uint8Array, path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  return unpack(bytes, path, mostBytes, signal, (head) => {
    const format = formatOf(head, path.replace(/\.gz$/i, ''));
    if (format.reader !== 'IDX' && format.reader !== '.npy') throw notRead(path, format);
    const header: ArrayHeader | undefined = format.reader === 'IDX' ? idxHeader(head) : npyHeader(head, path);
    const length = header === undefined ? mostBytes : fileLength(header);
    if (length <= mostBytes) return length;
    throw invalid(path, `at most ${mostBytes} bytes once unpacked`, `a header that tells of ${length}`);
  });
}

/**
 * The content of a gzip file, of at most `most` bytes.
 *
 * @param path What an error calls it.
 * @param lengthOf Told the first bytes, says how long all of it is; what is longer is refused on the way.
 */
export async function unpack(
  bytes: Uint8Array,
  path: string,
  most: number,
  signal?: AbortSignal,
  lengthOf: (head: Uint8Array) => number = () => most,
): Promise<Uint8Array> {
  const stream = createGunzip({ chunkSize: 2 ** 16 });
  stream.end(bytes);
  const chunks: Uint8Array[] = [];
  let length = 0;
  let wanted: number | undefined;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      signal?.throwIfAborted();
      chunks.push(chunk);
      length += chunk.length;
      if (wanted === undefined && length >= headerLength) wanted = lengthOf(Buffer.concat(chunks));
      if (length > (wanted ?? most)) throw invalid(path, `at most ${wanted ?? most} bytes once unpacked`, 'more');
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof PixelCnnError) throw cause;
    throw invalid(path, 'a whole gzip file', `one that could not be unpacked (${reasonOf(cause)})`);
  } finally {
    stream.destroy();
  }
  return Buffer.concat(chunks);
}
