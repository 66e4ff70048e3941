/** `pixelcnn inspect`: what a model file holds and what follows from it. */

import { named } from '../arguments.js';
import type { Config } from '../config.js';
import { createCommand } from './command.js';
import { bytes, labelled, thousands } from './format.js';
import { interruptible } from './interrupt.js';
import { loadModel } from './open_model.js';
import { packagedModel } from './packaged_model.js';
import { summary } from './summary.js';
import { print, printJson } from './terminal.js';

export const command = createCommand('inspect', 'show the layers, reach, cost and training record of a model', [
  ['', 'the packaged MNIST model'],
  ['my.safetensors', 'a model of your own'],
  ['my.safetensors --json', 'everything, for a program'],
])
  .argument('[model]', 'model file (default: the packaged MNIST model)')
  .option('--json', 'print one JSON object and nothing else')
  .action((model: string | undefined, options: { json?: boolean }) =>
    interruptible((signal) => run(model ?? packagedModel(), options, signal)),
  );

async function run(path: string, { json }: { json?: boolean }, signal: AbortSignal): Promise<void> {
  const sampler = await loadModel(path, signal);
  const [{ metadata, classNames, alphabet }, description] = [sampler, sampler.describe()]; // milliseconds, whatever the net
  if (json) {
    printJson({ model: path, ...description, metadata });
    return;
  }
  const {
    config,
    receptiveField: field,
    schedule,
    macsPerPixel,
    macsPerImage,
    naiveMacsPerImage,
    stateBytes,
  } = description;
  const pixels = config.height * config.width;
  // The config and the names are shown above; what else is JSON says for programs what the words beside it say.
  const record = Object.entries(metadata).filter(
    ([name, value]) => !value.startsWith('{') && name !== 'classNames' && name !== 'alphabet',
  );
  print(
    [
      `${path}: ${netInWords(config)}`,
      summary(description),
      '',
      labelled([
        [
          'receptive field',
          `${field.pixels} pixels: ${field.above} rows up, ${field.left} columns left, ${field.right} right`,
        ],
        [
          'wavefront',
          `slope ${schedule.slope}: ${schedule.fronts} fronts for ${pixels} pixels, ${schedule.pixelsPerFront.toFixed(1)} pixels a front`,
        ],
        [
          'cost per pixel',
          `${thousands(macsPerPixel)} multiply-adds cached, ${thousands(naiveMacsPerImage / pixels)} naive${macsPerImage > 0 ? ` (${thousands(naiveMacsPerImage / macsPerImage)}x)` : ''}`,
        ],
        ['cost per image', `${thousands(macsPerImage)} multiply-adds cached, ${thousands(naiveMacsPerImage)} naive`],
        ['state', `${bytes(stateBytes)} of activations kept for one image`],
        ...(classNames === undefined
          ? []
          : [['classes', `${classNames.length}: ${classNames.map(named).join(', ')}`] as const]),
        ...(alphabet === undefined
          ? []
          : [['characters', `${alphabet.length}: ${JSON.stringify(alphabet.join(''))}`] as const]),
      ]),
      '',
      record.length > 0 ? labelled(record) : 'no training record',
    ].join('\n'),
  );
}

/** `plain, 28x28x1, 2 levels, f32`, and whatever is not as it is by default. */
export function netInWords(config: Config): string {
  const { architecture, height, width, channels, levels, precision } = config;
  const { input, embedding, classes, activation, lean, dilations } = config;
  const more = [
    ...(input === undefined ? [] : [`${input} input`]),
    ...(embedding === undefined ? [] : [`embedding ${embedding}`]),
    ...(classes === undefined ? [] : [`${classes} classes`]),
    ...(activation === undefined ? [] : [`activation ${activation}`]),
    ...(lean === undefined ? [] : [`lean ${lean}`]),
    ...(dilations === undefined ? [] : [`dilations ${dilations.join(', ')}`]),
  ];
  return [architecture, `${height}x${width}x${channels}`, `${levels} levels`, ...more, precision].join(', ');
}
