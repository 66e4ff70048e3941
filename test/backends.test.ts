// The plain and the relaxed binary give the same integers: each in a process of its own, since one process has one instance.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { fetchRuntimes, findRuntime } from './other_runtimes.js';

const run = promisify(execFile);

interface Drawn {
  backend: string;
  nets: number;
  hash: string;
}

/** What runs a TypeScript file: a program and its arguments before the file's. */
type Host = readonly [program: string, ...args: string[]];
const node: Host = [process.execPath, '--import', 'tsx'];

async function drawnBy(binary: string, [program, ...args]: Host = node, products = ''): Promise<Drawn> {
  const child = fileURLToPath(new URL('backends_child.ts', import.meta.url));
  const { stdout } = await run(program, [...args, child, binary, products]);
  return JSON.parse(stdout) as Drawn;
}

beforeAll(fetchRuntimes, 300_000);

/** A function of nothing that is a dot product of bytes: a host without relaxed SIMD does not take it. */
const probe = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0],
  ...[10, 15, 1, 13, 0, 0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, 0xfd, 0x92, 0x02, 0x0b],
);

it('makes integers of nets of every form, and draws the same by every method', async () => {
  expect(await drawnBy('pixelcnn_bg.wasm')).toMatchObject({ backend: 'simd128', nets: 30 });
}, 120_000);

it('gives the same integers with relaxed SIMD', async (context) => {
  // Node 20 has none; Deno has, and runs TypeScript too.
  const host: Host = WebAssembly.validate(probe)
    ? node
    : [findRuntime('deno', context), 'run', '--allow-all', '--no-check', '--sloppy-imports'];
  const relaxed = 'pixelcnn_relaxed_bg.wasm';
  const plain = await drawnBy('pixelcnn_bg.wasm');
  expect(await drawnBy(relaxed, host, 'pairs')).toEqual({ ...plain, backend: 'relaxed' });
  expect(await drawnBy(relaxed, host, 'fours')).toEqual({ ...plain, backend: 'relaxed, by fours' });
  // By whatever this host does faster.
  expect((await drawnBy(relaxed, host)).hash).toBe(plain.hash);
}, 240_000);
