/**
 * `npm test`: vitest on the committed WASM, which needs only Node; then cargo test, where cargo is found. Suites that need
 * native TensorFlow run where `npm run setup` put it. What did not run is named. PIXELCNN_TEST_ALL=1 makes every skip but
 * that of a GPU a failure.
 */

import { join } from 'node:path';
import { findCargo } from './rust_toolchain.js';
import { root, runMain, tee } from './shell.js';

const testAll = process.env.PIXELCNN_TEST_ALL === '1';

await runMain('test', async () => {
  const failed: string[] = [];
  /** Each runner's own last words, and what failed, told again at the end, where they are looked for. */
  const summaries: string[] = [];

  async function suite(name: string, command: string, args: string[], summary: RegExp, env?: NodeJS.ProcessEnv) {
    const [status, text] = await tee(command, args, { env });
    if (status !== 0) failed.push(name);
    const lines = text.split('\n').filter((line) => summary.test(line));
    summaries.push(...lines.map((line) => `${name}: ${line.trim()}`));
  }

  const vitest = join(root, 'node_modules', '.bin', 'vitest');
  await suite(
    'vitest',
    vitest,
    ['run'],
    /^ *(Test Files|Tests) .*(passed|failed|skipped)|^skipped \d+:|^ *FAIL |^\w*Error: /,
  );

  const cargo = findCargo();
  if (cargo) {
    await suite(
      'cargo test',
      'cargo',
      ['test', '--workspace', '--locked'],
      /^test result: (?!ok\. 0 passed)|^test .* FAILED$|panicked at/,
      cargo,
    );
  } else {
    summaries.push('cargo test: skipped, found no cargo; install Rust from https://rustup.rs to run it');
    if (testAll) failed.push('cargo test, which PIXELCNN_TEST_ALL=1 does not let skip');
  }

  console.log(`\n${summaries.join('\n')}`);
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`);
});
