/** Servers of the examples, and what is asked of them. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { expect } from 'vitest';
import { ended } from '../../scripts/everywhere/browser.js';
import { root } from '../../scripts/shell.js';
import { loadSampler } from '../../ts/index.js';

const modelBytes = readFileSync(join(root, 'models', 'mnist-binary.int8.safetensors'));

/** What stands for the model in addresses: its sha256, and the version of the seed contract. */
export const model = `${createHash('sha256').update(modelBytes).digest('hex')}-v1`;

/** The path of its pictures. */
export const picture = `/${model}/pixelcnn.png`;

/** Levels of a picture of images of 28 x 28 in rows, each pixel 4 x 4. */
export function levelsIn(png: Uint8Array): number[] {
  const { width, height, data } = PNG.sync.read(Buffer.from(png));
  return Array.from({ length: (width * height) / 16 }, (_, i) => {
    const [y, x] = [Math.floor(i / (width / 4)), i % (width / 4)];
    return data[4 * (4 * y * width + 4 * x)] === 255 ? 1 : 0;
  });
}

/** The levels of a seed's image. */
export async function drawn(seed: number): Promise<number[]> {
  return [...(await loadSampler(modelBytes)).sample({ seed }).data];
}

export interface Server {
  /** Where it serves, below which the handler's own paths are; without a slash at its end. */
  readonly base: string;
  /** What its processes hold and have taken so far; undefined where the system does not tell. */
  use(): { megabytes: number; cpuSeconds: number } | undefined;
}

export interface ServerOptions {
  readonly cwd: string;
  readonly port: number;
  /** Default: localhost. */
  readonly host?: string;
  /** What stands before the handler's own paths. Default: nothing. */
  readonly path?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts a server, asks it once its port answers, and ends it. */
export async function served(
  program: string,
  args: readonly string[],
  { cwd, port, host = 'localhost', path = '', env }: ServerOptions,
  ask: (server: Server) => Promise<void>,
): Promise<void> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env, PORT: String(port) }, detached: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (said += part));
  }
  try {
    const base = `http://${host}:${port}${path}`;
    const isUp = () =>
      fetch(`${base}/nothing`, { signal: AbortSignal.timeout(10_000) }).then(
        () => true,
        () => false,
      );
    for (const end = Date.now() + 120_000; !(await isUp()); ) {
      const isOver = child.exitCode !== null || Date.now() > end;
      if (isOver) throw new Error(`expected ${program} to serve ${base}, it said: ${said}`);
      await new Promise((done) => setTimeout(done, 100));
    }
    await ask({ base, use: () => useOf(child.pid!) });
  } finally {
    await ended(child);
  }
}

/** Of all processes of a group, on Linux. */
function useOf(group: number): { megabytes: number; cpuSeconds: number } | undefined {
  if (process.platform !== 'linux') return undefined;
  let [megabytes, cpuSeconds] = [0, 0];
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      // What follows the name, which is in brackets: the state, the parent, the group, ... (proc(5)).
      const fields = readFileSync(`/proc/${id}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      if (Number(fields[2]) !== group) continue;
      cpuSeconds += (Number(fields[11]) + Number(fields[12])) / 100;
      megabytes += (Number(fields[21]) * 4096) / 1e6;
    } catch {
      // It has ended meanwhile.
    }
  }
  return { megabytes, cpuSeconds };
}

/** Asks for a picture, wrongly, and for a new seed; each must be answered as the handler says. */
export async function draws({ base }: Server): Promise<void> {
  const response = await fetch(`${base}${picture}?seed=7`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('image/png');
  expect(levelsIn(new Uint8Array(await response.arrayBuffer()))).toEqual(await drawn(7));
  expect((await fetch(`${base}${picture}?seed=x`)).status).toBe(400);
  expect((await fetch(`${base}/?count=2`)).url).toMatch(/\?count=2&seed=\d+$/);
}

/** Queries of all kinds, right ones and such as nobody means well by; always the same. */
export function hostileQueries(count: number): string[] {
  let state = 1;
  const next = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const names = 'seed count label temperature seed count __proto__ constructor method  %00 sEED'.split(' ');
  const numbers =
    '0 1 7 16 17 -1 1e3 0x10 1e309 NaN Infinity 9007199254740991 99999999999999999999 0.5 0.000000001 999999999 +1 1,2';
  const others =
    "% %ff %00 %0d%0aset-cookie:a=b <script> '%20or%201=1 ../../etc/passwd [] {} null undefined true %F0%9F%98%80 ٣";
  const values = [...numbers.split(' '), ...others.split(' '), '', ' 1', '1 ', 'a'.repeat(5000)];
  return Array.from({ length: count }, (_, i) => {
    // One in five is right, so that pictures are drawn among the rest.
    if (i % 5 === 0) return `seed=${next(1e9)}&count=${1 + next(4)}&temperature=0.${next(10)}`;
    return Array.from(
      { length: 1 + next(4) },
      () => `${names[next(names.length)]}=${values[next(values.length)]}`,
    ).join(next(9) === 0 ? ';' : '&');
  });
}
