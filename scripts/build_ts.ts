/** Builds dist/ from ts/: `npm run build:ts`. Needs Node alone; the WASM is taken as committed. `--if-stale`: only if older. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BuildOptions, buildSync, transformSync } from 'esbuild';
import { encodeText } from '../ts/inline_text.js';
import { publishedFiles } from './model_list.js';
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
    // What is JavaScript already: worker entries and the binaries' build id, with the binaries beside it; and what is data.
    for (const name of files(source)) {
      if (/\.(m?js|wasm|json)$/.test(name) || name.endsWith('.d.ts')) cpSync(join(source, name), join(built, name));
    }
    bundle(built);
    for (const folder of ['cli', 'exchange', 'train']) dropComments(join(built, folder));
    nameModels(built);
    cpSync(join(source, 'wasm', 'pkg', 'build.json'), join(built, last));
    rmSync(dist, { recursive: true, force: true });
    renameSync(built, dist);
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
}

/**
 * Adds the modules that stand alone: the worker of pools, the sampling entry for pages that load it from a server of files
 * (`pixelcnn.min.js`), and the same with binary and worker inside (`inline.js`).
 */
function bundle(built: string): void {
  const aside = `${built}-inline`;
  try {
    const worker = join(built, 'pool', 'worker.mjs');
    // No module's syntax is left in it, so that it may also be run as a classic script, and as the text of a thread of Node's.
    bundleFile(join(built, 'pool', 'worker.js'), worker, { format: 'iife' });
    rmSync(join(built, 'pool', 'worker.d.ts'), { force: true });
    writeFileSync(join(built, 'pool', 'worker.d.mts'), 'export {};\n');

    bundleFile(join(built, 'index.js'), join(built, 'pixelcnn.min.js'), { format: 'esm' });

    cpSync(built, aside, { recursive: true });
    cpSync(join(aside, 'inline_assets.js'), join(aside, 'assets.js'));
    const binary = readFileSync(join(built, 'wasm', 'pkg', 'pixelcnn_bg.wasm'));
    const text = readFileSync(worker, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n$/, '');
    const define = { inlineBinary: JSON.stringify(encodeText(binary)), inlineWorker: JSON.stringify(text) };
    bundleFile(join(aside, 'index.js'), join(built, 'inline.js'), { format: 'esm', define, sourcemap: false });
    cpSync(join(built, 'index.d.ts'), join(built, 'inline.d.ts'));
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  for (const name of files(built)) if (/^inline_(assets|text)\./.test(name)) rmSync(join(built, name));
}

function bundleFile(entry: string, outfile: string, options: BuildOptions): void {
  // Characters as they are: each would be six in ASCII. Maps lead to the modules beside them, which can be read as they are; with these
  // inside they would be a fiftieth of the package.
  const always: BuildOptions = {
    ...{ bundle: true, minify: true, target: 'es2022', charset: 'utf8' },
    ...{ sourcemap: true, sourcesContent: false },
  };
  buildSync({ entryPoints: [entry], outfile, logLevel: 'warning', ...always, ...options });
}

/** Takes comments out of JavaScript, a hundredth of the package; what they say to users stands in the types, the rest in the sources. */
function dropComments(folder: string): void {
  for (const name of files(folder).filter((name) => name.endsWith('.js'))) {
    const path = join(folder, name);
    writeFileSync(path, transformSync(readFileSync(path, 'utf8'), { charset: 'utf8', legalComments: 'none' }).code);
  }
}

/** Adds a module for each packaged model that holds its address, in the form that bundlers know. */
function nameModels(built: string): void {
  const folder = join(built, 'models');
  mkdirSync(folder);
  // Of the files themselves, which bundlers that are told so give the address of, or at the edge the bytes.
  writeFileSync(join(folder, 'file.d.ts'), 'declare const model: string | ArrayBuffer;\nexport default model;\n');
  for (const file of publishedFiles()) {
    const name = file.slice(0, -'.safetensors'.length);
    const text = `export const model = new URL('../../models/${file}', import.meta.url);\n`;
    writeFileSync(join(folder, `${name}.js`), text);
    writeFileSync(join(folder, `${name}.d.ts`), '/** Where the model is. */\nexport declare const model: URL;\n');
  }
}

/** Builds dist if it is missing or older than what it is made from. */
export function buildTsIfStale(): void {
  if (isStale()) buildTs();
}

function isStale(): boolean {
  if (!existsSync(join(dist, last))) return true;
  const settings = ['tsconfig.json', 'tsconfig.build.json'].map((name) => join(root, name));
  const models = join(root, 'models');
  const inputs = [...settings, models, import.meta.filename, ...files(source).map((name) => join(source, name))];
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
