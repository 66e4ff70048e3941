/** `pixelcnn work`: a line for each job, whatever the line. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { sha256 } from '../../ts/node/files.js';
import { folderOfNets } from './nets.js';
import { cli, type Ended, pixelcnn } from './run.js';

// Dozens of processes, which a busy machine starts one by one.
vi.setConfig({ testTimeout: 300_000 });

const folder = folderOfNets();

/** Runs a worker on some lines. */
async function work(lines: readonly string[], ...args: string[]): Promise<Ended & { answers: unknown[] }> {
  const child = spawn(process.execPath, [cli, 'work', ...args], { cwd: folder.path });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {}); // it may have ended before it read them
  child.stdin.end(lines.join('\n'));
  const [code] = (await once(child, 'close')) as [number | null];
  const answers = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { code, stdout, stderr, answers };
}

const job = { count: 20, seed: 1 };

it('draws shards in any order, more of them than images, and merge makes one of them', async () => {
  const lines = Array.from({ length: 30 }, (_, i) => JSON.stringify({ id: i, shard: `${(7 * i) % 30}/30`, ...job }));
  const model = ['--model', 'tiny.safetensors', '--out', 'parts'];
  const { code, stderr, answers } = await work([...lines, '', lines[3]!], ...model);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(answers).toHaveLength(31);
  expect(answers[2]).toMatchObject({ id: 2, shard: '14/30', state: 'drawn', first: 9, count: 1 });
  expect(answers[30]).toMatchObject({ id: 3, shard: '21/30', state: 'whole', first: 14, count: 0 });
  const merged = await pixelcnn(folder.path, ['merge', 'parts', '--out', 'all.npy', '--json']);
  expect(JSON.parse(merged.stdout)).toMatchObject({ command: 'sample', parts: 30, count: 20, seed: 1 });
  const one = 'sample --model tiny.safetensors --count 20 --seed 1 --no-picture --npy one.npy'.split(' ');
  await pixelcnn(folder.path, one);
  expect(readFileSync(join(folder.path, 'all.npy'))).toEqual(readFileSync(join(folder.path, 'one.npy')));
});

it('answers a line that is none with a sentence, and goes on', async () => {
  const model = sha256(readFileSync(join(folder.path, 'grey.safetensors')));
  const shard = 'shard: expected a part and how many there are, such as 0/4 to 3/4';
  const lines: [line: unknown, error: string | undefined][] = [
    ['draw!', 'expected a line with a job such as {"shard":"3/16","count":10000,"seed":1}, got "\\"draw!\\""'],
    [[1], 'expected a line with a job such as {"shard":"3/16","count":10000,"seed":1}, got "[1]"'],
    [{ ...job, id: 1, shard: '4/4' }, `${shard}, counted from 0, got "4/4", whose last part is 3/4`],
    [{ ...job, id: 2 }, 'shard: expected a text such as 3/16, got undefined'],
    [{ seed: 1, shard: '0/4' }, 'count: expected an integer from 1 to 9007199254740991, got undefined'],
    [{ count: 20, shard: '0/4' }, 'seed: expected an integer from 0 to 9007199254740991, got undefined'],
    [
      { ...job, shard: '0/4', label: 'hat' },
      'label: expected a class from 0 to 2, or its name ("shirt", "shoe", "0"), got "hat"',
    ],
    [{ ...job, shard: '0/4', label: [1] }, 'label: expected a class by number or name, got an array of 1'],
    [
      { ...job, shard: '0/4', out: '/etc' },
      'expected fields among id, shard, count, seed, startIndex, temperature, label, model, got "out"',
    ],
    [
      { ...job, shard: '0/4', model: 'another' },
      `model: expected the sha256 of the worker's model, ${model}, got "another"`,
    ],
    [{ ...job, shard: '0/4', temperature: -1 }, 'temperature: expected a finite number of at least 0, got -1'],
    [
      { ...job, shard: '0/4', startIndex: 2 ** 53 - 1 },
      'startIndex: expected an integer from 0 to 9007199254740971, got 9007199254740991',
    ],
    [
      { count: 4_000_000, seed: 1, shard: '0/2' },
      'shard: expected shards of at most 1048576 images, so at least 4 of them, got 0/2, which has 2000000',
    ],
    [{ ...job, shard: '0/4', label: 'shoe', model, id: { any: 'thing' } }, undefined],
  ];
  const { code, stderr, answers } = await work(
    lines.map(([line]) => JSON.stringify(line)),
    ...['--model', 'grey.safetensors', '--out', 'some'],
  );
  const errors = answers.map((answer) => (answer as { error?: { message: string } }).error?.message);
  expect(errors).toEqual(lines.map(([, error]) => error));
  expect(answers[2]).toMatchObject({ id: 1, type: 'error', error: { code: 'INVALID_ARGUMENT', exitCode: 2 } });
  expect(answers.at(-1)).toMatchObject({ id: { any: 'thing' }, state: 'drawn' });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'pixelcnn: 13 of 14 jobs failed, as their answers say\n',
  });
  expect(readdirSync(join(folder.path, 'some'))).toHaveLength(4);
});

it.each([
  ['SIGTERM', 143, 'stopped by SIGTERM; 1 jobs were answered'],
  ['SIGINT', 130, 'interrupted; 1 jobs were answered'],
] as const)('ends by %s within a job, of which it leaves nothing', async (signal, code, said) => {
  const out = `by${signal}`;
  const args = ['work', '--model', 'tiny.safetensors', '--out', out];
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder.path });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = once(child, 'close');
  const line = (shard: string, count: number) => `${JSON.stringify({ shard, count, seed: 1 })}\n`;
  child.stdin.write(line('0/1', 1) + line('1/2', 2_000_000));
  await once(child.stdout, 'data'); // of the first; the second takes minutes
  child.kill(signal);
  expect((await closed)[0]).toBe(code);
  expect(stderr).toBe(`pixelcnn: ${said}\n`);
  expect(readdirSync(join(folder.path, out)).filter((name) => !name.startsWith('part-000000-of-000001'))).toEqual([]);
});

it('waits for jobs, and ends by SIGTERM while it waits', async () => {
  const child = spawn(process.execPath, [cli, 'work', '--model', 'tiny.safetensors', '--out', 'idle'], {
    cwd: folder.path,
  });
  const closed = once(child, 'close');
  child.stdin.write(`${JSON.stringify({ shard: '0/1', count: 1, seed: 1 })}\n`);
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect((await closed)[0]).toBe(143);
});

it('stops where nobody takes its answers', async () => {
  const child = spawn(process.execPath, [cli, 'work', '--model', 'tiny.safetensors', '--out', 'unheard'], {
    cwd: folder.path,
  });
  const closed = once(child, 'close');
  child.stdin.on('error', () => {});
  child.stdout.destroy();
  child.stdin.write(`${JSON.stringify({ shard: '0/2', count: 2, seed: 1 })}\n`);
  for (let i = 0; i < 100; i++) child.stdin.write(`${JSON.stringify({ shard: '1/2', count: 2_000_000, seed: 1 })}\n`);
  expect((await closed)[0]).toBe(141);
  expect(existsSync(join(folder.path, 'unheard', 'part-000001-of-000002.json'))).toBe(false);
});
