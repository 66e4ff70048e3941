// Setting up native TensorFlow: tfjs's own addon, compiled against the libraries of TensorFlow's wheel. What its npm
// package would download by itself is TensorFlow 2.9.1 with CUDA 11.2, which runs on no recent GPU.
//
// Everything is made in a temporary folder and renamed at the end: an interrupted set-up leaves nothing behind that a
// later one could take for a whole one. One process at a time makes something; the others wait for it.

import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { access, copyFile, mkdir, readdir, readFile, rename, rm, stat, statfs, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { throwIfAborted } from '../../abort.js';
import { checkBoolean, checkChoice, checkFunction, checkSignal, ownOptions } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import { cacheFolder } from '../../node/cache.js';
import { lastLines, pip, runCommand } from '../../node/command.js';
import { makeFolder } from '../../node/files.js';
import { Lock } from '../../node/lock.js';
import { bindingFile, findTensorflow, type NativeTensorflow, variantFolder } from './find.js';
import { inspectNvidia, obstacle } from './nvidia.js';
import {
  diskBytes,
  nodeHeaders,
  tensorflowVersion,
  tfjsNode,
  type Variant,
  type Wheel,
  wheelLinks,
  wheelMembers,
  wheels,
  wheelTags,
} from './wheels.js';

/** Options of `setUpTensorflow`. */
export interface SetupOptions {
  /** What it must serve. Default: `cuda` where nothing is known against using an NVIDIA GPU, else `cpu`. */
  readonly variant?: Variant;
  /** Never fetches: what is not there already is an error. Default: false. */
  readonly offline?: boolean;
  /** Gives up and removes what was begun. */
  readonly signal?: AbortSignal;
  /** Told what happens, a line at a time. */
  readonly say?: (line: string) => void;
  /** Told how much of a download is there, in bytes. */
  readonly progress?: (done: number, total: number) => void;
}

/** Native TensorFlow cannot be had here; the message says why and what to do. */
export function unavailable(message: string, options?: ErrorOptions): PixelCnnError {
  return new PixelCnnError('BACKEND_UNAVAILABLE', message, options);
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString('en-US')} MB`;

/** The names of {@link SetupOptions}. */
export const setupNames = ['variant', 'offline', 'signal', 'say', 'progress'] as const satisfies (keyof SetupOptions)[];

/** Throws RangeError, TypeError for a wrong option. */
export function checkSetupOptions(options: SetupOptions): void {
  const { variant, offline, signal, say, progress } = ownOptions('options', options, setupNames);
  if (variant !== undefined) checkChoice('variant', variant, ['cpu', 'cuda']);
  if (offline !== undefined) checkBoolean('offline', offline);
  if (signal !== undefined) throwIfAborted(checkSignal('signal', signal));
  for (const [name, value] of Object.entries({ say, progress })) if (value !== undefined) checkFunction(name, value);
}

/**
 * Makes sure that native TensorFlow is there; does nothing when it is.
 *
 * @throws RangeError, TypeError for a wrong option; PixelCnnError `BACKEND_UNAVAILABLE`, its message naming what is missing.
 */
export async function setUpTensorflow(asked: SetupOptions = {}): Promise<NativeTensorflow> {
  const options = ownOptions('options', asked, setupNames);
  checkSetupOptions(options);
  const variant = options.variant ?? (await suitableVariant(options));
  // A build for CUDA computes on a CPU as well, so it is not fetched once more for that.
  const find = (): NativeTensorflow | undefined => findTensorflow(variant === 'cpu' ? ['cpu', 'cuda'] : ['cuda']);
  const found = find();
  if (found !== undefined) return found;
  const target = variantFolder(variant);
  if (options.offline === true) {
    throw unavailable(
      `native TensorFlow is not set up in ${target}, and nothing may be fetched; run \`pixelcnn setup --${variant}\` ` +
        'once with a network',
    );
  }
  const compiler = await checkHost(variant, options.signal);
  await makeFolder(cacheFolder());
  const lock = await lockCache(options);
  try {
    if (find() === undefined) await make(variant, compiler, options); // else by who had the lock
  } finally {
    lock.release();
  }
  const made = find();
  if (made === undefined) throw unavailable(`the set-up of ${target} ended without a binding`);
  return made;
}

/** Where the lock on what is set up lies. */
const lockPath = (): string => join(cacheFolder(), '.tensorflow.lock');

/** The lock on what is set up; waits for another set-up, which makes the same or leaves a place for it. */
async function lockCache({ signal, say }: SetupOptions): Promise<Lock> {
  for (let told = false; ; told = true) {
    const lock = await Lock.take(lockPath());
    if (lock instanceof Lock) {
      if (lock.takenOver !== undefined) say?.(`A set-up has ended without a word (${lock.takenOver}); starting anew.`);
      return lock;
    }
    if (!told) say?.(`Waiting for a set-up that is under way: ${lock.words}, in ${cacheFolder()}.`);
    await setTimeout(1000, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** Makes a variant in its place; only under the lock. */
async function make(variant: Variant, compiler: string, options: SetupOptions): Promise<void> {
  const target = variantFolder(variant);
  const say = options.say ?? (() => undefined);
  const total = wheels[variant].reduce((sum, { bytes }) => sum + bytes, 0);
  say(
    `Setting up TensorFlow ${tensorflowVersion} (${variant}) in ${target}: fetches ${megabytes(total)} with pip and ` +
      `80 MB with npm, once; takes ${megabytes(diskBytes[variant])} while it is made.`,
  );
  await removeAbandoned();
  const temporary = join(cacheFolder(), `.${basename(target)}.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await mkdir(temporary);
    await installPackages(temporary, options);
    for (const [index, wheel] of wheels[variant].entries()) {
      const fetched = wheels[variant].slice(0, index).reduce((sum, { bytes }) => sum + bytes, 0);
      await installWheel(temporary, wheel, options, (bytes) => options.progress?.(fetched + bytes, total));
    }
    for (const { path, target } of wheelLinks[variant]) await symlink(target, join(temporary, 'site', path));
    say('Compiling the binding.');
    await compileBinding(temporary, compiler, options.signal);
    await tryBinding(temporary, options.signal);
    await rename(temporary, target);
    say(`TensorFlow ${tensorflowVersion} is ready.`);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The variant for this machine; says why where it is not the one that its driver suggests. */
async function suitableVariant({ say }: SetupOptions): Promise<Variant> {
  const host = await inspectNvidia();
  const against = obstacle(host);
  if (against === undefined) return 'cuda';
  if (host.driver !== undefined) say?.(`No GPU can be used: ${against}. Setting up for the CPU.`);
  return 'cpu';
}

/**
 * Removes what `setUpTensorflow` made, for every variant and version. Returns the folders it removed.
 *
 * @throws PixelCnnError `LOCKED` where a set-up is under way.
 */
export async function cleanTensorflow(): Promise<string[]> {
  const folder = cacheFolder();
  if (!existsSync(folder)) return [];
  const lock = await Lock.take(lockPath());
  if (!(lock instanceof Lock)) {
    throw new PixelCnnError(
      'LOCKED',
      `expected no set-up under way in ${folder}, got one: ${lock.words}; stop it first`,
    );
  }
  try {
    const names = await readdir(folder);
    const ours = names.filter((name) => /^\.?tensorflow-[\d.]+-(cpu|cuda)(\.[0-9a-f]+\.tmp)?$/.test(name));
    for (const name of ours) await rm(join(folder, name), { recursive: true, force: true });
    return ours.map((name) => join(folder, name));
  } finally {
    lock.release();
  }
}

/** Everything that can be known to be missing is said before anything is fetched. Returns the compiler's name. */
async function checkHost(variant: Variant, signal: AbortSignal | undefined): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw unavailable(
      `native TensorFlow: expected Linux on x86-64, got ${process.platform} on ${process.arch}; ` +
        'install @tensorflow/tfjs-node into your project, or train with --device wasm',
    );
  }
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  if (header.glibcVersionRuntime === undefined) {
    throw unavailable(
      'native TensorFlow: expected a system with glibc 2.27 or newer, got one without glibc; use a Debian-based image',
    );
  }
  const compiler = process.env.CXX ?? 'g++';
  const gcc = await runCommand(compiler, ['--version'], { signal });
  if (gcc.status !== 0) {
    throw unavailable(`native TensorFlow: found no C++ compiler ${compiler}; install it: apt install g++`);
  }
  const found = await runCommand('python3', [...pip, '--version'], { signal });
  if (found.status !== 0) {
    throw unavailable(
      `native TensorFlow: found no ${found.missing ? 'python3' : 'pip for python3'}, which fetches it; install it: ` +
        'apt install python3-pip; or install @tensorflow/tfjs-node into your project with npm',
    );
  }
  const folder = cacheFolder();
  await makeFolder(folder).catch((cause: unknown) => {
    throw unavailable(`cannot make ${folder} (${reason(cause)}); name another in PIXELCNN_CACHE`, { cause });
  });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < diskBytes[variant]) {
    throw unavailable(
      `native TensorFlow: expected ${megabytes(diskBytes[variant])} free in ${folder}, got ` +
        `${megabytes(bavail * bsize)}; make room, or name another folder in PIXELCNN_CACHE`,
    );
  }
  return compiler;
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

async function installPackages(folder: string, { signal, say }: SetupOptions): Promise<void> {
  for (const name of ['package.json', 'package-lock.json']) {
    await copyFile(new URL(`npm/${name}`, import.meta.url), join(folder, name));
  }
  const { dependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const packages = Object.entries(dependencies).map(([name, version]) => `${name}@${version}`);
  say?.(`Installing ${packages.join(' and ')}.`);
  // Not `install`: what is not as the lock file has it, or depends on more, is an error.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const npm = await runCommand('npm', args, { cwd: folder, signal });
  if (npm.status !== 0) throw unavailable(`npm could not install ${packages[0]}:\n${lastLines(npm.output)}`);
}

async function installWheel(
  folder: string,
  wheel: Wheel,
  { signal, say }: SetupOptions,
  progress: (bytes: number) => void,
): Promise<void> {
  const download = join(folder, 'download');
  await mkdir(download);
  say?.(`Fetching ${wheel.name} ${wheel.version} (${megabytes(wheel.bytes)}).`);
  const watch = setInterval(
    () => void folderBytes(download).then((bytes) => progress(Math.min(bytes, wheel.bytes))),
    500,
  );
  try {
    const args = [...pip, 'download', '--quiet', '--no-deps', '--no-cache-dir', '--disable-pip-version-check'];
    args.push(...wheelTags, '--dest', download, `${wheel.name}==${wheel.version}`);
    // pip downloads into TMPDIR first: here, it is watched, on the disk that was checked, and removed with the rest.
    const fetched = await runCommand('python3', args, {
      cwd: folder,
      env: { ...process.env, TMPDIR: download },
      signal,
    });
    if (fetched.status !== 0) throw unavailable(`pip could not fetch ${wheel.name}:\n${lastLines(fetched.output)}`);
  } finally {
    clearInterval(watch);
  }
  const name = (await readdir(download)).find((file) => file.endsWith('.whl'));
  if (name === undefined) throw unavailable(`pip fetched no wheel of ${wheel.name}`);
  const file = join(download, name);
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const got = hash.digest('hex');
  if (got !== wheel.sha256) {
    throw unavailable(
      `${name}: expected sha256 ${wheel.sha256}, got ${got}; it is not the pinned file, and was removed`,
    );
  }
  progress(wheel.bytes);
  // Python unpacks without the permissions, but TensorFlow runs NVIDIA's assembler.
  const unzip = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for member in wheel.infolist():
        if member.filename.startswith(tuple(sys.argv[3:])):
            path = wheel.extract(member, sys.argv[2])
            if member.external_attr >> 16 & 0o100: os.chmod(path, 0o755)`;
  const python = await runCommand('python3', ['-I', '-c', unzip, file, join(folder, 'site'), ...wheelMembers], {
    signal,
  });
  if (python.status !== 0) throw unavailable(`could not unpack ${name}:\n${lastLines(python.output)}`);
  await rm(download, { recursive: true });
}

/** Bytes of all files below a folder; whatever vanishes while it looks counts nothing. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries.map(async (entry) => {
    if (!entry.isFile()) return 0;
    return (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function compileBinding(folder: string, compiler: string, signal: AbortSignal | undefined): Promise<void> {
  const packageFolder = join(folder, 'node_modules', tfjsNode);
  const tensorflow = join(folder, 'site', 'tensorflow');
  const output = join(packageFolder, bindingFile);
  await mkdir(dirname(output), { recursive: true });
  const depth = output.slice(folder.length + 1).split('/').length - 1;
  const args = [
    ...['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
    ...[join(folder, 'node_modules', nodeHeaders, 'include'), packageFolder, join(tensorflow, 'include')].map(
      (include) => `-I${include}`,
    ),
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((source) => join(packageFolder, 'binding', source)),
    ...['-o', output, `-L${tensorflow}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
    // Relative to the binding itself, so that the folder may be renamed; it is, a moment later.
    `-Wl,-rpath,$ORIGIN/${'../'.repeat(depth)}site/tensorflow`,
  ];
  const gcc = await runCommand(compiler, args, { signal });
  if (gcc.status !== 0) throw unavailable(`${compiler} could not compile the binding:\n${lastLines(gcc.output)}`);
  await access(output);
}

/** Loads the new binding in a process of its own and multiplies two numbers. */
async function tryBinding(folder: string, signal: AbortSignal | undefined): Promise<void> {
  const program = `
const util = require('util');
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray = Array.isArray;
const tf = require('${tfjsNode}');
if (tf.mul(6, 7).dataSync()[0] !== 42) throw new Error('6 * 7 is not 42');`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '1' };
  const node = await runCommand(process.execPath, ['-e', program], { cwd: folder, env, signal });
  if (node.status === 0) return;
  // Node's stack would take the place of its reason, which stands before it.
  const why = /^\w*Error: .*$/m.exec(node.output)?.[0] ?? lastLines(node.output);
  throw unavailable(`the new binding does not work:\n${why}`);
}

/** Removes temporary folders: nobody is making one, since this process has the lock. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(cacheFolder())) {
    if (!/^\.tensorflow-.*\.[0-9a-f]+\.tmp$/.test(name)) continue;
    await rm(join(cacheFolder(), name), { recursive: true, force: true });
  }
}
