import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { exitCodeOf } from '../../ts/cli/failure.js';
import { openOutputFolder } from '../../ts/cli/output_folder.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-output-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

it.each([
  ['ENOSPC', 'the disk is full', 1],
  ['EDQUOT', 'the quota on the disk is used up', 1],
  ['EROFS', 'the file system is read-only', 2],
])('says that a folder cannot be written for %s, and whether that may pass', async (code, reason, exitCode) => {
  const file = await open(folder);
  const handles = Object.getPrototypeOf(file) as typeof file;
  await file.close();
  vi.spyOn(handles, 'writeFile').mockRejectedValue(Object.assign(new Error('no'), { code }));
  const error = await openOutputFolder(folder, '--out').catch((thrown: unknown) => thrown);
  expect((error as Error).message).toBe(`--out: expected a folder that can be written, got ${folder} (${reason})`);
  expect(exitCodeOf(error)).toBe(exitCode);
});

it('leaves nothing behind where a folder can be written', async () => {
  const path = join(folder, 'new', 'below');
  const { write } = await openOutputFolder(path, '--out');
  expect(readdirSync(path)).toEqual([]);
  expect(await write('file', Buffer.from('x'))).toBe(join(path, 'file'));
});
