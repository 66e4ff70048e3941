/**
 * `npm run check:package`: what publint and "are the types wrong?" say of the packed package. Both come from npm, of exact versions, the
 * first time. Modules alone is what the package is, and every Node that it is for gives them to `require`, hence the rule left out.
 */

import { join } from 'node:path';
import { buildTsIfStale } from './build_ts.js';
import { installed, packed } from './everywhere/tools.js';
import { run, runMain, tee } from './shell.js';

/** An address of the same file that bundlers of the edge know by its ending; to publint it is a file that is not there. */
const expected = /pkg\.exports\["\.\/pixelcnn(\.relaxed)?\.wasm\?module"\]/;

await runMain('check:package', async () => {
  buildTsIfStale();
  const tools = { publint: '0.3.25', '@arethetypeswrong/cli': '0.18.5' };
  const home = installed(tools, true)!;
  const bin = (name: string) => join(home, 'node_modules/.bin', name);
  const tarball = packed();
  const [, said] = await tee(bin('publint'), ['run', tarball, '--strict']);
  const complaints = said.split('\n').filter((line) => /^\d+\. /.test(line.trim()) && !expected.test(line));
  if (!said.includes('Linting')) throw new Error('publint did not run');
  if (complaints.length > 0) throw new Error(`publint: ${complaints.join('; ')}`);
  run(bin('attw'), [
    tarball,
    '--no-color',
    '--ignore-rules',
    'cjs-resolves-to-esm',
    '--exclude-entrypoints',
    'pixelcnn.wasm?module',
    'pixelcnn.relaxed.wasm?module',
  ]);
});
