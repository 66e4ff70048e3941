import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadSampler } from '../../../ts/load.js';
import { sha256 } from '../../../ts/node/files.js';
import { exportModel } from '../../../ts/train/run/export.js';
import { train } from '../../../ts/train/train.js';
import { collect, only, plain, rich } from './run.js';

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-export-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = (): string => join(root, String(folders++), 'checkpoints');

async function metadataOf(bytes: Uint8Array): Promise<Readonly<Record<string, string>>> {
  const sampler = await loadSampler(bytes);
  const { metadata } = sampler;
  sampler.dispose();
  return metadata;
}

it.each([
  ['the last weights', {}],
  ['their average', rich],
])('makes of the last checkpoint the model that the run ended with: %s', async (_, recipe) => {
  const checkpointFolder = newFolder();
  const [{ bytes } = { bytes: undefined }] = only(await collect({ ...recipe, checkpointFolder }), 'model');
  for (const path of [join(checkpointFolder, '..'), checkpointFolder, join(checkpointFolder, 'step-00000006')]) {
    expect((await exportModel(path)).bytes, path).toEqual(bytes);
  }
});

it('makes of the checkpoint after an epoch what the run would have written then', async () => {
  const checkpointFolder = newFolder();
  const models: Uint8Array[] = [];
  for await (const event of train({ ...plain, ...rich, checkpointFolder })) {
    if (event.type === 'epoch') models.push(await event.model());
  }
  expect((await exportModel(join(checkpointFolder, 'step-00000003'))).bytes).toEqual(models[0]);
});

it('does not say of weights between two epochs that they were validated', async () => {
  const checkpointFolder = newFolder();
  await collect({ checkpointFolder, maxSteps: 4 });
  const { bytes, result } = await exportModel(checkpointFolder);
  expect(result).toMatchObject({ updates: 4, epoch: 1 });
  const metadata = await metadataOf(bytes);
  expect(metadata).toMatchObject({
    'training.epochs': '1',
    'training.updates': '4',
    'training.ended': 'after 1 updates of epoch 2, which were not validated',
  });
  expect(metadata['training.valLoss']).toBeUndefined();
  expect(metadata['training.validation']).toBeUndefined();
});

it.each([
  ['which a run with patience carries along', 12],
  ['whose checkpoint is kept', undefined],
])('makes a model of the best epoch, %s', async (_, patience) => {
  const checkpointFolder = newFolder();
  // Rates too high to settle: val_loss goes up and down.
  const rough = { ...plain, learningRate: 0.3, epochs: 6, seed: 5, checkpointFolder, ...(patience && { patience }) };
  const models: Uint8Array[] = [];
  let losses: number[] = [];
  for await (const event of train(rough)) {
    if (event.type === 'epoch') models.push(await event.model());
    if (event.type === 'model') losses = event.result.history.map(({ valLoss }) => valLoss);
  }
  const best = losses.indexOf(Math.min(...losses)) + 1;
  expect(best).toBeLessThan(6);
  const { bytes, result } = await exportModel(checkpointFolder, { best: true });
  expect(result).toMatchObject({ epoch: best, updates: 3 * best });
  const [exported, then] = await Promise.all([loadSampler(bytes), loadSampler(models[best - 1]!)]);
  const noise = Uint8Array.from({ length: 42 }, (_, i) => (i * 7) % 2);
  expect(exported.logProb(noise)).toEqual(then.logProb(noise));
  expect(exported.metadata['training.valLoss']).toBe(then.metadata['training.valLoss']);
  exported.dispose();
  then.dispose();
});

it('goes back past a damaged checkpoint, and says so; refuses where there is none, or none that tells of its data', async () => {
  const checkpointFolder = newFolder();
  await expect(exportModel(checkpointFolder)).rejects.toMatchObject({ code: 'INVALID_CHECKPOINT' });
  await collect({ checkpointFolder, checkpointEvery: 1, maxSteps: 2 });
  await expect(exportModel(checkpointFolder, { best: true })).rejects.toThrow('best: expected a run with a validated');
  const old = `${checkpointFolder}-old`;
  cpSync(checkpointFolder, old, { recursive: true });
  for (const name of ['step-00000001', 'step-00000002']) {
    const path = join(old, name, 'checkpoint.json');
    const { state, files } = JSON.parse(readFileSync(path, 'utf8'));
    delete state.run;
    writeFileSync(path, JSON.stringify({ state, files, sha256: sha256(JSON.stringify({ state, files })) }));
  }
  await expect(exportModel(old)).rejects.toThrow('got one of version 0.1.0; resume the run once');
  writeFileSync(join(checkpointFolder, 'step-00000002', 'm.f32'), 'spoilt');
  const { result, skipped } = await exportModel(checkpointFolder);
  expect(result.updates).toBe(1);
  expect(skipped).toEqual([expect.stringContaining('step-00000002 is not whole')]);
});
