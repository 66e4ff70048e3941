import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { makeFolder, readWholeFile, reasonOf, replaceDurably } from '../../ts/node/files.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** The class of open files, which Node does not export. */
const probe = await open(folder, 'r');
const handles = Object.getPrototypeOf(probe) as FileHandle;
await probe.close();

it('has the disk take the new file before it takes the place of the old one, and the folder after', async () => {
  const path = join(folder, 'model');
  writeFileSync(path, 'the old one');
  const { sync } = handles;
  const flushed: string[] = [];
  vi.spyOn(handles, 'sync').mockImplementation(async function (this: FileHandle) {
    const at = await this.stat();
    const what = at.isDirectory() ? 'the folder' : `${at.size} bytes`;
    flushed.push(`${what}, where a reader finds ${readFileSync(path, 'utf8')}`);
    return sync.call(this);
  });
  await replaceDurably(path, 'the new one, which is longer');
  expect(flushed).toEqual([
    '28 bytes, where a reader finds the old one',
    'the folder, where a reader finds the new one, which is longer',
  ]);
});

it('leaves the old file, and nothing beside it, where the disk does not take the new one', async () => {
  const inside = join(folder, 'full');
  mkdirSync(inside);
  const path = join(inside, 'model');
  writeFileSync(path, 'the old one');
  vi.spyOn(handles, 'sync').mockRejectedValue(Object.assign(new Error('no room'), { code: 'ENOSPC' }));
  await expect(replaceDurably(path, 'the new one')).rejects.toThrow('no room');
  expect(readFileSync(path, 'utf8')).toBe('the old one');
  expect(readdirSync(inside)).toEqual(['model']);
});

it('makes a folder and those above it, once, and says so where it cannot', async () => {
  const path = join(folder, 'a', 'b', 'c');
  await Promise.all([makeFolder(path), makeFolder(path)]);
  await makeFolder(path);
  expect(statSync(path).isDirectory()).toBe(true);
  writeFileSync(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file', 'below'))).rejects.toThrow('EEXIST');
  await expect(makeFolder(join(folder, 'file'))).rejects.toThrow('EEXIST');
});

it.each([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the quota on the disk is used up'],
  ['EROFS', 'the file system is read-only'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['ENOENT', 'no such file or folder'],
  ['ENOTDIR', 'a part of the path is a file'],
  ['EEXIST', 'a file stands in its place'],
  ['EIO', 'the disk failed'],
  ['EOTHER', 'what the system said'],
])('puts into words what the system means by %s', (code, words) => {
  expect(reasonOf(Object.assign(new Error('what the system said'), { code }))).toBe(words);
});

it('reads a file whole, and waits for nothing that is none', async () => {
  const path = join(folder, 'whole');
  writeFileSync(path, 'all of it');
  expect((await readWholeFile(path)).toString()).toBe('all of it');
  await expect(readWholeFile(path, 8)).rejects.toThrow('it has 9 bytes, more than 8');
  await expect(readWholeFile(folder)).rejects.toThrow('a folder stands in its place');
  if (process.platform === 'win32') return;
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  await expect(readWholeFile(join(folder, 'fifo'))).rejects.toThrow('a device or FIFO stands in its place');
  await expect(readWholeFile('/dev/zero')).rejects.toThrow('a device or FIFO stands in its place');
});
