/** Programs of npm and browsers of the system, each of an exact version, and the packed package beside them. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { output, root, run } from '../shell.js';

const cache = join(root, 'node_modules/.cache/pixelcnn-everywhere');

/** A folder with such packages, by npm names and exact versions: installed once. */
export function installed(
  name: string,
  dependencies: Readonly<Record<string, string>>,
  fetch: boolean,
): string | undefined {
  const folder = join(cache, name);
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

/** Packs the built package, into a folder of this process that goes with it; its path. */
export function packed(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-packed-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]);
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!);
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
