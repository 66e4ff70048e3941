import { expect, it } from 'vitest';
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
