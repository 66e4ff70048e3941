/** Links of the pages lead somewhere: in the repository to files and headings that are there, in the package's README to nothing relative. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { isRelative, links, packageReadme, pagesOf } from '../scripts/pack_readme.js';
import { root } from '../scripts/shell.js';

const read = (page: string) => readFileSync(join(root, page), 'utf8');
const pagesIn = (folder: string) =>
  readdirSync(join(root, folder)).flatMap((name) => (name.endsWith('.md') ? [join(folder, name)] : []));
const pages = ['.', 'docs', 'models', 'bench', 'test/golden'].flatMap(pagesIn);

/** What leads to a heading, as hosts of repositories make it. */
const slugs = (text: string) =>
  [...text.replaceAll(/^```.*?^```$/gms, '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

const tracked = spawnSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' });
const files = tracked.status === 0 ? new Set(tracked.stdout.split('\n')) : undefined;

it.each(pages)('%s links to files and headings that are there', (page) => {
  const text = read(page)
    .replaceAll(/^```.*?^```$/gms, '')
    .replaceAll(/`[^`\n]*`/g, '');
  const broken = [...text.matchAll(links)].flatMap(([whole, , , target]) => {
    if (!isRelative(target!) && !target!.startsWith('#')) return [];
    const [path = '', heading] = target!.split('#');
    const file = path === '' ? page : relative(root, join(root, dirname(page), path));
    // What is there and not kept is missing elsewhere.
    const isThere = files === undefined ? existsSync(join(root, file)) : files.has(file);
    return isThere && (heading === undefined || slugs(read(file)).includes(heading)) ? [] : [whole];
  });
  expect(broken).toEqual([]);
});

it('the README of the package has no relative link or picture, with a repository in package.json and without', () => {
  const text = read('README.md');
  const relatives = (of: string) => [...of.matchAll(links)].filter(([, , , target]) => isRelative(target!));
  expect(relatives(text).length).toBeGreaterThan(20);
  const without = packageReadme(text, undefined);
  expect(relatives(without)).toEqual([]);
  expect(packageReadme(without, undefined)).toBe(without);
  const pages = 'https://example.com/owner/name';
  const whole = packageReadme(text, pages);
  expect(relatives(whole)).toEqual([]);
  expect(whole).toContain(`[docs/everywhere.md](${pages}/blob/HEAD/docs/everywhere.md)`);
  expect(whole).toContain(`](${pages}/raw/HEAD/docs/digits.png)`);
  expect(packageReadme('a [b](c.md#d), ![e](f.png), [g](https://h.i), [j](#k), [c.md](c.md#l)', undefined)).toBe(
    'a b (`c.md`), (Picture `f.png`: e.), [g](https://h.i), [j](#k), `c.md`',
  );
  // No page of npm's has HTML that leads to files.
  expect(text.replaceAll(/<!--.*?-->/g, '')).not.toMatch(/<(a|img)\b/);
  expect(text).not.toMatch(/^\[[^\]]+\]:/m); // nor are there links by reference, which are not looked for
});

it('package.json has npm pack and publish so', () => {
  const { repository, scripts } = JSON.parse(read('package.json'));
  for (const event of ['prepack', 'postpack', 'postpublish']) expect(scripts[event]).toBe('tsx scripts/pack_readme.ts');
  if (repository !== undefined) expect(pagesOf(repository)).toMatch(/^https:\/\/[^/]+\/.+[^/]$/);
});

it.each([
  ['owner/name', 'https://github.com/owner/name'],
  ['github:owner/name', 'https://github.com/owner/name'],
  [{ url: 'git+https://example.com/owner/name.git' }, 'https://example.com/owner/name'],
  [{ url: 'git+ssh://git@example.com/owner/name.git' }, 'https://example.com/owner/name'],
  [{ url: 'https://example.com/owner/name' }, 'https://example.com/owner/name'],
  [undefined, undefined],
])('takes a repository as %j', (repository, wanted) => {
  expect(pagesOf(repository)).toBe(wanted);
});
