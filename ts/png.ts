/**
 * PNG files (W3C PNG specification, third edition), without Node: a header, a palette where colours need one, and the levels, row by
 * row without filters, since levels are no gradients.
 */

import { room } from './bytes.js';
import type { Colour } from './colours.js';
import type { Levels } from './images.js';

/** How a pixel is stored. */
interface Format {
  /** 0 grey, 2 red, green and blue, 3 an index into the palette. */
  readonly type: 0 | 2 | 3;
  /** Bits of each sample. */
  readonly depth: number;
  /** The samples of each level. */
  readonly samples: readonly (readonly number[])[];
}

/** The format of fewest bits that holds such colours exactly. */
function formatOf(colours: readonly Colour[]): Format {
  const depths = [1, 2, 4, 8];
  if (colours.every(([red, green, blue]) => red === green && red === blue)) {
    const step = (depth: number) => 255 / (2 ** depth - 1);
    const depth = depths.find((bits) => colours.every(([grey]) => grey % step(bits) === 0))!;
    return { type: 0, depth, samples: colours.map(([grey]) => [grey / step(depth)]) };
  }
  const depth = depths.find((bits) => colours.length <= 2 ** bits);
  if (depth === undefined) return { type: 2, depth: 8, samples: colours };
  return { type: 3, depth, samples: colours.map((_, index) => [index]) };
}

/**
 * The bytes of a PNG file.
 *
 * @param levels `[height, width]`, each of a colour.
 * @param scale Side of the square that each becomes.
 */
export async function encode(
  { levels, width, height, colours }: { levels: Levels; width: number; height: number; colours: readonly Colour[] },
  scale: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { type, depth, samples } = formatOf(colours);
  const each = samples[0]!.length;
  const rowBytes = 1 + Math.ceil((width * scale * each * depth) / 8); // a byte says that the row has no filter
  const rows = room(Uint8Array, rowBytes * height * scale, 'images');
  for (let y = 0; y < height; y++) {
    const first = y * scale * rowBytes;
    let bit = 8 * (first + 1);
    for (let x = 0; x < width * scale; x++) {
      for (const sample of samples[levels[y * width + Math.floor(x / scale)]!]!) {
        rows[bit >> 3]! |= sample << (8 - depth - (bit & 7));
        bit += depth;
      }
    }
    for (let copy = 1; copy < scale; copy++) rows.copyWithin(first + copy * rowBytes, first, first + rowBytes);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width * scale);
  view.setUint32(4, height * scale);
  header.set([depth, type], 8);
  return joined([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    ...(type === 3 ? [chunk('PLTE', Uint8Array.from(colours.flat()))] : []),
    chunk('IDAT', await deflate(rows)),
    chunk('IEND', new Uint8Array()),
  ]);
}

/** Length, name, bytes, and the checksum of name and bytes. */
function chunk(name: string, bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(12 + bytes.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, bytes.length);
  whole.set(
    Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
    4,
  );
  whole.set(bytes, 8);
  view.setUint32(8 + bytes.length, crc32(whole.subarray(4, 8 + bytes.length)));
  return whole;
}

/** The remainder of each byte by the polynomial of CRC-32, bits reversed. */
const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

function crc32(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = remainders[(rest ^ byte) & 0xff]! ^ (rest >>> 8);
  return ~rest >>> 0;
}

/** A zlib stream (RFC 1950), by the host's own compressor. */
async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  if (typeof CompressionStream === 'undefined') return stored(bytes);
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The same uncompressed (RFC 1951, 3.2.4), on a host without one. */
function stored(bytes: Uint8Array): Uint8Array {
  const most = 0xffff;
  const blocks: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  for (let first = 0; first < bytes.length; first += most) {
    const block = bytes.subarray(first, first + most);
    const size = [block.length & 0xff, block.length >> 8];
    blocks.push(Uint8Array.of(first + most < bytes.length ? 0 : 1, ...size, ...size.map((byte) => byte ^ 0xff)), block);
  }
  return joined([...blocks, Uint8Array.of(b >> 8, b & 0xff, a >> 8, a & 0xff)]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
