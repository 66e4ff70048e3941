/**
 * `npm run bench -- cold`: the first image from nothing, in fresh processes and pages of each runtime that is there: import, compile,
 * model, image. Beside it, in turn and of the same net, ONNX Runtime's import, session and one forward pass, of which an image takes as
 * many as it has pixels.
 */

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildTsIfStale } from '../scripts/build_ts.js';
import { serveFiles, withPage } from '../scripts/everywhere/browser.js';
import { writeBetween } from '../scripts/everywhere/figures.js';
import { programs } from '../scripts/everywhere/programs.js';
import { type BrowserName, findBrowser, installed } from '../scripts/everywhere/tools.js';
import { type WorkerModule, workerd, workerdConfig } from '../scripts/everywhere/workerd.js';
import { root } from '../scripts/shell.js';
import { contenders, draw } from './core.js';
import { aligned, piped, short } from './format.js';
import { summary, type Timing } from './harness.js';
import { describeMachine, machineLine } from './machine.js';
import { onnxModel } from './onnx.js';

/** What is run: ours, ONNX Runtime, or nothing, which is what the runtime itself takes. */
type What = 'ours' | 'onnx' | 'nothing';

/** Of one fresh process or page, in milliseconds. */
interface Start {
  /** Of each stage; none where the runtime has no clock. */
  readonly times: readonly number[];
  /** The levels of our image, or the logits of a blank one. */
  readonly made: readonly number[];
  /** From the outside; undefined of a page, whose browser is older than it. */
  readonly whole?: number;
}

interface Host {
  readonly name: string;
  readonly version: string;
  readonly kinds: readonly What[];
  start(what: What): Promise<Start>;
}

/** A row: medians over the rounds. */
export interface ColdStart {
  readonly runtime: string;
  /** Import, compile, model, image; undefined where the runtime has no clock. */
  readonly stages: readonly Timing[] | undefined;
  /** From nothing to the image; of processes without clock the whole one less one that does nothing. */
  readonly image: Timing;
  /** Import, session, one forward pass of ONNX Runtime, and all of it; undefined where it does not run. */
  readonly peer?: { readonly stages: readonly Timing[]; readonly pass: Timing };
}

/** Times `rounds` fresh starts of each kind, in turn. Names none: all hosts that are there. */
export async function timeColdStarts(names: readonly string[], rounds: number): Promise<ColdStart[]> {
  buildTsIfStale();
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'pixelcnn-cold-'));
  try {
    const { f32 } = contenders();
    const [model, onnxFile] = [join(folder, 'model.safetensors'), join(folder, 'model.onnx')];
    writeFileSync(model, f32.file);
    writeFileSync(onnxFile, onnxModel(f32.net, f32.sampler.weights()));
    const drawing = { method: 'wavefront', skipping: 'all', count: 1, seed: 1, startIndex: 0 } as const;
    const image = Array.from(draw(f32.sampler, drawing).images);
    const run = f32.sampler.score(new Uint8Array(image.length), 'wavefront');
    run.finish();
    const logits = run.logits();
    run.free();
    const check = (what: What, name: string, { made }: Start) => {
      const same =
        what === 'ours'
          ? made.every((level, i) => level === image[i]) && made.length === image.length
          : what === 'nothing' || logits.every((logit, i) => Math.abs(logit - made[i]!) < 1e-3);
      if (!same) throw new Error(`${name}: expected what the sampler makes, got another; nothing is told`);
    };
    const rows: ColdStart[] = [];
    for (const host of hosts(folder, { ours: model, onnx: onnxFile })) {
      if (names.length > 0 && !names.includes(host.name)) continue;
      const starts: Record<What, Start[]> = { ours: [], onnx: [], nothing: [] };
      for (let round = 0; round <= rounds; round++) {
        for (const what of host.kinds) {
          const start = await host.start(what);
          check(what, host.name, start);
          if (round > 0) starts[what].push(start); // the first reads files from the disk
        }
      }
      rows.push(rowOf(`${host.name} ${host.version}`, starts));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function rowOf(runtime: string, { ours, onnx, nothing }: Record<What, Start[]>): ColdStart {
  const stagesOf = (starts: readonly Start[]) =>
    starts[0]!.times.map((_, stage) => summary(starts.map(({ times }) => times[stage]!)));
  const sum = (starts: readonly Start[]) => summary(starts.map(({ times }) => times.reduce((a, b) => a + b, 0)));
  const hasClock = ours[0]!.times.length > 0;
  const image = hasClock ? sum(ours) : summary(ours.map(({ whole }, i) => whole! - nothing[i]!.whole!));
  const peer = onnx.length === 0 ? undefined : { stages: stagesOf(onnx), pass: sum(onnx) };
  return { runtime, stages: hasClock ? stagesOf(ours) : undefined, image, ...(peer && { peer }) };
}

function* hosts(folder: string, files: Readonly<Record<'ours' | 'onnx', string>>): Generator<Host> {
  const hasPeer = existsSync(join(root, 'bench/peers/node_modules/onnxruntime-web'));
  const kinds: What[] = hasPeer ? ['ours', 'onnx'] : ['ours'];
  const program = join(root, 'bench/cold/program.mjs');
  for (const { name, find } of programs) {
    const found = find(false);
    if (found === undefined) continue;
    const [command, ...args] = found.command;
    const start = async (what: What) =>
      run(command!, [...args, program, what, root, what === 'onnx' ? files.onnx : files.ours], root);
    yield { name, version: found.version, kinds, start };
  }
  const place = installed(workerd, false);
  if (place !== undefined) yield edge(join(place, 'node_modules/.bin/workerd'), folder, files.ours);
  for (const name of ['chromium', 'firefox'] as const) {
    const found = findBrowser(name);
    if (found !== undefined) yield page(name, found, kinds, folder);
  }
}

function run(command: string, args: readonly string[], cwd: string): Start {
  const begun = performance.now();
  const { stdout, stderr, status } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 60_000 });
  const whole = performance.now() - begun;
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')}: expected an image, got:\n${stderr}`);
  return { ...(JSON.parse(stdout || '{"times":[],"made":[]}') as Start), whole };
}

function edge(command: string, folder: string, model: string): Host {
  const files: WorkerModule[] = [
    ['edge.js', 'esModule', join(root, 'bench/cold/edge.js')],
    ['pixelcnn.min.js', 'esModule', join(root, 'dist/pixelcnn.min.js')],
    ['pixelcnn.wasm', 'wasm', join(root, 'dist/wasm/pkg/pixelcnn_bg.wasm')],
    ['model', 'data', model],
  ];
  for (const [name, , path] of files) if (path !== join(folder, name)) cpSync(path, join(folder, name));
  writeFileSync(join(folder, 'nothing.js'), 'export default { test() {} };\n');
  const beside = files.map(([name, kind]): WorkerModule => [name, kind, name]);
  writeFileSync(join(folder, 'ours.capnp'), workerdConfig(beside));
  writeFileSync(join(folder, 'nothing.capnp'), workerdConfig([['nothing.js', 'esModule', 'nothing.js']]));
  return {
    name: 'workerd',
    version: workerd.workerd,
    kinds: ['ours', 'nothing'],
    start: async (what) => run(command, ['test', `${what}.capnp`], folder),
  };
}

function page(
  name: BrowserName,
  { command, version }: { command: string; version: string },
  kinds: readonly What[],
  folder: string,
): Host {
  const own = folder.slice(root.length);
  return {
    name,
    version: version.replace(/^\w+ /, ''),
    kinds,
    start: async (what) => {
      const server = await serveFiles(root);
      try {
        const model = `${own}/${what === 'onnx' ? 'model.onnx' : 'model.safetensors'}`;
        const url = `${server.origin}/bench/cold/page.html?what=${what}&model=${model}`;
        const start = (await withPage(name, command, url, server.result())) as Start & { error?: string };
        if (start.error !== undefined) throw new Error(`${name}: ${start.error}`);
        return start;
      } finally {
        server.close();
      }
    },
  };
}

const columns = [
  '',
  'import',
  'compile',
  'model',
  'image',
  'together',
  'quartiles',
  'peer: import',
  'session',
  'one pass',
  'x ours',
  'runs',
];

export function coldTable(rows: readonly ColdStart[]): string[][] {
  return [
    columns,
    ...rows.map(({ runtime, stages, image, peer }) => [
      runtime,
      ...(stages ?? Array.from({ length: 4 }, () => undefined)).map((stage) => (stage ? short(stage.median) : '-')),
      short(image.median),
      `${short(image.low)} - ${short(image.high)}`,
      ...(peer
        ? [...peer.stages.map(({ median }) => short(median)), short(peer.pass.median / image.median)]
        : ['-', '-', '-', '-']),
      String(image.runs),
    ]),
  ];
}

const note =
  'Milliseconds, medians of fresh processes and pages in turn. Ours, in f32: import the package, read and compile the binary, read the model, draw one image. ' +
  'Peer: ONNX Runtime for the web on the same net, its session, and ONE forward pass of the 784 that an image takes; x ours: these together over ours. On workerd, where programs have no clock and ' +
  'come compiled: a process that draws less one that does nothing.';

/** `npm run bench -- cold [RUNTIME...]`. */
export async function benchCold(names: readonly string[], { save }: { save: boolean }): Promise<void> {
  const machine = describeMachine();
  console.log(machineLine(machine));
  const rows = await timeColdStarts(names, 5);
  const table = coldTable(rows);
  console.log([note, '', ...aligned(table)].join('\n'));
  if (!existsSync(join(root, 'bench/peers/node_modules/onnxruntime-web')))
    console.log('onnxruntime-web: not installed; npm run bench -- --peers');
  if (!save) return;
  writeBetween('everywhere.md', 'cold', [`${machineLine(machine)}, ${machine.date}. ${note}`, '', ...piped(table)]);
  console.log('\nwrote docs/everywhere.md');
}
