/**
 * Builds ts/wasm/pkg from crates/: `npm run build:wasm`, or with `--out FOLDER` somewhere else.
 *
 * wasm-pack compiles and writes the types of what is exported; wasm-opt from npm's binaryen makes the binary smaller and faster.
 * The flags of both stand here and nowhere else. scripts/setup-rust.sh installs what is needed.
 *
 * There are two binaries of the same sources under one face: a plain one for every host with SIMD, and one that has the dot
 * products of 8 bits too, for hosts with relaxed SIMD. Each says in a section of its own what it was built of, and whether it is the
 * second; `build_id.js` says the first to the code that starts it.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import binaryen from 'binaryen';
import { cargoHome, findToolchain, type Toolchain } from './rust_toolchain.js';
import { output, root, run, runMain } from './shell.js';
import { committedPkg, formatRecord, hashFiles, hashSources, type WasmRecord } from './wasm_record.js';

export const rustFlags = [
  '-Ctarget-feature=+simd128',
  // LLVM's loop strength reduction turns every `offset=` of a load in the k-loop into an add of its own; without it the
  // f32 tile runs about 10 % faster. Floating-point semantics are untouched.
  '-Cllvm-args=-disable-lsr',
  // Loops that turn an unknown number of times: four turns in one are no faster here, for engines do that to the k-loops themselves, and
  // take 0.6 kB in brotli.
  '-Cllvm-args=-unroll-runtime=false',
];

/** What the relaxed binary is built with beside {@link rustFlags}. */
export const relaxedRustFlags = [
  '-Ctarget-feature=+relaxed-simd',
  // Instructions stay in the order of the source: in LLVM's own tiles take up to 1.05 times as long. The plain binary would only be larger.
  '-Cllvm-args=-pre-RA-sched=source',
];

export const wasmOptFlags = [
  // As fast as -O3, whose work LLVM has done already; again after blocks were made anew of flat code, and once more without the alignments that
  // loads and stores hint at, which engines do not look at: each time 0.2 to 0.6 kB less in brotli, and no slower.
  '-Oz',
  '--flatten',
  '--rereloop',
  '-Oz',
  '--dealign',
  '-Oz',
  // No address below 1,024 is ever used, where a stack of 1 MB ends: then instructions hold what is added to an address, which spares 0.5 to
  // 0.8 kB.
  '--low-memory-unused',
  '--strip-producers',
  // What rustc's wasm32 target uses, named one by one so that nothing else comes in.
  '--enable-simd',
  '--enable-bulk-memory',
  '--enable-bulk-memory-opt',
  '--enable-nontrapping-float-to-int',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-multivalue',
  '--enable-reference-types',
];

/** What the relaxed binary is optimised with beside {@link wasmOptFlags}. */
export const relaxedWasmOptFlags = ['--enable-relaxed-simd'];

/** Name of a binary, and what it is built with beside what both are. */
interface Flavour {
  name: string;
  rustc: string[];
  wasmOpt: string[];
  /** Relaxed instructions that it may hold. */
  relaxed: string[];
}

/**
 * A relaxed instruction may give one result here and another there. Of two we know that they do not where the second operand
 * is 0..127, which the kernels see to: all others would break the promise that one seed gives one image everywhere.
 */
const flavours: Flavour[] = [
  { name: 'pixelcnn_bg.wasm', rustc: [], wasmOpt: [], relaxed: [] },
  {
    name: 'pixelcnn_relaxed_bg.wasm',
    rustc: relaxedRustFlags,
    wasmOpt: relaxedWasmOptFlags,
    relaxed: ['i16x8.relaxed_dot_i8x16_i7x16_s', 'i32x4.relaxed_dot_i8x16_i7x16_add_s'],
  },
];

/** What wasm-pack writes that belongs in the package: the binary, and the types of what it exports. Its JavaScript is for more than numbers. */
const kept = /^pixelcnn_bg\.wasm(\.d\.ts)?$/;

/** The section in which a binary says what it is. */
const section = 'pixelcnn';

/** Builds into `out`, which is replaced. */
export function buildWasm(out: string): WasmRecord {
  const toolchain = findToolchain();
  const wasmBindgen = toolchain && output('wasm-bindgen', ['--version'], toolchain);
  if (!toolchain || !wasmBindgen || !output('wasm-pack', ['--version'], toolchain)) {
    throw new Error('found no complete Rust-to-WASM toolchain; run scripts/setup-rust.sh');
  }

  // Built aside and moved in at the end, so that a failed build leaves the old one whole.
  const built = mkdtempSync(join(tmpdir(), 'pixelcnn-wasm-'));
  const id = buildId();
  try {
    const packArgs = ['build', 'crates/pixelcnn-binary', '--target', 'web', '--no-pack', '--out-name', 'pixelcnn'];
    for (const [number, flavour] of flavours.entries()) {
      const pack = number === 0 ? built : mkdtempSync(join(tmpdir(), 'pixelcnn-wasm-'));
      try {
        const flags = [...rustFlags, ...flavour.rustc, ...remapFlags(toolchain)].join(' ');
        // A folder for each: cargo would throw away what the other has built.
        const target = { CARGO_TARGET_DIR: join(root, 'target', basename(flavour.name, '_bg.wasm')) };
        const env = { ...toolchain.env, ...target, RUSTFLAGS: flags };
        run('wasm-pack', [...packArgs, '--out-dir', pack, '--', '--locked'], { env });
        // wasm-pack's .gitignore of `*` would keep the folder out of git, and out of the npm package too.
        for (const name of readdirSync(pack)) if (!kept.test(name)) rmSync(join(pack, name));

        const [wasm, optimised] = [join(pack, 'pixelcnn_bg.wasm'), join(built, flavour.name)];
        dropUnused(wasm);
        run(process.execPath, [wasmOptPath(), ...wasmOptFlags, ...flavour.wasmOpt, wasm, '-o', optimised]);
        checkRelaxed(optimised, flavour.relaxed);
        addSection(optimised, section, number === 0 ? id : `${id} ${basename(flavour.name, '_bg.wasm')}`);
        if (pack !== built) checkFaces(built, pack);
      } finally {
        if (pack !== built) rmSync(pack, { recursive: true, force: true });
      }
    }

    writeFileSync(join(built, 'build_id.js'), `export const buildId = '${id}';\n`);
    writeFileSync(join(built, 'build_id.d.ts'), 'export declare const buildId: string;\n');
    const record: WasmRecord = {
      tools: {
        rustc: toolchain.rustc,
        host: toolchain.host,
        std: toolchain.std,
        wasmBindgen,
        binaryen: binaryenVersion(),
      },
      flags: recordedFlags(),
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

/** The flags of both binaries, as the record has them. */
export function recordedFlags(): WasmRecord['flags'] {
  const relaxed = { rustc: relaxedRustFlags, wasmOpt: relaxedWasmOptFlags };
  return { rustc: rustFlags, wasmOpt: wasmOptFlags, relaxed };
}

/** What the binaries are built of, sources and flags, in twelve digits. */
function buildId(): string {
  const all = [hashSources(), JSON.stringify(recordedFlags())].join('\n');
  return createHash('sha256').update(all).digest('hex').slice(0, 12);
}

/**
 * Takes out what wasm-bindgen adds for values that are no numbers, which no call of ours passes; and what a panic says before it traps: a
 * host of WebAssembly has nowhere to print it. All that prepares it goes with it, 3 of 106 kB in brotli.
 */
function dropUnused(wasm: string): void {
  const module = binaryen.readBinary(readFileSync(wasm));
  const added = /^__/;
  for (let i = module.getNumExports() - 1; i >= 0; i--) {
    const { name } = binaryen.getExportInfo(module.getExportByIndex(i));
    if (added.test(name)) module.removeExport(name);
  }
  module.runPasses(['remove-unused-module-elements']);
  for (const { name, params } of neverReturning(module)) {
    module.removeFunction(name);
    module.addFunction(name, params, binaryen.none, [], module.unreachable());
  }
  module.runPasses(['remove-unused-module-elements']);
  const binary = Buffer.from(module.emitBinary());
  clearLocations(binary);
  writeFileSync(wasm, binary);
  module.dispose();
}

/** Functions that trap whatever they are given. None calls out of the module, which imports nothing that does not return. */
function neverReturning(module: binaryen.Module): binaryen.FunctionInfo[] {
  const all = Array.from({ length: module.getNumFunctions() }, (_, i) =>
    binaryen.getFunctionInfo(module.getFunctionByIndex(i)),
  );
  return all.filter(
    ({ module: imported, results, body }) =>
      !imported &&
      results === binaryen.none &&
      binaryen.getExpressionType(body) === binaryen.unreachable &&
      !/\(return/.test(binaryen.emitText(body)),
  );
}

/**
 * Clears where panics say that they were, which nothing reads any more: the name of a file, line and column at some 500 places. 2 of 104 kB
 * in brotli.
 */
function clearLocations(binary: Buffer): void {
  const segments = dataSegments(binary);
  /** Where in the binary so many bytes of an address lie. */
  const placeOf = (address: number, length: number): number | undefined => {
    const found = segments.find(({ start, length: all }) => address >= start && address + length <= start + all);
    return found && found.at + address - found.start;
  };
  const words = 4;
  const cleared: [number, number][] = [];
  for (const { start, length, at } of segments) {
    for (let i = -start & (words - 1); i + 4 * words <= length; i += words) {
      const word = (number: number): number => binary.readUInt32LE(at + i + number * words);
      const [name, bytes, line, column] = [word(0), word(1), word(2), word(3)];
      const place = placeOf(name, bytes);
      if (place === undefined || line < 1 || line > 9_999 || column < 1 || column > 999) continue;
      if (/^[\w./-]+\.rs$/.test(binary.toString('latin1', place, place + bytes)))
        cleared.push([at + i, 4 * words], [place, bytes]);
    }
  }
  if (cleared.length === 0) throw new Error(`expected places of panics in the binary, found none`);
  for (const [place, bytes] of cleared) binary.fill(0, place, place + bytes);
}

/** Where memory begins as what: the address, and where in the binary how many bytes lie. */
function dataSegments(binary: Buffer): { start: number; at: number; length: number }[] {
  let at = 8;
  /** The next number, seven bits a byte. */
  const next = (): number => {
    for (let [value, scale] = [0, 1]; ; scale *= 128) {
      const byte = binary[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const [data, active, constant, end] = [11, 0, 0x41, 0x0b];
  while (at < binary.length) {
    const [id, length] = [binary[at++], next()];
    if (id !== data) {
      at += length;
      continue;
    }
    return Array.from({ length: next() }, () => {
      const head = [next(), binary[at++]];
      const segment = { start: next(), ended: binary[at++], length: next(), at };
      if (head[0] !== active || head[1] !== constant || segment.ended !== end)
        throw new Error('expected memory to begin with segments at addresses that are numbers');
      at += segment.length;
      return segment;
    });
  }
  return [];
}

/** Appends a section of text to a binary. */
function addSection(wasm: string, name: string, text: string): void {
  const [named, words] = [Buffer.from(name), Buffer.from(text)];
  const length = 1 + named.length + words.length;
  if (length > 127) throw new Error(`expected a section whose length fits into seven bits, got ${length}`);
  const added = Buffer.concat([Buffer.of(0, length, named.length), named, words]);
  writeFileSync(wasm, Buffer.concat([readFileSync(wasm), added]));
}

/** Every relaxed instruction of a binary, each once. */
export function relaxedInstructions(wasm: string): string[] {
  const module = binaryen.readBinary(readFileSync(wasm));
  const text = module.emitText();
  module.dispose();
  return [...new Set(text.match(relaxedInstruction) ?? [])].sort();
}

/** All of the proposal: their names say it. */
const relaxedInstruction = /\b[if]\d+x\d+\.relaxed_\w+/g;

/** Throws if a binary holds a relaxed instruction but these. */
export function checkRelaxed(wasm: string, allowed: string[]): void {
  const found = relaxedInstructions(wasm).filter((name) => !allowed.includes(name));
  if (found.length > 0)
    throw new Error(`${basename(wasm)} must hold no ${found.join(', ')}: hosts differ in what it gives`);
}

/** Throws unless two builds have the same face, so that one serves both binaries. */
function checkFaces(one: string, other: string): void {
  for (const name of readdirSync(one).filter((name) => !name.endsWith('.wasm'))) {
    const same = readFileSync(join(one, name)).equals(readFileSync(join(other, name)));
    if (!same) throw new Error(`${name} must be the same for both binaries, got two`);
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
