/**
 * `npm run fuzz`: the core's readers and a drawn image on inputs that libFuzzer chooses by what they reach. Bounded by
 * `--runs` for each target or by `--seconds` in all; tells executions, what was left out, and keeps what it found.
 *
 *   npm run fuzz                                        all targets, 60 seconds in all
 *   npm run fuzz -- --target model --runs 10000000
 *   npm run fuzz -- --target draw --seconds 600 --address    with AddressSanitizer, at a tenth of the speed
 *   npm run fuzz -- --target model --input FILE         one input again, such as a finding
 *   npm run fuzz -- --merge                             what reaches most in few bytes, into fuzz/corpus
 *
 * Instrumented by flags that any rustc has; needs a C++ compiler for libFuzzer and neither cargo-fuzz nor a nightly.
 */

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type CorpusFile } from '../test/corpus/make.js';
import { addressSanitizer, findCargo, hostTarget } from './rust_toolchain.js';
import { root, run, runMain } from './shell.js';

/** Each target: the longest input in bytes, its words, and the share of `--seconds` that it gets. */
const targets = {
  model: { longest: 8192, words: 'model.dict', share: 0.4 },
  draw: { longest: 8192, words: 'model.dict', share: 0.4 },
  json: { longest: 4096, words: 'json.dict', share: 0.2 },
};
type Target = keyof typeof targets;

/** Exit status of a program that a signal told to end: its counts are true, and nothing was found. */
const interrupted = 72;

/** Seconds after which one input is a finding: far above what any takes, on any machine. */
const timeout = 300;

const rustFlags = [
  '--cfg fuzzing',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=3',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Ccodegen-units=1',
];

/** Bytes of the longest input that is committed: what few inputs need more for, a run finds again. */
const longestKept = 1400;

const fuzzFolder = join(root, 'fuzz');
const workFolder = join(root, 'target', 'fuzz');
const findings = join(fuzzFolder, 'findings');

/** Builds the targets; returns the folder of their programs. */
function buildTargets(address: boolean): string {
  const env = findCargo();
  if (!env) throw new Error('found no cargo; install Rust from https://rustup.rs');
  const host = hostTarget(env);
  const sanitizer = address ? addressSanitizer(env) : undefined;
  if (address && !sanitizer) throw new Error('this rustc has no runtime of AddressSanitizer; one from rustup has');
  const folder = join(workFolder, address ? 'build-address' : 'build');
  run('cargo', ['build', '--quiet', '--release', '--locked', '--target', host], {
    cwd: fuzzFolder,
    env: {
      ...env,
      ...sanitizer,
      CARGO_TARGET_DIR: folder,
      RUSTFLAGS: [...rustFlags, sanitizer?.RUSTFLAGS ?? ''].join(' ').trim(),
    },
  });
  return join(folder, host, 'release');
}

/** The files of the malformed corpus and the frozen models, as inputs to begin with; made anew each time. */
function writeSeeds(): Record<Target, string[]> {
  const listed = JSON.parse(readFileSync(join(root, 'test', 'corpus', 'corpus.json'), 'utf8')) as CorpusFile[];
  const valid = build(listed[0]!, new Uint8Array());
  const golden = join(root, 'test', 'golden');
  const frozen = readdirSync(golden).filter((name) => name.endsWith('.safetensors'));
  const files = [
    ...listed.map((file) => build(file, valid)),
    ...frozen.map((name) => readFileSync(join(golden, name))),
  ];
  const models = join(workFolder, 'seeds', 'model');
  const texts = join(workFolder, 'seeds', 'json');
  for (const folder of [models, texts]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  for (const [index, bytes] of files.entries()) {
    if (bytes.length > targets.model.longest) continue;
    writeFileSync(join(models, `${index}`), bytes);
    const header = bytes.subarray(8, bytes.lastIndexOf(125) + 1);
    if (header.length <= targets.json.longest) writeFileSync(join(texts, `${index}`), header);
  }
  return { model: [models], draw: [models], json: [texts] };
}

const committed = (target: Target) => join(fuzzFolder, 'corpus', target);
const found = (target: Target) => join(workFolder, 'found', target);

/** Runs a target's program with its output in a log; returns its exit status and the log. */
function runTarget(programs: string, target: Target, args: string[], name: string = target) {
  const path = join(workFolder, `${name}.log`);
  const file = openSync(path, 'w');
  const { longest, words } = targets[target];
  const all = [`-max_len=${longest}`, `-dict=${join(fuzzFolder, words)}`, `-timeout=${timeout}`, ...args];
  const result = spawnSync(join(programs, target), all, { cwd: fuzzFolder, stdio: ['ignore', file, file] });
  closeSync(file);
  if (result.error) throw new Error(`could not run ${target}: ${result.error.message}`);
  return { status: result.status, log: readFileSync(path, 'utf8') };
}

/** Fuzzes a target within a bound; returns whether nothing was found. */
function fuzz(programs: string, target: Target, bound: string, seeds: string[]): boolean {
  for (const folder of [found(target), findings]) mkdirSync(folder, { recursive: true });
  const start = Date.now();
  const { status, log } = runTarget(programs, target, [
    bound,
    '-print_final_stats=1',
    `-artifact_prefix=${join(findings, `${target}-`)}`,
    found(target),
    ...[committed(target), ...seeds].filter(existsSync),
  ]);
  const executions = Number(/^stat::number_of_executed_units: (\d+)/m.exec(log)?.[1] ?? 0);
  const told = new RegExp(`^${target}: (.*)`, 'm').exec(log)?.[1] ?? 'nothing told of what was read';
  const kept = [...log.matchAll(/Test unit written to (\S+)/g)].map((match) => relative(root, match[1]!));
  const reached = /^#\d+\s+DONE\s+cov: (\d+)/m.exec(log)?.[1];
  const seconds = (Date.now() - start) / 1000;
  console.log(
    `fuzz ${target}: ${executions.toLocaleString('en')} executions in ${seconds.toFixed(0)} s` +
      `${reached ? `, ${reached} edges reached` : ''}; ${told}; ${status === 0 ? 'no finding' : status === interrupted ? 'interrupted, no finding' : 'FOUND'}`,
  );
  if (status === 0) return true;
  if (status === interrupted) throw new Error('interrupted');
  const words = log.split('\n').filter((line) => /panicked at|^ERROR|SUMMARY|ALARM|assertion|another image/.test(line));
  console.log(words.slice(0, 6).join('\n'));
  for (const path of kept) {
    console.log(`fuzz ${target}: kept as ${path}; again: npm run fuzz -- --target ${target} --input ${path}`);
  }
  if (kept.length === 0)
    console.log(`fuzz ${target}: ended with ${status}; its words: ${relative(root, workFolder)}/${target}.log`);
  return false;
}

/** Replaces the committed corpus by the smallest set that reaches what it and all that was found reach. */
function merge(programs: string, target: Target, seeds: string[]): void {
  const out = join(workFolder, 'merged', target);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const from = [committed(target), ...seeds, found(target)].filter(existsSync);
  const { status } = runTarget(
    programs,
    target,
    ['-set_cover_merge=1', '-use_counters=0', out, ...from],
    `${target}-merge`,
  );
  if (status !== 0) throw new Error(`merging ${target} ended with ${status}`);
  rmSync(committed(target), { recursive: true, force: true });
  mkdirSync(committed(target), { recursive: true });
  const kept = readdirSync(out).filter((name) => statSync(join(out, name)).size <= longestKept);
  const inputs = kept.map((name): [string, Buffer] => [name.slice(0, 12), readFileSync(join(out, name))]);
  for (const [name, bytes] of inputs) writeFileSync(join(committed(target), name), bytes);
  const size = inputs.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  console.log(`fuzz ${target}: ${inputs.length} files of ${size} bytes in ${relative(root, committed(target))}`);
}

function positive(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${name} must be a whole number of at least 1, got ${text}`);
  return Number(text);
}

if (basename(process.argv[1] ?? '') === 'fuzz.ts') {
  await runMain('fuzz', () => {
    const { values } = parseArgs({
      options: {
        target: { type: 'string' },
        runs: { type: 'string' },
        seconds: { type: 'string' },
        input: { type: 'string' },
        address: { type: 'boolean', default: false },
        merge: { type: 'boolean', default: false },
      },
    });
    const names = Object.keys(targets) as Target[];
    const wanted = names.filter((name) => values.target === undefined || values.target === name);
    if (wanted.length === 0) throw new Error(`--target must be one of ${names.join(', ')}, got ${values.target}`);
    if (values.runs && values.seconds) throw new Error('--runs and --seconds are two bounds; give one of them');
    const runs = values.runs === undefined ? undefined : positive('runs', values.runs);
    const seconds = positive('seconds', values.seconds ?? '60');

    const programs = buildTargets(values.address);
    if (values.input !== undefined) {
      if (wanted.length !== 1) throw new Error('--input goes with one --target');
      run(join(programs, wanted[0]!), [values.input]);
      return;
    }
    const seeds = writeSeeds();
    if (values.merge) {
      for (const target of wanted) merge(programs, target, seeds[target]);
      return;
    }
    const shares = wanted.reduce((sum, target) => sum + targets[target].share, 0);
    const bound = (target: Target) =>
      runs === undefined
        ? `-max_total_time=${Math.max(1, Math.round((seconds * targets[target].share) / shares))}`
        : `-runs=${runs}`;
    const failed = wanted.filter((target) => !fuzz(programs, target, bound(target), seeds[target]));
    if (failed.length > 0) throw new Error(`found something wrong with ${failed.join(', ')}`);
  });
}
