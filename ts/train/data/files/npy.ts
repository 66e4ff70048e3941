// .npy, the array file of NumPy: a magic string, a version, the length of a header, the header as a Python dict, the
// values (numpy.lib.format). The header is read in one pass, strictly: what NumPy writes and no more of Python.

import { type ArrayHeader, imagesOf, invalid, numberTypes, type StoredImages } from './numbers.js';

/** No header of an array that is read here comes near it. */
const mostHeader = 2 ** 16;

const magic = '\x93NUMPY';

/** Whether these first bytes are those of a .npy file. */
export function isNpy(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, magic.length)).toString('latin1') === magic;
}

/**
 * The header that a file's first bytes are. `path` is what an error calls the file.
 *
 * @throws PixelCnnError `INVALID_DATA` for what is not read here, and for a header that `head` does not hold whole.
 */
export function npyHeader(head: Uint8Array, path: string): ArrayHeader {
  if (!isNpy(head)) throw invalid(path, 'a .npy file', head.length === 0 ? 'an empty file' : 'other bytes');
  if (head.length < 12) throw invalid(path, 'a .npy file', `${head.length} bytes of one`);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const version = view.getUint8(6);
  if (version < 1 || version > 3) throw invalid(path, 'version 1, 2 or 3 of the .npy format', String(version));
  const headerStart = version === 1 ? 10 : 12;
  const start = headerStart + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > mostHeader) throw invalid(path, `a header of at most ${mostHeader} bytes`, String(start));
  if (head.length < start) throw invalid(path, `a header of ${start} bytes`, `a file of ${head.length}`);
  const text = Buffer.from(head.subarray(headerStart, start)).toString('latin1');
  const dict = parseDict(text);
  const [descr, order, shape] = ['descr', 'fortran_order', 'shape'].map((key) => dict?.get(key));
  if (descr === undefined || !(order === 'True' || order === 'False') || !Array.isArray(shape)) {
    throw invalid(path, "a header with 'descr', 'fortran_order' and 'shape'", JSON.stringify(text.trim().slice(0, 60)));
  }
  const [, byteOrder, type] = typeof descr === 'string' ? (/^'([<>|=]?)(\w+)'$/.exec(descr) ?? []) : [];
  if (byteOrder === undefined || type === undefined || numberTypes[type] === undefined) {
    const shown = String(descr).replace(/[^ -~]/g, '?');
    const short = shown.length > 60 ? `${shown.slice(0, 60)}...` : shown;
    throw invalid(path, "integers, floats or bools, such as dtype '|u1'", `dtype ${short}`);
  }
  if (order === 'True')
    throw invalid(path, 'C order', 'Fortran order; write it again after numpy.ascontiguousarray(x)');
  const odd = shape.find((axis) => !/^\d{1,16}L?$/.test(axis));
  if (odd !== undefined) throw invalid(path, 'a shape of whole numbers below 10^16', `${odd.slice(0, 40)} in it`);
  return {
    format: '.npy',
    type,
    littleEndian: byteOrder !== '>',
    shape: shape.map((axis) => Number.parseInt(axis, 10)),
    start,
  }; // 3L is 3 of Python 2
}

/** Reads images; `path` is what an error calls the file. */
export function parseNpyImages(bytes: Uint8Array, path: string): StoredImages {
  return imagesOf(npyHeader(bytes, path), bytes, path);
}

/**
 * A dict of Python's: keys in quotes; values as they are written, and a tuple of integers as an array of them, likewise. Undefined
 * for anything else. Each character is looked at once.
 */
function parseDict(text: string): Map<string, string | readonly string[]> | undefined {
  const tokens = text.trim().match(/'[^']*'|"[^"]*"|\w+|[^\s\w]/g) ?? [];
  let at = 0;
  const take = (token: string): boolean => tokens[at] === token && ++at > 0;
  const found = new Map<string, string | readonly string[]>();
  if (!take('{')) return undefined;
  while (!take('}')) {
    const key = /^'(\w+)'$/.exec(tokens[at++] ?? '')?.[1];
    if (key === undefined || !take(':')) return undefined;
    if (take('(')) {
      const items: string[] = [];
      while (!take(')')) {
        const sign = take('-') ? '-' : '';
        const item = tokens[at++] ?? '';
        if (!/^\d+L?$/.test(item)) return undefined;
        items.push(sign + item);
        if (!take(',') && tokens[at] !== ')') return undefined;
      }
      found.set(key, items);
    } else {
      let [value, depth] = ['', 0];
      // A type of records is a list of tuples; it is told of as it is written.
      for (; at < tokens.length && (depth > 0 || !',}'.includes(tokens[at]!)); at++) {
        if ('[('.includes(tokens[at]!)) depth++;
        if ('])'.includes(tokens[at]!)) depth--;
        value += tokens[at] === ',' ? ', ' : tokens[at];
      }
      found.set(key, value);
    }
    if (!take(',') && tokens[at] !== '}') return undefined;
  }
  return at === tokens.length ? found : undefined;
}
