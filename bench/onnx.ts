/**
 * Writes a net as an ONNX file, for the runtimes of `bench/peers`: a convolution for each input of a layer, its full masked
 * kernel with SAME padding, as a converted Keras model has it; then relu and the residual. Images, rows and columns are
 * left open, so one file serves batches and windows of any size.
 *
 * An ONNX file is a protobuf message, and protobuf is a list of fields: a number, a kind, a value. What is used of
 * onnx.proto is written out below with its field numbers; opset 13 is the first in which all four operators are as today.
 */

import type { Description, Layer } from '../ts/config.js';

type Bytes = Uint8Array;

const text = new TextEncoder();

/** A field that holds an integer. */
function integer(field: number, value: number): Bytes {
  return join([varint(field << 3), varint(value)]);
}

/** A field that holds text, bytes or another message. */
function block(field: number, value: string | Bytes): Bytes {
  const bytes = typeof value === 'string' ? text.encode(value) : value;
  return join([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

/** Seven bits a byte, the low ones first; the top bit says that more follow. */
function varint(value: number): Bytes {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

function join(parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** AttributeProto: name 1, integers 8, type 20 (7: a list of integers). */
function integers(name: string, values: readonly number[]): Bytes {
  return join([block(1, name), ...values.map((value) => integer(8, value)), integer(20, 7)]);
}

/** NodeProto: inputs 1, outputs 2, name 3, operator 4, attributes 5. */
function node(operator: string, inputs: readonly string[], output: string, attributes: readonly Bytes[] = []): Bytes {
  const fields = [...inputs.map((input) => block(1, input)), block(2, output), block(3, output), block(4, operator)];
  return join([...fields, ...attributes.map((attribute) => block(5, attribute))]);
}

/** TensorProto: dimensions 1, element type 2 (1: f32), name 8, little-endian values 9. */
function tensor(name: string, shape: readonly number[], values: Float32Array): Bytes {
  const bytes = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => {
    bytes.setFloat32(4 * i, value, true);
  });
  const dimensions = shape.map((size) => integer(1, size));
  return join([...dimensions, integer(2, 1), block(8, name), block(9, new Uint8Array(bytes.buffer))]);
}

/** ValueInfoProto: name 1, type 2; its tensor type 1: element type 1, shape 2; a dimension 1 has a size 1 or a name 2. */
function value(name: string, channels: number): Bytes {
  const open = (dimension: string) => block(1, block(2, dimension));
  const shape = join([open('images'), block(1, integer(1, channels)), open('height'), open('width')]);
  return join([block(1, name), block(2, block(1, join([integer(1, 1), block(2, shape)])))]);
}

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
