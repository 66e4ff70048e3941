import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../ts/node/command.js';
import { hasNvidiaDriver, loadError } from '../../ts/train/tensorflow/nvidia.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
vi.setConfig({ testTimeout: 180_000 }); // it starts half a dozen programs

interface Check {
  name: string;
  needed: boolean;
  ok: boolean;
  detail: string;
}

async function doctor(env: NodeJS.ProcessEnv = {}): Promise<{ checks: Check[]; stderr: string }> {
  const { stdout, stderr } = await pixelcnn(folder.path, ['doctor', '--json'], env);
  return { checks: (JSON.parse(stdout) as { checks: Check[] }).checks, stderr };
}

const line = (checks: readonly Check[], name: string) => checks.find((check) => check.name === name);

it('looks at these things, in this order, and has no word of TensorFlow beside its own', async () => {
  const { checks, stderr } = await doctor();
  expect(checks.map(({ name, needed }) => `${name}${needed ? ', needed' : ''}`)).toEqual([
    ...['Node, needed', 'WebAssembly, needed', 'model, needed', 'MNIST', 'GPU', 'CUDA libraries', 'native TensorFlow'],
    ...['C++ compiler', 'python3', 'pip', 'TensorFlow.js'],
  ]);
  expect(stderr).toBe('');
});

describe.runIf(process.platform === 'linux')('the line on the GPU', () => {
  it.skipIf(hasNvidiaDriver() || loadError('libcuda.so.1') === undefined)('says that there is none', async () => {
    expect(line((await doctor()).checks, 'GPU')).toEqual({
      name: 'GPU',
      needed: false,
      ok: false,
      detail: 'found no NVIDIA driver; install version 525.60.13 or newer; without one, training uses the CPU',
    });
  });

  // By a driver that shows as in a sandbox: its libraries, of which stand-ins do, and nvidia-smi.
  it.skipIf(hasNvidiaDriver())('names the GPU, its memory and its driver, or what is against it', async () => {
    for (const library of ['libcuda.so.1', 'libnvidia-ml.so.1']) {
      const path = join(folder.path, library);
      writeFileSync(`${path}.c`, 'int stands_in;\n');
      expect(await runCommand(process.env.CXX ?? 'g++', ['-shared', '-x', 'c', `${path}.c`, '-o', path])).toMatchObject(
        {
          status: 0,
        },
      );
    }
    const gpu = async (listed: string) => {
      const program = join(folder.path, 'nvidia-smi');
      writeFileSync(program, `#!/bin/sh\necho '${listed}'\n`);
      chmodSync(program, 0o755);
      const { checks } = await doctor({
        PATH: `${folder.path}:${process.env.PATH}`,
        LD_LIBRARY_PATH: folder.path,
        CUDA_VISIBLE_DEVICES: undefined,
      });
      return line(checks, 'GPU');
    };
    expect(await gpu('NVIDIA H100 80GB HBM3, 9.0, 81559, GPU-11111111-aaaa, 575.57.08')).toMatchObject({
      ok: true,
      detail: 'NVIDIA H100 80GB HBM3, compute capability 9.0, 81559 MiB, NVIDIA driver 575.57.08',
    });
    expect(await gpu('NVIDIA H100 80GB HBM3, 9.0, 81559, GPU-11111111-aaaa, 535.104.05')).toMatchObject({
      ok: false,
      detail:
        'found NVIDIA driver 535.104.05, too old for NVIDIA H100 80GB HBM3 of compute capability 9.0; ' +
        'install version 555.42.02 or newer; without one, training uses the CPU',
    });
  });
});
