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
const small = join(folder, 'small.safetensors');
writeFileSync(
  small,
  randomModel(configJson({ height: 3, width: 3, filters: 4, blocks: 0, headLayers: 0, firstKernel: 3 }), 1),
);

const source = `
import { readFileSync } from 'node:fs';
import { loadSampler, optimizeModel, quantizeModel } from './ts/index.js';
const model = readFileSync(${JSON.stringify(file)});
const filler = readFileSync(${JSON.stringify(small)});
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
const deep = await attempt(() => loadSampler(model));
// What is left shrinks by a little each time, so that every allocation is once the one that has no room.
for (let round = 0; round < 150; round++) {
  const small = await attempt(() => loadSampler(filler));
  if (small) samplers.push(small);
  (await attempt(() => loadSampler(model)))?.dispose();
  for (const each of [deep, small]) {
    if (each === undefined) continue;
    for (const method of ['wavefront', 'cached', 'naive', 'reference']) {
      await attempt(() => each.sample({ seed: 1, method }));
      await attempt(() => each.logits(new Uint8Array(each.config.height * each.config.width), { method }));
    }
    await attempt(() => each.describe());
    const steps = await attempt(() => each.sampleSteps({ seed: 1 }));
    await attempt(() => steps?.next());
    samplers.push(steps); // left open
  }
  await attempt(() => quantizeModel(model, images));
  await attempt(() => optimizeModel(model, images));
}
console.log([...codes].join());
`;

it.each([24, 40])('says OUT_OF_MEMORY and never stops: %i pages', (pages) => {
  const args = [`--wasm-max-mem-pages=${pages}`, '--import', 'tsx', '--input-type=module', '--eval', source];
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: 'OUT_OF_MEMORY', stderr: '' });
});
