// Files of published data sets from their mirrors. No mirror is believed: what counts is the sha256 of the unpacked file.

import { basename, dirname } from 'node:path';
import { PixelCnnError } from '../../../error.js';
import { makeFolder, reasonOf, replaceDurably, sha256 } from '../../../node/files.js';
import { unpack } from './data_file.js';

/** The largest file is 26.4 MB packed and 47 MB unpacked; whoever sends more is not followed. */
const mostPacked = 50_000_000;
export const mostUnpacked = 100_000_000;

export interface PinnedFile {
  /** Where it goes, under its own name. */
  readonly path: string;
  /** Of the unpacked file. */
  readonly sha256: string;
  /** Addresses that its name completes, with `.gz` behind it unless they have it as it is; tried in this order. */
  readonly mirrors: readonly string[];
  /** They have it as it is. Default: false, packed by gzip. */
  readonly plain?: boolean;
}

export interface FetchOptions {
  readonly signal?: AbortSignal;
  /** Told what is being fetched, a line at a time. */
  readonly say?: (line: string) => void;
}

/**
 * Fetches a file from the first mirror that has the right one, and puts it in place by a rename.
 *
 * @returns Its bytes, unpacked.
 * @throws PixelCnnError `DATA_NOT_FOUND` with what each mirror answered; the signal's reason once it aborts.
 */
export async function fetchFile(
  { path, mirrors, plain = false, ...file }: PinnedFile,
  options: FetchOptions,
): Promise<Uint8Array> {
  const name = `${basename(path)}${plain ? '' : '.gz'}`;
  const failures: string[] = [];
  for (const mirror of mirrors) {
    const url = `${mirror}${name}`;
    try {
      options.say?.(`Fetching ${url}`);
      const stored = await download(url, options.signal);
      const bytes = plain ? stored : await unpack(stored, name, mostUnpacked, options.signal);
      const got = sha256(bytes);
      if (got !== file.sha256)
        throw new Error(`expected sha256 ${file.sha256}${plain ? '' : ' once unpacked'}, got ${got}`);
      // A full disk costs the next run a download, and this one nothing.
      await putInPlace(path, bytes).catch((error: unknown) => {
        options.say?.(`${path}: could not be kept for the next time (${reasonOf(error)})`);
      });
      return bytes;
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push(`${url}: ${reasonOf(error)}`);
    }
  }
  throw new PixelCnnError('DATA_NOT_FOUND', `could not fetch ${basename(path)} (${failures.join('; ')})`);
}

async function download(url: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const response = await fetch(url, signal === undefined ? {} : { signal });
  if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > mostPacked) throw new Error(`expected at most ${mostPacked} bytes, got more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function putInPlace(path: string, bytes: Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  await replaceDurably(path, bytes);
}
