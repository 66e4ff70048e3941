import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { configJson, randomModel } from '../wasm.js';

/** The built command line, as it is installed; the tests' set-up builds it. */
export const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `pixelcnn` in a folder. */
export function pixelcnn(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return ended(process.execPath, [cli, ...args], cwd, env);
}

/** Runs a program to its end. */
export async function ended(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** A folder of the test file's own, with `tiny.safetensors` in it: random weights, 12 x 11. */
export function temporaryFolder(): { path: string } {
  const folder = { path: '' };
  beforeAll(async () => {
    folder.path = await mkdtemp(join(tmpdir(), 'pixelcnn-cli-'));
    const config = configJson({ height: 12, width: 11, filters: 8, blocks: 2 });
    await writeFile(join(folder.path, 'tiny.safetensors'), randomModel(config, 7));
  });
  afterAll(() => rm(folder.path, { recursive: true, force: true }));
  return folder;
}
