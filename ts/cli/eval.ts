/** `pixelcnn eval`: how likely a model finds a data set. */

import { setImmediate } from 'node:timers/promises';
import { loadSampler } from '../load.js';
import { createCommand } from './command.js';
import { type DataOptions, dataHelp, readData } from './data_option.js';
import { labelled, thousands } from './format.js';
import { interruptible } from './interrupt.js';
import { choice, integer } from './option.js';
import { packagedModel } from './packaged_model.js';
import { startProgress } from './progress.js';

const splits = ['validation', 'train', 'all'] as const;

interface EvalCommandOptions extends DataOptions {
  split: (typeof splits)[number];
  json?: boolean;
}

export const command = createCommand('eval', 'tell how likely a model finds a data set, on any CPU', [
  ['', 'the packaged model, on what it was validated on'],
  ['my.safetensors --data folder --split all', 'all images of a folder'],
  ['--limit 1000', 'a quick look at 1,000 images'],
])
  .argument('[model]', 'model file (default: the packaged MNIST model)')
  .option('--data <name>', dataHelp, 'mnist')
  .option(
    '--split <name>',
    'validation: the last 10 %, which the reference trains without; train: the rest; all',
    choice('--split', splits),
    'validation',
  )
  .option('--limit <n>', 'only the first n images of the split', integer('--limit', { min: 1, max: 2 ** 31 }))
  .option('--offline', 'never fetch the data')
  .option('--json', 'print one JSON object and nothing else')
  .action((model: string | undefined, options: EvalCommandOptions) =>
    interruptible((signal) => run(model ?? packagedModel(), options, signal)),
  );

async function run(model: string, options: EvalCommandOptions, signal: AbortSignal): Promise<void> {
  const { evaluate, firstImages, splitImages } = await import('../train/index.js');
  const { limit, split, json, ...from } = options;
  const sampler = await loadSampler(model, { signal });
  const all = await readData(from, signal);
  const part = split === 'all' ? all : splitImages(all)[split];
  const data = limit === undefined ? part : firstImages(part, Math.min(limit, part.count));
  const bar = json ? undefined : await startProgress('scoring', data.count, 'images');
  try {
    // 16 images, as the core computes in step: often enough for the bar and for Ctrl-C.
    for await (const event of evaluate({ sampler, data, batchSize: 16, signal })) {
      if (event.type === 'progress') {
        bar?.update(event.done);
        await setImmediate();
        continue;
      }
      bar?.stop();
      const { images, loss, natsPerImage, bitsPerDim, protocol } = event.evaluation;
      if (json) {
        console.log(JSON.stringify({ model, ...event.evaluation }));
        return;
      }
      console.log(
        labelled([
          ['model', model],
          ['images', `${thousands(images)}: ${protocol.split} of ${protocol.source}`],
          ['protocol', protocol.binarisation],
          ['likelihood', `${natsPerImage.toFixed(3)} nats an image, ${bitsPerDim.toFixed(5)} bits/dim`],
          ['loss', `${loss.toFixed(6)} nats a pixel, what training prints as val_loss`],
        ]),
      );
    }
  } finally {
    bar?.stop();
  }
}
