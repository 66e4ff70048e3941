/**
 * Runs a program built for wasm32-wasip1 under Node, as cargo's runner: arguments and exit status are passed on, and the
 * repository, from which tests read, is the one folder it sees.
 */

import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { WASI } from 'node:wasi';
import { root } from './shell.js';

const [program, ...args] = process.argv.slice(2);
if (!program) throw new Error('run_wasi: expected a program, got no argument');
// Node 20 aborts in its garbage collection in one run of two of a program that lets its memory grow while threads mark beside it
// ("unreachable code" in ProcessMarkingWorklist); none of 28 did without.
setFlagsFromString('--no-concurrent-marking');
const wasi = new WASI({
  version: 'preview1',
  args: [program, ...args],
  env: process.env as Record<string, string>,
  preopens: { [root]: root },
  returnOnExit: true,
});
const module = new WebAssembly.Module(readFileSync(program));
const instance = new WebAssembly.Instance(module, wasi.getImportObject() as WebAssembly.Imports);
Object.assign(globalThis, { wasi }); // else it may be collected while the program runs, and Node aborts (seen with Node 20)
process.exitCode = wasi.start(instance);
