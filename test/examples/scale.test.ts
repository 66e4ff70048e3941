/** The engines of docs/scale.md, each driven as its example drives it, with workers that are killed. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Job } from 'kubernetes-models/batch/v1';
import { afterAll, beforeAll, expect, it, type TestContext, vi } from 'vitest';
import { parse } from 'yaml';
import { configJson, randomModel } from '../wasm.js';
import { binFolder, hasProgram, killGroup, killWorkers, pixelcnn, randomNumbers, run, scaleFolder } from './scale.js';

// Dozens of processes, which a busy machine starts one by one.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-scale-'));
const model = join(folder, 'tiny.safetensors');
const env = { ...process.env, PATH: `${binFolder(folder)}:${process.env.PATH}` };
const count = 200;
let alone: Buffer;

beforeAll(async () => {
  writeFileSync(model, randomModel(configJson({ height: 12, width: 11, filters: 8, blocks: 2 }), 7));
  const args = ['--count', `${count}`, '--seed', '1', '--no-picture', '--npy', 'alone.npy', '--out', 'alone'];
  await pixelcnn(folder, ['sample', '--model', model, ...args]);
  alone = readFileSync(join(folder, 'alone.npy'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The merged images of a folder of parts. */
async function merged(parts: string): Promise<Buffer> {
  await pixelcnn(folder, ['merge', parts, '--out', `${parts}.npy`]);
  return readFileSync(join(folder, `${parts}.npy`));
}

function need(program: string, context: TestContext): void {
  if (!hasProgram(program)) context.skip(`needs ${program}, which apt-get install ${debian[program]} brings`);
}

const debian: Readonly<Record<string, string>> = { 'redis-server': 'redis-server', parallel: 'parallel' };

it('draws by BullMQ on Redis, workers killed at random, the bytes of one process', async (context) => {
  need('redis-server', context);
  const queue = mkdtempSync(join(folder, 'queue-'));
  const options = { model, images: 600, shards: 60, workers: 2, kills: 5, lock: 1500, folder: queue };
  const { seconds: _, aloneSeconds: _also, ...report } = await killWorkers({ ...options, say: () => {} });
  expect(report).toMatchObject({ kills: 5, done: 60, failed: 0, least: 1, most: 1, sha256: report.aloneSha256 });
});

/** The Job of Kubernetes. */
const manifest = parse(readFileSync(join(scaleFolder, 'kubernetes.yaml'), 'utf8')) as ConstructorParameters<
  typeof Job
>[0] & {
  spec: {
    completions: number;
    parallelism: number;
    backoffLimitPerIndex: number;
    podFailurePolicy: { rules: { onExitCodes?: { values: number[] } }[] };
    template: { spec: { containers: { command: string[]; env: { name: string; value: string }[] }[] } };
  };
};

it('has a Job that Kubernetes would take, each field of it known', async () => {
  expect(() => new Job(manifest).validate()).not.toThrow();
  const text = structuredClone(manifest) as { spec: { completions: unknown } };
  text.spec.completions = '160';
  expect(() => new Job(text as typeof manifest).validate()).toThrow(/completions/);
  // The schema lets unknown fields pass, which types do not.
  const typed = (value: object) =>
    `import type { IJob } from 'kubernetes-models/batch/v1';\nexport const job: IJob = ${JSON.stringify(value)};\n`;
  const file = join(scaleFolder, '..', '..', 'node_modules', '.cache', `kubernetes-job-${process.pid}.ts`);
  const tsc = join(scaleFolder, '..', '..', 'node_modules', '.bin', 'tsc');
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'NodeNext', '--ignoreConfig', file];
  const check = (value: object) => {
    writeFileSync(file, typed(value));
    return spawnSync(tsc, flags, { encoding: 'utf8' }).stdout;
  };
  try {
    expect(check(manifest)).toBe('');
    expect(check({ ...manifest, spec: { ...manifest.spec, backoffLimitPerIndexes: 1 } })).toContain(
      'backoffLimitPerIndexes',
    );
  } finally {
    rmSync(file, { force: true });
  }
  const shards = manifest.spec.template.spec.containers[0]!.env.find(({ name }) => name === 'SHARDS');
  expect(shards?.value).toBe(String(manifest.spec.completions));
});

it('draws by the Job, index by index as Kubernetes does, pods killed at random, the bytes of one process', async () => {
  const { command, env: own } = manifest.spec.template.spec.containers[0]!;
  const of = 6;
  const set: Record<string, string> = { SHARDS: `${of}`, COUNT: `${count}`, MODEL: model, PARTS: join(folder, 'pods') };
  const variables = Object.fromEntries(own.map(({ name, value }) => [name, set[name] ?? value]));
  const final = manifest.spec.podFailurePolicy.rules.flatMap(({ onExitCodes }) => onExitCodes?.values ?? []);
  const random = randomNumbers(3);
  let kills = 0;
  const pod = async (index: number): Promise<number | null> => {
    const [program, ...args] = command;
    const child: ChildProcess = spawn(program!, args, {
      env: { ...env, ...variables, JOB_COMPLETION_INDEX: `${index}` },
      stdio: 'ignore',
      detached: true,
    });
    const ended = once(child, 'exit');
    if (kills < 8) {
      const done = await Promise.race([ended, setTimeout(600 * random())]);
      if (done === undefined) {
        killGroup(child);
        kills++;
      }
    }
    const [code] = (await ended) as [number | null];
    return code;
  };
  const tries = new Array<number>(of).fill(0);
  const indices = Array.from({ length: of }, (_, i) => i);
  const lane = async () => {
    for (let index = indices.shift(); index !== undefined; index = indices.shift()) {
      for (;;) {
        const code = await pod(index);
        if (code === 0) break;
        expect(final).not.toContain(code);
        expect(++tries[index]!).toBeLessThanOrEqual(manifest.spec.backoffLimitPerIndex);
      }
    }
  };
  await Promise.all([lane(), lane()]);
  expect(kills).toBeGreaterThan(0);
  expect(await merged('pods')).toEqual(alone);
  // What is not to be tried again says so by its exit code.
  set.COUNT = '-1';
  const wrong = spawnSync(command[0]!, command.slice(1), {
    env: { ...env, ...variables, COUNT: '-1', JOB_COMPLETION_INDEX: '0' },
  });
  expect(final).toContain(wrong.status);
});

/** Commands of the page, in small. */
function commandsOf(heading: string): string {
  const page = readFileSync(join(scaleFolder, '..', '..', 'docs', 'scale.md'), 'utf8');
  const section = page.split(/^## /m).find((text) => text.startsWith(heading));
  const blocks = [...(section ?? '').matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block);
  expect(blocks.length).toBeGreaterThan(0);
  return blocks
    .join('')
    .replaceAll('10000', `${count}`)
    .replaceAll('seq 0 99', 'seq 0 9')
    .replaceAll('/100', '/10')
    .replaceAll('--shards 100', '--shards 10')
    .replaceAll('my.safetensors', model);
}

it('draws by GNU parallel with the commands of the page', async (context) => {
  need('parallel', context);
  const page = mkdtempSync(join(folder, 'parallel-'));
  await run(page, 'bash', ['-euc', commandsOf('GNU parallel')], env);
  const all = ['by-process.npy', 'by-worker.npy'].map((name) => readFileSync(join(page, name)));
  expect(all).toEqual([alone, alone]);
});

it('draws from Python, where a worker whose process is killed starts another', async () => {
  const options = ['--count', `${count}`, '--shards', '10', '--seed', '1', '--model', model, '--workers', '2'];
  const program = [join(scaleFolder, 'jsonl.py'), ...options, '--out', 'python'];
  const states = JSON.parse(await run(folder, 'python3', program, { ...env, PIXELCNN: 'pixelcnn' }));
  expect(states).toEqual({ drawn: 10, whole: 0 });
  expect(await merged('python')).toEqual(alone);
  const again = JSON.parse(await run(folder, 'python3', program, { ...env, PIXELCNN: 'pixelcnn' }));
  expect(again).toEqual({ drawn: 0, whole: 10 });
  const lines = `
import os, signal, sys
sys.path.insert(0, ${JSON.stringify(scaleFolder)})
sys.dont_write_bytecode = True
from jsonl import Shards
worker = Shards('--model', ${JSON.stringify(model)}, '--out', 'python')
job = {'shard': '0/10', 'count': ${count}, 'seed': 1}
worker.draw(job)
os.kill(worker.process.pid, signal.SIGKILL)
print(worker.draw(job)['state'])
try:
    worker.draw({**job, 'seed': -1})
except ValueError as error:
    print(error)
worker.close()
`;
  const said = await run(folder, 'python3', ['-c', lines], {
    ...env,
    PIXELCNN: `${process.execPath} ${join(scaleFolder, '..', '..', 'dist', 'cli', 'main.js')}`,
  });
  expect(said).toBe('whole\n0/10: seed: expected an integer from 0 to 9007199254740991, got -1\n');
});

// No part of `npm test` asks for Ray, which is a hundred times as large as what it would test.
if (spawnSync('python3', ['-c', 'import ray']).status === 0) {
  it('draws on Ray with the same program', async () => {
    const options = ['--count', `${count}`, '--shards', '10', '--seed', '1', '--model', model, '--ray', '--out', 'ray'];
    await run(folder, 'python3', [join(scaleFolder, 'jsonl.py'), ...options], { ...env, PIXELCNN: 'pixelcnn' });
    expect(await merged('ray')).toEqual(alone);
  });
}
