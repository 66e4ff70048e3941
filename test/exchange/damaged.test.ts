import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { importModel } from '../../ts/exchange/import_model.js';
import { tfjsModel } from '../../ts/exchange/tfjs_model.js';
import { loadSampler } from '../../ts/index.js';
import { configJson, randomModel } from '../wasm.js';
import { kerasFile, kerasFiles } from './keras_golden.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-damaged-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Numbers that look random and are the same in each run. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A copy that was cut short, or in which bits or whole bytes are others; half of these at its beginning, where what it is stands. */
function damaged(bytes: Uint8Array, seed: number): Buffer {
  const roll = dice(seed);
  for (let i = 0; i < 8; i++) roll(2);
  if (seed % 4 === 0) return Buffer.from(bytes.subarray(0, roll(bytes.length)));
  const copy = Buffer.from(bytes);
  const reach = seed % 2 === 0 ? copy.length : Math.min(copy.length, 3000);
  for (let count = 1 + roll(6); count > 0; count--) {
    const at = roll(reach);
    copy[at] = roll(2) === 0 ? copy[at]! ^ (1 << roll(8)) : roll(256);
  }
  return copy;
}

/** Imports what is damaged: an error in one sentence about the model, or a model that can be opened. Returns how many were taken. */
async function survive(path: string, bytes: Uint8Array, model = path): Promise<number> {
  let taken = 0;
  for (let seed = 1; seed <= 40; seed++) {
    writeFileSync(path, damaged(bytes, seed));
    const result = await importModel(model, { size: [12, 10] }).catch((error: unknown) => error);
    if (result instanceof Error) {
      expect(result.message, `seed ${seed}: ${result.stack}`).toMatch(/^model: expected [^\n]{1,600}$/);
      expect(result, `seed ${seed}`).toHaveProperty('argument', 'model');
    } else {
      (await loadSampler((result as Awaited<ReturnType<typeof importModel>>).bytes)).dispose();
      taken++;
    }
  }
  return taken;
}

it.each(kerasFiles)(
  'survives 40 damaged copies of %s',
  async (name) => {
    const taken = await survive(join(folder, name), kerasFile(name));
    // An archive has checksums; of HDF5 alone, weights may be others and nobody knows.
    expect(taken).toBeLessThan(40);
  },
  180_000,
);

it('survives damaged copies of a model.json, and of its weights', async () => {
  const { json, weights, shard } = await tfjsModel(
    randomModel(configJson({ height: 6, width: 5, filters: 4, blocks: 1 }), 1),
    'test',
  );
  const model = join(folder, 'tfjs');
  mkdirSync(model);
  writeFileSync(join(model, shard), weights);
  expect(await survive(join(model, 'model.json'), Buffer.from(json))).toBeLessThan(40);
  writeFileSync(join(model, 'model.json'), json);
  expect(await survive(join(model, shard), weights, model)).toBeGreaterThan(5);
});
