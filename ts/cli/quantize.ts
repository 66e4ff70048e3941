/** `pixelcnn quantize`: turns a model into one of integers. */

import { createCommand } from './command.js';
import { type ConvertCommandOptions, convertFile, withConvertOptions } from './convert.js';

export const command = withConvertOptions(
  createCommand('quantize', 'turn a model into 8-bit integers: a quarter of the size, and much faster', [
    ['', 'the packaged model, into mnist-binary.int8.safetensors'],
    ['my.safetensors --calibrate mnist', 'with the range of activations on 300 digits'],
    ['my.safetensors --out small.safetensors', 'into a file of another name'],
  ]),
).action((model: string | undefined, options: ConvertCommandOptions) =>
  convertFile('quantize', 'int8', model, options, ({ drift, driftError, driftImages }) => ({
    figures: { drift, driftError, driftImages },
    rows: [
      [
        'drift',
        `${signed(drift)} nats a pixel, standard error ${driftError.toExponential(1)}, on ${driftImages} of these images`,
      ],
    ],
  })),
);

function signed(x: number): string {
  return `${x < 0 ? '-' : '+'}${Math.abs(x).toExponential(1)}`;
}
