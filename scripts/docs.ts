/**
 * `npm run docs`: the reference of the API, in out/api, made of the comments in ts/ by typedoc. What is exported and has no comment,
 * a type that is spoken of and not exported, and a link that leads nowhere are errors. typedoc is of a package of its own, scripts/api,
 * since it calls a compiler of TypeScript that this project is past; it comes from npm the first time.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, runMain } from './shell.js';

const own = join(root, 'scripts', 'api');

/** Whether npm has installed the version that is asked for. */
function isInstalled(): boolean {
  const installed = join(own, 'node_modules', 'typedoc', 'package.json');
  if (!existsSync(installed)) return false;
  const manifestOf = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
  const wanted = manifestOf(join(own, 'package.json')).devDependencies.typedoc;
  return manifestOf(installed).version === wanted;
}

await runMain('docs', () => {
  if (!isInstalled()) run('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: own });
  run(join(own, 'node_modules', '.bin', 'typedoc'), ['--options', join(own, 'typedoc.json')]);
  console.log('open out/api/index.html');
});
