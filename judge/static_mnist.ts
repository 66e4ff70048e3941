/**
 * What the model of statically binarised MNIST is worth beside what papers print: `npx tsx judge/static_mnist.ts [--model FILE] [--save]`.
 * It was chosen on the validation images; the test images are looked at here alone. A minute.
 */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { runMain } from '../scripts/shell.js';
import { loadSampler } from '../ts/index.js';
import { sha256 } from '../ts/node/files.js';
import { loadData } from '../ts/train/data/load_data.js';
import { readValidation } from '../ts/train/run/record.js';
import { pairedDifference } from '../ts/train/score/compare.js';
import { evaluate } from '../ts/train/score/evaluate.js';
import { startReport } from './report.js';

/** Nats a test image, as table 1 of PixelVAE (Gulrajani et al. 2017, arXiv:1611.05013) has them. */
const published: readonly (readonly [string, number])[] = [
  ['NADE (Uria et al. 2014)', 88.33],
  ['MADE (Germain et al. 2015)', 86.64],
  ['PixelCNN (van den Oord et al. 2016)', 81.3],
  ['Gated PixelCNN (Gulrajani et al. 2017)', 80.1],
  ['PixelRNN (van den Oord et al. 2016)', 79.2],
];

/** sha256 of the levels of its 10,000 validation images. */
const validation = '069b4f0beb389b776478c3e872b4df71c95ac4be64d7cbe6d32e24ebac8e6d5e';

async function judge(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'models/static-mnist.safetensors' },
      save: { type: 'boolean' },
    },
  });
  const { print, save } = startReport(44);
  const say = (line: string): void => console.error(line);
  const bytes = readFileSync(values.model);
  const sampler = await loadSampler(bytes);
  print('model', `${basename(values.model)}, sha256 ${sha256(bytes)}`);

  const trained = readValidation(sampler.metadata);
  if (trained?.protocol.sha256 !== validation) {
    throw new RangeError(`${values.model}: expected a model whose validation images were those of static-mnist`);
  }
  print('validation images, by which it was chosen', `${trained.natsPerImage.toFixed(2)} nats an image`);
  const data = await loadData({ data: 'static-mnist', split: 'test', say });
  for await (const event of evaluate({ sampler, data })) {
    if (event.type !== 'end') continue;
    const { natsPerImage, imageNats, images, protocol } = event.evaluation;
    const { standardError } = pairedDifference(imageNats, new Float64Array(images));
    print('test images', `${natsPerImage.toFixed(2)} nats an image, standard error ${standardError.toFixed(2)}`);
    print('', `${images.toLocaleString('en-US')} of them, sha256 ${protocol.sha256}`);
  }
  for (const [name, nats] of published) print(`  ${name}`, nats.toFixed(2));
  if (values.save) save('static-mnist');
}

await runMain('static-mnist', judge);
