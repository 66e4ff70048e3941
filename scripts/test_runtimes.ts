/**
 * `npm run test:runtimes`: the packed package on every runtime that is there, by both builds of the binary, one thread and a pool; all
 * must draw and score the same bits. A runtime that is missing is skipped by name; `--fetch` gets those that npm has. `--write` puts the
 * table into docs/everywhere.md. Names of runtimes run these alone.
 */

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { buildTsIfStale } from './build_ts.js';
import { type FileServer, serveFiles, withPage } from './everywhere/browser.js';
import { type Drawn, models, nativeFigure, ownFigures, tableOf, writeBetween } from './everywhere/figures.js';
import { programs } from './everywhere/programs.js';
import { type BrowserName, findBrowser, installed, packed, unpackInto } from './everywhere/tools.js';
import { type WorkerModule, workerd, workerdConfig } from './everywhere/workerd.js';
import { output, root, runMain } from './shell.js';

const call = promisify(execFile);

/** What a runtime drew by one build, by model; empty where it cannot run that build. */
type Found = Record<string, Drawn>;

interface Runtime {
  readonly name: string;
  /** npm packages that bring it, exact. */
  readonly packages?: Readonly<Record<string, string>>;
  /** Its version, or undefined where it is not there. */
  find(): { version: string; draw(build: 'plain' | 'relaxed'): Promise<Found> } | undefined;
}

const fixtures = join(root, 'test/everywhere');

await runMain('test:runtimes', async () => {
  const { values, positionals } = parseArgs({
    options: { fetch: { type: 'boolean' }, write: { type: 'boolean' } },
    allowPositionals: true,
  });
  buildTsIfStale();
  const wanted = await ownFigures();
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-everywhere-'));
  const rows: string[][] = [];
  const failed: string[] = [];
  try {
    unpackInto(folder, packed());
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    cpSync(fixtures, folder, { recursive: true });
    const all = runtimes(folder, values.fetch ?? false).filter(
      ({ name }) => positionals.length === 0 || positionals.includes(name),
    );
    for (const runtime of all) {
      const found = runtime.find();
      if (found === undefined) {
        console.log(`${runtime.name}: skipped, it is not here${runtime.packages ? '; --fetch gets it' : ''}`);
        continue;
      }
      const cells: string[] = [];
      for (const build of ['plain', 'relaxed'] as const) {
        const drawn = await found.draw(build).catch((error: Error & { stderr?: string }) => {
          failed.push(`${runtime.name}, ${build}: ${error.stderr || error.message}`);
          return {} as Found;
        });
        for (const way of ['sync', 'pool'] as const) cells.push(judged(drawn, way, wanted));
      }
      if (cells.includes('other bits')) failed.push(`${runtime.name}: other bits`);
      rows.push([runtime.name, found.version, ...cells]);
      console.log(`${runtime.name} ${found.version}: ${cells.join(', ')}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const figures = models.map((name) => `\`${name}\`: \`${wanted[name]}\``);
  const head = ['runtime', 'version', 'plain', 'plain, pool', 'relaxed', 'relaxed, pool'];
  const table = tableOf(head, rows);
  console.log(`\nsha256 of levels, nats and ln p of 16 images of seed 1: ${figures.join(', ')}\n\n${table.join('\n')}`);
  if (failed.length > 0) throw new Error(failed.join('\n'));
  if (values.write)
    writeBetween('everywhere.md', 'runtimes', [...figures.map((figure) => `- ${figure}`), '', ...table]);
});

/** A cell: whether all models gave the wanted bits. */
function judged(drawn: Found, way: 'sync' | 'pool', wanted: Record<string, string>): string {
  const got = models.map((name) => drawn[name]?.[way]);
  if (got.every((figure) => figure === undefined)) return '-';
  return models.every((name, i) => got[i] === wanted[name]) ? 'same bits' : 'other bits';
}

function runtimes(folder: string, fetch: boolean): Runtime[] {
  return [
    ...programs.map(
      ({ name, packages, find }): Runtime => ({
        name,
        ...(packages && { packages }),
        find: () => {
          const found = find(fetch);
          return found && { version: found.version, draw: (build) => drawBy(found.command, folder, build) };
        },
      }),
    ),
    {
      name: 'workerd',
      packages: workerd,
      find: () => {
        const place = installed(workerd, fetch);
        return place === undefined ? undefined : onWorkerd(place, folder);
      },
    },
    browser('chromium', folder),
    browser('firefox', folder),
    {
      name: 'native Rust',
      find: () => {
        const drawn = Object.fromEntries(models.map((name) => [name, nativeFigure(name)]));
        if (drawn[models[0]] === undefined) return undefined;
        const found = Object.fromEntries(models.map((name) => [name, { sync: drawn[name]! }]));
        const version = (output('rustc', ['--version']) ?? 'rustc').replace(/ \(.*/, '');
        return { version, draw: async (build) => (build === 'plain' ? found : {}) };
      },
    },
  ];
}

/** What a program draws that runs test/everywhere/run.mjs. */
async function drawBy([path, ...args]: readonly string[], folder: string, build: string): Promise<Found> {
  const { stdout } = await call(path!, [...args, join(folder, 'run.mjs'), build], { cwd: folder, timeout: 300_000 });
  return JSON.parse(stdout) as Found;
}

function onWorkerd(place: string, folder: string): ReturnType<Runtime['find']> {
  const command = join(place, 'node_modules/.bin/workerd');
  return {
    version: workerd.workerd,
    draw: async (build) => {
      const own = join(folder, 'node_modules/pixelcnn');
      const binary = build === 'plain' ? 'pixelcnn_bg' : 'pixelcnn_relaxed_bg';
      const edge = join(folder, `edge-${build}`);
      mkdirSync(edge);
      const files: WorkerModule[] = [
        ['edge.js', 'esModule', join(fixtures, 'edge.js')],
        ['draw.js', 'esModule', join(fixtures, 'draw.js')],
        ['pixelcnn.min.js', 'esModule', join(own, 'dist/pixelcnn.min.js')],
        ['pixelcnn.wasm', 'wasm', join(own, `dist/wasm/pkg/${binary}.wasm`)],
        ...models.map((name): WorkerModule => [name, 'data', join(own, `models/${name}.safetensors`)]),
      ];
      for (const [, , path] of files) cpSync(path, join(edge, basename(path)));
      const beside = files.map(([name, kind, path]): WorkerModule => [name, kind, basename(path)]);
      writeFileSync(join(edge, 'edge.capnp'), workerdConfig(beside));
      const { stdout } = await call(command, ['test', 'edge.capnp'], { cwd: edge });
      return JSON.parse(stdout) as Found;
    },
  };
}

/** Holds a page that says nothing but where the package is to three requests of that: the entry, one binary, the model. */
async function countRequests(name: BrowserName, command: string, folder: string, cdn: FileServer): Promise<void> {
  cdn.asked.length = 0;
  const page = await serveFiles(folder);
  try {
    const drawn = (await withPage(name, command, `${page.origin}/page.html`, page.result())) as { error?: string };
    if (drawn.error !== undefined) throw new Error(drawn.error);
    if (cdn.asked.length !== 3) throw new Error(`expected 3 requests of the package, got ${cdn.asked.join(', ')}`);
  } finally {
    page.close();
  }
}

/** A page that takes the package from another origin, as from a CDN, by an import map. */
function browser(name: BrowserName, folder: string): Runtime {
  return {
    name,
    find: () => {
      const found = findBrowser(name);
      if (found === undefined) return undefined;
      return {
        version: found.version,
        draw: async (build) => {
          const cdn = await serveFiles(join(folder, 'node_modules/pixelcnn'));
          const page = await serveFiles(folder);
          try {
            const html = readFileSync(join(fixtures, 'page.html'), 'utf8').replaceAll('CDN', cdn.origin);
            writeFileSync(join(folder, 'page.html'), html);
            const binary = build === 'plain' ? 'pixelcnn_bg' : 'pixelcnn_relaxed_bg';
            const open = (query: string) =>
              withPage(name, found.command, `${page.origin}/page.html?${query}`, page.result());
            const drawn = (await open(`pool&build=${binary}`)) as Found & { error?: string };
            if (drawn.error !== undefined) throw new Error(drawn.error);
            if (build === 'plain') await countRequests(name, found.command, folder, cdn);
            return drawn;
          } finally {
            cdn.close();
            page.close();
          }
        },
      };
    },
  };
}
