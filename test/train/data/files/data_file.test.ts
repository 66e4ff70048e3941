import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { loadData } from '../../../../ts/train/data/load_data.js';
import { idx } from '../idx.js';
import { npy } from '../npy.js';
import { png, pngOf } from '../png.js';

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-file-'));
afterAll(() => rmSync(root, { recursive: true }));

function write(name: string, bytes: Uint8Array | string): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

const refused = (data: string, signal?: AbortSignal) =>
  expect(
    loadData({ data, ...(signal && { signal }) }).then(
      () => 'taken',
      (error: Error) => error.message.replace(`${data}: `, ''),
    ),
  ).resolves;

it('refuses a FIFO, a device and a socket, given or in a folder, rather than wait for them', async () => {
  const wanted = 'data: expected mnist, fashion-mnist, static-mnist, a folder or a file, found';
  const fifo = join(root, 'fifo');
  execFileSync('mkfifo', [fifo]);
  await refused(fifo).toBe(`${wanted} a FIFO at ${fifo}`);
  for (const device of ['/dev/zero', '/dev/null', '/dev/random'])
    await refused(device).toBe(`${wanted} a device at ${device}`);
  const server = createServer();
  const socket = join(root, 'socket');
  await new Promise<void>((done) => server.listen(socket, done));
  await refused(socket).toBe(`${wanted} a socket at ${socket}`);
  server.close();
  for (const name of ['train.npy', 'train-images-idx3-ubyte.gz', '0.png']) {
    const folder = dirname(write(`odd ${name}/readme`, 'text'));
    execFileSync('mkfifo', [join(folder, name)]);
    await refused(folder).toBe(
      `data: expected IDX, .npy, PNG or .txt files in ${folder}, found readme (a text file), ${name} (a FIFO)`,
    );
  }
});

it('reads a header of .npy in one pass, and none that is longer than any array needs', async () => {
  const withHeader = (header: string, version: number): Uint8Array => {
    const start = Buffer.alloc(version === 1 ? 10 : 12);
    start.write('\x93NUMPY', 'latin1');
    start[6] = version;
    if (version === 1) start.writeUInt16LE(header.length, 8);
    else start.writeUInt32LE(header.length, 8);
    return Buffer.concat([start, Buffer.from(header)]);
  };
  const slow = write('slow.npy', withHeader(`{${"'descr':[".repeat(110_000)}}`, 2));
  await refused(slow).toBe('expected a header of at most 65536 bytes, got 990014');
  for (const part of ["'descr':[", "'descr': '", '(', "'", '"', '1,', "{'a':", "'shape': (1,"]) {
    const header = `{${part.repeat(Math.floor(65_000 / part.length))}`;
    await refused(write('dict.npy', withHeader(header, 1))).toContain(
      "expected a header with 'descr', 'fortran_order' and 'shape'",
    );
  }
});

it('reads the headers that NumPy wrote in its time, and no other Python', async () => {
  const values = Uint8Array.of(0, 255, 255, 0);
  const dict = (text: string): Uint8Array => {
    const bytes = npy([1, 2, 2], values);
    bytes.write(text.padEnd(117), 10, 'latin1');
    return bytes;
  };
  for (const [text, result] of [
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2), }", 'taken'],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (1L, 2L, 2L), }", 'taken'],
    ["{'shape': (1,2,2), 'fortran_order': False, 'descr': 'u1'}", 'taken'],
    ["{'descr': '|u1', 'fortran_order': 0, 'shape': (1, 2, 2), }", 'expected a header'],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': [1, 2, 2], }", 'expected a header'],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (1, -2, 2), }", 'expected a shape of whole numbers'],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2e0, 2), }", 'expected a header'],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2), } x", 'expected a header'],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2)", 'expected a header'],
    ["{'__proto__': '|u1', 'fortran_order': False, 'shape': (1, 2, 2), }", 'expected a header'],
    [
      "{'descr': [('a', '|u1'), ('b', '<f4')], 'fortran_order': False, 'shape': (4,), }",
      "got dtype [('a', '|u1'), ('b', '<f4')]",
    ],
  ] as const) {
    await refused(write('dict.npy', dict(text))).toContain(result);
  }
});

it('unpacks a gzip file no further than the images in its header need', async () => {
  const zeros = Buffer.alloc(2 ** 26);
  const bomb = write('bomb.gz', gzipSync(Buffer.concat([idx(4, 8, 8), zeros])));
  await refused(bomb).toBe('expected at most 272 bytes once unpacked, got more');
  const array = write('array.gz', gzipSync(Buffer.concat([npy([4, 8, 8], new Uint8Array(256)), zeros])));
  await refused(array).toBe('expected at most 384 bytes once unpacked, got more');
  const other = write('zeros.gz', gzipSync(zeros));
  await refused(other).toBe('expected an IDX, .npy, PNG or text file, got a file of other bytes');
  const claim = write('claim.gz', gzipSync(Buffer.concat([idx(2 ** 22, 28, 28, zeros.subarray(0, 2 ** 20))])));
  await refused(claim).toBe('expected at most 1073807360 bytes once unpacked, got a header that tells of 3288334352');
  const twice = write('twice.gz', gzipSync(gzipSync(idx(4, 8, 8))));
  await refused(twice).toBe('expected an IDX, .npy, PNG or text file, got a gzip file; unpack it first');
  const cut = write('cut.gz', gzipSync(idx(40, 8, 8)).subarray(0, 100));
  await refused(cut).toBe('expected a whole gzip file, got one that could not be unpacked (unexpected end of file)');
});

it('takes a packed file of more than 100 MB, which it once called no gzip file', async () => {
  const images = Buffer.alloc(16 + 130_000 * 28 * 28);
  images.set(idx(130_000, 28, 28, new Uint8Array(0)));
  images.fill(255, 16, 400);
  const data = write('large.gz', gzipSync(images, { level: 1 }));
  expect((await loadData({ data, limit: 1 })).count).toBe(1);
});

it('refuses a file by its size before it reads it, and an interlaced PNG before it decodes it', async () => {
  const large = write('large.npy', npy([1, 2, 2], new Uint8Array(4)));
  truncateSync(large, 2 ** 40);
  await refused(large).toBe(`expected at most ${2 ** 30 + 2 ** 16} bytes, got ${2 ** 40}`);
  const wide = write('wide/0.png', png([], { height: 16_000, width: 16_000, interlaced: true }));
  await refused(dirname(wide)).toBe(`${wide}: expected sides of 1 to 4096 pixels, got 16000x16000`);
  const bomb = write('bomb/0.png', pngOf(new Uint8Array(2 ** 26), { height: 8, width: 8, interlaced: true }));
  await refused(dirname(bomb)).toBe(
    `${bomb}: expected a whole PNG file, got one that unpacks to more than the 79 bytes of its size`,
  );
});

it('reads an interlaced PNG', async () => {
  // Two rows of two: the passes have one pixel, one pixel, one row of two.
  const data = write('interlaced.png', pngOf(Uint8Array.of(0, 0, 0, 255, 0, 255, 0), { interlaced: true }));
  expect([...(await loadData({ data })).pixels]).toEqual([0, 1, 1, 0]);
  const bits = pngOf(Uint8Array.of(0, 0, 0, 128, 0, 128), { bits: 1, interlaced: true });
  expect([...(await loadData({ data: write('bits.png', bits) })).pixels]).toEqual([0, 1, 1, 0]);
});

it.each([
  ['x.npz', 'PK\x03\x04', 'a ZIP archive such as .npz; unpack it first, and name the folder'],
  ['x.pt', 'PK\x03\x04', 'a PyTorch file; write its images by numpy.save(path, x.numpy())'],
  ['x.pkl', '\x80\x04\x95', 'a pickle of Python; write its images by numpy.save'],
  ['x.mat', 'MATLAB 5.0 MAT-file', 'a MATLAB file; read it by scipy.io.loadmat and write its images by numpy.save'],
  ['x.h5', '\x89HDF\r\n\x1a\n', 'an HDF5 file; write its images by numpy.save'],
  ['x.parquet', 'PAR1', 'a Parquet file; write its images by numpy.save'],
  ['x.csv', '1,2,3\n4,5,6\n', 'a table as text; read it by numpy.loadtxt and write its images by numpy.save'],
  ['x.npy', '\n<!DOCTYPE html>', 'a web page; download the file itself'],
  [
    'x.npy',
    'version https://git-lfs.github.com/spec/v1',
    'a pointer of Git LFS; fetch what it stands for by git lfs pull',
  ],
  ['x.tar', `${'a'.repeat(257)}ustar`, 'a tar archive; unpack it first, and name the folder'],
  ['x.jpg', '\xff\xd8\xff\xe0', 'a JPEG image; convert it to a greyscale PNG'],
  ['x.npy', '\x00\x01\x02', 'a file of other bytes'],
  ['x.npy', '', 'an empty file'],
])('names what %s is: %o', async (name, content, told) => {
  await refused(write(name, Buffer.from(content, 'latin1'))).toBe(
    `expected an IDX, .npy, PNG or text file, got ${told}`,
  );
});

it('stops reading when it is told to', async () => {
  const reason = new Error('stopped by the test');
  const data = write(
    'stop.npy',
    npy(
      [4, 2, 2],
      Uint8Array.from({ length: 16 }, (_, i) => 17 * i),
    ),
  );
  await refused(data, AbortSignal.abort(reason)).toBe('stopped by the test');
  const packed = write('stop.gz', gzipSync(idx(40, 8, 8)));
  await refused(packed, AbortSignal.abort(reason)).toBe('stopped by the test');
});
