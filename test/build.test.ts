/** What is built and how it is packed: no trace of the machine that built it, no relaxed SIMD, nothing stale or heavy. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import binaryen from 'binaryen';
import { describe, expect, it } from 'vitest';
import { checkRecord } from '../scripts/check_pkg.js';
import { cargoHome } from '../scripts/rust_toolchain.js';
import { root } from '../scripts/shell.js';
import { committedPkg } from '../scripts/wasm_record.js';

const read = (name: string) => readFileSync(join(root, name), 'utf8');
const wasm = readFileSync(join(committedPkg, 'pixelcnn_bg.wasm'));

/** Both names of the dot product: the standard's and binaryen's. */
const relaxedInstruction = /relaxed|i7x16/;

interface Manifest {
  version: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  scripts: Record<string, string>;
}

const manifest = JSON.parse(read('package.json')) as Manifest;

describe('ts/wasm/pkg', () => {
  it('belongs to the sources beside it', () => {
    checkRecord();
  });

  it('holds no path of the machine that built it, and no registry', () => {
    // A folder as short as `/p` would be found anywhere.
    const folders = [homedir(), root, cargoHome].map((folder) => `${folder}/`).filter((folder) => folder.length > 5);
    const traces = [...folders, '/root/', '/home/', '/Users/', '.cargo', '.rustup', 'registry', 'crates.io'];
    for (const name of readdirSync(committedPkg)) {
      const text = readFileSync(join(committedPkg, name), 'latin1');
      const found = traces.filter((trace) => text.includes(trace));
      expect(found, name).toEqual([]);
    }
  });

  it('uses SIMD but no relaxed instruction, which may round differently from one host to the next', () => {
    const text = binaryen.readBinary(wasm).emitText();
    expect(text).toContain('f32x4.mul');
    expect(text).not.toMatch(relaxedInstruction);
  });

  it('would be caught using any relaxed instruction', () => {
    const three = '(local.get 0) (local.get 1) (local.get 2)';
    const two = '(local.get 0) (local.get 1)';
    const uses = [
      `f32x4.relaxed_madd ${three}`,
      `i8x16.relaxed_swizzle ${two}`,
      `i16x8.relaxed_dot_i8x16_i7x16_s ${two}`,
    ];
    for (const use of uses) {
      const source = `(module (func (export "f") (param v128 v128 v128) (result v128) (${use})))`;
      const text = binaryen.readBinary(binaryen.parseText(source).emitBinary()).emitText();
      expect(text, use).toMatch(relaxedInstruction);
    }
  });

  it('stays small: 180 kB, gzipped, of binary and JavaScript together, for two precisions', () => {
    const face = readFileSync(join(committedPkg, 'pixelcnn.js'));
    expect(gzipSync(wasm).length + gzipSync(face).length).toBeLessThan(180_000);
  });
});

describe('package.json', () => {
  it('agrees with the crates on the version', () => {
    expect(/^version = "(.*)"$/m.exec(read('Cargo.toml'))?.[1]).toBe(manifest.version);
  });

  it('never makes a native TensorFlow a dependency: its install script downloads', () => {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, unknown> };
    expect(Object.keys(lock.packages).filter((path) => path.includes('tfjs-node'))).toEqual([]);
  });

  it('brings under 1 MB of dependencies, all that they pull in counted', () => {
    const names = withTheirOwn(Object.keys(manifest.dependencies ?? {}));
    const bytes = [...names].reduce((sum, name) => sum + sizeOf(join(root, 'node_modules', name)), 0);
    expect(bytes).toBeLessThan(1_000_000);
  });

  it('runs what may draw on several threads from dist/, where the worker of a pool is', () => {
    for (const name of ['sample', 'optimize', 'quantize']) {
      expect(manifest.scripts[name]).toBe(`tsx scripts/build_ts.ts --if-stale && node dist/cli/main.js ${name}`);
    }
  });

  it('is locked by hashes and names no registry host', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved"/);
  });
});

/** Package names and, through their manifests, the names of all that they depend on. */
function withTheirOwn(names: string[], seen = new Set<string>()): Set<string> {
  for (const name of names) {
    if (seen.has(name)) continue;
    seen.add(name);
    const own = JSON.parse(read(join('node_modules', name, 'package.json'))) as Manifest;
    withTheirOwn(Object.keys(own.dependencies ?? {}), seen);
  }
  return seen;
}

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => statSync(join(folder, name)));
  return files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}
