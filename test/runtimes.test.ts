/** The built package on other hosts than Node: Deno, Bun, workerd. */

import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type WorkerModule, workerdConfig } from '../scripts/everywhere/workerd.js';
import { root } from '../scripts/shell.js';
import { loadSampler } from '../ts/index.js';
import { fetchRuntimes, findRuntime } from './other_runtimes.js';
import { configJson, randomModel } from './wasm.js';

const run = promisify(execFile);
const model = randomModel(configJson({ height: 12, width: 11, filters: 8, blocks: 2 }), 7, { background: '0' });

/** A user's folder. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelcnn-runtimes-'));
  await writeFile(join(folder, 'model.safetensors'), model);
  await symlink(join(root, 'dist'), join(folder, 'dist'), 'dir');
  await symlink(join(root, 'package.json'), join(folder, 'package.json')); // the type of dist's modules
  await fetchRuntimes();
}, 300_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Samples on two workers, gives a call up, which stops them, scores; then has nothing more to do. */
const program = `
  const { loadSampler, loadSamplerPool } = await import('./dist/index.js');
  const pool = await loadSamplerPool(model, { workers: 2 });
  const samples = await pool.sample({ count: 37, seed: 5 });
  const before = reports.length;
  const reason = new Error('enough');
  const controller = new AbortController();
  const onAny = () => controller.abort(reason);
  const given = await pool
    .sample({ count: 2 ** 20, method: 'reference', signal: controller.signal, onProgress: onAny })
    .catch((error) => error === reason);
  const ended = () => reports.slice(before).filter(({ pixels }) => pixels === undefined);
  while (ended().length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  const stopped = ended().filter(({ made }) => made === undefined).length;
  const [scores, one] = [await pool.logProb(samples), (await loadSampler(model)).logProb(samples)];
  const scored = scores.every((score, i) => score === one[i]);
  console.log(JSON.stringify({ data: [...samples.data], nats: [...samples.nats], given, stopped, scored }));`;

/** On Node's threads, which let the process end; at last on as many as the host says. */
const onThreads = `
  const model = 'model.safetensors';
  const reports = [];
  const threads = process.getBuiltinModule('node:worker_threads');
  threads.Worker = class extends threads.Worker {
    constructor(...parameters) {
      super(...parameters);
      this.on('message', (report) => reports.push(report));
    }
  };
  ${program}
  await (await loadSamplerPool(model)).dispose();`;

/** On the web's workers: there is nothing of Node's. At last, one worker is lost on the way. */
const onWeb = `
  const model = Deno.readFileSync('model.safetensors');
  delete globalThis.process;
  const reports = [];
  const workers = [];
  globalThis.Worker = class extends Worker {
    constructor(...parameters) {
      super(...parameters);
      this.addEventListener('message', ({ data }) => reports.push(data));
      workers.push(this);
    }
  };
  ${program}
  const onProgress = () => workers.length === 2 && workers[0].postMessage(null); // no order: an error that nothing catches
  const again = await pool.sample({ count: 37, seed: 5, method: 'reference', onProgress });
  await pool.dispose();
  if (workers.length !== 3) throw new Error('expected 3 workers in all, got ' + workers.length);
  if (again.data.some((level, i) => level !== samples.data[i])) throw new Error('expected the same images again');`;

async function expectSamples(stdout: string): Promise<void> {
  const { data, nats } = (await loadSampler(model)).sample({ count: 37, seed: 5 });
  expect(JSON.parse(stdout)).toEqual({ data: [...data], nats: [...nats], given: true, stopped: 2, scored: true });
}

it('samples on several threads of Deno', async (context) => {
  const deno = findRuntime('deno', context);
  await writeFile(join(folder, 'threads.js'), onThreads);
  await expectSamples((await run(deno, ['run', '--allow-read', '--no-prompt', 'threads.js'], { cwd: folder })).stdout);
});

it('samples on several web workers, as in a browser, of Deno', async (context) => {
  const deno = findRuntime('deno', context);
  await writeFile(join(folder, 'web.js'), onWeb);
  await expectSamples((await run(deno, ['run', '--allow-read', '--no-prompt', 'web.js'], { cwd: folder })).stdout);
});

it('samples on several threads of Bun', async (context) => {
  const bun = findRuntime('bun', context);
  await writeFile(join(folder, 'threads.js'), onThreads);
  await expectSamples((await run(bun, ['threads.js'], { cwd: folder })).stdout);
});

it('samples on workerd, and says that it has no threads', async (context) => {
  const workerd = findRuntime('workerd', context);
  await writeFile(
    join(folder, 'edge.js'),
    `import module from './dist/wasm/pkg/pixelcnn_bg.wasm';
    import { createSampler, loadSamplerPool } from './dist/index.js';
    import model from './model.safetensors';
    export default {
      async test() {
        const { data } = createSampler({ module, model: new Uint8Array(model) }).sample({ count: 3, seed: 5 });
        const { code } = await loadSamplerPool(new Uint8Array(model)).catch((error) => error);
        console.log(JSON.stringify({ data: [...data], code }));
      },
    };`,
  );
  const names = ['', 'pool/'].flatMap((room) =>
    readdirSync(join(root, 'dist', room)).flatMap((name) => (name.endsWith('.js') ? [`${room}${name}`] : [])),
  );
  const binary = 'dist/wasm/pkg/pixelcnn_bg.wasm';
  await writeFile(
    join(folder, 'edge.capnp'),
    workerdConfig([
      ['edge.js', 'esModule', 'edge.js'],
      [binary, 'wasm', binary],
      ['model.safetensors', 'data', 'model.safetensors'],
      ...[...names, 'wasm/pkg/build_id.js'].map((name): WorkerModule => [`dist/${name}`, 'esModule', `dist/${name}`]),
    ]),
  );
  const { stdout } = await run(workerd, ['test', 'edge.capnp'], { cwd: folder });
  const { data } = (await loadSampler(model)).sample({ count: 3, seed: 5 });
  expect(JSON.parse(stdout)).toEqual({ data: [...data], code: 'WORKERS_UNAVAILABLE' });
});
