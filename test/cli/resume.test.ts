import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { goOnWith } from '../../ts/cli/resume.js';
import { idx } from '../train/data/idx.js';
import { tinyTraining, writeFrames } from './frames.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const stop = ['--max-steps', '2'];
const trained = [...tinyTraining, '--epochs', '3', '--split', 'standard', '--validation-split', '0.3'];

beforeAll(async () => {
  await writeFrames(folder.path);
  const ended = await pixelcnn(folder.path, [...trained, ...stop, '--out', 'run']);
  expect(ended.code, ended.stderr).toBe(0);
});

const startOf = (stdout: string) =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .find(({ type }) => type === 'start');

it('goes on by --resume alone, and ends as the run would have', async () => {
  cpSync(join(folder.path, 'run'), join(folder.path, 'alone'), { recursive: true });
  const resumed = await pixelcnn(folder.path, ['train', '--out', 'alone', '--resume', '--json']);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(startOf(resumed.stdout)).toMatchObject({ epoch: 0, stepInEpoch: 2, seed: 5, epochs: 3, trainImages: 21 });
  await pixelcnn(folder.path, [...trained, '--out', 'unbroken']);
  const [a, b] = ['alone', 'unbroken'].map((out) => readFileSync(join(folder.path, out, 'model.safetensors')));
  expect(a!.equals(b!)).toBe(true);
  expect(readdirSync(join(folder.path, 'alone'))).not.toContain('samples');
}, 120_000);

it('tells no likelihood of weights that were never validated, as where fewer epochs are asked for than were begun', async () => {
  const stopped = await pixelcnn(folder.path, [...trained, '--out', 'fewer', '--max-steps', '8']);
  expect(stopped.stdout).toContain('Stopped by --max-steps in epoch 2, after 2 steps');
  const { code, stdout } = await pixelcnn(folder.path, ['train', '--out', 'fewer', '--resume', '--epochs', '1']);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('Wrote fewer/model.safetensors');
  expect(code).toBe(0);
}, 120_000);

it('keeps no path in a checkpoint', () => {
  const [step = ''] = readdirSync(join(folder.path, 'run', 'checkpoints')).filter((name) => name.startsWith('step-'));
  const text = readFileSync(join(folder.path, 'run', 'checkpoints', step, 'checkpoint.json'), 'utf8');
  expect(text).not.toContain(folder.path);
  expect(JSON.parse(text).state.run.note).toMatchObject({ data: 'frames', device: 'javascript', samples: 0 });
});

const has = 'as the run in RUN/checkpoints has';
it.concurrent.for([
  ['--batch-size 8', `--batch-size: expected 4, ${has}, got 8; leave it out, or start a new run in another folder`],
  ['--filters 6', `--filters: expected 4, ${has}, got 6`],
  ['--split reference', `--split: expected standard, ${has}, got "reference"`],
  ['--limit 3', `--limit: expected all images, ${has}, got 3`],
  ['--binarisation static', `--binarisation: expected threshold, ${has}, got "static"`],
])('refuses to resume with %s, by name and with both values', async ([flags, sentence]) => {
  const out = `run${flags!.replace(/\W+/g, '-')}`;
  cpSync(join(folder.path, 'run'), join(folder.path, out), { recursive: true });
  const { code, stderr } = await pixelcnn(folder.path, ['train', '--out', out, '--resume', ...flags!.split(' ')]);
  expect(stderr).toContain(`pixelcnn: ${sentence!.replace('RUN', out)}`);
  expect(code).toBe(2);
});

it('asks for images of its own that are not here any more, and takes them by their levels', async () => {
  const elsewhere = join(folder.path, 'elsewhere');
  cpSync(join(folder.path, 'run'), join(elsewhere, 'run'), { recursive: true });
  const resume = ['train', '--out', 'run', '--resume', '--max-steps', '1'];
  const lost = await pixelcnn(elsewhere, resume);
  expect(lost.stderr).toMatch(
    /^pixelcnn: --data: expected "frames": 30 images \(the training images of IDX files, .*; sha256 [0-9a-f]{12}\.\.\. of their values\), which the run in run\/checkpoints is of, got none, and nothing of that name is here; say where they are\n$/,
  );
  expect(lost.code).toBe(2);
  const found = await pixelcnn(elsewhere, [...resume, '--data', '../frames']);
  expect(found.code, found.stderr).toBe(0);
  expect(found.stdout).toContain('go on with `pixelcnn train --out run --resume --data ../frames`');
  await writeFrames(elsewhere); // the same, under the name that is known
  expect((await pixelcnn(elsewhere, resume)).code).toBe(0);
  const file = join(elsewhere, 'frames', 'train-images-idx3-ubyte');
  writeFileSync(file, idx(30, 7, 6, new Uint8Array(1260).fill(200)));
  const other = await pixelcnn(elsewhere, resume);
  expect(other.stderr).toMatch(/pixelcnn: --data: expected 30 images \(.*\), which .* is of, got 30 images \(/);
  expect(other.code).toBe(2);
}, 120_000);

it('says how to go on with the images where they are, and quotes what a shell would take apart', () => {
  const note = { data: 'frames' };
  expect(goOnWith('r', {}, 'mnist')).toBe(
    'go on with `pixelcnn train --out r --resume`, or make a model of it with `pixelcnn export r`',
  );
  expect(goOnWith('r', note, './frames/')).toContain('`pixelcnn train --out r --resume`');
  expect(goOnWith('r', note, '/sets/frames')).toContain('--resume --data /sets/frames`');
  expect(goOnWith("it's mine", note, 'frames')).toContain(`pixelcnn export 'it'\\''s mine'`);
});

it('knows published images by their name, and says what they are where others are given', async () => {
  const run = ['train', '--device', 'javascript', '--filters', '4', '--blocks', '0', '--head-layers', '0'];
  const first = [
    ...run,
    '--first-kernel',
    '3',
    '--samples',
    '0',
    '--limit',
    '50',
    '--max-steps',
    '1',
    '--out',
    'digits',
  ];
  expect((await pixelcnn(folder.path, [...first, '--offline'])).code).toBe(0);
  const resume = ['train', '--out', 'digits', '--resume', '--max-steps', '1', '--offline'];
  const resumed = await pixelcnn(folder.path, resume);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(resumed.stdout).toContain('Data: 50 images, the first 50 of MNIST');
  const other = await pixelcnn(folder.path, [...resume, '--data', 'fashion-mnist']);
  expect(other.stderr).toContain('--data: expected mnist, as the run in digits/checkpoints has, got "fashion-mnist"');
  expect(other.code).toBe(2);
}, 120_000);
