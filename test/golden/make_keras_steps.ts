// Makes keras_steps.json: `npx tsx test/golden/make_keras_steps.ts [python]`, with a Python that has keras and tensorflow.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../ts/node/command.js';
import { loadCore } from '../../ts/train/net/core.js';
import { cases, hashOf, inputOf, optionsOf, steps } from '../train/net/keras_cases.js';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const core = await loadCore();
const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-keras-'));
try {
  const told: object[] = [];
  const given: Record<string, string> = {};
  for (const one of cases) {
    const input = inputOf(await optionsOf(one), core);
    const { name, config, batchSize, learningRate } = one;
    writeFileSync(join(folder, `${name}.safetensors`), core.writeModel(config, {}, input.weights));
    writeFileSync(join(folder, `${name}.u8`), input.batches);
    told.push({ name, config, batchSize, learningRate, steps, tensors: input.tensors });
    given[name] = hashOf(input);
  }
  writeFileSync(join(folder, 'cases.json'), JSON.stringify(told));
  const { status, output } = await runCommand(process.argv[2] ?? 'python3', [here('keras_steps.py'), folder]);
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (status !== 0 || line === undefined) throw new Error(`keras_steps.py failed:\n${output}`);
  const golden = { ...(JSON.parse(line) as object), given };
  writeFileSync(here('keras_steps.json'), `${JSON.stringify(golden, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
