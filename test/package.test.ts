import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installPacked } from '../scripts/everywhere/tools.js';
import { publishedFiles } from '../scripts/model_list.js';
import { root } from '../scripts/shell.js';
import { loadSampler } from '../ts/index.js';
import { configJson, randomModel } from './wasm.js';

const run = promisify(execFile);
const model = randomModel(configJson({ height: 5, width: 4, filters: 4, blocks: 1 }), 2);

/** A stranger's project with the packed package in it. */
let project: string;
let tarballBytes: number;

// npm packs what the tests' set-up built, and installs it as a user would.
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'pixelcnn-package-'));
  tarballBytes = (await stat(installPacked(project))).size;
  await writeFile(join(project, 'tiny.safetensors'), model);
}, 180_000);

afterAll(() => rm(project, { recursive: true, force: true }));

it('is at most 5 MB to fetch, models included', () => {
  expect(tarballBytes).toBeLessThanOrEqual(5_000_000);
});

it('maps what is minified to its sources, and names no map that is not there', async () => {
  const dist = join(project, 'node_modules/pixelcnn/dist');
  const names = (await readdir(dist, { recursive: true })).filter((name) => /\.m?js$/.test(name));
  const mapped: string[] = [];
  for (const name of names) {
    const [, map] = /\n\/\/# sourceMappingURL=(\S+)\s*$/.exec(await readFile(join(dist, name), 'utf8')) ?? [];
    if (map === undefined) continue;
    mapped.push(name);
    const text = await readFile(join(dist, name, '..', map), 'utf8');
    const { sources } = JSON.parse(text) as { sources: string[] };
    for (const source of sources) expect(existsSync(join(dist, name, '..', source)), source).toBe(true);
    expect(sources.some((source) => source.endsWith('sampler.js'))).toBe(true);
  }
  expect(mapped.sort()).toEqual(['pixelcnn.min.js', 'pool/worker.mjs']);
  expect(existsSync(join(dist, 'index.js.map'))).toBe(false);
});

it('has the model files that its list says, and a name for each', async () => {
  const own = join(project, 'node_modules/pixelcnn');
  const named = (await readdir(join(own, 'dist/models'))).filter((name) => name.endsWith('.js'));
  const files = (await readdir(join(own, 'models'))).filter((name) => name.endsWith('.safetensors'));
  expect(files.sort()).toEqual(publishedFiles().sort());
  expect(named.map((name) => name.replace(/\.js$/, '.safetensors')).sort()).toEqual(files);
});

/** A user's program, for the compiler alone. */
const consumer = `
import {
  type Config,
  createSampler,
  type Front,
  loadSampler,
  loadSamplerPool,
  type Method,
  PixelCnnError,
  type Sampler,
  type SamplerPool,
  type Samples,
  toText,
} from 'pixelcnn';

export async function main(module: WebAssembly.Module): Promise<number> {
  const sampler: Sampler = await loadSampler(new URL('https://example.com/model.safetensors'), {
    signal: AbortSignal.timeout(1000),
  });
  const method: Method = 'wavefront';
  const samples: Samples = sampler.sample({ count: 16, seed: 1, method });
  const [count, height, width, channels]: readonly number[] = samples.shape;
  const front: Front | undefined = sampler.sampleSteps({ temperature: 0.5 }).next().value as Front;
  const config: Config = sampler.config;
  await using pool: SamplerPool = await loadSamplerPool(new Uint8Array(8), { workers: 2 });
  for await (const part of pool.sampleStream({ count: 100, onProgress: ({ done, total }) => done / total })) part.shape;
  using other = createSampler({ module, model: new Uint8Array(8) });
  try {
    other.logits({ data: samples.data, shape: [1, 28, 28, 1] });
  } catch (error) {
    // @ts-expect-error no such code
    if (error instanceof PixelCnnError && error.code === 'NO_SUCH_CODE') return 0;
  }
  const { data, shape, labels } = sampler.sample({ count: 2, label: ['shoe', 7] });
  sampler.sample({ label: 'shoe', given: { data, known: new Uint8Array(data.length) } });
  sampler.logProb({ data, shape }, { labels: labels! }).at(sampler.classify(data).labels.length);
  (await pool.classify(new Uint16Array(data))).probabilities.fill(0);
  toText(samples, sampler.alphabet).join(sampler.classNames?.[0]);
  // @ts-expect-error no such option
  sampler.sample({ temprature: 1 });
  // @ts-expect-error a class is a number or a name
  sampler.sample({ label: true });
  // @ts-expect-error no such method
  sampler.sample({ method: 'fast' });
  return sampler.logProb(samples)[0]! + (front?.done ?? 0) + config.height + count! * height! * width! * channels!;
}
`;

/** A page's program, in a project whose `lib` is of 2022 and which has no types but the package's own. */
const page = `
import { encodePng, loadSampler, loadSamplerPool, quantizeModel, toRgba } from 'pixelcnn';
import * as inline from 'pixelcnn/inline';
import { model } from 'pixelcnn/models/mnist-binary.int8';
import plain from 'pixelcnn/pixelcnn.wasm';
import same from 'pixelcnn/pixelcnn.wasm?module';
import 'pixelcnn/worker';

export async function main(context: CanvasRenderingContext2D, file: File): Promise<Response> {
  const sampler = await loadSampler(file, { wasm: { plain, relaxed: same }, onProgress: ({ loaded, total }) => loaded / (total ?? 1) });
  const samples = sampler.sample({ count: 16 });
  const { data, width, height } = toRgba(samples, sampler.config, { columns: 4, scale: 2, palette: [[0, 0, 0], [255, 0, 0]] });
  context.putImageData(new ImageData(data, width, height), 0, 0);
  const pool = await loadSamplerPool(model, { wasm: new URL('https://example.com'), worker: () => new Worker('worker.mjs') });
  await pool[Symbol.asyncDispose]();
  sampler[Symbol.dispose]();
  await inline.loadSampler(new Blob([await quantizeModel(model, samples), samples.data]), { wasm: plain });
  // @ts-expect-error no colour
  toRgba(samples, sampler.config, { palette: ['red'] });
  return new Response(await encodePng(samples, sampler.config));
}
`;

/** A program that trains, for the compiler alone. */
const training = `
import { compareEvaluations, evaluate, type Evaluation, loadData, train, type TrainOptions, watchRun } from 'pixelcnn/train';
import { loadSampler } from 'pixelcnn';

export async function main(): Promise<number | undefined> {
  const data = await loadData({ data: 'images', limit: 100 });
  const options: TrainOptions = { data, preset: 'fast', epochs: 2, checkpointFolder: 'run', config: { filters: 8 } };
  const watch = watchRun('run', { samples: false, warn: (line: string) => line.length });
  let bytes: Uint8Array | undefined;
  for await (const event of train(options)) {
    await watch(event);
    if (event.type === 'epoch') event.valLoss.toFixed(4);
    if (event.type === 'model') bytes = event.bytes;
    // @ts-expect-error no such event
    if (event.type === 'modle') return 0;
  }
  // @ts-expect-error no such option
  train({ data, epoch: 2 });
  // @ts-expect-error no such schedule
  train({ data, schedule: 'linear' });
  let evaluation: Evaluation | undefined;
  for await (const event of evaluate({ sampler: await loadSampler(bytes!), data })) {
    if (event.type === 'end') evaluation = event.evaluation;
  }
  return evaluation && compareEvaluations(evaluation, evaluation).standardError;
}
`;

/** Runs a module of the project from a folder below it; returns the JSON that it prints. */
async function runModule(name: string, source: string): Promise<unknown> {
  await writeFile(join(project, name), source);
  await mkdir(join(project, 'below'), { recursive: true });
  const { stdout } = await run(process.execPath, [join('..', name)], { cwd: join(project, 'below') });
  return JSON.parse(stdout);
}

it('brings no TensorFlow and little else', async () => {
  const installed = await readdir(join(project, 'node_modules'));
  expect(installed).toContain('pixelcnn');
  expect(installed).not.toContain('@tensorflow');
  const manifest = await readFile(join(project, 'node_modules/pixelcnn/package.json'), 'utf8');
  const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> };
  expect(Object.keys(dependencies).sort()).toEqual(['cli-progress', 'commander', 'pngjs']);
});

it('samples in three lines, from any folder', async () => {
  const printed = await runModule(
    'sample.js',
    `import { loadSampler } from 'pixelcnn';
    const sampler = await loadSampler('../tiny.safetensors');
    const images = sampler.sample({ count: 3, seed: 1 });
    console.log(JSON.stringify({ data: [...images.data], nats: [...images.nats] }));`,
  );
  const { data, nats } = (await loadSampler(model)).sample({ count: 3, seed: 1 });
  expect(printed).toEqual({ data: [...data], nats: [...nats] });
});

it('samples on several threads, from any folder', async () => {
  const printed = await runModule(
    'pool.js',
    `import { loadSamplerPool } from 'pixelcnn';
    const pool = await loadSamplerPool('../tiny.safetensors', { workers: 2 });
    const images = await pool.sample({ count: 20, seed: 1 });
    console.log(JSON.stringify([...images.data]));`,
  );
  expect(printed).toEqual([...(await loadSampler(model)).sample({ count: 20, seed: 1 }).data]);
});

it('gives edge workers the binary and a sampler made at once', async () => {
  const printed = await runModule(
    'edge.js',
    `import { readFileSync } from 'node:fs';
    import { createSampler, PixelCnnError } from 'pixelcnn';
    const module = new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('pixelcnn/pixelcnn.wasm'))));
    const sampler = createSampler({ module, model: readFileSync('../tiny.safetensors') });
    sampler.dispose();
    let code;
    try { sampler.sample(); } catch (error) { code = error instanceof PixelCnnError && error.code; }
    console.log(JSON.stringify({ config: sampler.config, code }));`,
  );
  expect(printed).toMatchObject({ config: { height: 5, width: 4 }, code: 'DISPOSED' });
});

it('has training without TensorFlow, which says what to install', async () => {
  const printed = await runModule(
    'train.js',
    `import { binariseImages, train } from 'pixelcnn/train';
    const data = await binariseImages({ count: 2, height: 2, width: 2, pixels: Uint8Array.of(0, 255, 0, 0, 255, 0, 0, 0) }, "none");
    try { for await (const _ of train({ data, device: 'wasm', epochs: 1 })); } catch (error) {
      console.log(JSON.stringify({ code: error.code, message: error.message }));
    }`,
  );
  expect(printed).toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringContaining('npm i @tensorflow/'),
  });
});

it('has layers for the copy of TensorFlow.js that a program brings', async () => {
  const printed = await runModule(
    'layers.js',
    `import { createRequire } from 'node:module';
    import { pixelLayers } from 'pixelcnn/layers';
    const require = createRequire(${JSON.stringify(join(root, 'package.json'))});
    const core = require('@tensorflow/tfjs-core');
    require('@tensorflow/tfjs-backend-cpu');
    const tf = { ...core, ...require('@tensorflow/tfjs-layers') };
    const { PixelConvLayer, ResidualBlock } = pixelLayers(tf);
    const stem = new PixelConvLayer({ maskType: 'A', filters: 4, kernelSize: 7, activation: 'relu', inputShape: [8, 6, 1] });
    const model = tf.sequential({ layers: [stem, new ResidualBlock({ filters: 4 })] });
    console.log(JSON.stringify({ shape: model.predict(tf.zeros([2, 8, 6, 1])).shape, count: model.countParams() }));`,
  );
  // A kernel of 7x7x1x4, then 4x4, 3x3x4x2 and 2x4, each with its biases.
  expect(printed).toEqual({ shape: [2, 8, 6, 4], count: 196 + 4 + (16 + 4) + (72 + 2) + (8 + 4) });
});

it('has a command line', async () => {
  const bin = join(project, 'node_modules/.bin/pixelcnn');
  const sample = ['sample', '--model', 'tiny.safetensors', '--count', '2', '--seed', '1', '--json'];
  const { stdout } = await run(bin, sample, { cwd: project });
  expect(JSON.parse(stdout)).toMatchObject({ files: ['samples/000000.png', 'samples/000001.png', 'samples/grid.png'] });
  expect(existsSync(join(project, 'samples/grid.png'))).toBe(true);
});

/** What the compiler says of a file of the project; nothing where it is right. */
async function compile(name: string, source: string, ...more: string[]): Promise<string> {
  await writeFile(join(project, name), source);
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext'];
  const lib = ['--lib', 'es2022,esnext.disposable,dom'];
  const tsc = join(root, 'node_modules/.bin/tsc');
  const { stdout } = await run(tsc, [...options, ...lib, ...more, name], { cwd: project }).catch((error) => error);
  return stdout;
}

it('is typed for a project that knows nothing of Node', async () => {
  expect(await compile('consumer.ts', consumer)).toBe('');
});

it('is typed for a page with nothing but it, whose library is older than `using`', async () => {
  const lib = ['--lib', 'es2022,dom', '--types', ''];
  expect(await compile('page.ts', page, ...lib)).toBe('');
  expect(await compile('page.ts', page, ...lib, '--module', 'esnext', '--moduleResolution', 'bundler')).toBe('');
});

it('is typed for a project that knows Node and no browser, and looks into the types of packages', async () => {
  const node = ['--lib', 'es2023', '--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  for (const entry of [
    '',
    '/inline',
    '/train',
    '/layers',
    '/pixelcnn.wasm',
    '/pixelcnn.relaxed.wasm',
    '/models/digits',
  ]) {
    const source = `export * as all from 'pixelcnn${entry}';`;
    expect(await compile('node.ts', source, ...node, '--skipLibCheck', 'false')).toBe('');
  }
  expect(await compile('page.ts', page, '--skipLibCheck', 'false')).toBe('');
});

it('has typed training and layers, for a project without TensorFlow', async () => {
  expect(await compile('training.ts', training)).toBe('');
  expect(await compile('layers.ts', "export { pixelLayers } from 'pixelcnn/layers';")).toBe('');
});

it('comes by require too, typed and with the same classes as by import', async () => {
  await writeFile(
    join(project, 'required.cjs'),
    `const { loadSampler, PixelCnnError } = require('pixelcnn');
    const { presets } = require('pixelcnn/train');
    import('pixelcnn').then(async (imported) => {
      const sampler = await loadSampler('tiny.safetensors');
      const { data } = sampler.sample({ count: 3, seed: 1 });
      const same = imported.PixelCnnError === PixelCnnError;
      console.log(JSON.stringify({ data: [...data], same, epochs: presets.reference.epochs }));
    });`,
  );
  // Older Nodes, and 20 to its last minor versions, warn that requiring modules is an experiment.
  const { stdout } = await run(process.execPath, ['--no-warnings', 'required.cjs'], { cwd: project });
  const { data } = (await loadSampler(model)).sample({ count: 3, seed: 1 });
  expect(JSON.parse(stdout)).toEqual({ data: [...data], same: true, epochs: 50 });
  expect(await compile('required.cts', consumer)).toBe('');
});
