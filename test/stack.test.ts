/** Calls near the end of the host's stack, the first of their kind: each in a process of its own, whose end harms no other test. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from '../scripts/shell.js';
import { configJson, randomModel } from './wasm.js';

const run = promisify(execFile);
const model = randomModel(configJson({ height: 4, width: 3, filters: 8, blocks: 1 }), 7, { background: '0' });

/** Calls first with no stack left, then, on the way back from there, with more and more of it; at last with all. */
async function callAtTheEnd(call: string, before: string): Promise<unknown> {
  const program = `
    import { loadSampler } from ${JSON.stringify(join(root, 'dist/index.js'))};
    const model = Buffer.from(${JSON.stringify(Buffer.from(model).toString('base64'))}, 'base64');
    const sampler = await loadSampler(model);
    const images = new Uint8Array(12);
    ${before}
    const call = () => ${call};
    const refused = [];
    const fall = () => {
      try {
        fall();
      } catch (error) {
        if (error.code !== undefined) throw error;
        refused.push(error.name);
        call();
      }
    };
    fall();
    console.log(JSON.stringify([[...new Set(refused)], sampler.sample({ count: 1, seed: 1 }).shape]));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  return JSON.parse(stdout);
}

// With a seed, since Node 24 itself does not survive that `crypto` is first asked for one there.
const options = '{ count: 1, seed: 1 }';
const steps = `const steps = sampler.sampleSteps(${options}); steps.next();`;

it.each([
  ['describe', 'sampler.describe()'],
  ['sample', `sampler.sample(${options})`],
  ['logits', 'sampler.logits(images)'],
  ['logProb', 'sampler.logProb(images)'],
  ['the first step', `sampler.sampleSteps(${options}).next()`],
  ['a later step', 'steps.next()', steps],
  ['leaving steps', 'steps.return()', steps],
  ['dispose', 'other.dispose()', 'const other = await loadSampler(model);'],
])('gives the host’s own error where %s has too little stack, and goes on', async (_, call, before = '') => {
  expect(await callAtTheEnd(call, before)).toEqual([['RangeError'], [1, 4, 3, 1]]);
});
