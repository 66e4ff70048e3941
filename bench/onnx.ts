/**
 * Writes a net as an ONNX file, for the runtimes of `bench/peers`, as whoever converts a model of Keras or PyTorch has it: a
 * convolution for each input of a layer, with zeros around the image and the full masked kernel; levels and classes come as
 * indices, which gather rows of tables. Images, rows and columns are left open, so one file serves batches and windows of any
 * size. Opset 13 is the first in which all of these operators are as today.
 */

import type { CellName, Description, Layer, LayerInput, TensorInfo } from '../ts/config.js';
import { boxed, boxOf } from './box.js';
import { attribute, type Bytes, block, floatAttribute, integer, join, node, tensor, value } from './onnx_file.js';

/**
 * The bytes of the ONNX file of a net. It takes `pixels`: floats `[images, 1, height, width]`, level / (levels - 1), where
 * levels are quantities, else the levels, int32 `[images, height, width]`; and, where the net has classes, `labels`, int32
 * `[images]`. Its one output is the logits, `[images, logits, height, width]`.
 *
 * @param weights All tensors in the order of `net.tensors`, one after the other.
 */
export function onnxModel(net: Description, weights: Float32Array): Uint8Array {
  const { config } = net;
  const graph = new Graph(net.tensors, weights);
  const isNominal = config.input === 'nominal';
  const outputs = new Map([['pixels', isNominal ? nominal(graph, config.levels) : 'pixels']]);
  let [last, logits] = ['', 0];
  for (const layer of net.layers) {
    last = write(graph, layer, outputs);
    logits = layer.outChannels;
    outputs.set(layer.name, last);
  }
  const inputs = [
    isNominal
      ? value('pixels', 'int32', ['images', 'height', 'width'])
      : value('pixels', 'float32', ['images', config.channels, 'height', 'width']),
    ...((config.classes ?? 0) > 0 ? [value('labels', 'int32', ['images'])] : []),
  ];
  const file = [
    ...graph.nodes.map((bytes) => block(1, bytes)),
    block(2, 'pixelcnn'),
    ...graph.constants.map((bytes) => block(5, bytes)),
    ...inputs.map((bytes) => block(11, bytes)),
    block(12, value(last, 'float32', ['images', logits, 'height', 'width'])),
  ];
  // ModelProto: format version 1, graph 7, operators 8 (their version 2).
  return join([integer(1, 8), block(7, join(file)), block(8, integer(2, 13))]);
}

/** What has been written so far. */
class Graph {
  readonly nodes: Bytes[] = [];
  readonly constants: Bytes[] = [];
  readonly tensors: ReadonlyMap<string, { readonly info: TensorInfo; readonly values: Float32Array }>;

  constructor(infos: readonly TensorInfo[], weights: Float32Array) {
    let at = 0;
    const entries = infos.map((info) => {
      const from = at;
      at += info.shape.reduce((a, b) => a * b, 1);
      return [info.name, { info, values: weights.slice(from, at) }] as const;
    });
    if (at !== weights.length) throw new RangeError(`weights: expected ${at} numbers, got ${weights.length}`);
    this.tensors = new Map(entries);
  }

  /** Writes an operator, and says what its output is called. */
  add(operator: string, inputs: readonly string[], ...attributes: Bytes[]): string {
    const output = `${operator}/${this.nodes.length}`;
    this.nodes.push(node(operator, inputs, [output], attributes));
    return output;
  }

  /** Writes the one that has two outputs. */
  halves(input: string): [string, string] {
    const outputs: [string, string] = [`first/${this.nodes.length}`, `second/${this.nodes.length}`];
    this.nodes.push(node('Split', [input], outputs, [attribute('axis', 1)]));
    return outputs;
  }

  find(name: string) {
    const found = this.tensors.get(name);
    if (found === undefined) throw new Error(`the net has no tensor "${name}"`);
    return found;
  }

  /** Writes a tensor as it stands in the model file. */
  tensor(name: string): string {
    const { info, values } = this.find(name);
    return this.constant(name, info.shape, values);
  }

  /** Writes integers that an operator takes as an input. */
  integers(values: readonly number[]): string {
    return this.constant(`integers/${this.constants.length}`, [values.length], BigInt64Array.from(values, BigInt));
  }

  constant(name: string, shape: readonly number[], values: Float32Array | BigInt64Array): string {
    this.constants.push(tensor(name, shape, values));
    return name;
  }
}

/** Levels as `[images, channels, height, width]`: for each its row of the embedding, or of ones and zeros. */
function nominal(graph: Graph, levels: number): string {
  const embedding = [...graph.tensors.values()].find(({ info }) => info.role === 'embedding');
  const oneHot = () => Float32Array.from({ length: levels ** 2 }, (_, i) => (i % (levels + 1) === 0 ? 1 : 0));
  const table = embedding ? graph.tensor(embedding.info.name) : graph.constant('one-hot', [levels, levels], oneHot());
  return graph.add('Transpose', [graph.add('Gather', [table, 'pixels'])], attribute('perm', [0, 3, 1, 2]));
}

/** Writes a layer, and says what its output is called. */
function write(graph: Graph, layer: Layer, outputs: ReadonlyMap<string, string>): string {
  const output = (name: string): string => {
    const found = outputs.get(name);
    if (found === undefined) throw new Error(`layer "${layer.name}" reads "${name}", which is no layer before it`);
    return found;
  };
  const biases = layer.bias === null ? [] : [graph.tensor(layer.bias)];
  // The first convolution adds the bias.
  const parts = layer.inputs.map((input, index) =>
    convolution(graph, input, output(input.source), index === 0 ? biases : []),
  );
  if (layer.start !== null) parts.unshift(output(layer.start));
  if (layer.class !== null) {
    const vectors = graph.add('Gather', [graph.tensor(layer.class), 'labels']);
    parts.push(graph.add('Unsqueeze', [vectors, graph.integers([2, 3])]));
  }
  const made = cells[layer.cell](
    graph,
    parts.reduce((sum, part) => graph.add('Add', [sum, part])),
  );
  return layer.residual === null ? made : graph.add('Add', [made, output(layer.residual)]);
}

function convolution(graph: Graph, input: LayerInput, source: string, biases: readonly string[]): string {
  const [, , channels, sums] = input.shape;
  const box = boxOf(input);
  const { rows, columns, dilation, pads } = box;
  const { values } = graph.find(input.kernel);
  const kernel = graph.constant(input.kernel, [sums, channels, rows, columns], boxed(values, input, box));
  const around = [pads.top, pads.left, pads.bottom, pads.right];
  const isCut = around.some((pad) => pad < 0);
  // A convolution cannot leave out rows or columns that none of its places reads.
  const read = isCut
    ? graph.add('Pad', [source, graph.integers([0, 0, ...around.slice(0, 2), 0, 0, ...around.slice(2)])])
    : source;
  return graph.add(
    'Conv',
    [read, kernel, ...biases],
    attribute('kernel_shape', [rows, columns]),
    attribute('dilations', [dilation, dilation]),
    attribute('pads', isCut ? [0, 0, 0, 0] : around),
  );
}

/** What a cell makes of its sums. */
const cells: Readonly<Record<CellName, (graph: Graph, sums: string) => string>> = {
  linear: (_, sums) => sums,
  relu: (graph, sums) => graph.add('Relu', [sums]),
  tanh: (graph, sums) => graph.add('Tanh', [sums]),
  sigmoid: (graph, sums) => graph.add('Sigmoid', [sums]),
  gate: (graph, sums) => {
    const [a, b] = graph.halves(sums);
    return graph.add('Mul', [graph.add('Tanh', [a]), graph.add('Sigmoid', [b])]);
  },
  hardGate: (graph, sums) => {
    const [a, b] = graph.halves(sums);
    const hard = graph.add('HardSigmoid', [b], floatAttribute('alpha', 1 / 4), floatAttribute('beta', 1 / 2));
    return graph.add('Mul', [graph.add('Relu', [a]), hard]);
  },
};
