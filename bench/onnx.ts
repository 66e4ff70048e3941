/**
 * Writes a net as an ONNX file, for the runtimes of `bench/peers`: a convolution for each input of a layer, its full masked
 * kernel with SAME padding, as a converted Keras model has it; then relu and the residual. Images, rows and columns are
 * left open, so one file serves batches and windows of any size. Opset 13 is the first in which all four operators are as
 * today.
 */

import type { Description, Layer } from '../ts/config.js';
import { type Bytes, block, integer, integers, join, node, tensor, value } from './onnx_file.js';

/**
 * The bytes of the ONNX file of a net: `pixels`, `[images, channels, height, width]` of levels scaled to 0..1, to `logits`,
 * `[images, outputs, height, width]`.
 *
 * @param weights All tensors in the order of `net.tensors`, one after the other, kernels as
 *   `[kernelHeight, kernelWidth, channels, outputs]`.
 */
export function onnxModel(net: Description, weights: Float32Array): Uint8Array {
  let at = 0;
  const initializers = net.tensors.map(({ name, shape }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = weights.subarray(at, at + size);
    at += size;
    return shape.length === 4 ? kernel(name, shape, values) : tensor(name, shape, values);
  });
  if (at !== weights.length) throw new RangeError(`weights: expected ${at} numbers, got ${weights.length}`);
  const last = net.layers.at(-1)!;
  const graph = [
    ...net.layers.flatMap(nodes).map((bytes) => block(1, bytes)),
    block(2, 'pixelcnn'),
    ...initializers.map((bytes) => block(5, bytes)),
    block(11, value('pixels', net.config.channels)),
    block(12, value(last.name, last.outChannels)),
  ];
  // ModelProto: format version 1, graph 7, operators 8 (their version 2).
  return join([integer(1, 8), block(7, join(graph)), block(8, integer(2, 13))]);
}

/** Name of the file's one output. */
export function onnxOutput(net: Description): string {
  return net.layers.at(-1)!.name;
}

function nodes({ name, inputs, start, bias, class: vectors, cell, residual }: Layer): Bytes[] {
  if (start !== null || bias === null || vectors !== null || (cell !== 'relu' && cell !== 'linear')) {
    throw new Error(`layer "${name}": expected a bias and a relu or none, as plain nets without classes have`);
  }
  const made: Bytes[] = [];
  let number = 0;
  let sum = '';
  const add = (operator: string, from: readonly string[], attributes?: readonly Bytes[], isLast = false) => {
    sum = isLast ? name : `${name}/${number++}`;
    made.push(node(operator, from, sum, attributes));
  };
  inputs.forEach(({ source, kernel, shape: [rows, columns] }, index) => {
    const before = sum;
    const [top, left] = [rows >> 1, columns >> 1];
    const isLast = inputs.length === 1 && cell === 'linear' && residual === null;
    const attributes = [integers('kernel_shape', [rows, columns]), integers('pads', [top, left, top, left])];
    add('Conv', [source, kernel, ...(index === 0 ? [bias] : [])], attributes, isLast);
    if (index > 0) add('Add', [before, sum], [], index === inputs.length - 1 && cell === 'linear' && residual === null);
  });
  if (cell === 'relu') add('Relu', [sum], [], residual === null);
  if (residual !== null) add('Add', [sum, residual], [], true);
  return made;
}

/** A kernel as ONNX lays it out: `[outputs, channels, kernelHeight, kernelWidth]`. */
function kernel(name: string, shape: readonly number[], values: Float32Array): Bytes {
  const [rows = 0, columns = 0, channels = 0, outputs = 0] = shape;
  const taps = rows * columns;
  const turned = new Float32Array(values.length);
  for (let tap = 0; tap < taps; tap++) {
    for (let k = 0; k < channels; k++) {
      for (let o = 0; o < outputs; o++) {
        turned[(o * channels + k) * taps + tap] = values[(tap * channels + k) * outputs + o]!;
      }
    }
  }
  return tensor(name, [outputs, channels, rows, columns], turned);
}
