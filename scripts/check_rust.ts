/**
 * `npm run check:rust`: the core's tests where mistakes of memory and of 32 bits show. On wasm32 with simd128 and with the
 * scalar backend, through Node; under AddressSanitizer, valgrind and Miri. `npm run check:rust -- wasm` runs one of them.
 *
 * What a machine lacks is skipped by name; PIXELCNN_TEST_ALL=1 makes that a failure where every machine can have it.
 */

import { join } from 'node:path';
import { rustFlags } from './build_wasm.js';
import { addressSanitizer, findCargo, findWasiToolchain, hostTarget, shouted, wasiTarget } from './rust_toolchain.js';
import { output, root, run, runMain } from './shell.js';

const testAll = process.env.PIXELCNN_TEST_ALL === '1';

/** The core alone: the WASM's face has no test in Rust. */
const test = ['test', '--quiet', '--package', 'pixelcnn', '--package', 'pixelcnn-kernels', '--locked'];
/** What watches each access to memory is slow: these reach all unsafe code, by every strategy, in little arithmetic. */
const small = ['--lib', '--test', 'small'];

/** Why a check cannot be had here; `always` where every machine can have it. */
interface Lacking {
  lacks: string;
  always?: boolean;
}

type Check = (cargo: NodeJS.ProcessEnv) => Lacking | undefined;

/** Each flavour has a folder of its own: they share no object file, and each would throw the others' away. */
function targetFolder(name: string): { CARGO_TARGET_DIR: string } {
  return { CARGO_TARGET_DIR: join(root, 'target', name) };
}

function wasm(): Lacking | undefined {
  const toolchain = findWasiToolchain();
  if (!toolchain) return { lacks: `a compiler for ${wasiTarget}; run scripts/setup-rust.sh`, always: true };
  const runner = [join(root, 'node_modules', '.bin', 'tsx'), join(root, 'scripts', 'run_wasi.ts')].join(' ');
  const env = {
    ...toolchain.env,
    ...targetFolder('wasi'),
    RUSTFLAGS: [...rustFlags, ...toolchain.flags].join(' '),
    [`CARGO_TARGET_${shouted(wasiTarget)}_RUNNER`]: runner,
    NODE_NO_WARNINGS: '1',
  };
  for (const backend of [[], ['--features', 'scalar']]) {
    run('cargo', [...test, '--lib', '--tests', '--target', wasiTarget, ...backend], { env });
  }
  return undefined;
}

function address(cargo: NodeJS.ProcessEnv): Lacking | undefined {
  const sanitizer = addressSanitizer(cargo);
  if (!sanitizer) return { lacks: 'the runtime of AddressSanitizer, which rustc from rustup has' };
  const tests = [...small, '--test', 'format', '--test', 'golden', '--test', 'precision'];
  run('cargo', [...test, ...tests, '--target', hostTarget(cargo)], {
    // Asked for more than there can be, an allocator says so, and the tests see what is made of that.
    env: { ...cargo, ...sanitizer, ...targetFolder('address'), ASAN_OPTIONS: 'allocator_may_return_null=1' },
  });
  return undefined;
}

function valgrind(cargo: NodeJS.ProcessEnv): Lacking | undefined {
  if (output('valgrind', ['--version']) === undefined) return { lacks: 'valgrind' };
  const host = hostTarget(cargo);
  const runner =
    'valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite';
  const env = {
    ...cargo,
    ...targetFolder('valgrind'),
    [`CARGO_TARGET_${shouted(host)}_RUNNER`]: runner,
  };
  run('cargo', [...test, ...small, '--target', host, '--', '--test-threads=1'], { env });
  return undefined;
}

/** Miri comes with a nightly alone, and not with every one; any that is installed serves. */
function miri(cargo: NodeJS.ProcessEnv): Lacking | undefined {
  const options = { env: cargo };
  const lists = output('rustup', ['toolchain', 'list', '--quiet'], options) ?? '';
  const has = (name: string) => output('rustup', ['run', name, 'cargo', 'miri', '--version'], options) !== undefined;
  const nightly = lists.split('\n').find((name) => name.startsWith('nightly') && has(name));
  if (!nightly) return { lacks: 'Miri; rustup toolchain install nightly --component miri,rust-src' };
  const env = { ...cargo, ...targetFolder('miri') };
  const watched = [`+${nightly}`, 'miri', ...test];
  // A thousand times slower than the machine: what touches unsafe code, not the sweeps over floats and nets beside it.
  run('cargo', [...watched, '--lib', '--', 'packed::', 'simd::', 'tiles::'], { env });
  run('cargo', [...watched, '--test', 'small'], { env });
  return undefined;
}

const checks: Record<string, Check> = { wasm, address, valgrind, miri };

await runMain('check:rust', () => {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !(name in checks));
  if (unknown) throw new Error(`expected some of ${Object.keys(checks).join(', ')}, got ${unknown}`);
  const cargo = findCargo();
  if (!cargo) throw new Error('found no cargo; run scripts/setup-rust.sh');
  for (const [name, check] of Object.entries(checks)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const start = Date.now();
    console.log(`\n== ${name}`);
    const lacking = check(cargo);
    if (lacking?.always && testAll) throw new Error(`${name} lacks ${lacking.lacks}`);
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    console.log(`== ${name}: ${lacking ? `skipped, this machine lacks ${lacking.lacks}` : `${seconds} s`}`);
  }
});
