/**
 * Fetches TensorBoard's reader of event files, for the test that reads ours by it: five packages of PyPI, less what only its
 * server needs, into the cache folder. Keeps what is there. Each is pinned in tensorboard.txt, by version and sha256.
 */

import { randomBytes } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFolder } from '../ts/node/cache.js';
import { pip } from '../ts/node/command.js';
import { root, run, runMain } from './shell.js';

const version = '2.21.0'; // of tensorboard.txt

/** Where Python finds the reader, as PYTHONPATH. */
export const tensorboardPath = join(cacheFolder(), `tensorboard-${version}`);

if (basename(process.argv[1] ?? '') === 'setup_tensorboard.ts') {
  await runMain('setup:tensorboard', () => {
    if (existsSync(tensorboardPath)) return;
    const aside = `${tensorboardPath}.${randomBytes(8).toString('hex')}.tmp`;
    const pinned = [
      '--no-deps',
      '--require-hashes',
      '--only-binary=:all:',
      '-r',
      join(root, 'scripts', 'tensorboard.txt'),
    ];
    const env = { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' }; // a folder of its own harms no system
    try {
      run('python3', [...pip, 'install', '--quiet', '--target', aside, ...pinned], { env });
      renameSync(aside, tensorboardPath);
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  });
}
