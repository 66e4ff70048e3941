/** From a chain of convolutions to a net of pixelcnn's and its weights, which masks hold at 0 where they must be. */

import { show } from '../arguments.js';
import type { Config, Description } from '../config.js';
import type { Core } from '../train/net/core.js';
import type { Chain, Convolution, Part } from './graph.js';
import { refused, shapeText } from './stored.js';

export interface Assembled {
  readonly config: Config;
  /** All tensors, in the order of `Description.tensors`. */
  readonly weights: Float32Array;
  readonly forbidden: Forbidden;
  readonly notes: readonly string[];
}

/** Weights that a mask forbids: those that were not 0. Keras keeps them in the file, and leaves them out when it computes. */
export interface Forbidden {
  readonly count: number;
  /** The largest of them, and of those that are allowed in the same kernels, by size. */
  readonly largest: number;
  readonly largestAllowed: number;
}

export interface AssembleOptions {
  /** Height and width of the images, where the file does not tell or others are wanted. */
  readonly size?: readonly [height: number, width: number] | undefined;
  /** What the file says itself, for what shapes do not tell: whether levels are read as numbers or one-hot. */
  readonly told?: Config | undefined;
}

/** The net of a chain; refuses one that is none of pixelcnn's. */
export function configOf(chain: Chain, { size = chain.size, told }: AssembleOptions): Config {
  const stem = chain.parts[0];
  const { blocks, heads, logits } = rolesOf(chain);
  if (stem === undefined || stem.convolutions.length !== 1 || logits === undefined || logits === stem) {
    throw refused(
      `expected a masked convolution, residual blocks, and convolutions to the logits, got ${chain.parts.length} layers with weights`,
    );
  }
  if (size === undefined) {
    throw refused(
      'expected to be told the size of images, which the file does not tell: --size 28x28 where they have 28 rows and columns',
    );
  }
  const first = stem.convolutions[0]!;
  const [, , channels, filters] = first.kernel.shape as [number, number, number, number];
  const firstKernel = checkMasked(stem, first, 'A');
  const shaped = (one: Convolution, shape: readonly number[]) => {
    if (String(one.kernel.shape) === String(shape)) return;
    throw refused(
      `expected a kernel ${shapeText(shape)} of ${one.name}, as it comes after others, got ${shapeText(one.kernel.shape)}`,
    );
  };
  const sides = blocks.map((part) => {
    const [before, masked, after] = part.convolutions as [Convolution, Convolution, Convolution];
    const side = checkMasked(part, masked, 'B');
    shaped(before, [1, 1, filters, filters]);
    shaped(masked, [side, side, filters, filters / 2]);
    shaped(after, [1, 1, filters / 2, filters]);
    return side;
  });
  const odd = sides.findIndex((side) => side !== sides[0]);
  if (odd > 0) {
    throw refused(
      `expected blocks of one kernel, ${sides[0]}x${sides[0]}, got ${sides[odd]}x${sides[odd]} in ${show(blocks[odd]!.layer)}`,
    );
  }
  for (const head of heads) {
    if (head.mask === 'A')
      throw refused(`expected mask B in ${show(head.layer)}, since A would hide all that it reads, got A`);
    shaped(head.convolutions[0]!, [1, 1, filters, filters]);
  }
  const outputs = logits.convolutions[0]!.kernel.shape[3]!;
  if (logits.mask === 'A') throw refused(`expected mask B, or none, in ${show(logits.layer)}, got A`);
  shaped(logits.convolutions[0]!, [1, 1, filters, outputs]);
  checkOutput(logits, outputs);
  return {
    architecture: 'plain',
    ...{ height: size[0], width: size[1], channels: 1 },
    ...levelsOf(channels, outputs, chain.oneHot ? 'nominal' : told && (told.input ?? 'ordinal')),
    ...activationOf([stem, ...blocks, ...heads]),
    ...{
      filters,
      blocks: blocks.length,
      firstKernel,
      blockKernel: sides[0] ?? told?.blockKernel ?? 3,
      headLayers: heads.length,
    },
    precision: 'f32',
  };
}

interface Roles {
  readonly blocks: readonly Part[];
  readonly heads: readonly Part[];
  readonly logits: Part | undefined;
}

/** What comes after the stem: blocks, and then single convolutions, of which the last makes the logits. */
function rolesOf({ parts }: Chain): Roles {
  const after = parts.slice(1);
  const end = after.findIndex(({ convolutions }) => convolutions.length === 1);
  const [blocks, points] = end < 0 ? [after, []] : [after.slice(0, end), after.slice(end)];
  const late = points.find(({ convolutions }) => convolutions.length > 1);
  if (late !== undefined)
    throw refused(`expected residual blocks one after the other, got ${show(late.layer)} after another layer`);
  return { blocks, heads: points.slice(0, -1), logits: points.at(-1) };
}

/** The side of a masked kernel. */
function checkMasked(part: Part, { name, kernel }: Convolution, mask: 'A' | 'B'): number {
  const [rows, columns] = kernel.shape as [number, number];
  if (rows !== columns || rows % 2 === 0)
    throw refused(`expected a square kernel of odd side of ${name}, got ${rows}x${columns}`);
  if (part.mask === undefined || part.mask === mask) return rows;
  // Without a mask a kernel of one place, which sees its own pixel alone, is what mask B makes of it.
  if (part.mask === 'none' && mask === 'B' && rows === 1) return rows;
  const got =
    part.mask === 'none'
      ? 'a convolution without a mask, so that the net sees pixels before they are drawn'
      : part.mask;
  throw refused(`expected mask ${mask} of ${name}, got ${got}`);
}

function checkOutput({ layer, activation = 'linear' }: Part, outputs: number): void {
  const fits = outputs === 1 ? ['linear', 'sigmoid'] : ['linear', 'softmax'];
  if (fits.includes(activation)) return;
  throw refused(
    `expected ${fits.join(' or ')} of ${show(layer)}, which makes ${outputs === 1 ? 'the logit' : `${outputs} logits`}, got ${show(activation)}`,
  );
}

/** What levels are to the net, by what it reads and what it makes. */
function levelsOf(channels: number, outputs: number, input: string | undefined): Pick<Config, 'levels' | 'input'> {
  if (channels === 1 && outputs === 1 && input !== 'nominal') return { levels: 2 };
  if (channels === 2 && outputs === 1 && input === 'nominal') return { levels: 2, input };
  if (channels === outputs && outputs > 2) return { levels: outputs, input: 'nominal' };
  if (channels === 1 && outputs > 2 && input === 'ordinal') return { levels: outputs };
  if (channels === 2 && outputs === 2)
    throw refused('expected one logit of two levels, for a sigmoid, got a softmax of two');
  if (channels === 1 && outputs > 1) {
    const got = 'got one channel, of which the file does not tell what values the net was trained on';
    throw refused(`expected ${outputs} one-hot channels as the input of a net of ${outputs} outputs, ${got}`);
  }
  const got = `got ${channels} channels and ${outputs} output${outputs === 1 ? '' : 's'}`;
  throw refused(`expected images of one channel with one output, or of K one-hot channels with K outputs, ${got}`);
}

/** One activation for all hidden layers; that of the example, relu, where none tells any. */
function activationOf(hidden: readonly Part[]): Pick<Config, 'activation'> {
  const told = hidden.filter(({ activation }) => activation !== undefined);
  const activation = told[0]?.activation ?? 'relu';
  const other = told.find((part) => part.activation !== activation);
  if (other !== undefined) {
    throw refused(
      `expected one activation in all hidden layers, got ${show(activation)} and, in ${show(other.layer)}, ${show(other.activation)}`,
    );
  }
  const silent = hidden.find((part) => part.activation === undefined);
  if (!['relu', 'tanh', 'sigmoid'].includes(activation)) {
    throw refused(
      `expected relu, tanh or sigmoid in hidden layers, got ${show(activation)} in ${show(hidden[0]!.layer)}`,
    );
  }
  if (activation !== 'relu' && silent !== undefined) {
    throw refused(
      `expected all hidden layers to tell their activation, where it is not relu, got none of ${show(silent.layer)}`,
    );
  }
  return activation === 'relu' ? {} : { activation };
}

/** The convolution of each layer of the core's, by its name. */
function placesOf(chain: Chain): Map<string, Convolution> {
  const { blocks, heads, logits } = rolesOf(chain);
  return new Map([
    ['stem', chain.parts[0]!.convolutions[0]!],
    ...blocks.flatMap(({ convolutions }, block) =>
      ['in', 'conv', 'out'].map((part, i) => [`blocks.${block}.${part}`, convolutions[i]!] as const),
    ),
    ...heads.map(({ convolutions }, head) => [`heads.${head}`, convolutions[0]!] as const),
    ['logits', logits!.convolutions[0]!],
  ]);
}

/** Reads the weights of a net; `net` is the description of what {@link configOf} has found. */
export function weightsOf(chain: Chain, net: Description): { weights: Float32Array; forbidden: Forbidden } {
  const places = placesOf(chain);
  const inputs = new Map(net.layers.flatMap(({ inputs }) => inputs.map((input) => [input.kernel, input] as const)));
  const weights = new Float32Array(net.parameters);
  let [offset, count, largest, largestAllowed] = [0, 0, 0, 0];
  for (const { name, role, shape } of net.tensors) {
    const convolution = places.get(name.slice(0, name.lastIndexOf('.')))!;
    const size = shape.reduce((a, b) => a * b, 1);
    const variable = role === 'bias' ? convolution.bias : convolution.kernel;
    const values = variable?.read() ?? new Float32Array(size);
    if (values.length !== size) throw refused(`expected ${size} numbers at ${variable?.name}, got ${values.length}`);
    const input = inputs.get(name);
    if (input !== undefined) {
      const allowed = new Set(input.places);
      const perPlace = shape[2]! * shape[3]!;
      for (const [i, value] of values.entries()) {
        if (allowed.has(Math.floor(i / perPlace))) {
          if (allowed.size < shape[0]! * shape[1]!) largestAllowed = Math.max(largestAllowed, Math.abs(value));
        } else if (value !== 0) {
          count++;
          largest = Math.max(largest, Math.abs(value));
          values[i] = 0;
        } else {
          values[i] = 0; // -0 too, which the file of a model does not hold
        }
      }
    }
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0)
      throw refused(
        `expected finite weights, got ${values[wrong]} at ${variable?.name}; the training of this model has failed`,
      );
    weights.set(values, offset);
    offset += size;
  }
  return { weights, forbidden: { count, largest, largestAllowed } };
}

/** A net and its weights. */
export function assemble(core: Core, chain: Chain, options: AssembleOptions): Assembled {
  const config = configOf(chain, options);
  let net: Description;
  try {
    net = core.describe(config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^config: /, '') : String(cause);
    throw refused(`expected a net within pixelcnn's bounds, got one of which ${reason}`, cause);
  }
  return { config: net.config, ...weightsOf(chain, net), notes: chain.notes };
}
