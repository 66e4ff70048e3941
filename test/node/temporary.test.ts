import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCommand } from '../../ts/node/command.js';
import {
  removeStale,
  replaceDurably,
  replaceFile,
  temporaryPath,
  tryFolder,
  writeDurably,
} from '../../ts/node/files.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pixelcnn-temporary-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const writers = [replaceFile, replaceDurably];

it.each(writers)(
  '%o replaces a file whole, keeps its permissions, and leaves none behind where it cannot',
  async (replace) => {
    const target = join(folder, 'file');
    await replace(target, 'first');
    chmodSync(target, 0o600);
    await replace(target, 'second');
    expect([readFileSync(target, 'utf8'), statSync(target).mode & 0o777]).toEqual(['second', 0o600]);
    mkdirSync(join(folder, 'taken', 'by a folder'), { recursive: true });
    await expect(replace(join(folder, 'taken'), 'text')).rejects.toThrow('a folder stands in its place');
    expect(readdirSync(folder).sort()).toEqual(['file', 'taken']);
  },
);

it.each(writers)('%o replaces a link and never what it leads to', async (replace) => {
  writeFileSync(join(folder, 'victim'), 'precious');
  symlinkSync('victim', join(folder, 'link'));
  await replace(join(folder, 'link'), 'text');
  expect(lstatSync(join(folder, 'link')).isFile()).toBe(true);
  expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('precious');
});

it.runIf(existsSync('/dev/null'))('leaves a device, and a link to one, alone', async () => {
  symlinkSync('/dev/null', join(folder, 'sink'));
  await expect(replaceFile(join(folder, 'sink'), 'text')).rejects.toThrow('a device stands in its place');
  expect(readlinkSync(join(folder, 'sink'))).toBe('/dev/null');
});

it('does not follow a link that stands where it makes a file', async () => {
  writeFileSync(join(folder, 'victim'), 'precious');
  symlinkSync('victim', join(folder, 'new'));
  await expect(writeDurably(join(folder, 'new'), 'text')).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('precious');
});

it('gives temporary files names that say nothing of the process or of what they become', () => {
  const names = Array.from({ length: 100 }, () => temporaryPath(folder).slice(folder.length + 1));
  expect(new Set(names).size).toBe(100);
  for (const name of names) expect(name).toMatch(/^\.pixelcnn-[0-9a-f]{16}\.tmp$/);
});

it('removes stale temporary files of its own, and nothing else', async () => {
  const stale = '.pixelcnn-0123456789abcdef.tmp';
  const others = ['.pixelcnn-fedcba9876543210.tmp', '.pixelcnn-notours.tmp', 'model.tmp', '.step.12.tmp'];
  for (const name of [stale, ...others]) writeFileSync(join(folder, name), '');
  const old = Date.now() / 1000 - 2 * 24 * 3600;
  for (const name of [stale, ...others.slice(1)]) utimesSync(join(folder, name), old, old);
  mkdirSync(join(folder, 'deep'));
  await removeStale(folder);
  expect(readdirSync(folder).sort()).toEqual([...others, 'deep'].sort());
  writeFileSync(join(folder, stale), '');
  utimesSync(join(folder, stale), old, old);
  await tryFolder(folder); // every command and run tries its folder first
  expect(readdirSync(folder)).not.toContain(stale);
});

it('removes its temporary files where the process ends beside them', async () => {
  const files = fileURLToPath(new URL('../../dist/node/files.js', import.meta.url));
  const program = `
import { writeFileSync } from 'node:fs';
import { temporaryPath } from ${JSON.stringify(files)};
writeFileSync(temporaryPath(${JSON.stringify(folder)}), 'half');
process.exit(130);`;
  const node = await runCommand(process.execPath, ['--input-type=module', '-e', program]);
  expect(node).toMatchObject({ status: 130, output: '' });
  expect(readdirSync(folder)).toEqual([]);
});
