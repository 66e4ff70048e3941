/**
 * `npm run bench -- workerd`: what a request for an image costs in workerd, which Cloudflare's workers run on: CPU of the first, the
 * second and later images, of 0.1.0 in integers and of ours, in fresh processes that take turns. Timers stand still in a worker, so
 * it is the operating system that is asked, for the thread that answers: Linux alone has it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTsIfStale } from '../scripts/build_ts.js';
import { installed } from '../scripts/everywhere/tools.js';
import { type WorkerModule, workerd, workerdConfig } from '../scripts/everywhere/workerd.js';
import { root } from '../scripts/shell.js';
import { contenders } from './core.js';
import { summary, type Timing } from './harness.js';
import { describeMachine, machineLine } from './machine.js';
import { asBefore } from './previous.js';

/** Of CPU for a request, milliseconds: https://developers.cloudflare.com/workers/platform/limits/ */
const freePlan = 10;
/** Fresh processes of each, and images drawn by each. */
const [processes, images] = [7, 20];

interface Side {
  readonly name: string;
  readonly folder: string;
}

/** Milliseconds of CPU of the requests of one process, in order. */
async function requestsOf({ folder }: Side, command: string): Promise<number[]> {
  const child = spawn(command, ['serve', 'worker.capnp', '--control-fd=1'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await portOf(child);
    const cost = async (index: number): Promise<number> => {
      const before = cpu(child.pid!);
      const response = await fetch(`http://127.0.0.1:${port}/?index=${index}`);
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`workerd answered ${response.status}`);
      return cpu(child.pid!) - before;
    };
    // The first request waits for what stands in the global scope; none of these draws.
    const empty: number[] = [];
    for (let i = 0; i < 10; i++) empty.push(await cost(-1));
    const nothing = summary(empty.slice(2)).median;
    const costs: number[] = [];
    for (let index = 0; index < images; index++) costs.push((await cost(index)) - nothing);
    return costs;
  } finally {
    child.kill();
  }
}

/** Where a workerd listens that was told to take any port. */
async function portOf({ stdout }: ChildProcess): Promise<number> {
  let said = '';
  for await (const chunk of stdout!) {
    said += String(chunk);
    const port = /"port":\s*(\d+)/.exec(said)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`workerd did not say where it listens: ${said}`);
}

/** Milliseconds that the main thread of a process, which runs its workers, has had of a CPU. */
function cpu(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

/** A folder with a worker that workerd can serve. */
function side(
  folder: string,
  name: string,
  files: readonly (readonly [name: string, kind: WorkerModule[1], from: string | Uint8Array])[],
): Side {
  mkdirSync(folder);
  for (const [as, , from] of files) {
    if (typeof from === 'string') cpSync(from, join(folder, as));
    else writeFileSync(join(folder, as), from);
  }
  const modules = files.map(([as, kind]): WorkerModule => [as, kind, as]);
  writeFileSync(join(folder, 'worker.capnp'), workerdConfig(modules, { address: '127.0.0.1:0' }));
  return { name, folder };
}

/** `npm run bench -- workerd`. */
export async function benchWorkerd(): Promise<void> {
  if (!existsSync('/proc/self/schedstat'))
    throw new RangeError('workerd: expected Linux, which tells the CPU time of a thread');
  const place = installed(workerd, true)!;
  const command = join(place, 'node_modules/.bin/workerd');
  buildTsIfStale();
  const models = contenders();
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-workerd-'));
  try {
    const [here, peer, pkg] = ['bench/workerd', 'bench/peers/pixelcnn-0.1.0', 'dist/wasm/pkg'].map((path) =>
      join(root, path),
    );
    const now = (name: string, binary: string, model: string | Uint8Array): Side =>
      side(join(folder, name.replaceAll(/\W+/g, '-')), name, [
        ['worker.js', 'esModule', join(here!, 'now.js')],
        ['pixelcnn.min.js', 'esModule', join(root, 'dist/pixelcnn.min.js')],
        ['pixelcnn.wasm', 'wasm', join(pkg!, binary)],
        ['model', 'data', model],
      ]);
    const sides = [
      side(join(folder, 'before'), '0.1.0, int16', [
        ['worker.js', 'esModule', join(here!, 'before.js')],
        ['pixelcnn.js', 'esModule', join(peer!, 'pixelcnn.js')],
        ['pixelcnn.wasm', 'wasm', join(peer!, 'pixelcnn_bg.wasm')],
        ['model', 'data', asBefore(models, 'int8')],
      ]),
      now('int8, relaxed', 'pixelcnn_relaxed_bg.wasm', models.int8.file),
      now('int8, plain', 'pixelcnn_bg.wasm', models.int8.file),
    ];
    const digits = join(root, 'models/digits.int8.safetensors');
    if (existsSync(digits)) sides.push(now('digits, int8, relaxed', 'pixelcnn_relaxed_bg.wasm', digits));

    const costs = new Map<Side, number[][]>(sides.map((side) => [side, []]));
    for (let round = 0; round < processes; round++) {
      for (const side of sides) costs.get(side)!.push(await requestsOf(side, command));
    }
    print(costs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** First, second and later images of each, beside those of the first side. */
function print(costs: ReadonlyMap<Side, number[][]>): void {
  console.log(`${machineLine(describeMachine())}; workerd ${workerd.workerd}`);
  console.log(
    `Milliseconds of CPU of a request for one image: median (quartiles) of ${processes} processes; over 0.1.0's`,
  );
  console.log(`Cloudflare's free plan has ${freePlan} for a request`);
  const kinds: readonly [name: string, of: (requests: number[]) => number][] = [
    ['first', ([first = Number.NaN]) => first],
    ['second', ([, second = Number.NaN]) => second],
    ['warm', (requests) => summary(requests.slice(requests.length / 2)).median],
  ];
  const all = [...costs].map(([{ name }, runs]) => ({ name, times: kinds.map(([, of]) => summary(runs.map(of))) }));
  for (const { name, times } of all) {
    const cells = times.map(({ median, low, high }: Timing, kind) => {
      const share = (median / all[0]!.times[kind]!.median).toFixed(2);
      return `${kinds[kind]![0]} ${median.toFixed(1)} (${low.toFixed(1)} - ${high.toFixed(1)}), ${share}x`;
    });
    console.log(`${name.padEnd(24)} ${cells.join('; ')}`);
  }
}
