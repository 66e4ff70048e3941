/**
 * `npm run test:bundlers`: the packed package in each bundler of test/bundlers/, built, run in a browser or where it is for, and held to
 * the figure of `npm run test:runtimes`. What a bundler needs written, its fixture writes. Exact versions; `--fetch` gets those that are
 * not here yet, others are skipped by name, and so is what needs a browser that is not here. `--write` puts the table into
 * docs/everywhere.md. Names of bundlers run these alone.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { buildTsIfStale } from './build_ts.js';
import { ended, serveFiles, withPage } from './everywhere/browser.js';
import { type Drawn, ownFigures, tableOf, writeBetween } from './everywhere/figures.js';
import { node22 } from './everywhere/programs.js';
import { findBrowser, hosts, installed, linkInto, packed, unpackInto } from './everywhere/tools.js';
import { root, runMain } from './shell.js';

const call = promisify(execFile);

interface Bundler {
  readonly name: string;
  /** Exact. */
  readonly packages: Readonly<Record<string, string>>;
  /** Its folder in test/bundlers, whose files go beside those that all have. */
  readonly folder?: string;
  /** What is to be written beside the README's lines, for the table; none where nothing is. */
  readonly line?: string;
  /** Whether its tool needs Node 22. */
  readonly node22?: boolean;
  run(place: Place): Promise<Drawn | undefined>;
}

/** A copy of a fixture, with the tool and the package installed. */
interface Place {
  readonly folder: string;
  /** Runs a program of the tool's to its end. */
  tool(program: string, ...args: string[]): Promise<string>;
  /** Serves a folder, opens its page, and gives what that sends; undefined where there is no browser. */
  page(folder: string): Promise<Drawn | undefined>;
  /** Starts a program that serves, and waits until the address answers. */
  serve(program: string, args: string[], address: string): Promise<ChildProcess>;
  /** Opens a page of another server. */
  open<T>(url: string, until: Promise<T>): Promise<T | undefined>;
}

const viteExclude = "`optimizeDeps: { exclude: ['pixelcnn'] }` in its config";

const viteTarget = "`build: { target: 'es2022' }` in its config, for an `await` outside of functions";

/** Vite's server, to which the page cannot send: it is asked through a server of ours, whose address the page is told. */
async function viteDev(place: Place): Promise<Drawn | undefined> {
  const sink = await serveFiles(place.folder);
  const address = 'http://127.0.0.1:5199/';
  const report = join(place.folder, 'report.js');
  writeFileSync(report, readFileSync(report, 'utf8').replace("'/result'", `'${sink.origin}/result'`));
  const server = await place.serve('vite', ['--port', '5199', '--strictPort', '--host', '127.0.0.1'], address);
  try {
    return (await place.open(address, sink.result())) as Drawn | undefined;
  } finally {
    await ended(server);
    sink.close();
  }
}

async function viteBuild(place: Place): Promise<Drawn | undefined> {
  await place.tool('vite', 'build', '--base', './');
  return place.page('dist');
}

const bundlers: Bundler[] = [
  { name: 'Vite 8, dev', packages: { vite: '8.3.8' }, folder: 'vite', run: viteDev },
  { name: 'Vite 8, build', packages: { vite: '8.3.8' }, folder: 'vite', run: viteBuild },
  { name: 'Vite 5, dev', packages: { vite: '5.4.21' }, folder: 'vite', line: viteExclude, run: viteDev },
  { name: 'Vite 5, build', packages: { vite: '5.4.21' }, folder: 'vite', line: viteTarget, run: viteBuild },
  {
    name: 'webpack, web',
    packages: { webpack: '5.113.0', 'webpack-cli': '7.3.1' },
    folder: 'webpack',
    run: async (place) => {
      await place.tool('webpack');
      return place.page('dist');
    },
  },
  {
    name: 'webpack, node',
    packages: { webpack: '5.113.0', 'webpack-cli': '7.3.1' },
    folder: 'webpack-node',
    run: async (place) => {
      await place.tool('webpack');
      // What was built is all there is: no address of this folder may be left in it.
      return elsewhere(place, 'main.cjs');
    },
  },
  {
    name: 'rollup',
    packages: {
      rollup: '4.68.8',
      '@rollup/plugin-node-resolve': '16.0.3',
      '@web/rollup-plugin-import-meta-assets': '2.3.3',
    },
    folder: 'rollup',
    line: '`importMetaAssets()` of @web/rollup-plugin-import-meta-assets among its plugins',
    run: async (place) => {
      await place.tool('rollup', '--config');
      return place.page('dist');
    },
  },
  {
    name: 'esbuild',
    packages: { esbuild: '0.28.2' },
    folder: 'esbuild',
    line: "`import ... from 'pixelcnn/inline'`; a packaged model by `--loader:.safetensors=file`",
    run: async (place) => {
      const flags = ['--bundle', '--format=esm', '--loader:.safetensors=file', '--public-path=/', '--outdir=dist'];
      await place.tool('esbuild', 'main.js', ...flags);
      return place.page('dist');
    },
  },
  {
    name: 'Parcel',
    packages: { parcel: '2.16.4' },
    folder: 'parcel',
    line: '`"@parcel/resolver-default": { "packageExports": true }` in package.json',
    run: async (place) => {
      await place.tool('parcel', 'build', 'index.html', '--no-cache', '--dist-dir', 'dist');
      return place.page('dist');
    },
  },
  {
    name: 'Next, page',
    packages: hosts.next,
    folder: 'next',
    run: (place) => next(place, (origin) => nextPage(place, origin)),
  },
  {
    name: 'Next, route',
    packages: hosts.next,
    folder: 'next',
    line: "`serverExternalPackages: ['pixelcnn']` in its config",
    run: (place) => next(place, async (origin) => (await (await fetch(`${origin}/draw`)).json()) as Drawn),
  },
  {
    name: 'wrangler',
    packages: hosts.wrangler,
    folder: 'wrangler',
    node22: true,
    line: '`loadSampler(model, { wasm })`, both imported; a packaged model by `rules = [{ type = "Data", globs = ["**/*.safetensors"] }]`',
    run: async (place) => {
      const address = 'http://127.0.0.1:8799/';
      const server = await place.serve('wrangler', ['dev', '--port', '8799', '--ip', '127.0.0.1'], address);
      try {
        return (await (await fetch(address)).json()) as Drawn;
      } finally {
        await ended(server);
      }
    },
  },
];

async function next(place: Place, ask: (origin: string) => Promise<Drawn | undefined>): Promise<Drawn | undefined> {
  if (!existsSync(join(place.folder, '.next/BUILD_ID'))) await place.tool('next', 'build');
  const origin = 'http://127.0.0.1:3199';
  const server = await place.serve('next', ['start', '--port', '3199', '--hostname', '127.0.0.1'], origin);
  try {
    return await ask(origin);
  } finally {
    await ended(server);
  }
}

async function nextPage(place: Place, origin: string): Promise<Drawn | undefined> {
  const found = async (): Promise<Drawn> => {
    for (const end = Date.now() + 120_000; Date.now() < end; ) {
      const result = (await (await fetch(`${origin}/result`)).json()) as Drawn | null;
      if (result !== null) return result;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error('expected a result of the page, got none within 120 s');
  };
  return place.open(origin, found());
}

/** Runs a bundle for Node somewhere else, where nothing but it is. */
async function elsewhere(place: Place, name: string): Promise<Drawn> {
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-bundle-'));
  try {
    cpSync(join(place.folder, 'dist'), folder, { recursive: true });
    rmSync(place.folder, { recursive: true, force: true });
    return JSON.parse((await call(process.execPath, [join(folder, name)], { cwd: folder })).stdout) as Drawn;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await runMain('test:bundlers', async () => {
  const { values, positionals } = parseArgs({
    options: { fetch: { type: 'boolean' }, write: { type: 'boolean' } },
    allowPositionals: true,
  });
  buildTsIfStale();
  const wanted = (await ownFigures())['mnist-binary.int8'];
  const tarball = packed();
  const chosen = bundlers.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const rows: string[][] = [];
  const failed: string[] = [];
  for (const bundler of chosen) {
    const { name, packages } = bundler;
    const home = installed(packages, values.fetch ?? false);
    if (home === undefined) {
      console.log(`${name}: skipped, it is not here; --fetch gets it`);
      continue;
    }
    const node = bundler.node22 ? node22(values.fetch ?? false) : process.execPath;
    if (node === undefined) {
      console.log(`${name}: skipped, it needs Node 22`);
      continue;
    }
    const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-bundler-'));
    try {
      const drawn = await bundler.run(prepare(bundler, folder, home, tarball, node));
      if (drawn === undefined) {
        console.log(`${name}: skipped, there is no Chromium here to run it in`);
        continue;
      }
      const ways = [drawn.sync, ...(drawn.pool === undefined ? [] : [drawn.pool])];
      const same = ways.every((figure) => figure === wanted);
      if (!same) failed.push(`${name}: ${JSON.stringify(drawn)}`);
      const version = Object.values(packages)[0]!;
      rows.push([
        `${name}`,
        version,
        bundler.line ?? 'nothing',
        drawn.pool === undefined ? 'none' : 'yes',
        same ? 'same bits' : 'FAILED',
      ]);
      console.log(`${name}: ${rows.at(-1)!.slice(3).join(', ')}`);
    } catch (error) {
      const { stderr, stdout, message } = error as Error & { stderr?: string; stdout?: string };
      failed.push(`${name}: ${[message, stdout, stderr].filter(Boolean).join('\n').slice(0, 3000)}`);
      console.log(`${name}: FAILED`);
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    }
  }
  const table = tableOf(['bundler', 'version', 'to write beside the README’s lines', 'pool', 'draws'], rows);
  console.log(`\n${table.join('\n')}`);
  if (failed.length > 0) throw new Error(failed.join('\n'));
  if (values.write && positionals.length > 0) throw new Error('expected --write of all or none, got some by name');
  if (values.write) writeBetween('everywhere.md', 'bundlers', table);
});

function prepare(bundler: Bundler, folder: string, home: string, tarball: string, node: string): Place {
  const fixtures = join(root, 'test/bundlers');
  for (const name of ['main.js', 'report.js', 'index.html']) cpSync(join(fixtures, name), join(folder, name));
  cpSync(join(root, 'test/everywhere/draw.js'), join(folder, 'draw.js'));
  if (bundler.folder !== undefined) cpSync(join(fixtures, bundler.folder), folder, { recursive: true });
  const html = join(folder, 'index.html');
  writeFileSync(html, readFileSync(html, 'utf8').replace('MAIN', './main.js'));
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true, "type": "module" }');
  linkInto(folder, home);
  unpackInto(folder, tarball);
  const bin = (program: string) => join(folder, 'node_modules/.bin', program);
  const PATH = `${dirname(node)}:${process.env.PATH}`; // what programs begin with finds this Node
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', WRANGLER_SEND_METRICS: 'false', CI: '1', PATH };
  const open = async <T>(url: string, until: Promise<T>): Promise<T | undefined> => {
    const browser = findBrowser('chromium');
    if (browser !== undefined) return withPage('chromium', browser.command, url, until);
    until.catch(() => {});
    return undefined;
  };
  return {
    folder,
    open,
    tool: async (program, ...args) => {
      const options = { cwd: folder, env, maxBuffer: 2 ** 26, timeout: 600_000 };
      return (await call(bin(program), args, options)).stdout;
    },
    page: async (built) => {
      const place = join(folder, built);
      if (!existsSync(join(place, 'index.html'))) cpSync(html, join(place, 'index.html'));
      const server = await serveFiles(place);
      try {
        return (await open(`${server.origin}/`, server.result())) as Drawn | undefined;
      } finally {
        server.close();
      }
    },
    serve: async (program, args, address) => {
      const server = spawn(bin(program), args, {
        cwd: folder,
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [server.stdout, server.stderr]) stream.on('data', (part) => (said += part));
      for (const end = Date.now() + 120_000; Date.now() < end && server.exitCode === null; ) {
        if (
          await fetch(address).then(
            () => true,
            () => false,
          )
        )
          return server;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      await ended(server);
      throw new Error(`expected ${program} to serve ${address}, it said: ${said.slice(-2000)}`);
    },
  };
}
