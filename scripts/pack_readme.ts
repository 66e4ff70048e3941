/**
 * The README as npm's pages can show it, which know nothing of the repository's files: run by npm around packing and publishing. Links
 * and pictures lead to the repository that package.json names; while it names none, links are names of files, and pictures their names and what they show.
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { buildTs } from './build_ts.js';
import { root, runMain } from './shell.js';

const readme = join(root, 'README.md');
/** The README of the repository, while that of the package is in its place. */
const kept = join(root, 'node_modules', '.cache', 'pixelcnn-readme.md');

/** Links and pictures of Markdown: what is before the brackets, between them, and where it leads. */
export const links = /(!?)\[([^\]]*)\]\(([^)\s]+)\)/g;

/** Whether a link leads to a file of the repository. */
export const isRelative = (target: string): boolean => !/^([a-z][a-z\d+.-]*:|#|\/\/)/i.test(target);

/** @param repository The address of its pages, such as `https://example.com/owner/name`. */
export function packageReadme(text: string, repository: string | undefined): string {
  return text.replaceAll(links, (whole, mark: string, label: string, target: string) => {
    if (!isRelative(target)) return whole;
    if (repository !== undefined) {
      return `${mark}[${label}](${repository}/${mark === '!' ? 'raw' : 'blob'}/HEAD/${target})`;
    }
    const path = target.replace(/#.*/, '');
    if (mark === '!') return `(Picture \`${path}\`: ${label}.)`;
    return label === path ? `\`${path}\`` : `${label} (\`${path}\`)`;
  });
}

/** The address of the repository's pages, of the forms in which package.json may have it. */
export function pagesOf(repository: string | { readonly url: string } | undefined): string | undefined {
  const url = typeof repository === 'string' ? repository : repository?.url;
  return url
    ?.replace(/^github:|^(?=[^/:]+\/[^/:]+$)/, 'https://github.com/')
    .replace(/^git\+|\.git$/g, '')
    .replace(/^(git|ssh):\/\/(git@)?/, 'https://');
}

function pack(): void {
  buildTs();
  const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const text = readFileSync(readme, 'utf8');
  const changed = packageReadme(text, pagesOf(repository));
  if (changed === text) return; // it is in its place since a publication that failed
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, text);
  writeFileSync(readme, changed);
}

function restore(): void {
  if (!existsSync(kept)) return;
  writeFileSync(readme, readFileSync(kept));
  rmSync(kept);
}

if (basename(process.argv[1] ?? '') === 'pack_readme.ts') {
  await runMain('pack', () => {
    const { npm_lifecycle_event: event, npm_command: command } = process.env;
    if (event === 'prepack') pack();
    // npm takes what its page shows from the folder, after packing.
    else if (event === 'postpublish' || command !== 'publish') restore();
  });
}
