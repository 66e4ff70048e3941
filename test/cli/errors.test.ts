import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cli, ended, pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();

const count = '--count: expected an integer from 1 to 1048576, got ';
const seed = '--seed: expected an integer from 0 to 9007199254740991, got ';
const temperature = '--temperature: expected a finite number of at least 0, got ';
const model = 'sample --model tiny.safetensors';

const wrong: [args: string, message: string][] = [
  ['sample --count 0', `${count}0`],
  ['sample --count -1', `${count}-1`],
  ['sample --count 1.5', `${count}1.5`],
  ['sample --count 1e12', `${count}1000000000000; draw more in several calls`],
  ['sample --count 1e30', `${count}1e+30; draw more in several calls`],
  ['sample --count 9007199254740993', `${count}9007199254740992; draw more in several calls`],
  ['sample --shard 0/2 --seed 1 --count 1e30', '--count: expected an integer from 1 to 9007199254740991, got 1e+30'],
  ['sample --count many', `${count}"many"`],
  ['sample --count 0x10', `${count}"0x10"`],
  ['sample --count', '--count <n>: expected a value, got none'],
  ['sample --seed NaN', `${seed}"NaN"`],
  ['sample --seed -1', `${seed}-1`],
  ['sample --seed 1e300', `${seed}1e+300`],
  ['sample --temperature -1', `${temperature}-1`],
  ['sample --temperature Infinity', `${temperature}"Infinity"`],
  ['sample --method fast', '--method: expected one of wavefront, cached, naive, reference, got "fast"'],
  ['sample --workers 0', '--workers: expected an integer from 1 to 1024, got 0'],
  [`${model} --start-index 9007199254740990`, '--start-index: expected an integer from 0 to 9007199254740975, got'],
  ['sample --tempreature 1', 'lists, got --tempreature; did you mean --temperature?'],
  ['sample digits', 'expected no argument beside the options, as `pixelcnn sample --help` shows, got 1'],
  ['inspect one two', 'expected at most 1 argument beside the options, as `pixelcnn inspect --help` shows, got 2'],
  ['export', 'pixelcnn: run: expected one, as `pixelcnn export --help` shows, got none'],
  ['merge parts', 'pixelcnn: --out <file>: expected one, as `pixelcnn merge --help` shows, got none'],
  ['merge --out a.npy parts ', 'pixelcnn: folders: expected names of folders with parts, got an empty one'],
  ['merge --out a.npy parts --model=', 'pixelcnn: --model: expected a model file or URL, got an empty name'],
  ['inspect ', 'pixelcnn: model: expected a model file or URL, got an empty name'],
  ['eval ', 'pixelcnn: model: expected a model file or URL, got an empty name'],
  ['eval tiny.safetensors --against=', 'pixelcnn: --against: expected the name of a file, got an empty one'],
  ['sample --model=', 'pixelcnn: --model: expected a model file or URL, got an empty name'],
  ['work --model=', 'pixelcnn: --model: expected a model file or URL, got an empty name'],
  ['train --from=', 'pixelcnn: --from: expected a model file or URL, got an empty name'],
  ['smaple', 'expected a command that `pixelcnn --help` lists, got smaple; did you mean sample?'],
  ['sample --model none.safetensors', 'model: expected a file at none.safetensors, got none'],
  ['inspect none.safetensors', 'model: expected a file at none.safetensors, got none'],
  ['inspect .', 'model: expected a file, got a folder at .'],
  ['eval none.safetensors', 'model: expected a file at none.safetensors, got none'],
  ['eval tiny.safetensors --split best', '--split: expected one of validation, train, test, all, got "best"'],
  [
    'eval tiny.safetensors --data nowhere',
    '--data: expected mnist, fashion-mnist, static-mnist, a folder or a file, found nothing at nowhere',
  ],
  [
    'eval tiny.safetensors --data . --binarisation fair',
    '--binarisation: expected one of threshold, static, dynamic, none',
  ],
  [
    'eval tiny.safetensors --against nowhere.json',
    '--against: expected a file at nowhere.json, got: no such file or folder',
  ],
  [
    'eval tiny.safetensors --against tiny.safetensors',
    '--against: expected a record of the likelihood and its protocol in tiny',
  ],
  ['eval tiny.safetensors --map-images 1,x', '--map-images: expected an integer from 0'],
  ['eval tiny.safetensors --map tiny.safetensors', '--map: expected a folder that can be written'],
  [
    `${model} --out tiny.safetensors`,
    '--out: expected a folder that can be written, got tiny.safetensors (a file stands in its place)',
  ],
  [`${model} --out tiny.safetensors/below`, '--out: expected a folder that can be written, got tiny.safetensors/below'],
  [`${model} --out=`, '--out: expected the name of a folder, got an empty one'],
  ['eval tiny.safetensors --against .', '--against: expected a file at ., got: a folder stands in its place'],
  ['quantize tiny.safetensors --out=', '--out: expected the name of a file, got an empty one'],
  ['quantize tiny.safetensors --out new/', '--out: expected the name of a file, got the folder new/'],
  ['optimize tiny.safetensors --out .', '--out: expected the name of a file, got the folder .'],
  // told before the images are read, which says more than one line
  ['train --ema-decay 1', '--ema-decay: expected a number from 0 to below 1, got 1'],
  ['train --validation-split 1', '--validation-split: expected a number below 1, got 1'],
  ['train --filters 1', '--filters: expected an integer from 2 to 4096, got 1'],
  ['train --blocks 257', '--blocks: expected an integer from 0 to 256, got 257'],
  ['train --first-kernel 0', '--first-kernel: expected an integer from 3 to 31, got 0'],
  ['train --block-kernel 33', '--block-kernel: expected an integer from 1 to 31, got 33'],
  ['train --head-layers 257', '--head-layers: expected an integer from 0 to 256, got 257'],
  ['train --first-kernel 4', '--first-kernel: must be odd, because the mask needs a centre, got 4'],
  ['train --out=', '--out: expected the name of a folder, got an empty one'],
  ['train --data=', '--data: expected mnist, fashion-mnist, static-mnist, a folder or a file, got ""'],
  ['train --epochs 0', '--epochs: expected an integer from 1'],
  ['train --device tpu', '--device: expected one of auto, gpu, cpu, wasm, javascript, got "tpu"'],
  [
    'train --data nowhere',
    '--data: expected mnist, fashion-mnist, static-mnist, a folder or a file, found nothing at nowhere',
  ],
  ['train --split test', '--split: expected one of reference, standard, got "test"'],
  ['train --threshold 300', '--threshold: expected a number from 0 to 256, got 300'],
  ['setup --cuda --cpu', 'pixelcnn: expected --cuda or --cpu, got both'],
];
if (process.platform === 'linux') {
  wrong.push(
    [
      `${model} --out /proc/pixelcnn`,
      '--out: expected a folder that can be written, got /proc/pixelcnn (no such file or folder)',
    ],
    [
      'eval tiny.safetensors --against /dev/zero',
      '--against: expected a file at /dev/zero, got: a device or FIFO stands in its place',
    ],
    ['quantize tiny.safetensors --out /dev/full', '--out: expected the name of a file, got /dev/full, where something'],
  );
}

it.concurrent.for(wrong)(
  'says one sentence to `pixelcnn %s`, exits with 2 and writes nothing',
  async ([args, message]) => {
    const before = await readdir(folder.path);
    const { code, stdout, stderr } = await pixelcnn(folder.path, args.split(' '));
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^pixelcnn: [^\n]+\n$/); // one line, no stack
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(await readdir(folder.path)).toEqual(before);
  },
);

it.each(['--cuda', '--cpu', '--offline'])('removes nothing where a set-up is asked for beside it: %s', async (flag) => {
  const cache = join(folder.path, 'cache');
  await mkdir(join(cache, 'tensorflow'), { recursive: true });
  const ended = await pixelcnn(folder.path, ['setup', '--clean', flag], { PIXELCNN_CACHE: cache });
  expect(ended).toEqual({ code: 2, stdout: '', stderr: `pixelcnn: expected --clean or ${flag}, got both\n` });
  expect(await readdir(cache)).toEqual(['tensorflow']);
});

// Root may write anywhere; for root, the cases of /proc and of files in the way stand above.
if (process.getuid?.() !== 0) {
  it('refuses a folder that may not be written', async () => {
    await mkdir(join(folder.path, 'closed'), { mode: 0o500 });
    const { code, stderr } = await pixelcnn(folder.path, [...model.split(' '), '--out', 'closed']);
    expect(stderr).toContain('--out: expected a folder that can be written, got closed (permission denied)');
    expect(code).toBe(2);
  });
}

it('says in words why a model cannot be read, as of every other file', async () => {
  await symlink('loop.safetensors', join(folder.path, 'loop.safetensors')); // which not even root can read
  for (const args of ['inspect loop.safetensors', 'sample --model loop.safetensors', 'train --from loop.safetensors']) {
    const { code, stderr } = await pixelcnn(folder.path, args.split(' '));
    expect(stderr).toMatch(
      /^pixelcnn: (model|--model|--from): expected a file that can be read at loop\.safetensors, got: links lead round in a circle\n$/,
    );
    expect(code).toBe(2);
  }
});

it('names the file where the arguments are right and the model is not', async () => {
  await writeFile(join(folder.path, 'broken.safetensors'), 'no model');
  const { code, stderr } = await pixelcnn(folder.path, ['inspect', 'broken.safetensors']);
  expect(stderr).toMatch(/^pixelcnn: broken\.safetensors: model file: [^\n]+\n$/);
  expect(code).toBe(2);
});

it.skipIf(process.platform === 'win32')('says so where the current folder was removed', async () => {
  const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1" inspect';
  const { code, stderr } = await ended('sh', ['-c', script, process.execPath, cli], folder.path);
  expect(stderr).toBe('pixelcnn: expected a current folder, got one that was removed; change into another\n');
  expect(code).toBe(1);
});

it('shows the stack and what led to an error with --debug', async () => {
  const { code, stderr } = await pixelcnn(folder.path, ['inspect', 'none', '--debug']);
  expect(stderr).toMatch(/^pixelcnn: model: expected a file at none, got none\n/);
  expect(stderr).toContain('    at ');
  expect(stderr).toContain('ENOENT');
  expect(code).toBe(2);
});

it('explains itself: without a command, with --help, with --version', async () => {
  const [bare, help, sample, version] = await Promise.all([
    pixelcnn(folder.path, []),
    pixelcnn(folder.path, ['--help']),
    pixelcnn(folder.path, ['sample', '--help']),
    pixelcnn(folder.path, ['--version']),
  ]);
  expect(bare).toMatchObject({ code: 2, stdout: help.stdout });
  expect(help.code).toBe(0);
  for (const name of ['sample', 'train', 'eval', 'inspect', 'doctor', 'setup'])
    expect(help.stdout).toContain(`\n  ${name} `);
  expect(sample).toMatchObject({ code: 0, stderr: '' });
  for (const text of [
    '--count <n>',
    'Examples:',
    'pixelcnn sample --count 64 --seed 1',
    'Exit codes:',
    '  130  stopped by Ctrl-C',
  ]) {
    expect(sample.stdout).toContain(text);
  }
  expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});
