/** A host that gives WebAssembly little memory: whatever does not fit is said, and what fits goes on. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { configJson, randomModel } from './wasm.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-memory-'));
afterAll(() => rmSync(folder, { recursive: true }));

// Lists that are longer than the last reserve: of layers, and of text that is decoded.
const metadata = { background: '0', note: '"\\'.repeat(30_000) };
const config = { height: 3, width: 9, filters: 10, blocks: 40, firstKernel: 31, blockKernel: 1, headLayers: 50 };
const file = join(folder, 'deep.safetensors');
writeFileSync(file, randomModel(configJson(config), 1, metadata));

const source = `
import { readFileSync } from 'node:fs';
import { loadSampler, optimizeModel, quantizeModel } from './ts/index.js';
const model = readFileSync(${JSON.stringify(file)});
const images = new Uint8Array(27);
const codes = new Set();
const samplers = [];
const attempt = async (call) => {
  try {
    return await call();
  } catch (error) {
    codes.add(error.code ?? String(error));
  }
};
for (let round = 0; round < 12; round++) {
  const sampler = await attempt(() => loadSampler(model));
  if (sampler) samplers.push(sampler);
  for (const each of samplers) {
    for (const method of ['wavefront', 'cached', 'naive', 'reference']) {
      await attempt(() => each.sample({ seed: 1, method }));
      await attempt(() => each.logits(images, { method }));
    }
    await attempt(() => each.describe());
  }
  await attempt(() => quantizeModel(model, images));
  await attempt(() => optimizeModel(model, images));
  if (round % 4 === 3) samplers.shift()?.dispose();
}
console.log([...codes].join());
`;

it.each([18, 20, 24, 28, 34, 40, 60])('says OUT_OF_MEMORY and never stops: %i pages', (pages) => {
  const args = [`--wasm-max-mem-pages=${pages}`, '--import', 'tsx', '--input-type=module', '--eval', source];
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: 'OUT_OF_MEMORY', stderr: '' });
});
