/** What is built and how it is packed: no trace of the machine that built it, no relaxed SIMD where hosts differ, nothing stale or heavy. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import binaryen from 'binaryen';
import { describe, expect, it } from 'vitest';
import { checkRelaxed, relaxedInstructions } from '../scripts/build_wasm.js';
import { checkRecord } from '../scripts/check_pkg.js';
import { cargoHome } from '../scripts/rust_toolchain.js';
import { root } from '../scripts/shell.js';
import { committedPkg } from '../scripts/wasm_record.js';

const read = (name: string) => readFileSync(join(root, name), 'utf8');
const wasm = readFileSync(join(committedPkg, 'pixelcnn_bg.wasm'));
const relaxed = join(committedPkg, 'pixelcnn_relaxed_bg.wasm');

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

  it('uses SIMD, and no relaxed instruction but the dot products in the binary that is named for it', () => {
    expect(binaryen.readBinary(wasm).emitText()).toContain('f32x4.mul');
    const dots = /^i(16x8|32x4)\.relaxed_dot_i8x16_i7x16(_add)?_s$/;
    expect(relaxedInstructions(join(committedPkg, 'pixelcnn_bg.wasm'))).toEqual([]);
    for (const name of relaxedInstructions(relaxed)) expect(name).toMatch(dots);
  });

  it('would be caught using any other relaxed instruction', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-relaxed-'));
    const file = join(folder, 'use.wasm');
    const dot = 'i16x8.relaxed_dot_i8x16_i7x16_s';
    const uses: [string, number][] = [
      ['i8x16.relaxed_swizzle', 2],
      ['i32x4.relaxed_trunc_f32x4_s', 1],
      ['f32x4.relaxed_madd', 3],
      ['f32x4.relaxed_nmadd', 3],
      ['f32x4.relaxed_min', 2],
      ['f32x4.relaxed_max', 2],
      ['f64x2.relaxed_max', 2],
      ['i32x4.relaxed_laneselect', 3],
      ['i16x8.relaxed_q15mulr_s', 2],
      [dot, 2],
      ['i32x4.relaxed_dot_i8x16_i7x16_add_s', 3],
    ];
    try {
      for (const [use, operands] of uses) {
        const gets = ['(local.get 0)', '(local.get 1)', '(local.get 2)'].slice(0, operands).join(' ');
        const source = `(module (func (export "f") (param v128 v128 v128) (result v128) (${use} ${gets})))`;
        writeFileSync(file, binaryen.parseText(source).emitBinary());
        expect(relaxedInstructions(file), use).toEqual([use]);
        expect(() => checkRelaxed(file, []), use).toThrow(`use.wasm must hold no ${use}`);
        if (use === dot) expect(() => checkRelaxed(file, [dot])).not.toThrow();
        else expect(() => checkRelaxed(file, [dot])).toThrow(use);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('says nothing of panics, which nobody would hear', () => {
    for (const file of [wasm, readFileSync(relaxed)])
      expect(file.toString('latin1')).not.toMatch(/\w\.rs|library\/core/);
  });

  it('stays small: 105 kB each, in brotli', () => {
    for (const file of [wasm, readFileSync(relaxed)]) expect(brotliCompressSync(file).length).toBeLessThan(105_000);
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
