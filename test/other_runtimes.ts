/**
 * Deno, Bun and workerd for tests. They come as npm packages, 350 MB together: fetched under PIXELCNN_TEST_ALL=1 into
 * node_modules/.cache, and used wherever they are there already.
 */

import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { scopedVersions } from '../scripts/everywhere/programs.js';
import { workerd } from '../scripts/everywhere/workerd.js';
import { root } from '../scripts/shell.js';

const versions = { ...scopedVersions, ...workerd };
const cache = join(root, 'node_modules/.cache');
const runtimes = join(cache, 'pixelcnn-runtimes');

/** Gets them where every test is to run. Files of tests that run at once each fetch them; the first whole folder stays. */
export async function fetchRuntimes(): Promise<void> {
  if (process.env.PIXELCNN_TEST_ALL !== '1' || existsSync(runtimes)) return;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'pixelcnn-runtimes-'));
  try {
    await writeFile(join(folder, 'package.json'), '{ "private": true }');
    const packages = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
    await promisify(execFile)('npm', ['install', ...flags, ...packages], { cwd: folder });
    await rename(folder, runtimes).catch((error: unknown) => {
      if (!existsSync(runtimes)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A runtime's program, or a skip that says how to get it. */
export function findRuntime(name: keyof typeof versions, context: TestContext): string {
  const packages = join(runtimes, 'node_modules');
  if (!existsSync(packages)) context.skip(`${name} is not there; PIXELCNN_TEST_ALL=1 fetches it`);
  // The launcher of Bun's package waits for an install script, which only moves the program from the package beside it.
  if (name === 'bun') return join(packages, '@oven', readdirSync(join(packages, '@oven'))[0]!, 'bin/bun');
  return join(packages, '.bin', name);
}
