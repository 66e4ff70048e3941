import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openBackend } from '../../../ts/train/tensorflow/backend.js';
import { variantFolder } from '../../../ts/train/tensorflow/find.js';
import { hasNvidiaDriver } from '../../../ts/train/tensorflow/nvidia.js';
import { cleanTensorflow, setUpTensorflow } from '../../../ts/train/tensorflow/setup.js';

let cache: string;
let bin: string;
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-native-'));
  cache = join(folder, 'cache');
  bin = join(folder, 'bin');
  mkdirSync(bin);
  vi.stubEnv('PIXELCNN_CACHE', cache);
  vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
});
afterEach(() => {
  rmSync(join(cache, '..'), { recursive: true });
  vi.unstubAllEnvs();
});

/** Puts a shell script in front of the program of that name. */
function replace(program: string, script: string): void {
  const path = join(bin, program);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

it('fetches nothing when it is told not to', async () => {
  await expect(setUpTensorflow({ offline: true, variant: 'cpu' })).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringContaining('pixelcnn setup'),
  });
  expect(existsSync(cache)).toBe(false);
});

it('names an unknown device', async () => {
  await expect(openBackend('tpu' as 'gpu')).rejects.toThrow('device: expected one of auto, gpu, cpu');
});

it('says in one sentence that there is no GPU, where there is none', async (context) => {
  if (hasNvidiaDriver()) context.skip('this machine has a GPU');
  await expect(openBackend('gpu')).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(
      /^device gpu: expected an NVIDIA GPU, found no NVIDIA driver; [^\n]*pixelcnn setup --cuda[^\n]*$/,
    ),
  });
});

it('removes what it made, and nothing else', async () => {
  const ours = ['tensorflow-2.21.0-cpu', 'tensorflow-2.20.0-cuda', '.tensorflow-2.21.0-cpu.123.tmp'];
  for (const name of [...ours, 'mnist', 'tensorflow-notes']) mkdirSync(join(cache, name), { recursive: true });
  expect((await cleanTensorflow()).sort()).toEqual(ours.map((name) => join(cache, name)).sort());
  expect(readdirSync(cache).sort()).toEqual(['mnist', 'tensorflow-notes']);
  expect(variantFolder('cpu')).toBe(join(cache, 'tensorflow-2.21.0-cpu'));
});

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'the set-up, with other programs in the way',
  () => {
    beforeEach(() => {
      replace('g++', 'exit 0');
      replace('python3', 'exit 0');
      replace('npm', 'exit 0');
      vi.stubEnv('CXX', undefined);
    });
    const setUp = () => setUpTensorflow({ variant: 'cpu' });

    it.each([
      ['g++', 'exit 1', 'found no C++ compiler g++; install it: apt install g++'],
      ['python3', 'exit 1', 'found no pip for python3, which fetches it; install it: apt install python3-pip'],
      [
        'npm',
        'echo the registry is down; exit 1',
        'npm could not install @tensorflow/tfjs-node-gpu@4.22.0:\nthe registry is down',
      ],
      [
        'python3',
        '[ "$3" = --version ] && exit 0; echo no network; exit 1',
        'pip could not fetch tensorflow-cpu:\nno network',
      ],
      ['python3', 'exit 0', 'pip fetched no wheel of tensorflow-cpu'],
      [
        'python3',
        'while [ $# -gt 0 ]; do [ "$1" = --dest ] && echo wrong > "$2/tensorflow_cpu-2.21.0.whl"; shift; done',
        'tensorflow_cpu-2.21.0.whl: expected sha256 dcc8afd3',
      ],
    ])('fails where %s does "%s", saying so and leaving nothing', async (program, script, message) => {
      replace(program, script);
      await expect(setUp()).rejects.toThrow(message);
      await expect(setUp()).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
      expect(existsSync(cache) ? readdirSync(cache) : []).toEqual([]);
    });

    it('stops when told to, and leaves nothing', async () => {
      replace('npm', `exec "${process.execPath}" -e "setTimeout(() => {}, 60000)"`); // needs nothing on the PATH
      const controller = new AbortController();
      const reason = new Error('stopped by the test');
      const setup = setUpTensorflow({
        variant: 'cpu',
        signal: controller.signal,
        say: (line) => line.startsWith('Installing') && setTimeout(() => controller.abort(reason), 50),
      });
      await expect(setup).rejects.toBe(reason);
      expect(readdirSync(cache)).toEqual([]);
    });

    it('removes what a killed set-up left', async () => {
      const left = join(cache, '.tensorflow-2.21.0-cpu.999999999.tmp');
      mkdirSync(left, { recursive: true });
      await expect(setUp()).rejects.toThrow('pip fetched no wheel');
      expect(existsSync(left)).toBe(false);
    });
  },
);
