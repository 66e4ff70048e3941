// The plain and the relaxed binary give the same integers: each in a process of its own, since one process has one instance.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

interface Drawn {
  backend: string;
  nets: number;
  hash: string;
}

async function drawnBy(binary: string): Promise<Drawn> {
  const child = fileURLToPath(new URL('backends_child.ts', import.meta.url));
  const { stdout } = await run(process.execPath, ['--import', 'tsx', child, binary]);
  return JSON.parse(stdout) as Drawn;
}

/** A function of nothing that is a dot product of bytes: a host without relaxed SIMD does not take it. */
const probe = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0],
  ...[10, 15, 1, 13, 0, 0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, 0xfd, 0x92, 0x02, 0x0b],
);

it('makes integers of nets of every form, and draws the same by every method', async () => {
  expect(await drawnBy('pixelcnn_bg.wasm')).toMatchObject({ backend: 'simd128', nets: 30 });
}, 120_000);

it.skipIf(!WebAssembly.validate(probe))(
  'gives the same integers with relaxed SIMD',
  async () => {
    const [plain, relaxed] = await Promise.all(['pixelcnn_bg.wasm', 'pixelcnn_relaxed_bg.wasm'].map(drawnBy));
    expect(relaxed!.backend).toBe('relaxed');
    expect(relaxed).toEqual({ ...plain, backend: 'relaxed' });
  },
  120_000,
);
