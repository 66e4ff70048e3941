import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { importModel } from '../../ts/exchange/import_model.js';
import { tfjsModel } from '../../ts/exchange/tfjs_model.js';
import { configJson, randomModel } from '../wasm.js';
import { kerasFile } from './keras_golden.js';

for (const name of ['yauzl', 'h5wasm']) {
  vi.doMock(name, () => {
    throw new Error('Cannot find package');
  });
}

it('says what to install for what Keras writes, and takes TensorFlow.js without', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-missing-'));
  const put = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  await expect(importModel(put('a.keras', kerasFile('digits.keras')))).rejects.toMatchObject({
    code: 'MISSING_PACKAGE',
    message:
      'import: expected the package that reads ZIP archives, such as .keras files, found it missing; npm i yauzl h5wasm',
  });
  await expect(importModel(put('a.h5', kerasFile('digits.h5')))).rejects.toMatchObject({
    code: 'MISSING_PACKAGE',
    message: 'import: expected the package that reads HDF5 files, such as Keras writes, found it missing; npm i h5wasm',
  });
  const model = randomModel(configJson({ height: 6, width: 5, filters: 4, blocks: 1 }), 1);
  const { json, shard, weights } = await tfjsModel(model, 'test');
  put(shard, weights);
  expect((await importModel(put('model.json', json))).bytes).toEqual(model);
  rmSync(folder, { recursive: true });
});
