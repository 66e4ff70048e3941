/**
 * Builds ts/wasm/pkg from crates/: `npm run build:wasm`, or with `--out FOLDER` somewhere else.
 *
 * wasm-pack compiles and writes the JavaScript face; wasm-opt from npm's binaryen makes the binary smaller and faster. The
 * flags of both stand here and nowhere else. scripts/setup-rust.sh installs what is needed.
 */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cargoHome, findToolchain, type Toolchain } from './rust_toolchain.js';
import { output, root, run, runMain } from './shell.js';
import { committedPkg, formatRecord, hashFiles, hashSources, type WasmRecord } from './wasm_record.js';

export const rustFlags = [
  '-Ctarget-feature=+simd128',
  // LLVM's loop strength reduction turns every `offset=` of a load in the k-loop into an add of its own; without it the
  // f32 tile runs about 10 % faster. Floating-point semantics are untouched.
  '-Cllvm-args=-disable-lsr',
];

export const wasmOptFlags = [
  '-O3',
  // What rustc's wasm32 target uses, named one by one so that nothing else comes in: relaxed SIMD would break the promise
  // that one seed gives one image everywhere.
  '--enable-simd',
  '--enable-bulk-memory',
  '--enable-bulk-memory-opt',
  '--enable-nontrapping-float-to-int',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-multivalue',
  '--enable-reference-types',
];

/** What wasm-pack writes that belongs in the package: the binary, its JavaScript face, and the types of both. */
const kept = /^pixelcnn(_bg)?\.(wasm|js|d\.ts|wasm\.d\.ts)$/;

/** Builds into `out`, which is replaced. */
export function buildWasm(out: string): WasmRecord {
  const toolchain = findToolchain();
  const wasmBindgen = toolchain && output('wasm-bindgen', ['--version'], toolchain);
  if (!toolchain || !wasmBindgen || !output('wasm-pack', ['--version'], toolchain)) {
    throw new Error('found no complete Rust-to-WASM toolchain; run scripts/setup-rust.sh');
  }

  // Built aside and moved in at the end, so that a failed build leaves the old one whole.
  const built = mkdtempSync(join(tmpdir(), 'pixelcnn-wasm-'));
  try {
    const packArgs = ['build', 'crates/pixelcnn-wasm', '--target', 'web', '--no-pack', '--out-name', 'pixelcnn'];
    const env = { ...toolchain.env, RUSTFLAGS: [...rustFlags, ...remapFlags(toolchain)].join(' ') };
    run('wasm-pack', [...packArgs, '--out-dir', built, '--', '--locked'], { env });
    // wasm-pack's .gitignore of `*` would keep the folder out of git, and out of the npm package too.
    for (const name of readdirSync(built)) if (!kept.test(name)) rmSync(join(built, name));

    const wasm = join(built, 'pixelcnn_bg.wasm');
    run(process.execPath, [wasmOptPath(), ...wasmOptFlags, wasm, '-o', wasm]);

    const record: WasmRecord = {
      tools: {
        rustc: toolchain.rustc,
        host: toolchain.host,
        std: toolchain.std,
        wasmBindgen,
        binaryen: binaryenVersion(),
      },
      flags: { rustc: rustFlags, wasmOpt: wasmOptFlags },
      sources: hashSources(),
      files: hashFiles(built),
    };
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    for (const name of readdirSync(built)) writeFileSync(join(out, name), readFileSync(join(built, name)));
    writeFileSync(join(out, formatRecord(record)[0]), formatRecord(record)[1]);
    return record;
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
}

/**
 * Panic messages name source files. These flags take this machine's folders out of them: the workspace, the sources of
 * dependencies, the compiler's own. The last match wins, so that the widest folder comes first.
 */
function remapFlags(toolchain: Toolchain): string[] {
  const registry = join(cargoHome, 'registry', 'src');
  const folders: [string, string][] = [
    [toolchain.sysroot, '/rust'],
    [cargoHome, '/cargo'],
    ...readdirSync(registry).map((name): [string, string] => [join(registry, name), '/cargo']),
    [root, '.'],
  ];
  return folders.map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
}

function wasmOptPath(): string {
  return join(root, 'node_modules', 'binaryen', 'bin', 'wasm-opt');
}

function binaryenVersion(): string {
  const manifest = readFileSync(join(root, 'node_modules', 'binaryen', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

if (basename(process.argv[1] ?? '') === 'build_wasm.ts') {
  await runMain('build:wasm', () => {
    const { values } = parseArgs({ options: { out: { type: 'string' } } });
    const record = buildWasm(values.out ? resolve(values.out) : committedPkg);
    console.log(`build:wasm: ${Object.keys(record.files).join(', ')} by ${record.tools.rustc}`);
  });
}
