/**
 * Fetches TensorBoard's reader of event files, for the test that reads ours by it: five packages of PyPI, less what only its
 * server needs, into the cache folder. Keeps what is there.
 */

import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFolder } from '../ts/node/cache.js';
import { run, runMain } from './shell.js';

const version = '2.21.0';

/** Where Python finds the reader, as PYTHONPATH. */
export const tensorboardPath = join(cacheFolder(), `tensorboard-${version}`);

if (basename(process.argv[1] ?? '') === 'setup_tensorboard.ts') {
  await runMain('setup:tensorboard', () => {
    if (existsSync(tensorboardPath)) return;
    const aside = `${tensorboardPath}.${process.pid}.tmp`;
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', aside];
    const env = { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' }; // a folder of its own harms no system
    try {
      run('python3', [...pip, `tensorboard==${version}`, 'protobuf', 'numpy', 'absl-py', 'packaging'], { env });
      renameSync(aside, tensorboardPath);
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  });
}
