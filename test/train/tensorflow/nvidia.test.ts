import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../../ts/node/command.js';
import {
  bindingFile,
  findTensorflow,
  type NativeTensorflow,
  variantFolder,
} from '../../../ts/train/tensorflow/find.js';
import {
  chosenGpu,
  type Gpu,
  hasNvidiaDriver,
  inspectNvidia,
  loadError,
  type NvidiaHost,
  obstacle,
  parseDriver,
  parseGpus,
} from '../../../ts/train/tensorflow/nvidia.js';
import { missingCudaLibraries, unusedReason } from '../../../ts/train/tensorflow/unused_gpu.js';
import {
  cudaLibraries,
  tensorflowVersion,
  type Variant,
  wheelLinks,
  wheels,
} from '../../../ts/train/tensorflow/wheels.js';

const h100: Gpu = { name: 'NVIDIA H100 80GB HBM3', capability: 9, memoryMebibytes: 81559, uuid: 'GPU-11111111-aaaa' };
const t4: Gpu = { name: 'Tesla T4', capability: 7.5, memoryMebibytes: 15360, uuid: 'GPU-22222222-bbbb' };
const k80: Gpu = { name: 'Tesla K80', capability: 3.7, memoryMebibytes: 11441, uuid: 'GPU-33333333-cccc' };
const host = (parts: Partial<NvidiaHost>): NvidiaHost => ({ driver: '575.57.08', missing: [], gpus: [h100], ...parts });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pixelcnn-gpu-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

function touch(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
}

describe('what stands against a GPU', () => {
  it.each([
    ['nothing', {}, undefined, undefined],
    ['nothing known, without nvidia-smi', { gpus: undefined }, undefined, undefined],
    ['no driver', { driver: undefined }, undefined, 'found no NVIDIA driver; install version 525.60.13 or newer'],
    [
      'a container without the libraries',
      { missing: ['libcuda.so.1', 'libnvidia-ml.so.1'] },
      undefined,
      "found NVIDIA driver 575.57.08 but not its libcuda.so.1 and libnvidia-ml.so.1; install the driver's libraries, " +
        'or, in a container, start it with --gpus all and NVIDIA_DRIVER_CAPABILITIES=compute,utility',
    ],
    ['-1', {}, '-1', 'found every GPU hidden by CUDA_VISIBLE_DEVICES=-1; unset it'],
    ['an empty list', {}, '', "found every GPU hidden by CUDA_VISIBLE_DEVICES=''; unset it"],
    [
      'one that is not there',
      {},
      '9',
      'found none that CUDA_VISIBLE_DEVICES=9 names; there is one, 0: name one, or unset it',
    ],
    [
      'none of several',
      { gpus: [h100, t4] },
      'GPU-44444444,0',
      'found none that CUDA_VISIBLE_DEVICES=GPU-44444444,0 names; there are 2, 0 to 1: name one, or unset it',
    ],
    ['a part of one', {}, 'MIG-55555555', undefined],
    ['one, and what ends the list', {}, '0,-1', undefined],
    ['no GPU', { gpus: [] }, undefined, 'found NVIDIA driver 575.57.08 and no GPU; see what nvidia-smi says'],
    [
      'an old GPU',
      { gpus: [k80] },
      undefined,
      'found Tesla K80 of compute capability 3.7; TensorFlow needs 6.0 or more',
    ],
    [
      'an old driver',
      { driver: '470.256.02', gpus: [t4] },
      undefined,
      'found NVIDIA driver 470.256.02, too old for Tesla T4 of compute capability 7.5; install version 525.60.13 or newer',
    ],
    [
      'a driver that cannot translate for a newer GPU',
      { driver: '550.54.15' },
      undefined,
      'found NVIDIA driver 550.54.15, too old for NVIDIA H100 80GB HBM3 of compute capability 9.0; ' +
        'install version 555.42.02 or newer',
    ],
    ['the same driver, for an older GPU', { driver: '550.54.15', gpus: [t4] }, undefined, undefined],
    ['a GPU beside one that is too old', { gpus: [k80, t4] }, undefined, undefined],
    ['a driver that does not tell its version', { driver: 'unknown' }, undefined, undefined],
  ])('is said in words: %s', (_, parts, visible, expected) => {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', visible);
    expect(obstacle(host(parts))).toBe(expected);
  });

  it.each([
    [6, '525.60.13', '525.60.12'],
    [8.9, '525.60.13', '525.60.9'],
    [9, '555.42.02', '555.42.1'],
    [9, '555.42.02', '554.99.99'],
    [10, '570.26', '570.25.99'],
    [12, '570.26', '570.9'],
  ])('is a driver older than its capability of %f needs: %s', (capability, enough, older) => {
    const said = (driver: string) => obstacle(host({ driver, gpus: [{ ...t4, capability }] }), undefined);
    expect(said(enough)).toBeUndefined();
    expect(said(older)).toBe(
      `found NVIDIA driver ${older}, too old for Tesla T4 of compute capability ${capability.toFixed(1)}; ` +
        `install version ${enough} or newer`,
    );
  });

  it('is asked of the GPU that will be used', () => {
    const machine = host({ gpus: [k80, h100, t4] });
    expect(chosenGpu(machine, undefined)).toBe(h100);
    expect(chosenGpu(machine, '0')).toBe(k80);
    expect(chosenGpu(machine, '0,2')).toBe(t4);
    expect(chosenGpu(machine, 'GPU-11111111')).toBe(h100);
    expect(chosenGpu(machine, '7')).toBeUndefined();
    expect(chosenGpu(machine, 'GPU-')).toBeUndefined(); // which each of them begins with
    expect(chosenGpu(host({ gpus: [k80] }), undefined)).toBe(k80);
  });

  it('is read from the kernel and from nvidia-smi', async () => {
    const closed =
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version:  gcc version 12.2.0 ()\n';
    const open = 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.57.08  Release Build  (root@host)\n';
    expect([closed, open, 'nothing'].map(parseDriver)).toEqual(['535.104.05', '575.57.08', undefined]);

    const program = join(folder, 'nvidia-smi');
    writeFileSync(
      program,
      '#!/bin/sh\necho "NVIDIA H100 80GB HBM3, 9.0, 81559, GPU-11111111-aaaa, 575.57.08"\n' +
        'echo "Tesla T4, 7.5, 15360, GPU-22222222-bbbb, 575.57.08"\n',
    );
    chmodSync(program, 0o755);
    const { output } = await runCommand(program, []);
    expect(parseGpus(output)).toEqual({ gpus: [h100, t4], driver: '575.57.08' });
    expect(parseGpus('No devices were found\n')).toEqual({ gpus: [], driver: undefined });
  });
});

describe('a driver', () => {
  const nowhere = { version: '/nowhere/version', device: '/nowhere/nvidiactl', windows: '/nowhere/dxg' };
  const there = () => undefined;
  const missing = (library: string) => `${library}: cannot open shared object file`;

  /** Puts an nvidia-smi first on the PATH that prints some text. */
  function smi(text: string, status = 0): void {
    const program = join(folder, 'nvidia-smi');
    writeFileSync(program, `#!/bin/sh\necho '${text}'\nexit ${status}\n`);
    chmodSync(program, 0o755);
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  }
  const listed = 'NVIDIA H100 80GB HBM3, 9.0, 81559, GPU-11111111-aaaa, 575.57.08';

  it("is known by the kernel's words, by its device, or by an answer of nvidia-smi where its library is there", async () => {
    smi(listed);
    const device = join(folder, 'nvidiactl');
    const version = join(folder, 'version');
    writeFileSync(version, 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.1.2  Release Build\n');
    touch(device);
    const whole = { driver: '575.57.08', missing: [], gpus: [h100] };
    expect(await inspectNvidia({ ...nowhere, version }, there)).toEqual({ ...whole, driver: '570.1.2' });
    expect(await inspectNvidia({ ...nowhere, device }, there)).toEqual(whole);
    expect(await inspectNvidia(nowhere, there)).toEqual(whole);
    expect([hasNvidiaDriver({ ...nowhere, version }), hasNvidiaDriver({ ...nowhere, device })]).toEqual([true, true]);
    expect(hasNvidiaDriver(nowhere)).toBe(false);
  });

  it('is not there for its library alone, or for nvidia-smi alone', async () => {
    const none = { driver: undefined, missing: [], gpus: undefined };
    smi('NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.', 9);
    expect(await inspectNvidia(nowhere, there)).toEqual(none);
    smi('No devices were found');
    expect(await inspectNvidia(nowhere, there)).toEqual(none);
    smi(listed);
    expect(await inspectNvidia(nowhere, missing)).toEqual(none);
  });

  it('is there without its libraries in a container that was not given them', async () => {
    smi('', 127);
    touch(join(folder, 'nvidiactl'));
    const host = await inspectNvidia({ ...nowhere, device: join(folder, 'nvidiactl') }, missing);
    expect(host).toEqual({ driver: 'unknown', missing: ['libcuda.so.1', 'libnvidia-ml.so.1'], gpus: undefined });
  });
});

describe('a GPU that TensorFlow does not use, without a known obstacle', () => {
  const made = (): NativeTensorflow => ({
    packageName: '@tensorflow/tfjs-node-gpu',
    from: join(folder, 'package.json'),
    origin: 'setup',
    variant: 'cuda',
  });

  it('is explained by the libraries that cannot be loaded', () => {
    const lacking = ['nvidia/cudnn/lib/libcudnn.so.9', 'nvidia/cublas/lib/libcusolver.so.11'];
    const present = (path: string) =>
      lacking.some((end) => path === join(folder, 'site', end)) ? `${path}: no such file` : undefined;
    expect(missingCudaLibraries(made(), present).map(({ name }) => name)).toEqual([
      'libcusolver.so.11',
      'libcudnn.so.9',
    ]);
    expect(unusedReason(made(), '2.21.0', present)).toMatch(
      /^found that CUDA libraries of TensorFlow cannot be loaded: libcusolver\.so\.11, libcudnn\.so\.9 \(.*no such file\); run pixelcnn setup --clean, then pixelcnn setup --cuda$/,
    );
    expect(unusedReason(made(), '2.21.0', () => undefined)).toContain('all CUDA libraries are there');
  });

  it('is found by the loader in a folder that holds none, and one that is no library', () => {
    touch(join(folder, 'site', cudaLibraries[0]));
    const missing = missingCudaLibraries(made());
    expect(missing).toHaveLength(cudaLibraries.length);
    expect(missing[0]?.reason).toMatch(/file too short|invalid ELF/);
    expect(missing[1]?.reason).toContain('No such file');
    expect(loadError('libc.so.6')).toBeUndefined();
  });

  it('is explained by whose package it is', () => {
    const own: NativeTensorflow = { ...made(), origin: 'project' };
    expect(unusedReason(own, '2.9.1')).toContain("TensorFlow 2.9.1 of the project's own @tensorflow/tfjs-node-gpu");
    expect(unusedReason({ ...own, variant: 'cpu' }, '2.9.1')).toContain('for the CPU alone');
  });
});

describe('the choice of a build', () => {
  const build = (variant: Variant): void => {
    const packageFolder = join(variantFolder(variant), 'node_modules/@tensorflow/tfjs-node-gpu');
    touch(join(packageFolder, bindingFile));
    writeFileSync(join(packageFolder, 'package.json'), '{}');
  };
  const found = (...variants: Variant[]) => findTensorflow(variants)?.variant;

  it('takes what is there, in the order asked for', () => {
    vi.stubEnv('PIXELCNN_CACHE', folder);
    expect(found('cuda', 'cpu')).toBeUndefined();
    build('cpu');
    expect([found('cuda'), found('cuda', 'cpu'), found('cpu', 'cuda')]).toEqual([undefined, 'cpu', 'cpu']);
    build('cuda');
    expect([found('cuda'), found('cuda', 'cpu'), found('cpu', 'cuda')]).toEqual(['cuda', 'cuda', 'cpu']);
    rmSync(variantFolder('cpu'), { recursive: true });
    expect(found('cpu', 'cuda')).toBe('cuda');
  });

  it('is of one TensorFlow, every file pinned', () => {
    const all = [...wheels.cpu, ...wheels.cuda];
    expect(all.filter(({ name }) => name.startsWith('tensorflow')).map(({ version }) => version)).toEqual([
      tensorflowVersion,
      tensorflowVersion,
    ]);
    for (const { sha256, bytes } of all) {
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(bytes).toBeGreaterThan(1e6);
    }
  });

  it('fetches no library that nothing here uses', () => {
    expect(wheels.cuda.map(({ name }) => name).filter((name) => /curand|nccl/.test(name))).toEqual([]);
    expect(wheels.cuda.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(3e9); // what docs and help say
  });

  it('has every library that TensorFlow opens in a package that is fetched, or linked to one', () => {
    const links = new Map(wheelLinks.cuda.map(({ path, target }) => [path, join(dirname(path), target)]));
    for (const library of cudaLibraries) {
      const [, component] = (links.get(library) ?? library).split('/');
      const name = `nvidia-${component?.replace('_', '-')}-cu12`;
      expect(wheels.cuda.map((wheel) => wheel.name)).toContain(name);
    }
  });
});

it("is let by the set-up's links to open every CUDA library, beside a stand-in for a driver", async (context) => {
  const native = findTensorflow(['cuda']);
  if (native?.origin !== 'setup') {
    context.skip("TensorFlow's build for CUDA, for a GPU, is not set up; run npm run setup -- --cuda");
    return;
  }
  const source = fileURLToPath(new URL('stand_in_driver.c', import.meta.url));
  for (const library of ['libcuda.so.1', 'libnvidia-ml.so.1']) {
    const gcc = await runCommand('gcc', ['-shared', '-fPIC', '-w', source, '-o', join(folder, library)]);
    expect(gcc).toMatchObject({ status: 0 });
  }
  const program = `require('util').isNullOrUndefined ??= () => false; require('${native.packageName}')`;
  const env = { ...process.env, LD_LIBRARY_PATH: folder, TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_MAX_VLOG_LEVEL: '1' };
  // How it ends does not matter: with this driver TensorFlow can go no further.
  const { output } = await runCommand(process.execPath, ['-e', program], { cwd: dirname(native.from), env });
  expect(output).not.toContain('Could not load dynamic library');
  for (const library of cudaLibraries) {
    expect(output).toContain(`Successfully opened dynamic library ${library.slice(library.lastIndexOf('/') + 1)}`);
  }
  expect(output).toContain('Adding visible gpu devices: 0');
});

it('is loaded without a word of what Node will take away', async (context) => {
  const native = findTensorflow();
  if (native === undefined) {
    context.skip('native TensorFlow is not set up; run npm run setup');
    return;
  }
  const backend = new URL('../../../dist/train/tensorflow/backend.js', import.meta.url).href;
  const program = `
import util from 'node:util';
util.isArray = () => { throw new Error('of what Node warns'); };
const { openTensorflow } = await import(${JSON.stringify(backend)});
const { tf } = openTensorflow(${JSON.stringify(native)}, { hideGpu: true });
console.log(util.isArray === Array.isArray, tf.tensor([1, 2, 3]).sum().dataSync()[0]);`;
  const flags = ['--pending-deprecation', '--input-type=module', '--eval', program];
  const { status, output } = await runCommand(process.execPath, flags);
  expect(output).not.toContain('DEP0044');
  expect(output).toContain('true 6');
  expect(status).toBe(0);
});
