import { readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { conversionsOf, loadSampler } from '../../ts/index.js';
import { pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const file = (name: string) => join(folder.path, name);

it('optimises, then quantises, into files named after the old', async () => {
  const optimised = await pixelcnn(folder.path, ['optimize', 'tiny.safetensors', '--images', '20', '--json']);
  expect(optimised).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(optimised.stdout)).toMatchObject({
    out: 'tiny.optimized.safetensors',
    calibration: '20 samples of seed 0',
    macs: expect.any(Number),
  });
  const args = [
    'quantize',
    'tiny.optimized.safetensors',
    '--images',
    '20',
    '--seed',
    '4',
    '--out',
    'int/q.safetensors',
  ];
  const quantised = await pixelcnn(folder.path, args);
  expect(quantised).toMatchObject({ code: 0, stderr: '' });
  expect(quantised.stdout).toMatch(/drift +[+-]\d\.\de-\d+ nats a pixel/);
  const { config, metadata } = await loadSampler(file('int/q.safetensors'));
  expect(config.precision).toBe('int8');
  expect(conversionsOf(metadata).map(({ by }) => by)).toEqual(['optimize', 'quantize']);
  expect(await readdir(file('int'))).toEqual(['q.safetensors']);

  const inspected = await pixelcnn(folder.path, ['inspect', 'int/q.safetensors']);
  expect(inspected.stdout).toContain('int8');
  const again = await pixelcnn(folder.path, ['quantize', 'int/q.safetensors']);
  const sentence = 'model: expected one of precision f32, got one of int8; convert the model it was made from';
  expect(again).toEqual({ code: 2, stdout: '', stderr: `pixelcnn: ${sentence}\n` });
});

it('names what is wrong with the arguments, and leaves the old file alone', async () => {
  const before = await readFile(file('tiny.safetensors'));
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await pixelcnn(folder.path, args);
    expect({ code, stdout, lines: stderr.split('\n').length }).toEqual({ code: 2, stdout: '', lines: 2 });
    return stderr;
  };
  expect(await refused('quantize', 'tiny.safetensors', '--images', '0')).toContain('--images');
  expect(await refused('quantize', 'tiny.safetensors', '--out', '.')).toContain('--out: expected the name of a file');
  expect(await refused('optimize', 'tiny.safetensors', '--calibrate', 'nowhere')).toContain('nowhere');
  await symlink('tiny.safetensors', file('link.safetensors'));
  for (const out of ['tiny.safetensors', './tiny.safetensors', 'link.safetensors']) {
    expect(await refused('quantize', 'tiny.safetensors', '--out', out)).toBe(
      `pixelcnn: --out: expected another file than the model itself, which would be lost, got ${out}\n`,
    );
  }
  const missing = await pixelcnn(folder.path, ['optimize', 'none.safetensors']);
  expect(missing.code).not.toBe(0);
  expect(missing.stderr).toContain('none.safetensors');
  expect(await readFile(file('tiny.safetensors'))).toEqual(before);
});
