import { existsSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { configJson, randomModel } from '../wasm.js';
import { cli, ended, pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();

beforeAll(async () => {
  const config = configJson({ height: 12, width: 11, filters: 8, blocks: 2 });
  // Its description and record are longer than any buffer of a pipe.
  await writeFile(join(folder.path, 'long.safetensors'), randomModel(config, 7, { note: 'x'.repeat(500_000) }));
});

/** Runs a line of the shell in which `pixelcnn` is the built command line. */
const shell = (line: string) =>
  ended('bash', ['-c', `pixelcnn() { "$NODE" "$CLI" "$@"; }; ${line}`], folder.path, {
    NODE: process.execPath,
    CLI: cli,
  });

const lines = [
  'inspect tiny.safetensors',
  'inspect long.safetensors --json',
  'sample --model tiny.safetensors --count 1 --json',
  '--help',
  '--version',
  'sample --help',
];

describe.runIf(existsSync('/dev/full'))('a disk that is full below standard output', () => {
  it.each(lines)('is told of by `pixelcnn %s`, with exit code 1', async (line) => {
    const { code, stderr } = await shell(`pixelcnn ${line} > /dev/full`);
    expect(stderr).toBe('pixelcnn: expected to write to standard output, got: the disk is full\n');
    expect(code).toBe(1);
  });

  it('ends nothing where it is below standard error', async () => {
    expect(await shell('pixelcnn sample --model tiny.safetensors --count 1 2> /dev/full')).toMatchObject({ code: 0 });
    expect(await shell('pixelcnn inspect nothing 2> /dev/full')).toMatchObject({ code: 2, stderr: '' });
  });
});

// A limit makes a disk that fills in the middle of a write, which takes a part of what it is given.
it.runIf(process.platform === 'linux')('tells of a file that took a part of what was printed', async () => {
  const { code, stderr } = await shell('ulimit -f 8; pixelcnn inspect long.safetensors --json > part.json');
  expect(stderr).toBe('pixelcnn: expected to write to standard output, got: it grew longer than the limit for files\n');
  expect(code).toBe(1);
  expect(statSync(join(folder.path, 'part.json')).size).toBe(8 * 1024);
});

it.runIf(process.platform === 'linux')('leaves no file where the limit for files is in the way', async () => {
  const { code, stderr } = await shell(
    'ulimit -f 1; pixelcnn optimize tiny.safetensors --images 2 --out short.safetensors',
  );
  expect(stderr).toBe('pixelcnn: expected to write short.safetensors, got: it grew longer than the limit for files\n');
  expect(code).toBe(1);
  expect(existsSync(join(folder.path, 'short.safetensors'))).toBe(false);
});

it('gives a file, a pipe and a slow reader all of it', async () => {
  const { stdout } = await pixelcnn(folder.path, ['inspect', 'long.safetensors', '--json']);
  await shell('pixelcnn inspect long.safetensors --json > whole.json');
  expect(await readFile(join(folder.path, 'whole.json'), 'utf8')).toBe(stdout);
  expect((await shell('pixelcnn inspect long.safetensors --json | (sleep 1; cat)')).stdout).toBe(stdout);
});

it.each(['inspect long.safetensors --json', 'sample --help'])(
  'ends quietly, with exit code 0, where the reader of `pixelcnn %s` has had enough',
  async (line) => {
    const { stderr } = await shell(`pixelcnn ${line} | head -c 1; echo "$\{PIPESTATUS[0]}" >&2`);
    expect(stderr).toBe('0\n');
  },
);
