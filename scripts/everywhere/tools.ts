/** Programs of npm and browsers of the system, each of an exact version, and the packed package beside them. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { output, root, run } from '../shell.js';

const cache = join(root, 'node_modules/.cache/pixelcnn-everywhere');

/** A folder with such packages, by npm names and exact versions: installed once. */
export function installed(dependencies: Readonly<Record<string, string>>, fetch: boolean): string | undefined {
  const names = Object.entries(dependencies).map(([name, version]) => `${name}@${version}`);
  const folder = join(cache, names.join('+').replaceAll('/', '-'));
  const manifest = JSON.stringify({ private: true, type: 'module', dependencies }, null, 2);
  const path = join(folder, 'package.json');
  if (existsSync(join(folder, 'done')) && readFileSync(join(folder, 'done'), 'utf8') === manifest) return folder;
  if (!fetch) return undefined;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, manifest);
  run('npm', ['install', '--no-audit', '--no-fund', '--silent', '--no-package-lock', '--legacy-peer-deps'], {
    cwd: folder,
  });
  writeFileSync(join(folder, 'done'), manifest);
  return folder;
}

/** Packs the built package; the tarball's path. */
export function packed(folder = temporary()): string {
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]);
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!);
}

/** A folder of this process, that goes with it. */
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-packed-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes of a folder the project of a stranger, who has packed the package and installs it by npm; the tarball's path. */
export function installPacked(folder: string): string {
  const tarball = packed(folder);
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true, "type": "module" }');
  // npm's cache has the few dependencies since they were installed here; else they are fetched.
  const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  run('npm', ['install', ...flags, `./${basename(tarball)}`], { cwd: folder });
  return tarball;
}

/** What hosts the examples, and some bundlers, by npm names and exact versions. */
export const hosts = {
  next: {
    next: '16.4.6',
    react: '19.3.1',
    'react-dom': '19.3.1',
    // As create-next-app adds them.
    typescript: '6.0.3',
    '@types/node': '20.19.43',
    '@types/react': '19.3.0',
  },
  wrangler: { wrangler: '4.164.0' },
  yarn: { '@yarnpkg/cli-dist': '4.18.1' },
} as const;

/** Puts what was installed in one folder into another, by links to the same files where they are on one disk. */
export function linkInto(folder: string, home: string): void {
  // No links of folders, which some tools do not follow out of their root.
  const linked = spawnSync('cp', ['-al', join(home, 'node_modules'), folder]).status === 0;
  if (!linked) run('cp', ['-a', join(home, 'node_modules'), folder]);
}

/** Puts the packed package among a folder's, as npm would; its own dependencies are the command line's, and are not asked for. */
export function unpackInto(folder: string, tarball: string): void {
  const place = join(folder, 'node_modules/pixelcnn');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  run('tar', ['-xzf', tarball, '-C', place, '--strip-components=1']);
}

export type BrowserName = 'chromium' | 'firefox';

/** A browser's program, and what it calls itself; undefined where there is none. */
export function findBrowser(name: BrowserName): { command: string; version: string } | undefined {
  for (const command of {
    chromium: ['chromium', 'google-chrome', 'chromium-browser'],
    firefox: ['firefox-esr', 'firefox'],
  }[name]) {
    const version = output(command, ['--version']);
    if (version !== undefined)
      return {
        command,
        version: version
          .replace(/ built on.*|\(.*\)/g, '')
          .replace(/\bMozilla /, '')
          .trim(),
      };
  }
  return undefined;
}
