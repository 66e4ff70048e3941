// Makes keras_steps.json: `npx tsx test/golden/make_keras_steps.ts [python [case...]]`, with a Python that has keras and
// tensorflow. Of cases that are not named, what the file has is kept: those of the example, in single precision, come out
// otherwise in their last digits on another kind of processor.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../ts/node/command.js';
import { loadCore } from '../../ts/train/net/core.js';
import { cases, type Golden, hashOf, inputOf, optionsOf, steps } from '../train/net/keras_cases.js';

const [python = 'python3', ...names] = process.argv.slice(2);
const asked = cases.filter(({ name }) => names.length === 0 || names.includes(name));
if (asked.length < names.length) throw new Error(`expected names of ${cases.map(({ name }) => name).join(', ')}`);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const core = await loadCore();
const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-keras-'));
try {
  const told: object[] = [];
  const given: Record<string, string> = {};
  for (const one of asked) {
    const input = inputOf(await optionsOf(one), core);
    const { name, net, config, batchSize, learningRate } = one;
    writeFileSync(join(folder, `${name}.safetensors`), core.writeModel(config, {}, input.weights));
    writeFileSync(join(folder, `${name}.levels.u8`), input.batches);
    writeFileSync(join(folder, `${name}.labels.u8`), input.labels);
    const tensors = input.tensors.map((tensor) => tensor.name);
    told.push({ name, net, config, batchSize, learningRate, steps, tensors });
    given[name] = hashOf(input);
  }
  writeFileSync(join(folder, 'cases.json'), JSON.stringify(told));
  const { status, output } = await runCommand(python, [here('keras_steps.py'), folder]);
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (status !== 0 || line === undefined) throw new Error(`keras_steps.py failed:\n${output}`);
  const kept = JSON.parse(readFileSync(here('keras_steps.json'), 'utf8')) as Golden;
  const { losses, weights, ...versions } = JSON.parse(line) as Golden;
  const golden: Golden = {
    ...versions,
    losses: { ...kept.losses, ...losses },
    weights: { ...kept.weights, ...weights },
    given: { ...kept.given, ...given },
  };
  const pairsOnALine = JSON.stringify(golden, null, 2).replace(/\[\s+(\d+),\s+(\S+)\s+\]/g, '[$1, $2]');
  writeFileSync(here('keras_steps.json'), `${pairsOnALine}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
