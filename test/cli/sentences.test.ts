import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { beforeAll, expect, it } from 'vitest';
import { wrongKind, wrongValue } from '../../ts/arguments.js';
import { exitCodeOf, sentenceOf } from '../../ts/cli/failure.js';
import { flagOf } from '../../ts/cli/flag.js';
import { command as quantizeCommand } from '../../ts/cli/quantize.js';
import { command as sampleCommand } from '../../ts/cli/sample.js';
import { netRanges, command as trainCommand } from '../../ts/cli/train.js';
import { PixelCnnError } from '../../ts/error.js';
import { quantizeModel } from '../../ts/index.js';
import { loadCore } from '../../ts/train/net/core.js';
import { configNames } from '../../ts/train/net/reference.js';
import { presets } from '../../ts/train/run/recipe.js';
import { idx } from '../train/data/idx.js';
import { configJson, randomModel } from '../wasm.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const small = ['--data', 'digits', '--device', 'javascript', '--filters', '4', '--blocks', '0', '--head-layers', '0'];
const tiny = [...small, '--first-kernel', '3', '--samples', '0', '--batch-size', '8'];

beforeAll(async () => {
  const pixels = Uint8Array.from({ length: 30 * 132 }, (_, i) => (i * 37) % 256);
  await mkdir(join(folder.path, 'digits'));
  await writeFile(join(folder.path, 'digits', 'train-images-idx3-ubyte'), idx(20, 12, 11, pixels.subarray(0, 2640)));
  await writeFile(join(folder.path, 'digits', 't10k-images-idx3-ubyte'), idx(10, 12, 11, pixels.subarray(2640)));
  const model = await readFile(join(folder.path, 'tiny.safetensors'));
  await writeFile(join(folder.path, 'int8.safetensors'), await quantizeModel(model, new Uint8Array(132)));
  const config = configJson({ height: 12, width: 11, filters: 4, blocks: 0 });
  await writeFile(join(folder.path, 'derived.safetensors'), randomModel(config, 7, { derived: 'by hand' }));
  const one = configJson({ height: 1, width: 1, filters: 2, blocks: 0, headLayers: 0, firstKernel: 3 });
  await writeFile(join(folder.path, 'one.safetensors'), randomModel(one, 7));
});

/** Runs a command that fails; returns its exit code and its sentence. */
async function failure(args: readonly string[]): Promise<[code: number | null, sentence: string]> {
  const { code, stderr } = await pixelcnn(folder.path, args);
  const lines = stderr.trimEnd().split('\n');
  expect(lines.filter((line) => line.startsWith('pixelcnn: '))).toEqual([lines.at(-1)]);
  return [code, lines.at(-1)!.slice('pixelcnn: '.length)];
}

it('says so where a model has no images of the part that is to be scored', async () => {
  const out = ['--out', 'unvalidated', '--validation-split', '0', '--epochs', '1'];
  expect(await pixelcnn(folder.path, ['train', ...tiny, ...out])).toMatchObject({ code: 0 });
  const [code, sentence] = await failure(['eval', 'unvalidated/model.safetensors', '--data', 'digits']);
  expect(sentence).toMatch(
    /^--split: expected a part with images, got validation, which has none of .*; all has them$/,
  );
  expect(code).toBe(2);
});

it('starts no thread that would have nothing to draw', async () => {
  const args = ['sample', '--model', 'tiny.safetensors', '--count', '2', '--workers', '1024', '--json'];
  const { code, stdout } = await pixelcnn(folder.path, args);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ workers: 2 });
});

it.each<[what: string, args: string[], code: number, sentence: string | RegExp]>([
  [
    'a model of integers quantised again',
    ['quantize', 'int8.safetensors'],
    2,
    /^(int8\.safetensors: )?model: expected one of precision f32, got one of int8; convert the model it was made from$/,
  ],
  [
    'a list of conversions that is none',
    ['optimize', 'derived.safetensors'],
    2,
    /^derived\.safetensors: model file: expected in its metadata as `derived` the conversions .* got "by hand"; convert /,
  ],
  [
    'images to calibrate by that are not there',
    ['quantize', 'tiny.safetensors', '--calibrate', 'nowhere'],
    2,
    /^--calibrate: expected mnist, fashion-mnist, static-mnist, .* found nothing at nowhere \(/,
  ],
  [
    'a model to sample that is not there',
    ['sample', '--model', 'none'],
    2,
    '--model: expected a file at none, got none',
  ],
  ['a model to inspect that is not there', ['inspect', 'none'], 2, 'model: expected a file at none, got none'],
  [
    'a full decay',
    ['train', ...tiny, '--out', 'a', '--ema-decay', '1'],
    2,
    '--ema-decay: expected a number from 0 to below 1, got 1',
  ],
  [
    'an even kernel',
    ['train', ...small, '--out', 'b', '--first-kernel', '4'],
    2,
    '--first-kernel: must be odd, because the mask needs a centre, got 4',
  ],
  [
    'an even kernel of blocks',
    ['train', ...tiny, '--out', 'b', '--block-kernel', '2'],
    2,
    '--block-kernel: must be odd, because the mask needs a centre, got 2',
  ],
  [
    'filters that a block cannot halve',
    ['train', ...tiny, '--out', 'b', '--filters', '5'],
    2,
    '--filters: must be even, because a block halves them, got 5',
  ],
  [
    'a run that is not there',
    ['train', ...tiny, '--out', 'c', '--resume'],
    2,
    /^--resume: expected a checkpoint in c\/checkpoints, found none; /,
  ],
  [
    'pictures without a place',
    ['eval', 'tiny.safetensors', '--map-images', '0'],
    2,
    '--map-images: expected --map beside it, which says where the pictures go, got none',
  ],
])('says what is wrong with %s, under the flag that was typed', async (_, args, code, sentence) => {
  const [got, words] = await failure(args);
  if (typeof sentence === 'string') expect(words).toBe(sentence);
  else expect(words).toMatch(sentence);
  expect(words).not.toContain('unforeseen');
  expect(got).toBe(code);
});

it('says under its flag what another recipe may not change in a run that goes on', async () => {
  const run = ['train', ...tiny, '--out', 'run', '--epochs', '1', '--seed', '1'];
  expect((await pixelcnn(folder.path, run)).code).toBe(0);
  const [code, sentence] = await failure([...run, '--resume', '--learning-rate', '9']);
  expect(sentence).toMatch(/^--learning-rate: expected 0\.0005, as the run in run\/checkpoints has, got 9; /);
  expect(code).toBe(2);
});

it('says how a run that has not ended becomes a model, where its model or its folder is asked for', async () => {
  await mkdir(join(folder.path, 'stopped', 'checkpoints'), { recursive: true });
  const hint = ': stopped is a run that has not ended; make a model of it with `pixelcnn export stopped`';
  const model = join('stopped', 'model.safetensors');
  for (const [args, wanted] of [
    [['sample', '--model', model], `--model: expected a file at ${model}, got none${hint}`],
    [['eval', model, '--data', 'digits'], `model: expected a file at ${model}, got none${hint}`],
    [['inspect', 'stopped'], `model: expected a file, got a folder at stopped${hint}`],
  ] as const) {
    expect(await failure(args)).toEqual([2, wanted]);
  }
  await writeFile(join(folder.path, model), '');
  const [, ended] = await failure(['quantize', 'stopped']);
  expect(ended).toBe(`model: expected a file, got a folder at stopped: stopped is a run, whose model is ${model}`);
});

it('optimises for images of one pixel, where there is nothing to order', async () => {
  const { stdout, code } = await pixelcnn(folder.path, ['optimize', 'one.safetensors', '--images', '2']);
  expect(stdout).toMatch(/multiply-adds {2}(\d+) an image with --skipping all, \1 before: 1\.00x less\n/);
  expect(code).toBe(0);
});

it('takes an error for foreseen by its class and what it carries, never by its words', () => {
  const reported = ' (unforeseen: please report it, with what --debug shows)';
  const language = new RangeError('count: expected an integer from 1 to 5, got 0');
  expect([exitCodeOf(language), sentenceOf(language)]).toEqual([1, `${language.message}${reported}`]);
  const kind = new TypeError('Invalid array length');
  expect([exitCodeOf(kind), sentenceOf(kind)]).toEqual([1, `Invalid array length${reported}`]);
  for (const error of [wrongValue('a', 'odd'), wrongKind('a', 'odd')]) {
    expect([exitCodeOf(error), sentenceOf(error)]).toEqual([2, 'a: odd']);
  }
  const codes = [
    ['MODEL_NOT_FOUND', 'model', 2],
    ['DATA_NOT_FOUND', 'data', 2],
    ['DATA_NOT_FOUND', undefined, 1], // such as mirrors that do not answer
    ['NOT_A_MODEL', 'model', 2],
    ['INVALID_DATA', undefined, 2],
    ['OUT_OF_MEMORY', undefined, 1],
    ['WRITE_FAILED', 'out', 1],
    ['BACKEND_UNAVAILABLE', 'device', 3],
    ['DIVERGED', undefined, 1],
  ] as const;
  for (const [code, argument, exit] of codes)
    expect(exitCodeOf(new PixelCnnError(code, 'x', { argument })), code).toBe(exit);
});

it('knows the flag of each argument that a command hands on', () => {
  const recipe = Object.keys(presets.reference);
  const ofImages = ['architecture', 'height', 'width', 'channels', 'levels', 'input', 'precision'];
  const net = configNames.filter((name) => !ofImages.includes(name));
  for (const argument of [
    ...recipe,
    ...net.map((name) => `config.${name}`),
    'net',
    'classes',
    'from',
    'data',
    'seed',
    'validationSplit',
    'tf32',
  ]) {
    const flag = flagOf(trainCommand, argument);
    expect(
      trainCommand.options.map(({ long }) => long),
      argument,
    ).toContain(flag);
  }
  expect(flagOf(trainCommand, 'checkpointFolder')).toBe('--out');
  expect(flagOf(trainCommand, 'data')).toBe('--data');
  expect(flagOf(quantizeCommand, 'data')).toBe('--calibrate');
  expect(flagOf(quantizeCommand, 'images')).toBe('--calibrate');
  expect(flagOf(sampleCommand, 'model')).toBe('--model');
  expect(flagOf(quantizeCommand, 'model')).toBeUndefined();
  expect(flagOf(new Command(), 'data')).toBeUndefined();
});

it('says the ranges of a net that the core has', async () => {
  const core = await loadCore();
  const config = JSON.parse(configJson({ filters: 8, levels: 4, input: 'nominal' }));
  for (const [name, { min, max }] of Object.entries(netRanges)) {
    expect(() => core.describe({ ...config, [name]: max + 1 }), name).toThrow(`${min} to ${max}, got ${max + 1}`);
  }
});
