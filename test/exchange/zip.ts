import { crc32, deflateRawSync } from 'node:zlib';

/** An entry of {@link zip}; what it says of itself may be untrue. */
export interface ZipEntry {
  readonly name: string;
  readonly content: Uint8Array;
  readonly deflated?: boolean;
  readonly declaredSize?: number;
}

/** A ZIP archive. */
export function zip(entries: readonly ZipEntry[]): Buffer {
  const [files, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { name, content, deflated = false, declaredSize = content.length } of entries) {
    const [data, title] = [deflated ? deflateRawSync(content) : Buffer.from(content), Buffer.from(name)];
    // Version, flags, method, time, date, checksum, sizes, length of the name, of what else there is.
    const about = Buffer.alloc(26);
    about.writeUInt16LE(20, 0);
    about.writeUInt16LE(deflated ? 8 : 0, 4);
    about.writeUInt32LE(crc32(content), 10);
    about.writeUInt32LE(data.length, 14);
    about.writeUInt32LE(declaredSize, 18);
    about.writeUInt16LE(title.length, 22);
    const more = Buffer.alloc(14);
    more.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\0', 'latin1'), about, more, title);
    files.push(Buffer.from('PK\x03\x04', 'latin1'), about, title, data);
    offset += 30 + title.length + data.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, listed, end]);
}
