/**
 * Checks that the committed ts/wasm/pkg belongs to the sources beside it, by its build record; needs no Rust.
 *
 * With `--rebuild` it is built anew, aside. Where the compiler, the standard library and all tools are those of the record,
 * every byte must be the same. Where one differs, bytes may differ but behaviour may not: the tests of the WASM run on the
 * fresh build instead.
 */

import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { buildWasm, recordedFlags } from './build_wasm.js';
import { root, run, runMain } from './shell.js';
import { committedPkg, hashFiles, hashSources, readRecord } from './wasm_record.js';

/** Throws, with the command that mends it, if the committed build is not that of the sources. */
export function checkRecord(): void {
  const record = readRecord(committedPkg);
  const stale = (what: string) => new Error(`ts/wasm/pkg is stale: ${what}; run npm run build:wasm and commit it`);
  if (record.sources !== hashSources()) throw stale('crates/ changed since it was built');
  if (!isDeepStrictEqual(record.flags, recordedFlags())) throw stale('the flags changed');
  if (!isDeepStrictEqual(record.files, hashFiles(committedPkg))) throw stale('its files are not those that were built');
}

/** Builds the WASM anew and holds it against the committed one: bytes if the tools are equal, else behaviour. */
export function checkRebuild(): void {
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-rebuild-'));
  try {
    const fresh = join(folder, 'pkg');
    const { tools, files } = buildWasm(fresh);
    const record = readRecord(committedPkg);
    if (isDeepStrictEqual(tools, record.tools)) {
      const differing = Object.keys({ ...files, ...record.files }).filter((name) => files[name] !== record.files[name]);
      if (differing.length > 0) throw new Error(`the same tools built other bytes in ${differing.join(', ')}`);
      console.log('check_pkg: the rebuild, by the same tools, has the same bytes');
      return;
    }
    console.log(`check_pkg: built by ${tools.rustc}, committed by ${record.tools.rustc}: testing the fresh build`);
    testBuild(fresh, join(folder, 'copy'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs the tests that reach the WASM in a copy of the project that holds `pkg`. */
function testBuild(pkg: string, copy: string): void {
  const made = ['.git', 'dist', 'node_modules', 'out', 'runs', 'target'].map((name) => join(root, name));
  cpSync(root, copy, { recursive: true, filter: (path) => !made.includes(path) });
  rmSync(join(copy, 'ts', 'wasm', 'pkg'), { recursive: true, force: true });
  cpSync(pkg, join(copy, 'ts', 'wasm', 'pkg'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');
  // Training and the build's own tests say nothing about the binary.
  const others = ['test/train/**', 'test/build*', 'test/package*'].flatMap((glob) => ['--exclude', glob]);
  run(join(root, 'node_modules', '.bin', 'vitest'), ['run', ...others], { cwd: copy });
}

if (basename(process.argv[1] ?? '') === 'check_pkg.ts') {
  await runMain('check_pkg', () => {
    const { values } = parseArgs({ options: { rebuild: { type: 'boolean' } } });
    checkRecord();
    console.log('check_pkg: ts/wasm/pkg belongs to the sources');
    if (values.rebuild) checkRebuild();
  });
}
