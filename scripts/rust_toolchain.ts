/** Finds the Rust compiler that builds the WASM, and says exactly which one it is. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { output } from './shell.js';

export const wasmTarget = 'wasm32-unknown-unknown';
/** The same with files, arguments and output, so that std's test harness runs; nothing of it is shipped. */
export const wasiTarget = 'wasm32-wasip1';

/** Where cargo keeps its programs and the sources of dependencies. */
export const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');

export interface Toolchain {
  /** `rustc --version`. */
  rustc: string;
  /** The machine it runs on, as a target triple. */
  host: string;
  /** Folder that holds the compiler's libraries. */
  sysroot: string;
  /** Where the standard library for WASM comes from, and the hash of its libraries. */
  std: { origin: string; sha256: string };
  /** Environment under which `cargo`, `wasm-pack` and `wasm-bindgen` find this compiler and each other. */
  env: NodeJS.ProcessEnv;
}

/** Environment under which `cargo` runs, if there is one. */
export function findCargo(): NodeJS.ProcessEnv | undefined {
  const env = withPath(process.env.PATH, join(cargoHome, 'bin'));
  return output('cargo', ['--version'], { env }) === undefined ? undefined : env;
}

/** The target that a compiler builds for when it is told none: this machine. */
export function hostTarget(env: NodeJS.ProcessEnv): string {
  const host = /^host: (.*)$/m.exec(output('rustc', ['--version', '--verbose'], { env }) ?? '')?.[1];
  if (!host) throw new Error('rustc --version --verbose names no host');
  return host;
}

/**
 * Environment under which cargo builds with AddressSanitizer, if this compiler has its runtime: a stable one does where it
 * comes from rustup, and takes the flag with RUSTC_BOOTSTRAP. The target must be named, so that build scripts stay as they are.
 */
export function addressSanitizer(env: NodeJS.ProcessEnv): { RUSTC_BOOTSTRAP: string; RUSTFLAGS: string } | undefined {
  const flags = { RUSTC_BOOTSTRAP: '1', RUSTFLAGS: '-Zsanitizer=address' };
  const libraries = output('rustc', ['--print', 'target-libdir'], { env });
  if (!libraries || !existsSync(libraries)) return undefined;
  return readdirSync(libraries).some((name) => /^librustc.*_rt\.asan\.a$/.test(name)) ? flags : undefined;
}

/** The first compiler, of those in PATH and Debian's, that has a standard library for WASM. */
export function findToolchain(): Toolchain | undefined {
  const found = findCompiler(wasmTarget);
  if (!found) return undefined;
  const { env, sysroot, libraries } = found;
  const rlibs = readdirSync(libraries).filter((name) => name.endsWith('.rlib'));
  return {
    rustc: output('rustc', ['--version', '--verbose'], { env })!.split('\n')[0]!,
    host: hostTarget(env),
    sysroot,
    std: { origin: originOf(sysroot), sha256: hashOf(libraries, rlibs) },
    env,
  };
}

/** Environment under which cargo builds the tests for WASM, where they can be built, and the flags that this takes. */
export function findWasiToolchain(): { env: NodeJS.ProcessEnv; flags: string[] } | undefined {
  const found = findCompiler(wasiTarget);
  if (!found) return undefined;
  // Debian's C library is older than its std, and lacks calls that join threads, of which there are none on this target.
  const debian = `CARGO_TARGET_${shouted(wasiTarget)}_LINKER` in found.env;
  return { env: found.env, flags: debian ? ['-Clink-arg=--unresolved-symbols=ignore-all'] : [] };
}

/** A target as the names of cargo's variables have it. */
export function shouted(target: string): string {
  return target.toUpperCase().replaceAll('-', '_');
}

function findCompiler(target: string): { env: NodeJS.ProcessEnv; sysroot: string; libraries: string } | undefined {
  const cargoBin = join(cargoHome, 'bin');
  const ordinary = withPath(process.env.PATH, cargoBin);
  const debian = withPath('/usr/bin', process.env.PATH, cargoBin);
  for (const env of [ordinary, debian]) {
    const sysroot = output('rustc', ['--print', 'sysroot'], { env });
    const libraries = output('rustc', ['--print', 'target-libdir', '--target', target], { env });
    if (!sysroot || !libraries || !existsSync(libraries)) continue;
    if (!readdirSync(libraries).some((name) => /^libstd-.*\.rlib$/.test(name))) continue;

    const linker = findLinker(join(sysroot, 'lib', 'rustlib', hostTarget(env), 'bin'), env);
    if (linker) env[`CARGO_TARGET_${shouted(target)}_LINKER`] = linker;
    return { env, sysroot, libraries };
  }
  return undefined;
}

function withPath(...folders: (string | undefined)[]): NodeJS.ProcessEnv {
  return { ...process.env, PATH: folders.filter(Boolean).join(delimiter) };
}

/** rustup brings its own linker, `rust-lld`; Debian's is LLVM's, named by its version. */
function findLinker(ownTools: string, env: NodeJS.ProcessEnv): string | undefined {
  if (existsSync(join(ownTools, 'rust-lld'))) return undefined;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder && existsSync(folder));
  const names = new Set(
    folders.flatMap((folder) => readdirSync(folder)).filter((name) => /^wasm-ld(-\d+)?$/.test(name)),
  );
  const version = (name: string) => Number(/\d+$/.exec(name)?.[0] ?? 0);
  return [...names].sort((a, b) => version(b) - version(a))[0];
}

function originOf(sysroot: string): string {
  return dirname(sysroot).endsWith('toolchains') ? 'rustup' : 'built from source by scripts/setup-rust.sh';
}

function hashOf(folder: string, names: string[]): string {
  const hash = createHash('sha256');
  for (const name of names.sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex');
}
