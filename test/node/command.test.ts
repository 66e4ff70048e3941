import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../ts/node/command.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-command-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('tells how a program ended and what it wrote, and which is not there', async () => {
  const program = 'console.log("out"); console.error("err"); process.exitCode = 3;';
  const { status, missing, output } = await runCommand(process.execPath, ['--eval', program]);
  expect([status, missing, output.split('\n').sort().join(' ').trim()]).toEqual([3, false, 'err out']);
  expect(await runCommand('no-such-program', [])).toEqual({ status: undefined, missing: true, output: '' });
});

/** The number of a process, once it has written it down. */
async function written(path: string): Promise<number> {
  while (!existsSync(path) || readFileSync(path, 'utf8') === '') await setTimeout(20);
  return Number(readFileSync(path, 'utf8'));
}

/** Waits until a process is gone; else the test's own limit ends it. */
async function untilGone(pid: number): Promise<void> {
  const runs = (): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  while (runs()) await setTimeout(20);
}

describe.runIf(process.platform !== 'win32')('a program that is stopped', () => {
  it.each([
    ['and runs another, which holds its output', (file: string) => `sleep 1000 & echo $! > ${file}; wait`],
    ['and does not listen', (file: string) => `trap "" TERM; echo $$ > ${file}; while :; do sleep 1000; done`],
  ])('%s, is ended with all of its own', async (name, script) => {
    const file = join(folder, name.replace(/\W/g, ''));
    const controller = new AbortController();
    const reason = new Error('stopped by the test');
    const ended = runCommand('sh', ['-c', script(file)], { signal: controller.signal });
    const pid = await written(file);
    controller.abort(reason);
    await expect(ended).rejects.toBe(reason);
    await untilGone(pid);
  });

  it('is ended where this process ends before it', async () => {
    const command = fileURLToPath(new URL('../../dist/node/command.js', import.meta.url));
    const file = join(folder, 'left');
    const program = `
import { existsSync, readFileSync } from 'node:fs';
import { runCommand } from ${JSON.stringify(command)};
const file = ${JSON.stringify(file)};
void runCommand('sh', ['-c', 'echo $$ > ' + file + '; sleep 1000']);
setInterval(() => existsSync(file) && readFileSync(file, 'utf8') !== '' && process.exit(130), 20);`;
    expect(await runCommand(process.execPath, ['--input-type=module', '--eval', program])).toMatchObject({
      status: 130,
    });
    await untilGone(await written(file));
  });
});
