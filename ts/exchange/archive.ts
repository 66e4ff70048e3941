/** Entries of a ZIP archive. Read by `yauzl`, an optional package. */

import { crc32 } from 'node:zlib';
import { isRefusal, missingPackage, mostUnpacked, refused, thousands } from './stored.js';

/**
 * The entries of these names, those that are there; what they unpack to is bounded before it is unpacked, and held against their
 * checksums.
 */
export async function readArchive(bytes: Buffer, names: readonly string[]): Promise<Map<string, Buffer>> {
  const { default: yauzl } = await import('yauzl').catch(
    missingPackage('ZIP archives, such as .keras files', 'yauzl h5wasm'),
  );
  const found = new Map<string, Buffer>();
  try {
    const archive = await yauzl.fromBufferPromise(bytes, { lazyEntries: true });
    for await (const entry of archive.eachEntry()) {
      const name = entry.fileName;
      if (!names.includes(name)) continue;
      if (found.has(name)) throw refused(`expected one ${name} in the archive, got several`);
      const { uncompressedSize: size } = entry;
      const limit = mostUnpacked(bytes.length);
      if (size > limit) {
        const got = `got ${thousands(size)} in an archive of ${thousands(bytes.length)}`;
        throw refused(`expected ${name} to unpack to at most ${thousands(limit)} bytes, ${got}`);
      }
      const parts: Buffer[] = [];
      // It fails by itself where more comes than was declared.
      for await (const part of await archive.openReadStreamPromise(entry)) parts.push(part as Buffer);
      const content = Buffer.concat(parts);
      if (crc32(content) !== entry.crc32) throw new Error(`the checksum of ${name} is another`);
      found.set(name, content);
    }
  } catch (cause) {
    if (isRefusal(cause)) throw cause;
    throw refused(
      'expected a whole ZIP archive, got one that cannot be read to its end; it may be damaged or cut short',
      cause,
    );
  }
  return found;
}
