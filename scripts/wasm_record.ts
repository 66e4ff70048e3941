/**
 * The build record, `ts/wasm/pkg/build.json`: what the committed WASM was built from and with. It lets anyone see that
 * the built files belong to the sources beside them, without Rust; and lets a rebuild know whether it must find the same bytes.
 */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './shell.js';

export interface WasmRecord {
  /** All that decides the bytes beside the sources: two builds that agree here must agree in every byte. */
  tools: {
    rustc: string;
    host: string;
    std: { origin: string; sha256: string };
    wasmBindgen: string;
    binaryen: string;
  };
  /** Flags of both compilers, without those that only hide folder names; `relaxed`: what the relaxed binary has beside them. */
  flags: { rustc: string[]; wasmOpt: string[]; relaxed: { rustc: string[]; wasmOpt: string[] } };
  /** Hash of the crates' sources and Cargo files. */
  sources: string;
  /** Hash of each built file. */
  files: Record<string, string>;
}

/** The folder of the committed build. */
export const committedPkg = join(root, 'ts', 'wasm', 'pkg');

const recordName = 'build.json';

export function readRecord(folder: string): WasmRecord {
  return JSON.parse(readFileSync(join(folder, recordName), 'utf8')) as WasmRecord;
}

/** The record's file name and text. */
export function formatRecord(record: WasmRecord): [string, string] {
  return [recordName, `${JSON.stringify(record, null, 2)}\n`];
}

/** Hash of every source that the WASM is built from, names included. */
export function hashSources(): string {
  const hash = createHash('sha256');
  for (const path of sourcePaths())
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex');
}

/** Hash of each built file in a folder, the record itself left out. */
export function hashFiles(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name !== recordName);
  return Object.fromEntries(
    names.sort().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

function sourcePaths(): string[] {
  const crates = ['pixelcnn', 'pixelcnn-binary', 'pixelcnn-kernels', 'pixelcnn-wasm'].map((name) => `crates/${name}`);
  const sources = crates.flatMap((crate) =>
    readdirSync(join(root, crate, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.rs'))
      .map((name) => `${crate}/src/${name}`),
  );
  return ['Cargo.toml', 'Cargo.lock', ...crates.map((crate) => `${crate}/Cargo.toml`), ...sources].sort();
}
