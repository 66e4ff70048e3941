/** The examples that draw and serve pictures, as they are written, in a folder that has the package. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installPacked } from '../../scripts/everywhere/tools.js';
import { type WorkerModule, workerdConfig } from '../../scripts/everywhere/workerd.js';
import { root } from '../../scripts/shell.js';
import { ended } from '../cli/run.js';
import { fetchRuntimes, findRuntime } from '../other_runtimes.js';
import { drawn, draws, hostileQueries, levelsIn, model, picture, served } from './serve.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-serve-'));

beforeAll(async () => {
  cpSync(join(root, 'examples', 'serve'), folder, { recursive: true });
  cpSync(join(root, 'examples', 'digits.ts'), join(folder, 'digits.ts'));
  installPacked(folder);
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

/** The command that an example's first comment tells to run it by. */
function commandOf(name: string): string[] {
  const [, command = ''] = /^\/\*\*[^`]*`(.*?)`/.exec(readFileSync(join(folder, name), 'utf8')) ?? [];
  return command.split(' ');
}

const silent = { code: 0, stdout: '', stderr: '' };

it('examples/digits.ts writes forty digits', async () => {
  expect(await run('digits.ts')).toMatch(/^digits\.png: 40 images of seed 1, [\d.]+ nats for the first\n$/);
  const { width, height } = PNG.sync.read(readFileSync(join(folder, 'digits.png')));
  expect([width, height]).toEqual([10 * 4 * 28, 4 * 4 * 28]);
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

it('answers the same through examples/serve/lambda.ts, made into one file by its command', async () => {
  const [npx, esbuild, ...flags] = commandOf('lambda.ts');
  expect([npx, esbuild]).toEqual(['npx', 'esbuild']);
  expect(await ended(join(root, 'node_modules/.bin/esbuild'), [...flags, '--log-level=error'], folder)).toEqual(silent);
  const ask = `import { handler } from './index.mjs';
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

/** A port that is most likely free. */
const port = 20_000 + (process.pid % 20_000);

it('examples/serve/deno.ts serves on Deno, by its command', async (context) => {
  const [program, ...args] = commandOf('deno.ts');
  expect(program).toBe('deno');
  await served(findRuntime('deno', context), args, { cwd: folder, port }, draws);
});

it('examples/serve/bun.ts serves on Bun, by its command', async (context) => {
  const [program, ...args] = commandOf('bun.ts');
  expect(program).toBe('bun');
  await served(findRuntime('bun', context), args, { cwd: folder, port: port + 1 }, draws);
});

it('examples/serve/worker.ts serves on workerd, the runtime of Cloudflare, whatever it is asked', async (context) => {
  const workerd = findRuntime('workerd', context);
  // What wrangler makes of worker.ts and wrangler.toml, which `npm run test:examples` runs itself: one module, and files beside it.
  const external = ['*.wasm', '*.safetensors', 'node:*'];
  const entry = { absWorkingDir: folder, entryPoints: ['worker.ts'], outfile: 'worker.mjs' };
  await build({ ...entry, bundle: true, format: 'esm', external, logLevel: 'error' });
  const embedded = {
    'pixelcnn/pixelcnn.wasm': 'wasm',
    'pixelcnn/models/mnist-binary.int8.safetensors': 'data',
  } as const;
  const { exports } = JSON.parse(readFileSync(join(folder, 'node_modules/pixelcnn/package.json'), 'utf8'));
  const modules = Object.entries(embedded).map(([name, kind]): WorkerModule => {
    const path = exports[name.replace('pixelcnn/', './')]?.default ?? name.replace('pixelcnn/', './');
    return [name, kind, `node_modules/pixelcnn/${path}`];
  });
  const [date] =
    /(?<=^compatibility_date = ").*(?="$)/m.exec(readFileSync(join(folder, 'wrangler.toml'), 'utf8')) ?? [];
  expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
  writeFileSync(
    join(folder, 'worker.capnp'),
    workerdConfig([['worker.mjs', 'esModule', 'worker.mjs'], ...modules], { address: `*:${port + 2}`, date: date! }),
  );
  await served(workerd, ['serve', 'worker.capnp'], { cwd: folder, port: port + 2 }, async (server) => {
    await draws(server);
    const statuses: Record<number, number> = {};
    const megabytes: number[] = [];
    const before = server.use();
    // Once again, with all that is kept for later in its place.
    for (let pass = 0; pass < 2; pass++) {
      for (const query of hostileQueries(1000)) {
        const response = await fetch(`${server.base}${picture}?${query}`);
        await response.arrayBuffer();
        statuses[response.status] = (statuses[response.status] ?? 0) + 1;
      }
      megabytes.push(server.use()?.megabytes ?? 0);
    }
    const cpu = (server.use()?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0);
    console.log(
      `workerd, 1,000 queries, twice: ${JSON.stringify(statuses)}, ${((1000 * cpu) / statuses[200]!).toFixed(1)} ms of CPU a picture, all other answers in it; MB ${before?.megabytes.toFixed(1)}, ${megabytes.map((mb) => mb.toFixed(1))}`,
    );
    expect(Object.keys(statuses)).toEqual(['200', '400']);
    expect(statuses[200]).toBeGreaterThanOrEqual(400);
    expect(megabytes[1]! - megabytes[0]!).toBeLessThan(32);
  });
}, 180_000);
