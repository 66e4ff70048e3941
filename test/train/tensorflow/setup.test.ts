import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pip, runCommand } from '../../../ts/node/command.js';
import { Lock } from '../../../ts/node/lock.js';
import { openBackend } from '../../../ts/train/tensorflow/backend.js';
import { variantFolder } from '../../../ts/train/tensorflow/find.js';
import { hasNvidiaDriver } from '../../../ts/train/tensorflow/nvidia.js';
import { cleanTensorflow, setUpTensorflow } from '../../../ts/train/tensorflow/setup.js';
import { nodeHeaders, tfjsNode, type Wheel, wheels } from '../../../ts/train/tensorflow/wheels.js';

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
  const ours = ['tensorflow-2.21.0-cpu', 'tensorflow-2.20.0-cuda', '.tensorflow-2.21.0-cpu.0123456789abcdef.tmp'];
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
        '[ "$4" = --version ] && exit 0; echo no network; exit 1',
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
      const left = join(cache, '.tensorflow-2.21.0-cpu.0123456789abcdef.tmp');
      mkdirSync(left, { recursive: true });
      await expect(setUp()).rejects.toThrow('pip fetched no wheel');
      expect(readdirSync(cache)).toEqual([]);
    });

    it('waits for another set-up in the cache, until told to stop', async () => {
      mkdirSync(cache);
      const other = (await Lock.take(join(cache, '.tensorflow.lock'))) as Lock;
      const controller = new AbortController();
      const said: string[] = [];
      const say = (line: string) => {
        said.push(line);
        globalThis.setTimeout(() => controller.abort(new Error('stopped by the test')), 50);
      };
      const waiting = setUpTensorflow({ variant: 'cpu', signal: controller.signal, say });
      await expect(waiting).rejects.toThrow('stopped by the test');
      expect(said).toEqual([expect.stringMatching(/^Waiting for a set-up that is under way: this process for \d+ s/)]);
      await expect(cleanTensorflow()).rejects.toMatchObject({ code: 'LOCKED' });
      const next = setUp();
      other.release();
      await expect(next).rejects.toThrow('pip fetched no wheel'); // it came to its turn
      expect(readdirSync(cache)).toEqual([]);
    });

    it('links the binding to the libraries beside it, and tells why the new one does not load', async () => {
      replace('npm', 'mkdir site');
      // A compiler that tells what it was told to link, and makes a file that is no library.
      replace(
        'g++',
        `[ "$1" = --version ] && exit; printf '%s\\n' "$@" > ${cache}/linked; while [ "$1" != -o ]; do shift; done; : > "$2"`,
      );
      const pinned = [...wheels.cpu];
      (wheels.cpu as Wheel[]).length = 0;
      try {
        // No package is there: the reason, and not the end of Node's stack.
        await expect(setUp()).rejects.toThrow(/^the new binding does not work:\nError: Cannot find module [^\n]*$/);
      } finally {
        (wheels.cpu as Wheel[]).push(...pinned);
      }
      const args = readFileSync(join(cache, 'linked'), 'utf8').split('\n');
      const path = args.find((arg) => arg.startsWith('-Wl,-rpath,$ORIGIN/'))!.slice('-Wl,-rpath,$ORIGIN/'.length);
      const binding = args[args.indexOf('-o') + 1]!;
      const libraries = args.find((arg) => arg.startsWith('-L'))!.slice(2);
      expect(join(dirname(binding), path)).toBe(libraries);
    });

    it('runs no program of the current folder', async () => {
      const marks = join(cache, '..', 'marks');
      mkdirSync(marks);
      const mark = (name: string) => `open(${JSON.stringify(join(marks, name))}, 'w').close()\n`;
      for (const name of ['pip', 'zipfile']) writeFileSync(join(bin, `${name}.py`), mark(name));
      rmSync(join(bin, 'python3'));
      vi.stubEnv('PYTHONPATH', bin);
      vi.stubEnv('PIP_NO_INDEX', '1'); // the real pip, which finds nothing
      const before = process.cwd();
      process.chdir(bin);
      try {
        await expect(setUp()).rejects.toThrow('pip could not fetch tensorflow-cpu');
        await runCommand('python3', [...pip, '--version']);
      } finally {
        process.chdir(before);
      }
      expect(readdirSync(marks)).toEqual([]);
    });

    it('installs the packages of npm as the lock file has them, and runs no script of theirs', async () => {
      replace(
        'npm',
        'echo "$@" > "$PIXELCNN_CACHE/npm.txt"; cp package.json package-lock.json "$PIXELCNN_CACHE"; exit 1',
      );
      await expect(setUp()).rejects.toThrow('npm could not install');
      expect(readFileSync(join(cache, 'npm.txt'), 'utf8')).toBe('ci --ignore-scripts --no-audit --no-fund\n');
      const [manifest, lock] = ['package.json', 'package-lock.json'].map((name) =>
        JSON.parse(readFileSync(join(cache, name), 'utf8')),
      );
      expect(Object.keys(manifest.dependencies).sort()).toEqual([tfjsNode, nodeHeaders].sort());
      const { '': own, ...packages } = lock.packages as Record<string, { version: string; integrity?: string }>;
      expect(own).toMatchObject({ dependencies: manifest.dependencies });
      for (const [name, version] of Object.entries(manifest.dependencies)) {
        expect(packages[`node_modules/${name}`]).toMatchObject({ version });
      }
      for (const one of Object.values(packages)) expect(one.integrity).toMatch(/^sha512-/);
      expect(JSON.stringify(lock)).not.toContain('"resolved"');
    });
  },
);
