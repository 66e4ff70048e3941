/**
 * From a stored model to the convolutions of a plain net, in their order. Where the file describes the net, layer by layer, each is
 * looked at, and what pixelcnn's nets do not do is refused by name; where it holds weights alone, their names and shapes decide.
 */

import { show } from '../arguments.js';
import {
  addTo,
  at,
  product,
  refused,
  type StoredModel,
  shapeText,
  thousands,
  type Variable,
  written,
} from './stored.js';

/** One convolution. */
export interface Convolution {
  /** What it is called in messages: its layer, and where in it. */
  readonly name: string;
  /** `[rows, columns, in, out]`. */
  readonly kernel: Variable;
  /** `[out]`; undefined for zeros. */
  readonly bias: Variable | undefined;
}

/** A layer of one convolution, or a residual block of three: 1x1, masked, 1x1. */
export interface Part {
  readonly layer: string;
  readonly convolutions: readonly Convolution[];
  /** Undefined where the file does not tell. */
  readonly mask: 'A' | 'B' | 'none' | undefined;
  /** What it makes of its sums, as Keras names it; undefined where the file does not tell. */
  readonly activation: string | undefined;
}

/** A net as a chain of parts. */
export interface Chain {
  readonly parts: readonly Part[];
  /** Height and width of its images, where the file tells. */
  readonly size: readonly [height: number, width: number] | undefined;
  /** Whether it takes codes and makes one-hot channels of them itself. */
  readonly oneHot: boolean;
  /** What a user should know, a sentence each. */
  readonly notes: readonly string[];
}

/** The most layers: 256 blocks written out, and then some. */
const mostLayers = 4096;

export function chainOf(model: StoredModel): Chain {
  return model.topology === undefined ? chainOfWeights(model) : chainOfLayers(model, model.topology);
}

// Files that describe the net

/** Layers that do nothing when a model is used. */
const idle = [
  'Dropout',
  'SpatialDropout2D',
  'AlphaDropout',
  'GaussianDropout',
  'GaussianNoise',
  'ActivityRegularization',
  'Identity',
];

/** Layers that only make one-hot channels of codes; of a Lambda, the file has no more than compiled Python. */
const encoders = ['OneHot', 'CategoryEncoding', 'TFOpLambda', 'Lambda'];

interface LayerEntry {
  /** Its own; where the file tells none, what it is called here. */
  readonly name: string;
  readonly isNameless: boolean;
  readonly kind: string;
  readonly config: unknown;
  /** The layers whose outputs it reads. */
  readonly reads: readonly string[];
}

function chainOfLayers(model: StoredModel, topology: unknown): Chain {
  const { entries, output } = layersOf(topology);
  const used = new Set<string>();
  const variables = finder(model, used);
  const parts: Part[] = [];
  const notes: string[] = [];
  /** Options of classes of somebody's own. */
  const unknown = new Map<string, string[]>();
  /** What each part reads, by which a sum is known to be that of a block with what went into it. */
  const inputs: string[] = [];
  let current: string | undefined;
  let size: Chain['size'];
  let oneHot = false;
  for (const entry of entries) {
    const { name, kind, config, reads } = entry;
    const own = variables(entry);
    if (kind === 'InputLayer') {
      if (current !== undefined) throw refused(`expected one input, got another, ${show(name)}`);
      size = sizeOf(config);
      current = name;
      continue;
    }
    if (current === undefined) size = sizeOf(config); // a Sequential model has its input in its first layer
    const [input, sum]: [string, boolean] = [current ?? '', kind === 'Add'];
    if (sum) {
      const begin = inputs[parts.length - 3];
      if (reads.length !== 2 || begin === undefined || !reads.includes(input) || !reads.includes(begin)) {
        throw refused(`expected ${show(name)} (Add) to add three convolutions to what they read, got another sum`);
      }
      const three = parts.splice(-3);
      inputs.splice(-2);
      parts.push(blockOf(name, three));
    } else if (current !== undefined && entry.reads.length > 0 && !(reads.length === 1 && reads[0] === input)) {
      throw refused(
        `expected layers that read the one before, got ${show(name)} (${show(kind)}), which reads ${reads.map(show).join(', ')}`,
      );
    } else if (idle.includes(kind)) {
      if (kind !== 'Identity')
        notes.push(`the layer ${show(name)} (${kind}) is left out: it does nothing but in training`);
    } else if (encoders.includes(kind) && parts.length === 0 && own.length === 0) {
      if (oneHot) throw refused(`expected one layer that makes one-hot channels, got another, ${show(name)}`);
      oneHot = true;
      checkEncoder(name, kind, config);
      if (kind === 'Lambda') {
        notes.push(
          `the layer ${show(name)} (Lambda) is taken for one that makes one-hot channels of codes: its program cannot be read`,
        );
      }
    } else if (kind === 'Activation' || activationLayers[kind] !== undefined) {
      activate(parts, name, kind === 'Activation' ? activationOf(config) : plainActivation(name, kind, config));
    } else {
      parts.push(partOf(entry, own));
      inputs.push(input);
      for (const option of unknownOptions(entry)) addTo(unknown, kind, option);
    }
    current = name;
  }
  for (const [kind, options] of unknown) {
    const which = [...new Set(options)].map(show).join(', ');
    notes.push(
      `layers of the class ${show(kind)} are taken for those of the Keras example, whatever their options ${which} mean: no file holds ` +
        'their program',
    );
  }
  if (output !== undefined && output !== current) {
    throw refused(`expected the last layer, ${show(current)}, to be the output, got ${show(output)}`);
  }
  const left = [...model.groups].find(([name, own]) => own.length > 0 && !used.has(name));
  if (left !== undefined)
    throw refused(`expected weights of the layers of the net alone, got others, of ${show(left[0])}`);
  return { parts, size, oneHot, notes };
}

/** The layers of a model in the order in which they are computed, and the one that is its output. */
function layersOf(topology: unknown): { entries: LayerEntry[]; output: string | undefined } {
  const kind = at(topology, 'class_name');
  const layers = at(topology, 'config', 'layers') ?? at(topology, 'config');
  if (!['Functional', 'Model', 'Sequential'].includes(kind as string) || !Array.isArray(layers)) {
    const got = `got one of the class ${show(kind)}, whose layers the file does not tell`;
    throw refused(
      `expected a functional or a sequential model, ${got}; give its .weights.h5, where its layers have the example's names`,
    );
  }
  if (layers.length === 0) throw refused('expected a model with layers, got one without');
  if (layers.length > mostLayers)
    throw refused(`expected at most ${thousands(mostLayers)} layers, got ${thousands(layers.length)}`);
  const entries = (layers as readonly unknown[]).map((layer, index): LayerEntry => {
    const [kind, nodes] = [at(layer, 'class_name'), at(layer, 'inbound_nodes') ?? []];
    // Keras leaves out the names of a Sequential model's own layers, which nothing refers to.
    const own = at(layer, 'name') ?? at(layer, 'config', 'name');
    const name = own ?? `layer ${index}`;
    if (typeof name !== 'string' || typeof kind !== 'string' || !Array.isArray(nodes)) {
      throw refused('expected the name and the class of each layer, got others; the file may be damaged');
    }
    if (nodes.length > 1)
      throw refused(`expected layers that are called once, got ${show(name)}, called ${nodes.length} times`);
    return { name, isNameless: own === undefined, kind, config: at(layer, 'config'), reads: sourcesOf(nodes) };
  });
  const outputs = sourcesOf(at(topology, 'config', 'output_layers'));
  if (outputs.length > 1) throw refused(`expected a model of one output, got ${outputs.length}`);
  return { entries, output: outputs[0] };
}

/**
 * The layers that a node reads: `[name, 0, 0]` somewhere in lists, or as `keras_history` of a tensor. Walked without recursion, as
 * nobody has looked at it.
 */
function sourcesOf(nodes: unknown): string[] {
  const found: string[] = [];
  const left = [nodes];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    const [name, node] = Array.isArray(next) ? (next as readonly unknown[]) : [];
    if (typeof name === 'string' && typeof node === 'number') found.push(name);
    else for (const value of Object.values(next).reverse()) left.push(value);
  }
  return found;
}

/** Keras and TensorFlow.js say a shape in one of these ways, with the number of images first. */
function sizeOf(config: unknown): Chain['size'] {
  const shape = at(config, 'batch_shape') ?? at(config, 'batch_input_shape');
  if (!Array.isArray(shape)) return undefined;
  if (shape.length !== 3 && shape.length !== 4) {
    throw refused(
      `expected images [height, width, channels], or codes [height, width], as the input, got ${show(shape)}`,
    );
  }
  const [height, width] = shape.slice(1) as readonly unknown[];
  return typeof height === 'number' && typeof width === 'number' ? [height, width] : undefined;
}

function checkEncoder(name: string, kind: string, config: unknown): void {
  const [does, mode, axis] = [at(config, 'function'), at(config, 'output_mode'), at(config, 'axis') ?? -1];
  const fits =
    kind === 'TFOpLambda' ? String(does).includes('one_hot') : kind !== 'CategoryEncoding' || mode === 'one_hot';
  if (!fits || (axis !== -1 && axis !== 3)) {
    throw refused(`expected ${show(name)} (${kind}) to make one-hot channels, the last axis, of codes, got another`);
  }
}

/** Layers that are an activation of the layer before. */
const activationLayers: Readonly<Record<string, string>> = { ReLU: 'relu', Softmax: 'softmax' };

function plainActivation(name: string, kind: string, config: unknown): string {
  const isPlain = ([key, value]: [string, unknown]) => (at(config, key) ?? value) === value;
  const plain = Object.entries({ max_value: null, negative_slope: 0, threshold: 0, axis: -1 });
  if (!plain.every((option) => isPlain(option) || at(config, option[0]) === null)) {
    throw refused(`expected ${show(name)} (${kind}) without options, got some`);
  }
  return activationLayers[kind]!;
}

function activate(parts: Part[], name: string, activation: string | undefined): void {
  const last = parts.pop();
  if (last === undefined || last.convolutions.length > 1 || (last.activation ?? 'linear') !== 'linear') {
    throw refused(
      `expected a layer of activation, ${show(name)}, after a convolution that has none itself, got it elsewhere`,
    );
  }
  parts.push({ ...last, activation });
}

/** The variables of a layer; the groups that were asked for go to `used`. */
function finder(model: StoredModel, used: Set<string>): (entry: LayerEntry) => readonly Variable[] {
  const counts = new Map<string, number>();
  const inOrder = model.ordered ? [...model.groups.keys()] : [];
  let place = 0;
  const groupOf = ({ name, isNameless, kind }: LayerEntry): string => {
    const here = kind === 'InputLayer' ? undefined : inOrder[place++];
    if (model.groupedBy === 'layer') return isNameless ? (here ?? name) : name;
    // What is no layer, an operation such as OneHot, is not counted in the file; there is none of its name.
    const base = snakeCase(kind);
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    return count === 0 ? base : `${base}_${count}`;
  };
  return (entry) => {
    const group = groupOf(entry);
    used.add(group);
    return model.groups.get(group) ?? [];
  };
}

/** A class's name as Keras 3 makes a group's of it: `PixelConvLayer` is `pixel_conv_layer`, `Conv2D` `conv2d`. */
function snakeCase(name: string): string {
  return name
    .replace(/\W/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** Options of layers of the example, and those that Keras and TensorFlow.js write of any layer, or of its convolutions. */
const knownOptions = [
  ...['name', 'trainable', 'dtype', 'batch_shape', 'batch_input_shape', 'input_shape', 'build_config', 'autocast'],
  ...['filters', 'kernel_size', 'strides', 'padding', 'data_format', 'dilation_rate', 'groups'],
  ...['activation', 'use_bias', 'activity_regularizer', 'mask_type', 'mask'],
  ...['kernel', 'bias'].flatMap((what) => [`${what}_initializer`, `${what}_regularizer`, `${what}_constraint`]),
];

/** Options that the config of somebody's own class has, and that say nothing here. */
function unknownOptions({ kind, config }: LayerEntry): string[] {
  if (kind === 'Conv2D' || typeof config !== 'object' || config === null) return [];
  // TensorFlow.js writes them as Keras does, or in its own way.
  return Object.keys(config).filter((option) => !knownOptions.includes(snakeCase(option)));
}

/** A layer with weights. */
function partOf({ name, kind, config }: LayerEntry, own: readonly Variable[]): Part {
  const where = `${show(name)} (${show(kind).slice(1, -1)})`;
  const convolutions = convolutionsOf(name, own, at(config, 'use_bias') === false);
  if (convolutions === undefined) {
    if (own.length === 0)
      throw refused(
        `expected layers that pixelcnn has, got ${where}, which it does not, or whose weights are not in the file`,
      );
    const shapes = own
      .slice(0, 4)
      .map(({ shape }) => shapeText(shape))
      .join(', ');
    throw refused(
      `expected a convolution, or a residual block of three, with their biases, got ${where} with weights ${shapes}`,
    );
  }
  checkOptions(where, config, convolutions);
  const told = at(config, 'mask_type') ?? at(config, 'mask');
  const type = typeof told === 'string' ? told.toUpperCase() : undefined;
  const mask = type === 'A' || type === 'B' ? type : undefined;
  return { layer: name, convolutions, mask: kind === 'Conv2D' ? 'none' : mask, activation: activationOf(config) };
}

/** Refuses what a convolution of pixelcnn's would not do. */
function checkOptions(where: string, config: unknown, convolutions: readonly Convolution[]): void {
  const isPoint = convolutions.every(({ kernel }) => kernel.shape[0] === 1 && kernel.shape[1] === 1);
  const wanted: readonly [name: string, fits: (value: unknown) => boolean, words: string][] = [
    ['strides', (value) => all(value, 1), '1'],
    ['dilation_rate', (value) => all(value, 1), '1'],
    ['groups', (value) => value === 1, '1'],
    ['data_format', (value) => value === 'channels_last' || value === null, 'channels_last'],
    ['padding', (value) => value === 'same' || isPoint, 'same'],
  ];
  for (const [name, fits, words] of wanted) {
    const value = at(config, name);
    if (value !== undefined && !fits(value))
      throw refused(`expected ${name} ${words} of ${where}, got ${written(value)}`);
  }
}

const all = (value: unknown, wanted: number): boolean =>
  Array.isArray(value) ? value.every((part) => part === wanted) : value === wanted;

/** The name of an activation, which may be wrapped up as an object; undefined where the file tells none. */
function activationOf(config: unknown): string | undefined {
  const told = at(config, 'activation');
  if (told === undefined) return undefined;
  if (told === null) return 'linear';
  const name = typeof told === 'string' ? told : (at(told, 'config') ?? at(told, 'class_name'));
  return typeof name === 'string' ? name.toLowerCase() : 'of a kind that the file does not name';
}

/** Three convolutions and a sum, written out. */
function blockOf(name: string, three: readonly Part[]): Part {
  const [first, middle, last] = three as [Part, Part, Part];
  if (three.some(({ convolutions }) => convolutions.length !== 1)) {
    throw refused(`expected ${show(name)} (Add) to add three convolutions to what they read, got other layers`);
  }
  const told = new Set(three.flatMap(({ activation }) => activation ?? []));
  const silent = three.find(({ activation }) => activation === undefined);
  if (told.size > 1 || (silent !== undefined && told.size > 0 && !told.has('relu'))) {
    const got = [...told].map(show).join(', ') + (silent === undefined ? '' : ` and nothing of ${show(silent.layer)}`);
    throw refused(`expected one activation in the block that ${show(name)} ends, got ${got}`);
  }
  return {
    layer: first.layer,
    convolutions: [first, middle, last].map(({ convolutions }) => convolutions[0]!),
    mask: middle.mask,
    activation: [...told][0],
  };
}

/** The convolutions of a layer, in the order of a block where they are three; undefined where they are something else. */
function convolutionsOf(layer: string, variables: readonly Variable[], withoutBias = false): Convolution[] | undefined {
  const places = new Map<string, Variable[]>();
  for (const variable of variables) {
    const place = variable.name.split('/').slice(0, -1).join('/');
    addTo(places, place, variable);
  }
  const convolutions = [...places].map(([place, own]): Convolution | undefined => {
    const [kernel, bias] = [own.find(({ shape }) => shape.length === 4), own.find(({ shape }) => shape.length === 1)];
    const isWhole = kernel !== undefined && (bias === undefined ? withoutBias : bias.shape[0] === kernel.shape[3]);
    if (!isWhole || own.length !== (bias === undefined ? 1 : 2)) return undefined;
    return { name: places.size === 1 ? show(layer) : `${show(layer)} at ${place}`, kernel, bias };
  });
  if (!convolutions.every((one) => one !== undefined)) return undefined;
  if (convolutions.length === 1) return convolutions;
  return convolutions.length === 3 ? inBlockOrder(convolutions) : undefined;
}

/** By their shapes: from F channels to F, to F / 2, to F again; the one between sees more than its own pixel, mostly. */
function inBlockOrder(three: readonly Convolution[]): Convolution[] | undefined {
  const filters = Math.max(...three.map(({ kernel }) => kernel.shape[3]!));
  const from = (channels: number, to: number) =>
    three.find(({ kernel }) => kernel.shape[2] === channels && kernel.shape[3] === to);
  const order = [from(filters, filters), from(filters, filters / 2), from(filters / 2, filters)];
  return order.every((one) => one !== undefined) ? order : undefined;
}

// Files of weights alone

/**
 * The chain of weights without a word on the net. Names tell a block's layers from others, and number those of a class; shapes
 * tell the first layer, which alone sees more than a pixel, and the last, which has other outputs or is of a class of its own.
 */
function chainOfWeights({ groups }: StoredModel): Chain {
  const layers = [...groups]
    .filter(([, variables]) => variables.length > 0)
    .map(([name, variables]) => {
      const convolutions = convolutionsOf(name, variables);
      if (convolutions === undefined) {
        const shapes = variables
          .slice(0, 4)
          .map(({ shape }) => shapeText(shape))
          .join(', ');
        throw refused(
          `expected convolutions, or residual blocks of three, with their biases, got weights ${shapes} of ${show(name)}`,
        );
      }
      const [, base = name, number = '0'] = /^(.*?)(?:_(\d+))?$/.exec(name) ?? [];
      return { name, base, number: Number(number), convolutions };
    });
  type Layer = (typeof layers)[number];
  const notes = [
    'the file holds weights alone: activations and the order of layers are taken to be those of the Keras example',
  ];
  const chain = (list: readonly Layer[]): Chain => ({
    parts: list.map(({ name, convolutions }) => ({
      layer: name,
      convolutions,
      mask: undefined,
      activation: undefined,
    })),
    size: undefined,
    oneHot: false,
    notes,
  });
  const advice = 'give the file of the whole model, which `model.save` writes';
  const blocks = layers.filter(({ convolutions }) => convolutions.length === 3);
  const single = layers.filter(({ convolutions }) => convolutions.length === 1);
  const sees = ({ convolutions }: Layer) => product(convolutions[0]!.kernel.shape.slice(0, 2)) > 1;
  const stems = single.filter(sees);
  const [stem] = stems;
  if (stem === undefined || stems.length > 1) {
    throw refused(`expected one layer that sees more than a pixel, beside blocks, got ${stems.length}; ${advice}`);
  }
  const filters = stem.convolutions[0]!.kernel.shape[3];
  const points = single.filter((layer) => layer !== stem);
  const outputs = points.filter(({ convolutions }) => convolutions[0]!.kernel.shape[3] !== filters);
  const others = points.filter(({ base }) => base !== stem.base);
  const [last] = outputs.length > 0 ? outputs : others;
  const heads = points.filter((layer) => layer !== last);
  const oneClass = (list: readonly Layer[]) => new Set(list.map(({ base }) => base)).size <= 1;
  if (last === undefined || (outputs.length === 0 && others.length > 1) || !oneClass(blocks) || !oneClass(heads)) {
    throw refused(
      `expected names that tell the order of layers, got ${layers
        .slice(0, 6)
        .map(({ name }) => show(name))
        .join(', ')}; ${advice}`,
    );
  }
  const inOrder = (list: readonly Layer[]) => [...list].sort((a, b) => a.number - b.number);
  return chain([stem, ...inOrder(blocks), ...inOrder(heads), last]);
}
