// What a file is, told by its first bytes, whatever its name: what is read here, and what people have beside it, each with
// what to do about it.

import { extname } from 'node:path';
import { idxHeader } from './idx.js';
import { isNpy, npyHeader } from './npy.js';
import { type ArrayHeader, shapeText } from './numbers.js';

/** So many first bytes tell any of them. */
export const headLength = 4096;

export interface DataFormat {
  /** As an error calls it. */
  readonly name: string;
  /** What reads it; none for a format that is not read here. */
  readonly reader?: 'IDX' | '.npy' | 'PNG' | 'text';
  /** Of an array, where its header could be read. */
  readonly shape?: readonly number[];
  /** What to do about one that is not read here. */
  readonly advice?: string;
}

const unpack = 'unpack it first';
const toPng = 'convert it to a greyscale PNG';
const toNpy = 'write its images by numpy.save';

/** Formats by what they begin with (in latin1) and, where that is not all, by the ending of the file's name. */
const foreign: readonly {
  readonly starts: string;
  readonly at?: number;
  readonly ending?: RegExp;
  name: string;
  advice: string;
}[] = [
  {
    starts: 'PK\x03\x04',
    ending: /^\.(pt|pth)$/i,
    name: 'a PyTorch file',
    advice: 'write its images by numpy.save(path, x.numpy())',
  },
  {
    starts: 'PK\x03\x04',
    ending: /^\.npz$/i,
    name: 'a ZIP archive such as .npz',
    advice: 'unpack it first, and name the folder',
  },
  { starts: 'PK\x03\x04', name: 'a ZIP archive', advice: 'unpack it first, and name the folder' },
  { starts: '\x1f\x8b', name: 'a gzip file', advice: unpack },
  { starts: 'BZh', name: 'a bzip2 file', advice: unpack },
  { starts: '\xfd7zXZ\x00', name: 'an xz file', advice: unpack },
  { starts: '\x28\xb5\x2f\xfd', name: 'a Zstandard file', advice: unpack },
  { starts: '7z\xbc\xaf', name: 'a 7z archive', advice: unpack },
  { starts: 'Rar!', name: 'a RAR archive', advice: unpack },
  { starts: 'ustar', at: 257, name: 'a tar archive', advice: 'unpack it first, and name the folder' },
  { starts: '\x89HDF\r\n\x1a\n', name: 'an HDF5 file', advice: toNpy },
  {
    starts: 'MATLAB 5',
    name: 'a MATLAB file',
    advice: 'read it by scipy.io.loadmat and write its images by numpy.save',
  },
  { starts: 'PAR1', name: 'a Parquet file', advice: toNpy },
  { starts: 'ARROW1', name: 'an Arrow file', advice: toNpy },
  { starts: 'SQLite format 3', name: 'a SQLite database', advice: toNpy },
  {
    starts: '\x80\x02',
    ending: /^\.(pt|pth)$/i,
    name: 'a PyTorch file',
    advice: 'write its images by numpy.save(path, x.numpy())',
  },
  ...['\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'].map((starts) => ({
    starts,
    name: 'a pickle of Python',
    advice: toNpy,
  })),
  { starts: '\xff\xfe', name: 'text in UTF-16', advice: 'save it as UTF-8' },
  { starts: '\xfe\xff', name: 'text in UTF-16', advice: 'save it as UTF-8' },
  { starts: '\xff\xd8\xff', name: 'a JPEG image', advice: toPng },
  { starts: 'GIF8', name: 'a GIF image', advice: toPng },
  { starts: 'BM', ending: /^\.(bmp|dib)$/i, name: 'a BMP image', advice: toPng },
  { starts: 'RIFF', ending: /^\.webp$/i, name: 'a WebP image', advice: toPng },
  { starts: 'II*\x00', name: 'a TIFF image', advice: toPng },
  { starts: 'MM\x00*', name: 'a TIFF image', advice: toPng },
  {
    starts: 'version https://git-lfs',
    name: 'a pointer of Git LFS',
    advice: 'fetch what it stands for by git lfs pull',
  },
  { starts: '<!doctype', name: 'a web page', advice: 'download the file itself' },
  { starts: '<html', name: 'a web page', advice: 'download the file itself' },
];

/** What begins with these bytes; `path` is the file's, for what only its name can tell. */
export function formatOf(head: Uint8Array, path: string): DataFormat {
  if (head.length === 0) return { name: 'an empty file' };
  const text = Buffer.from(head.subarray(0, headLength)).toString('latin1');
  if (isNpy(head)) return array('a .npy file', npyShape(head, path));
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return { name: 'a PNG file', reader: 'PNG' };
  const ending = extname(path);
  const start = text.trimStart().slice(0, 40).toLowerCase();
  const found = foreign.find(({ starts, at = 0, ending: wanted }) => {
    const here = text.startsWith(starts, at) || (/^[<v]/.test(starts) && start.startsWith(starts));
    return here && (wanted?.test(ending) ?? true);
  });
  if (found !== undefined) return { name: found.name, advice: found.advice };
  const idx = idxHeader(head);
  if (idx !== undefined) return array('an IDX file', idx);
  if (text.startsWith('{"', 8)) return { name: 'a .safetensors file, as models are kept in', advice: toNpy };
  if (isText(head)) {
    if (/^\.(csv|tsv)$/i.test(ending) || isTable(text)) {
      const advice = 'read it by numpy.loadtxt and write its images by numpy.save';
      return { name: 'a table as text', advice };
    }
    const other = /^\.(json|xml|html?|md|rst|ya?ml|toml|py|ipynb|js|svg|tmx|log)$/i.test(ending);
    return other ? { name: `a ${ending.toLowerCase()} file` } : { name: 'a text file', reader: 'text' };
  }
  return { name: 'a file of other bytes' };
}

/** Whether it begins as text of UTF-8 does; its last character may be cut. */
function isText(head: Uint8Array): boolean {
  try {
    return /^[\t\r\n -~\u0080-\u{10ffff}]+$/u.test(
      new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true }),
    );
  } catch {
    return false;
  }
}

/** Whether its lines are numbers, several in some of them; the last line may be cut. */
function isTable(text: string): boolean {
  const lines = text.split(/[\r\n]+/).map((line) => line.split(/[\s,;]+/).filter((word) => word !== ''));
  const isNumber = (word: string): boolean => /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d*)?$/i.test(word);
  return lines.some(({ length }) => length > 1) && lines.every((words) => words.every(isNumber));
}

/** Labels, and other arrays of one axis, are told from images by their shape. */
export const isLabels = ({ shape }: DataFormat = { name: '' }): boolean =>
  shape?.length === 1 || (shape?.length === 2 && shape[1] === 1);

function array(name: string, header: ArrayHeader | undefined): DataFormat {
  const reader = name === 'an IDX file' ? 'IDX' : '.npy';
  if (header === undefined) return { name, reader };
  return { name: `${name} of shape ${shapeText(header.shape)}`, reader, shape: header.shape };
}

function npyShape(head: Uint8Array, path: string): ArrayHeader | undefined {
  try {
    return npyHeader(head, path);
  } catch {
    return undefined; // whoever reads it says what is wrong
  }
}
