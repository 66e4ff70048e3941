/** What nobody disposes of: samplers and pools that are only forgotten, as after a hot reload. With garbage collection forced. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from '../scripts/shell.js';
import { configJson, randomModel } from './wasm.js';

const run = promisify(execFile);
const model = randomModel(configJson({ height: 12, width: 11, filters: 32, blocks: 3 }), 7, { background: '0' });

/** Runs a program beside the built package, whose `collect` gives finalisers their turns; returns the JSON that it prints. */
async function runProgram(source: string): Promise<unknown> {
  const program = `
    import { loadSampler, loadSamplerPool } from ${JSON.stringify(join(root, 'dist/index.js'))};
    const model = Buffer.from(${JSON.stringify(Buffer.from(model).toString('base64'))}, 'base64');
    const turn = () => new Promise((resolve) => setTimeout(resolve, 2));
    const collect = async () => { for (let i = 0; i < 3; i++) { gc(); await turn(); } };
    ${source}`;
  const { stdout } = await run(process.execPath, ['--expose-gc', '--input-type=module', '--eval', program]);
  return JSON.parse(stdout);
}

it('frees samplers that are forgotten: 300 loads take no more memory than twenty', async () => {
  const sizes = (await runProgram(`
    let memory;
    const { Instance } = WebAssembly;
    WebAssembly.Instance = class extends Instance {
      constructor(...parameters) {
        super(...parameters);
        memory = this.exports.memory;
      }
    };
    const sizes = [];
    for (let i = 0; i < 300; i++) {
      (await loadSampler(model)).sample({ count: 2, seed: 1 });
      await collect();
      sizes.push(memory.buffer.byteLength);
    }
    console.log(JSON.stringify(sizes));`)) as number[];
  const [first, twentieth, last] = [sizes[0]!, sizes[19]!, sizes.at(-1)!].map((bytes) => (bytes / 1e6).toFixed(2));
  console.log(`WebAssembly.Memory, MB: ${first} after one load, ${twentieth} after twenty, ${last} after 300`);
  expect(sizes.length).toBe(300);
  expect(sizes.at(-1)).toBe(sizes[19]);
});

it('keeps a sampler whose run is under way', async () => {
  const done = await runProgram(`
    const steps = (await loadSampler(model)).sampleSteps({ count: 2, seed: 1 });
    const first = steps.next().value;
    await collect();
    for (const front of steps) first.done = front.done;
    console.log(JSON.stringify([first.done, first.total]));`);
  expect(done).toEqual([2 * 12 * 11, 2 * 12 * 11]);
});

it('ends the workers of a pool that is forgotten', async () => {
  const ended = await runProgram(`
    let ended = 0;
    const threads = process.getBuiltinModule('node:worker_threads');
    threads.Worker = class extends threads.Worker {
      constructor(...parameters) {
        super(...parameters);
        this.on('exit', () => ended++);
      }
    };
    await (await loadSamplerPool(model, { workers: 2 })).sample({ count: 2 });
    const hold = setTimeout(() => {}, 60_000);
    while (ended < 2) await collect();
    clearTimeout(hold);
    console.log(JSON.stringify(ended));`);
  expect(ended).toBe(2);
});
