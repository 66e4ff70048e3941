/** `pixelcnn optimize`: orders a model's channels so that sampling skips more. */

import { executedMacs, optimizeModel } from '../convert.js';
import { createCommand } from './command.js';
import { type ConvertCommandOptions, convertFile, withConvertOptions } from './convert.js';
import { thousands } from './format.js';

/** Images that tell what skipping saves. */
const most = 64;

export const command = withConvertOptions(
  createCommand('optimize', 'order the channels of a model so that sampling skips more, and find its background', [
    ['', 'the packaged model, into mnist-binary.optimized.safetensors'],
    ['my.safetensors --calibrate mnist', 'by what channels do on digits of MNIST'],
    ['my.safetensors --out fast.safetensors', 'into a file of another name'],
  ]),
).action((model: string | undefined, options: ConvertCommandOptions) =>
  convertFile('optimized', optimizeModel, model, options, ({ before, after, sampler, images, size }) => {
    const count = Math.min(most, images.length / size);
    const few = images.subarray(0, count * size);
    const [was, is] = [executedMacs(before, few, count), executedMacs(after, few, count)];
    const background = sampler.metadata.background ?? 'none';
    return {
      figures: { background, macsBefore: was, macs: is },
      rows: [
        ['background', `level ${background}`],
        [
          'multiply-adds',
          `${thousands(is)} an image with --skipping all, ${thousands(was)} before: ${(was / is).toFixed(2)}x less`,
        ],
      ],
    };
  }),
);
