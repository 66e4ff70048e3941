/** The serving examples in what hosts them: wrangler with its configuration, and Next, both with the packed package. */

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { node22 } from '../../scripts/everywhere/programs.js';
import { hosts, installed, linkInto, packed, unpackInto } from '../../scripts/everywhere/tools.js';
import { root } from '../../scripts/shell.js';
import { draws, served } from './serve.js';

const call = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-hosts-'));
const isFetched = process.env.PIXELCNN_TEST_ALL === '1';
const port = 20_000 + (process.pid % 20_000);
let tarball: string;

beforeAll(() => {
  tarball = packed(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));

/** A folder with the packed package in it. */
function project(name: string): string {
  const place = join(folder, name);
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{ "private": true, "type": "module" }');
  unpackInto(place, tarball);
  return place;
}

it('examples/serve/worker.ts serves by wrangler, with the wrangler.toml beside it', async (context) => {
  const [home, node] = [installed(hosts.wrangler, isFetched), node22(isFetched)];
  if (home === undefined || node === undefined)
    return context.skip('wrangler is not there; PIXELCNN_TEST_ALL=1 fetches it');
  const cwd = project('worker');
  cpSync(join(root, 'examples/serve'), cwd, { recursive: true });
  const wrangler = join(home, 'node_modules/wrangler/bin/wrangler.js');
  const env = { WRANGLER_SEND_METRICS: 'false', CI: '1', PATH: `${dirname(node)}:${process.env.PATH}` };
  await served(
    node,
    [wrangler, 'dev', '--port', String(port), '--ip', '127.0.0.1'],
    { cwd, port, host: '127.0.0.1', env },
    draws,
  );
  // What would be deployed: everything that it takes is in it, and below what a free account may send.
  const dry = [wrangler, 'deploy', '--dry-run', '--outdir', 'out'];
  const { stdout } = await call(node, dry, { cwd, env: { ...process.env, ...env } });
  const [, kibibytes] = /gzip: ([\d.]+) KiB/.exec(stdout) ?? [];
  console.log(`wrangler: ${/Total Upload.*/.exec(stdout)?.[0]}`);
  expect(Number(kibibytes)).toBeGreaterThan(100);
  expect(Number(kibibytes)).toBeLessThan(3072);
});

it('examples/serve/route.ts serves as a route of Next', async (context) => {
  const home = installed(hosts.next, isFetched);
  if (home === undefined) return context.skip('Next is not there; PIXELCNN_TEST_ALL=1 fetches it');
  const cwd = project('next');
  linkInto(cwd, home);
  const source = join(root, 'examples/serve');
  const comment = readFileSync(join(source, 'route.ts'), 'utf8').split('*/')[0]!;
  const [place, , config, option] = [...comment.matchAll(/`(.*?)`/g)].map(([, text]) => text!);
  const own = dirname(join(cwd, place!));
  mkdirSync(own, { recursive: true });
  for (const name of ['route.ts', 'local.ts', 'handler.ts']) cpSync(join(source, name), join(own, name));
  cpSync(join(root, 'test/bundlers/next/app/layout.jsx'), join(cwd, 'app/layout.jsx'));
  writeFileSync(join(cwd, 'next.config.mjs'), `export default { ${config} };\n`);
  writeFileSync(join(cwd, 'tsconfig.json'), `{ "compilerOptions": { ${option} } }\n`);
  const next = join(cwd, 'node_modules/next/dist/bin/next');
  const env = { NEXT_TELEMETRY_DISABLED: '1', CI: '1' };
  await call(process.execPath, [next, 'build'], { cwd, env: { ...process.env, ...env } }).catch((error) => {
    throw new Error(error.stdout + error.stderr);
  });
  const args = [next, 'start', '--port', String(port + 1), '--hostname', '127.0.0.1'];
  const server = { cwd, port: port + 1, host: '127.0.0.1', path: '/pixelcnn', env };
  await served(process.execPath, args, server, draws);
});
