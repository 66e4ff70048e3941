/** Builds dist/ from ts/: `npm run build:ts`. Needs Node alone; the WASM is taken as committed. `--if-stale`: only if older. */

import { cpSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, run, runMain } from './shell.js';

const source = join(root, 'ts');
const dist = join(root, 'dist');
/** Written last, so that its age is that of a whole build. */
const last = join('wasm', 'pkg', 'build.json');

export function buildTs(): void {
  // Built aside and moved in whole: a build that fails leaves the old dist, and one that runs beside tests takes nothing away.
  const built = join(root, 'node_modules', '.cache', `pixelcnn-dist-${process.pid}`);
  try {
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    run(tsc, ['--project', 'tsconfig.build.json', '--outDir', built]);
    // What is JavaScript already: worker entries and wasm-bindgen's face, with the binary beside it; and what is data.
    for (const name of files(source)) {
      if (/\.(m?js|wasm|json)$/.test(name) || name.endsWith('.d.ts')) cpSync(join(source, name), join(built, name));
    }
    cpSync(join(source, 'wasm', 'pkg', 'build.json'), join(built, last));
    rmSync(dist, { recursive: true, force: true });
    renameSync(built, dist);
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
}

/** Builds dist if it is missing or older than what it is made from. */
export function buildTsIfStale(): void {
  if (isStale()) buildTs();
}

function isStale(): boolean {
  if (!existsSync(join(dist, last))) return true;
  const settings = ['tsconfig.json', 'tsconfig.build.json'].map((name) => join(root, name));
  const inputs = [...settings, ...files(source).map((name) => join(source, name))];
  return Math.max(...inputs.map((path) => statSync(path).mtimeMs)) > statSync(join(dist, last)).mtimeMs;
}

function files(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return entries.filter((name) => statSync(join(folder, name)).isFile());
}

if (basename(process.argv[1] ?? '') === 'build_ts.ts') {
  await runMain('build:ts', () => {
    const { values } = parseArgs({ options: { 'if-stale': { type: 'boolean' } } });
    if (values['if-stale']) buildTsIfStale();
    else buildTs();
  });
}
