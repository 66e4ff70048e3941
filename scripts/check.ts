/**
 * `npm run check`: all that must hold before a commit. Format and lint of both languages, types, the freshness of the built
 * WASM, then `npm test`. Where there is no Rust, its part is skipped by name, or fails under PIXELCNN_TEST_ALL=1, which
 * also builds the WASM anew.
 */

import { join } from 'node:path';
import { rustFlags } from './build_wasm.js';
import { findCargo, findToolchain, wasmTarget } from './rust_toolchain.js';
import { root, run, runMain } from './shell.js';

const testAll = process.env.PIXELCNN_TEST_ALL === '1';
const bin = (name: string) => join(root, 'node_modules', '.bin', name);

function stage(name: string, command: string, args: string[], env?: NodeJS.ProcessEnv): void {
  const start = Date.now();
  console.log(`\n== ${name}`);
  run(command, args, { env: { ...process.env, ...env } });
  console.log(`== ${name}: ${((Date.now() - start) / 1000).toFixed(1)} s`);
}

await runMain('check', () => {
  stage('format and lint', bin('biome'), ['check', '--error-on-warnings', '.']);
  stage('dist, whose types the examples take', bin('tsx'), ['scripts/build_ts.ts', '--if-stale']);
  stage('types', bin('tsc'), ['--project', 'tsconfig.json']);

  const cargo = findCargo();
  if (cargo) {
    stage('cargo fmt', 'cargo', ['fmt', '--all', '--check'], cargo);
    stage('cargo fmt of the fuzz targets', 'cargo', ['fmt', '--manifest-path', 'fuzz/Cargo.toml', '--check'], cargo);
    const clippy = ['clippy', '--workspace', '--locked'];
    stage('cargo clippy', 'cargo', [...clippy, '--all-targets', '--', '-D', 'warnings'], cargo);
    const toolchain = findToolchain();
    if (toolchain) {
      // What is compiled for WASM alone, its SIMD above all, the line before does not see.
      const env = { ...toolchain.env, RUSTFLAGS: rustFlags.join(' ') };
      stage('cargo clippy for WASM', 'cargo', [...clippy, '--target', wasmTarget, '--', '-D', 'warnings'], env);
    } else {
      console.log(`\n== cargo clippy for WASM: skipped, found no ${wasmTarget}; run scripts/setup-rust.sh`);
    }
    const doc = ['doc', '--workspace', '--no-deps', '--locked', '--document-private-items', '--quiet'];
    // The crates are read by those who work on them, so that a link may lead to what is private.
    const flags = '-D warnings -A rustdoc::private_intra_doc_links';
    stage('rustdoc', 'cargo', doc, { ...cargo, RUSTDOCFLAGS: flags });
  } else if (testAll) {
    throw new Error('found no cargo, which PIXELCNN_TEST_ALL=1 asks for; run scripts/setup-rust.sh');
  } else {
    console.log('\n== Rust: skipped, found no cargo; install Rust from https://rustup.rs to check it');
  }

  stage('built WASM', bin('tsx'), ['scripts/check_pkg.ts', ...(testAll ? ['--rebuild'] : [])]);
  stage('tests', bin('tsx'), ['scripts/test.ts']);
});
