/** The packed package where Yarn installs it without a folder node_modules: by Plug'n'Play, in its archive. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { hosts, installed, packed } from '../../scripts/everywhere/tools.js';
import { output, root } from '../../scripts/shell.js';
import { loadSampler } from '../../ts/index.js';
import { ended } from '../cli/run.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-yarn-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = `
import { loadSampler, loadSamplerPool } from 'pixelcnn';
import { model } from 'pixelcnn/models/digits';

const sampler = await loadSampler(model);
const pool = await loadSamplerPool(model, { workers: 2 });
const drawn = [sampler.sample({ count: 4, seed: 1 }), await pool.sample({ count: 4, seed: 1 })];
await pool.dispose();
console.log(JSON.stringify({ address: String(model), drawn: drawn.map(({ data }) => [...data]) }));
`;

it("draws by name, in a pool and on the command line under Yarn's Plug'n'Play", async (context) => {
  const home = installed(hosts.yarn, process.env.PIXELCNN_TEST_ALL === '1');
  if (home === undefined) return context.skip('Yarn is not there; PIXELCNN_TEST_ALL=1 fetches it');
  const registry = output('npm', ['config', 'get', 'registry'])!.replace(/\/$/, '');
  const env = { YARN_ENABLE_TELEMETRY: '0', YARN_ENABLE_GLOBAL_CACHE: 'false', YARN_NPM_REGISTRY_SERVER: registry };
  const yarn = async (...args: string[]) => {
    const bin = join(home, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js');
    const { code, stdout, stderr } = await ended(process.execPath, [bin, ...args], folder, env);
    expect(code, stdout + stderr).toBe(0);
    return stdout;
  };
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  writeFileSync(join(folder, 'yarn.lock'), '');
  writeFileSync(join(folder, 'draw.js'), program);
  await yarn('add', `./${basename(packed(folder))}`);
  const { address, drawn } = JSON.parse(await yarn('node', 'draw.js')) as { address: string; drawn: number[][] };
  expect(address).toMatch(/\.zip\/node_modules\/pixelcnn\//);
  const sampler = await loadSampler(join(root, 'models/digits.safetensors'));
  const wanted = sampler.sample({ count: 4, seed: 1 });
  expect(drawn).toEqual([[...wanted.data], [...wanted.data]]);
  const told = JSON.parse(await yarn('pixelcnn', 'sample', '--count', '4', '--seed', '1', '--json'));
  expect(told.images.map(({ nats }: { nats: number }) => nats)).toEqual([...wanted.nats]);
});
