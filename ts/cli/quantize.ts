/** `pixelcnn quantize`: turns a model into one of integers. */

import { quantizeModel } from '../convert.js';
import { openSampler } from '../sampler.js';
import { pairedDifference } from '../train/score/compare.js';
import { createCommand } from './command.js';
import { type ConvertCommandOptions, convertFile, withConvertOptions } from './convert.js';

/** Images that give a first idea of the drift. */
const most = 256;

export const command = withConvertOptions(
  createCommand('quantize', 'turn a model into 16-bit integers: half the size, about twice as fast', [
    ['', 'the packaged model, into mnist-binary.int16.safetensors'],
    ['my.safetensors --calibrate mnist', 'with the range of activations on 300 digits'],
    ['my.safetensors --out small.safetensors', 'into a file of another name'],
  ]),
).action((model: string | undefined, options: ConvertCommandOptions) =>
  convertFile('int16', quantizeModel, model, options, ({ before, sampler, images, size }) => {
    const count = Math.min(most, images.length / size);
    const few = images.subarray(0, count * size);
    const original = openSampler(before);
    const was = original.logProb(few);
    original.dispose();
    const { mean, standardError } = pairedDifference(was, sampler.logProb(few)); // of ln p: what it lost is nats gained
    const [drift, error] = [mean / size, standardError / size];
    return {
      figures: { drift, driftError: error, driftImages: count },
      rows: [
        [
          'drift',
          `${signed(drift)} nats a pixel, standard error ${error.toExponential(1)}, on ${count} of these images`,
        ],
      ],
    };
  }),
);

function signed(x: number): string {
  return `${x < 0 ? '-' : '+'}${Math.abs(x).toExponential(1)}`;
}
