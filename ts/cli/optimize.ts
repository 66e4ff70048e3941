/** `pixelcnn optimize`: orders a model's channels so that sampling skips more. */

import { createCommand } from './command.js';
import { type ConvertCommandOptions, convertFile, withConvertOptions } from './convert.js';
import { thousands } from './format.js';

export const command = withConvertOptions(
  createCommand('optimize', 'order the channels of a model so that sampling skips more', [
    ['', 'the packaged model, into mnist-binary.optimized.safetensors'],
    ['my.safetensors --calibrate mnist', 'by what channels do on digits of MNIST'],
    ['my.safetensors --out fast.safetensors', 'into a file of another name'],
  ]),
).action((model: string | undefined, options: ConvertCommandOptions) =>
  convertFile('optimize', 'optimized', model, options, ({ macsBefore, macs }) => {
    // None at all where every value that is read is zero.
    const less = macs > 0 ? `: ${(macsBefore / macs).toFixed(2)}x less` : '';
    return {
      figures: { macsBefore, macs },
      rows: [
        ['multiply-adds', `${thousands(macs)} an image with --skipping all, ${thousands(macsBefore)} before${less}`],
      ],
    };
  }),
);
