import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { Lock, type Owner } from '../../ts/node/lock.js';

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-lock-'));
afterAll(() => rmSync(root, { recursive: true }));
let files = 0;
const newPath = (): string => join(mkdtempSync(join(root, `${files++}-`)), '.lock');

async function taken(path: string): Promise<Lock> {
  const lock = await Lock.take(path);
  if (lock instanceof Lock) return lock;
  throw new Error(`held by ${lock.words}`);
}

/** What this process would write, changed; as old as asked. */
async function writeOwner(path: string, changes: Partial<Owner>, seconds = 0): Promise<void> {
  const lock = await taken(path);
  const text = readFileSync(path, 'utf8');
  lock.release();
  writeFileSync(path, JSON.stringify({ ...JSON.parse(text), id: 'another', ...changes }));
  const then = Date.now() / 1000 - seconds;
  utimesSync(path, then, then);
}

const held = (path: string) => expect(Lock.take(path)).resolves.toMatchObject({ words: expect.any(String) });

it('is held by one at a time, and free once released', async () => {
  const path = newPath();
  const first = await taken(path);
  expect(await Lock.take(path)).toMatchObject({ words: expect.stringMatching(/^this process for \d seconds?$/) });
  expect(await first.check()).toBe('kept');
  first.release();
  expect(existsSync(path)).toBe(false);
  const second = await taken(path);
  expect(second.takenOver).toBeUndefined();
  second.release();
});

const linux = process.platform === 'linux';
const gone = 2 ** 22 + 1; // above the most that Linux gives

it.each<[string, Partial<Owner>]>([
  ['whose process is gone', { pid: gone }],
  ...(linux
    ? ([
        ['whose number another process has by now', { start: '1' }],
        ['of before the system was started again', { boot: 'before' }],
      ] as [string, Partial<Owner>][])
    : []),
])('is taken over from an owner %s, with a word', async (_, changes) => {
  const path = newPath();
  await writeOwner(path, changes);
  const lock = await taken(path);
  expect(lock.takenOver).toMatch(/^process \d+ on \S+ for \d+ seconds?$/);
  lock.release();
  expect(readdirSync(join(path, '..'))).toEqual([]);
});

it.each<[string, Partial<Owner>]>([
  ['on another host', { host: 'elsewhere', pid: gone }],
  ...(linux ? ([['in another container of this name', { pids: 'pid:[1]' }]] as [string, Partial<Owner>][]) : []),
])('is left to an owner %s for as long as it shows life', async (_, changes) => {
  const path = newPath();
  await writeOwner(path, changes, 90);
  await held(path);
  const old = newPath();
  await writeOwner(old, changes, 3600);
  const lock = await taken(old);
  expect(lock.takenOver).toContain('last seen 60 minutes ago');
  lock.release();
});

it.each(['', 'no JSON', '{"host": 1}', `{"host":"${hostname()}","pid":"1"}`])(
  'that says %j is somebody who is about to write, or what a crash left',
  async (text) => {
    const path = newPath();
    writeFileSync(path, text);
    expect(await Lock.take(path)).toMatchObject({ words: expect.stringContaining('put down no name') });
    utimesSync(path, 1, 1);
    (await taken(path)).release();
  },
);

it('says in safe letters who holds it', async () => {
  const path = newPath();
  await writeOwner(path, { host: 'evil\u001b[2J\n' });
  expect(await Lock.take(path)).toMatchObject({ words: expect.stringMatching(/^process \d+ on evil\?\?2J\? for/) });
});

it('finds out that the folder was emptied, and that another has taken it', async () => {
  const path = newPath();
  const lock = await taken(path);
  rmSync(path);
  expect(await lock.check()).toBe('remade');
  expect(await lock.check()).toBe('kept');
  rmSync(path);
  await writeOwner(path, {});
  expect(await lock.check()).toBe('lost');
  lock.release();
  expect(existsSync(path)).toBe(true); // the other's
});

const program = `
import { Lock } from ${JSON.stringify(fileURLToPath(new URL('../../dist/node/lock.js', import.meta.url)))};
const lock = await Lock.take(process.argv[1]);
console.log(lock instanceof Lock ? 'mine' : 'held');
setInterval(() => {}, 1000);
process.on('SIGTERM', () => process.exit(143));
`;
const start = (path: string) =>
  spawn(process.execPath, ['--input-type=module', '-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });

it('goes to one of many processes that find a dead one at once', async () => {
  const path = newPath();
  await writeOwner(path, { pid: gone });
  const children = Array.from({ length: 8 }, () => start(path));
  const said = await Promise.all(
    children.map(async ({ stdout }) => {
      for await (const line of createInterface({ input: stdout })) return line;
      return 'nothing';
    }),
  );
  expect(said.filter((word) => word === 'mine')).toHaveLength(1);
  expect(said.filter((word) => word === 'held')).toHaveLength(7);
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(children.map((child) => once(child, 'close')));
  expect(readdirSync(join(path, '..'))).toEqual([]); // given up at the end of the process
});
