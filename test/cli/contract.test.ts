/** What docs/command_line.md promises programs: exit codes, and the objects of `--json`. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { exitCodesInWords } from '../../ts/cli/failure.js';
import { hasNvidiaDriver } from '../../ts/train/tensorflow/nvidia.js';
import { npy } from '../train/data/npy.js';
import { tinyTraining, writeFrames } from './frames.js';
import { cli, type Ended, ended, pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const page = readFileSync(fileURLToPath(new URL('../../docs/command_line.md', import.meta.url)), 'utf8');

beforeAll(async () => {
  await writeFrames(folder.path);
  await writeFile(join(folder.path, 'broken.safetensors'), 'no model');
  await mkdir(join(folder.path, 'maps'));
  await writeFile(join(folder.path, 'ragged.txt'), '###\n#.#\n\n####\n#..#\n');
  await writeFile(join(folder.path, 'odd.txt'), '#x#\n#.#\n');
  await writeFile(join(folder.path, 'latin.txt'), Uint8Array.of(35, 0xff, 35));
  await writeFile(join(folder.path, 'cut.npy'), npy([3, 12, 11], new Uint8Array(5)));
  await writeFile(join(folder.path, 'cut.png'), Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0));
  const run = [...tinyTraining, '--epochs', '2', '--out', 'run', '--max-steps', '8'];
  expect(await pixelcnn(folder.path, run)).toMatchObject({ code: 0 });
});

/** Runs training, and ends it in some way once it has told of an epoch. */
async function endedBy(stop: (child: ReturnType<typeof spawn>) => void, out: string): Promise<Ended> {
  const args = [cli, ...tinyTraining, '--epochs', '4000', '--json', '--out', out];
  const child = spawn(process.execPath, args, { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, done] = ['', '', false];
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (done || !stdout.includes('"type":"epoch"')) return;
    done = true;
    stop(child);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

const shell = (line: string) => ended('sh', ['-c', line, process.execPath, cli], folder.path);
const own = (line: string) => pixelcnn(folder.path, line.split(' '));

/** What brings each exit code about; more than one where one rule must hold for many causes. */
const causes: readonly (readonly [code: number, what: string, run: () => Promise<Ended>])[] = [
  [0, 'what is done', () => own('inspect tiny.safetensors')],
  [0, 'help', () => own('sample --help')],
  [0, 'a reader that has had enough', () => shell('"$0" "$1" inspect tiny.safetensors --json | head -c 1; exit 0')],
  [1, 'a current folder that is gone', () => shell('mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1" inspect')],
  [1, 'a loss that explodes', () => own(`${tinyTraining.join(' ')} --epochs 9 --learning-rate 1e9 --out wild`)],
  [2, 'no command', () => own('smaple')],
  [2, 'an unknown option', () => own('eval --tehst')],
  [2, 'a value out of its range', () => own('sample --count 0')],
  [2, 'no file', () => own('inspect none.safetensors')],
  [2, 'a folder', () => own('quantize .')],
  [2, 'a broken model', () => own('inspect broken.safetensors')],
  [2, 'a broken model to draw from', () => own('sample --model broken.safetensors')],
  [2, 'a broken model to convert', () => own('optimize broken.safetensors')],
  [2, 'a broken model to score by', () => own('eval broken.safetensors --data frames')],
  [2, 'a broken model to go on from', () => own('train --from broken.safetensors --data frames --out a')],
  [2, 'maps of several sizes', () => own('train --data ragged.txt --out b')],
  [2, 'maps with other characters', () => own('train --data odd.txt --alphabet #. --out b')],
  [2, 'maps that are no text', () => own('train --data latin.txt --out b')],
  [2, 'an array that is cut off', () => own('train --data cut.npy --out b')],
  [2, 'an array that is cut off, to score', () => own('eval tiny.safetensors --data cut.npy')],
  [2, 'a picture that is cut off', () => own('sample --model tiny.safetensors --given cut.png')],
  [2, 'a record that is none', () => own('eval tiny.safetensors --data frames --against odd.txt')],
  [2, 'a folder that is no run', () => own('export maps')],
  [2, 'another model that is none', () => own('import odd.txt')],
  [
    4,
    'a part that is missing',
    async () => {
      await own('sample --model tiny.safetensors --shard 0/2 --count 2 --seed 1 --out parts');
      return own('merge parts --out all.npy');
    },
  ],
];
const lacking = hasNvidiaDriver()
  ? []
  : [[3, 'a GPU that is not there', () => own(`${tinyTraining.join(' ')} --device gpu --out c`)] as const];
const signals: typeof causes =
  process.platform === 'win32'
    ? []
    : [
        [130, 'Ctrl-C', () => endedBy((child) => child.kill('SIGINT'), 'd')],
        [129, 'SIGHUP', () => endedBy((child) => child.kill('SIGHUP'), 'e')],
        [143, 'SIGTERM', () => endedBy((child) => child.kill('SIGTERM'), 'f')],
        [141, 'a closed pipe', () => endedBy(({ stdout }) => stdout?.destroy(), 'g')],
      ];
const full: typeof causes = existsSync('/dev/full')
  ? [[1, 'a full disk', () => shell('exec "$0" "$1" inspect tiny.safetensors > /dev/full')]]
  : [];
const all = [...causes, ...lacking, ...signals, ...full];

it.concurrent.each(all)('exits with %i for %s', async (code, _, run) => {
  const done = await run();
  expect(done.code, done.stderr).toBe(code);
  if (code !== 0) expect(done.stderr.split('\n').filter((line) => line.startsWith('pixelcnn: '))).toHaveLength(1);
  expect(done.stderr).not.toContain('unforeseen');
});

describe('the exit codes', () => {
  const documented = [...page.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, code, words]) => [code!, words!] as const);

  it('are on the page as --help prints them', async () => {
    expect(documented).toEqual(exitCodesInWords);
    const { stdout } = await own('--help');
    const unbroken = stdout.replace(/\s+/g, ' ');
    for (const [code, words] of exitCodesInWords) expect(unbroken).toContain(`${code} ${words}`);
  });

  it.skipIf(lacking.length === 0 || signals.length === 0)('are each brought about here', () => {
    const told = exitCodesInWords.flatMap(([code, words]) => [code, ...(words.match(/\b1[0-9]{2}\b/g) ?? [])]);
    expect([...new Set(all.map(([code]) => String(code)))].sort()).toEqual(told.sort());
  });
});

/** The names that the page gives for a command's object: those that are always there, and those that may be. */
function namesOf(command: string): { always: string[]; all: string[] } {
  const row = page.split('\n').find((line) => line.startsWith(`| ${command} |`));
  const names = [...row!.split('|')[2]!.matchAll(/`(\w+)(\??)`/g)];
  const always = names.filter(([, , may]) => may === '').map(([, name]) => name!);
  return { always, all: names.map(([, name]) => name!) };
}

const images = 'tiny.safetensors --images 2 --json';
const printed: readonly (readonly [command: string, args: string])[] = [
  ['`sample`', 'sample --model tiny.safetensors --count 2 --json'],
  ['`inspect`', 'inspect tiny.safetensors --json'],
  ['`eval`', 'eval run.safetensors --data frames --split all --map pictures --json'],
  ['`export`', 'export run --out run.safetensors --json'],
  ['`export --to tfjs` of a model file', 'export tiny.safetensors --to tfjs --json'],
  ['`import`', 'import tiny.tfjs --out again.safetensors --json'],
  ['`optimize`', `optimize ${images} --out o.safetensors`],
  ['`quantize`', `quantize ${images} --out q.safetensors`],
  ['`doctor`', 'doctor --json'],
  ['`setup --clean`', 'setup --clean --json'],
  ['any, where it fails', 'inspect none --json'],
];

it('prints one object by --json, of every command, as the page tells', async () => {
  await own('export run --out run.safetensors');
  const commands = (await own('--help')).stdout.match(/^ {2}\w+ (?=.*\[options\])/gm)!.map((name) => name.trim());
  expect(commands.filter((name) => !page.includes(`\n| \`${name}\` `)).sort()).toEqual(['train', 'work']);
  for (const [command, args] of printed) {
    // Nothing of the machine's own is removed.
    const { stdout } = await pixelcnn(folder.path, args.split(' '), { PIXELCNN_CACHE: join(folder.path, 'cache') });
    expect(stdout.trimEnd().split('\n'), args).toHaveLength(1);
    const names = Object.keys(JSON.parse(stdout) as object);
    const { always, all } = namesOf(command);
    expect(names, args).toEqual(expect.arrayContaining(always));
    expect(all, args).toEqual(expect.arrayContaining(names));
  }
}, 180_000);

it('prints an error as an object by --json, and as a sentence besides', async () => {
  const wrong = [
    ['inspect none --json', 'MODEL_NOT_FOUND', 2],
    ['inspect broken.safetensors --json', 'HEADER_TOO_LARGE', 2],
    ['sample --count 0 --json', 'INVALID_ARGUMENT', 2],
    ['smaple --json', 'INVALID_ARGUMENT', 2],
    ['train --data nowhere --json', 'DATA_NOT_FOUND', 2],
    ['setup --cuda --cpu --json', 'INVALID_ARGUMENT', 2],
  ] as const;
  for (const [args, code, exitCode] of wrong) {
    const { code: got, stdout, stderr } = await own(args);
    const { type, error } = JSON.parse(stdout) as { type: string; error: { code: string; message: string } };
    expect({ type, error }, args).toEqual({
      type: 'error',
      error: { code, message: error.message, exitCode },
    });
    expect(stderr, args).toBe(`pixelcnn: ${error.message}\n`);
    expect(got).toBe(exitCode);
  }
});

it.skipIf(signals.length === 0)('ends the events of a stopped training with such an object', async () => {
  const { stdout, code } = await endedBy((child) => child.kill('SIGINT'), 'stopped');
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; error?: object });
  expect(events.at(-1)).toEqual({
    type: 'error',
    error: { code: 'INTERRUPTED', message: expect.stringMatching(/^interrupted; go on with /), exitCode: 130 },
  });
  const types = [...page.matchAll(/^\| `(\w+)` \| .*$/gm)].map(([, name]) => name!);
  expect([...types, 'error']).toEqual(expect.arrayContaining([...new Set(events.map(({ type }) => type))]));
  expect(code).toBe(130);
});
