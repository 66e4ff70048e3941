import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { replaceDurably } from '../../ts/node/files.js';

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
