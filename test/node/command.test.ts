import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { lastLines, runCommand } from '../../ts/node/command.js';

/** Runs a program of Node's. */
const node = (program: string, options?: Parameters<typeof runCommand>[2]) =>
  runCommand(process.execPath, ['--eval', program], options);

it('tells how a program ended, and what it wrote to both streams', async () => {
  const told = await node('console.error("one"); process.exitCode = 3');
  expect(told).toEqual({ status: 3, missing: false, output: 'one\n' });
  expect((await node('console.log(process.cwd(), process.env.NAME)', { cwd: '/', env: { NAME: 'x' } })).output).toBe(
    '/ x\n',
  );
  expect(await node('process.kill(process.pid, "SIGKILL")')).toEqual({ status: undefined, missing: false, output: '' });
  expect(await runCommand('pixelcnn-no-such-program', [])).toEqual({ status: undefined, missing: true, output: '' });
});

it('ends a program that it is told to end, and starts none after that', async () => {
  const reason = new Error('stopped by the test');
  const controller = new AbortController();
  const running = node('setInterval(() => {}, 1000)', { signal: controller.signal });
  controller.abort(reason);
  await expect(running).rejects.toBe(reason);
  await expect(runCommand('pixelcnn-no-such-program', [], { signal: controller.signal })).rejects.toBe(reason);
});

it('finds the reason at the end of what a program wrote', () => {
  expect(lastLines('1\n2\n3\n4\n5\n6\n7\n8\n\n')).toBe('3\n4\n5\n6\n7\n8');
  expect(lastLines('1\n2\n3\n', 2)).toBe('2\n3');
});

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-command-'));
afterAll(() => rmSync(folder, { recursive: true }));

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
