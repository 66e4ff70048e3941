/** The examples that draw and serve pictures, as they are written, in a folder that has the package. */

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../../scripts/shell.js';
import { loadSampler } from '../../ts/index.js';
import { ended } from '../cli/run.js';
import { fetchRuntimes, findRuntime } from '../other_runtimes.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-serve-'));
const modelBytes = readFileSync(join(root, 'models', 'mnist-binary.int8.safetensors'));
const model = `${createHash('sha256').update(modelBytes).digest('hex')}-v1`;
const picture = `/${model}/pixelcnn.png`;

beforeAll(async () => {
  cpSync(join(root, 'examples', 'serve'), folder, { recursive: true });
  cpSync(join(root, 'examples', 'digits.ts'), join(folder, 'digits.ts'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'pixelcnn'), 'dir');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  await fetchRuntimes();
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Runs a program of the folder. */
async function run(program: string, ...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await ended(process.execPath, [...flags, '--import', tsx, program], folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Levels of a picture of images of 28 x 28 in rows, each pixel 4 x 4. */
function levelsIn(png: Uint8Array): number[] {
  const { width, height, data } = PNG.sync.read(Buffer.from(png));
  return Array.from({ length: (width * height) / 16 }, (_, i) => {
    const [y, x] = [Math.floor(i / (width / 4)), i % (width / 4)];
    return data[4 * (4 * y * width + 4 * x)] === 255 ? 1 : 0;
  });
}

async function drawn(seed: number): Promise<number[]> {
  return [...(await loadSampler(modelBytes)).sample({ seed }).data];
}

it('examples/digits.ts writes sixteen digits', async () => {
  expect(await run('digits.ts')).toMatch(/^digits\.png: 16 images of seed 1, [\d.]+ nats for the first\n$/);
  const { width, height } = PNG.sync.read(readFileSync(join(folder, 'digits.png')));
  expect([width, height]).toEqual([4 * 4 * 28, 4 * 4 * 28]);
});

interface Answer {
  status: number;
  headers: Record<string, string>;
  /** In base64. */
  body: string;
}

/** What an example answers, each asked for by a path and headers. */
async function answers(ask: string, requests: readonly (readonly [path: string, headers?: object])[]) {
  writeFileSync(
    join(folder, 'ask.ts'),
    `${ask}
for (const [path, headers = {}, method = 'GET'] of ${JSON.stringify(requests)} as any[]) {
  const response: Response = await ask(path, headers, method);
  const body = Buffer.from(await response.arrayBuffer()).toString('base64');
  console.log(JSON.stringify({ status: response.status, headers: Object.fromEntries(response.headers), body }));
}`,
  );
  return (await run('ask.ts'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}

const text = ({ body }: Answer) => Buffer.from(body, 'base64').toString();
const direct = `import { handler } from './local.js';
const ask = (path, headers, method) => handler(new Request('http://localhost' + path, { headers, method }));`;

it('gives a seed one address and one picture for good', async () => {
  const [first, again, known, other, unknown] = await answers(direct, [
    [`${picture}?seed=7`],
    [`${picture}?seed=7&count=1&temperature=1`],
    [`${picture}?seed=7`, { 'if-none-match': `W/"${model}-7-1--1"` }],
    [`${picture}?seed=8`],
    [`/${'0'.repeat(64)}-v1/pixelcnn.png?seed=7`],
  ]);
  expect(first).toMatchObject({
    status: 200,
    headers: { 'content-type': 'image/png', 'cache-control': 'public, max-age=31536000, immutable' },
  });
  expect(first!.headers.etag).toBe(`W/"${model}-7-1--1"`);
  expect(levelsIn(Buffer.from(first!.body, 'base64'))).toEqual(await drawn(7));
  expect(again).toEqual(first);
  expect(known).toMatchObject({ status: 304, body: '' });
  expect(other!.headers.etag).not.toBe(first!.headers.etag);
  expect(unknown).toMatchObject({ status: 404, headers: { 'cache-control': 'no-store' } });
});

it('leads from / to the address of a new seed, with all that was asked for', async () => {
  const [led] = await answers(direct, [['/?count=4&temperature=0.8']]);
  expect(led).toMatchObject({ status: 307, headers: { 'cache-control': 'no-store' } });
  const url = new URL(led!.headers.location!, 'http://localhost');
  expect(url.pathname).toBe(picture);
  expect(Object.fromEntries(url.searchParams)).toEqual({
    count: '4',
    temperature: '0.8',
    seed: expect.stringMatching(/^\d+$/),
  });
});

it('says in one sentence what is wrong with a query', async () => {
  const wrong = {
    'seed=1&count=17': 'count: expected an integer from 1 to 16, got 17',
    'seed=1&count=-1': 'count: expected an integer from 1 to 16, got "-1"',
    'seed=9007199254740992': 'seed: expected an integer from 0 to 9007199254740991, got "9007199254740992"',
    'seed=1&seed=2': 'seed: expected it once, got it 2 times',
    'seed=1&temprature=1': 'expected only seed, count, label, temperature, got "temprature"',
    'seed=1&temperature=NaN': 'temperature: expected a number of at least 0, got "NaN"',
    'count=1': 'seed: expected one, since without it no picture is drawn twice',
  };
  const got = await answers(
    direct,
    Object.keys(wrong).map((query) => [`${picture}?${query}`] as const),
  );
  expect(got.map(({ status }) => status)).toEqual(got.map(() => 400));
  expect(got.map((answer) => text(answer))).toEqual(Object.values(wrong).map((sentence) => `${sentence}\n`));
  const [label] = await answers(direct, [[`${picture}?seed=1&label=3`]]);
  expect(label!.status).toBe(400);
  expect(text(label!)).toMatch(/^label: expected .*\n$/);
});

it('answers the same through examples/serve/lambda.ts', async () => {
  const ask = `import { handler } from './lambda.js';
const ask = async (path, headers, method) => {
  const [rawPath, rawQueryString = ''] = path.split('?');
  const { statusCode, headers: own, body } = await handler({ rawPath, rawQueryString, headers, requestContext: { http: { method } } });
  return new Response([204, 304].includes(statusCode) ? null : Buffer.from(body, 'base64'), { status: statusCode, headers: own });
};`;
  const requests = [
    [`${picture}?seed=7`],
    [`${picture}?seed=x`],
    [`${picture}?seed=7`, { 'if-none-match': `W/"${model}-7-1--1"` }],
  ] as const;
  expect(await answers(ask, requests)).toEqual(await answers(direct, requests));
});

it('answers the same below its own path through examples/serve/route.ts', async () => {
  const ask = `import { GET } from './route.js';
const ask = (path, headers, method) => GET(new Request('http://localhost/pixelcnn' + path, { headers, method }));`;
  expect(await answers(ask, [[`${picture}?seed=7`]])).toEqual(await answers(direct, [[`${picture}?seed=7`]]));
  const [led] = await answers(ask, [['/?count=2']]);
  expect(led!.headers.location).toMatch(new RegExp(`^/pixelcnn${picture}\\?count=2&seed=\\d+$`));
});

/** Queries of all kinds, right ones and such as nobody means well by; always the same. */
function hostileQueries(count: number): string[] {
  let state = 1;
  const next = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const names = [
    'seed',
    'count',
    'label',
    'temperature',
    'seed',
    'count',
    '__proto__',
    'constructor',
    'method',
    '',
    '%00',
    'sEED',
  ];
  const values = [
    ...[
      '0',
      '1',
      '7',
      '16',
      '17',
      '-1',
      '1e3',
      '0x10',
      '1e309',
      'NaN',
      'Infinity',
      '9007199254740991',
      '99999999999999999999',
    ],
    ...[
      '',
      '%',
      '%ff',
      '%00',
      '%0d%0aset-cookie:a=b',
      '<script>',
      "'%20or%201=1",
      '٣',
      '0.5',
      '0.000000001',
      '999999999',
    ],
    ...[
      '../../etc/passwd',
      '[]',
      '{}',
      'null',
      'undefined',
      'true',
      '1,2',
      '+1',
      ' 1',
      '1 ',
      '%F0%9F%98%80',
      'a'.repeat(5000),
    ],
  ];
  return Array.from({ length: count }, (_, i) => {
    // One in five is right, so that pictures are drawn among the rest.
    if (i % 5 === 0) return `seed=${next(1e9)}&count=${1 + next(4)}&temperature=0.${next(10)}`;
    return Array.from(
      { length: 1 + next(4) },
      () => `${names[next(names.length)]}=${values[next(values.length)]}`,
    ).join(next(9) === 0 ? ';' : '&');
  });
}

it('answers 1,000 random and hostile queries with no fault of its own, in memory that does not grow', async () => {
  writeFileSync(join(folder, 'queries.json'), JSON.stringify(hostileQueries(1000)));
  writeFileSync(
    join(folder, 'hostile.ts'),
    `import { readFileSync } from 'node:fs';
import { handler } from './local.js';
const statuses = {}, memory = [];
let [pictures, cpu] = [0, 0];
const queries = JSON.parse(readFileSync('queries.json', 'utf8'));
// Once again, with all that is kept for later in its place.
for (const [i, query] of [...queries, ...queries].entries()) {
  const before = process.cpuUsage();
  const response = await handler(new Request('http://localhost${picture}?' + query));
  await response.arrayBuffer();
  statuses[response.status] = (statuses[response.status] ?? 0) + 1;
  if (response.status === 200) {
    pictures++;
    const { user, system } = process.cpuUsage(before);
    cpu += (user + system) / 1000;
  }
  if (i % 500 === 499) {
    await new Promise((done) => setTimeout(done, 20));
    gc();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    memory.push((heapUsed + external + arrayBuffers) / 1e6);
  }
}
console.log(JSON.stringify({ statuses, memory, msAPicture: cpu / pictures }));`,
  );
  const told = JSON.parse(await run('hostile.ts', '--expose-gc')) as {
    statuses: Record<string, number>;
    memory: number[];
    msAPicture: number;
  };
  console.log(
    `1,000 queries, twice: ${JSON.stringify(told.statuses)}, ${told.msAPicture.toFixed(1)} ms of CPU a picture, MB ${told.memory.map((mb) => mb.toFixed(1))}`,
  );
  expect(Object.keys(told.statuses).sort()).toEqual(['200', '400']);
  expect(told.statuses['200']).toBeGreaterThanOrEqual(400);
  expect(told.memory.at(-1)! - told.memory[1]!).toBeLessThan(6);
}, 180_000);

/** Starts a server, asks it once it has told its address or the port is open, and ends it. */
async function served(program: string, args: readonly string[], ask: (base: string) => Promise<void>, port: number) {
  const child = spawn(program, args, { cwd: folder, env: { ...process.env, PORT: String(port) }, detached: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (said += part));
  try {
    const base = `http://localhost:${port}`;
    for (;;) {
      if (child.exitCode !== null) throw new Error(said);
      if (
        await fetch(`${base}/nothing`).then(
          () => true,
          () => false,
        )
      )
        break;
      await new Promise((done) => setTimeout(done, 100));
    }
    await ask(base);
  } finally {
    const closed = once(child, 'close');
    process.kill(-child.pid!); // what a launcher has started too
    await closed;
  }
}

const draws = async (base: string) => {
  const response = await fetch(`${base}${picture}?seed=7`);
  expect(response.status).toBe(200);
  expect(levelsIn(new Uint8Array(await response.arrayBuffer()))).toEqual(await drawn(7));
  expect((await fetch(`${base}${picture}?seed=x`)).status).toBe(400);
  expect((await fetch(`${base}/?count=2`)).url).toMatch(/\?count=2&seed=\d+$/);
};

/** A port that is most likely free. */
const port = 20_000 + (process.pid % 20_000);

it('examples/serve/deno.ts serves on Deno', async (context) => {
  const args = ['run', '--allow-net', '--allow-read', '--allow-env', '--sloppy-imports', 'deno.ts'];
  await served(findRuntime('deno', context), args, draws, port);
});

it('examples/serve/bun.ts serves on Bun', async (context) => {
  await served(findRuntime('bun', context), ['bun.ts'], draws, port + 1);
});

it('examples/serve/worker.ts serves on workerd, the runtime of Cloudflare, whatever it is asked', async (context) => {
  const workerd = findRuntime('workerd', context);
  const esbuild = createRequire(createRequire(import.meta.url).resolve('tsx')).resolve('esbuild/bin/esbuild');
  const built = spawnSync(
    esbuild,
    [
      ...[
        'worker.ts',
        '--bundle',
        '--format=esm',
        '--outfile=worker.mjs',
        '--external:*.wasm',
        '--external:*.safetensors',
      ],
      ...['--external:node:*', '--log-level=error'],
    ],
    { cwd: folder, encoding: 'utf8' },
  );
  expect(built.stderr).toBe('');
  cpSync(join(root, 'models', 'mnist-binary.int8.safetensors'), join(folder, 'model.safetensors'));
  cpSync(join(root, 'dist/wasm/pkg/pixelcnn_bg.wasm'), join(folder, 'pixelcnn.wasm'));
  writeFileSync(
    join(folder, 'worker.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "*:${port + 2}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "pixelcnn/pixelcnn.wasm", wasm = embed "pixelcnn.wasm"),
    (name = "pixelcnn/models/mnist-binary.int8.safetensors", data = embed "model.safetensors"),
  ],
  compatibilityDate = "2026-01-01",
);`,
  );
  await served(
    workerd,
    ['serve', 'worker.capnp'],
    async (base) => {
      await draws(base);
      const statuses = new Set<number>();
      for (const query of hostileQueries(1000)) {
        const response = await fetch(`${base}${picture}?${query}`);
        await response.arrayBuffer();
        statuses.add(response.status);
      }
      expect([...statuses].sort()).toEqual([200, 400]);
    },
    port + 2,
  );
}, 180_000);
