/** What a net is, and what follows from it, as the Rust core says it. */

/**
 * The blueprint of a net. A field that may be left out has a default, under which the net is what it was before there was
 * such a field; the core writes those alone that differ from it.
 */
export interface Config {
  /**
   * `plain`: the masked residual net of van den Oord et al. 2016a (arXiv:1601.06759, section 3.5). `gated`: the two stacks of
   * van den Oord et al. 2016b (arXiv:1606.05328), which have no blind spot.
   */
  readonly architecture: string;
  /** Rows of an image. */
  readonly height: number;
  /** Columns of an image. */
  readonly width: number;
  /** Channels of a pixel. */
  readonly channels: number;
  /** Values a channel can take, 0 to `levels - 1`; 2 to 512. Of two, a net has one logit; of more, one for each. */
  readonly levels: number;
  /** Channels of the residual stream. */
  readonly filters: number;
  /** Residual blocks. */
  readonly blocks: number;
  /** Side of the first kernel, which does not see the pixel itself, odd. */
  readonly firstKernel: number;
  /** Side of the kernel in each block, odd. */
  readonly blockKernel: number;
  /** 1x1 layers between the blocks and the logits. */
  readonly headLayers: number;
  /** Element type of the weights. */
  readonly precision: string;
  /**
   * `ordinal`: a level is a quantity, and the net reads level / (levels - 1). `nominal`: it is one of several kinds, and the
   * net reads it one-hot, or through an embedding. Default: `ordinal`.
   */
  readonly input?: string;
  /** Of nominal levels: channels of the vector that stands for a level, 1 to 512; 0 for one-hot. Default: 0. */
  readonly embedding?: number;
  /** How many classes images are of, 2 to 1024; 0 for none. Default: 0. */
  readonly classes?: number;
  /**
   * What a hidden layer makes of its sums. Of plain nets `relu`, `tanh` or `sigmoid`; of gated ones `tanh`, the paper's gate
   * tanh(a) * sigmoid(b), or `relu`, relu(a) * clamp(b / 4 + 1/2, 0, 1). Default: `relu` and `tanh`.
   */
  readonly activation?: string;
  /** Of plain nets: columns that a block's kernel leans to the right for each row above, 0 to 8. Default: 0. */
  readonly lean?: number;
  /** How many pixels apart the taps of block b's kernel are: `dilations[b % dilations.length]`, each 1 to 16. Default: [1]. */
  readonly dilations?: readonly number[];
}

/** A config with each field that may be left out. */
export function completeConfig(config: Config): Required<Config> {
  return {
    ...{ input: 'ordinal', embedding: 0, classes: 0, lean: 0, dilations: [1] },
    activation: config.architecture === 'gated' ? 'tanh' : 'relu',
    ...config,
  };
}

/** One input of a layer. */
export interface LayerInput {
  /** `pixels`, or the name of a layer earlier in the list. */
  readonly source: string;
  /** Name of its kernel. */
  readonly kernel: string;
  /** Of the kernel: `[rows, columns, channels, sums]`. */
  readonly shape: readonly [number, number, number, number];
  /** The positions it reads, `[dy, dx]` from the pixel that is being computed. */
  readonly taps: readonly (readonly [number, number])[];
  /** Where in the kernel the weights of each tap are: row * columns + column. All other places are 0. */
  readonly places: readonly number[];
}

/**
 * What makes a layer's outputs of its sums: one of one, or, of a gate, one of two, the first half of the sums being a, the
 * second b.
 */
export type CellName = 'linear' | 'relu' | 'tanh' | 'sigmoid' | 'gate' | 'hardGate';

/**
 * One layer of a net. A sum is its bias and, of a net with classes, the vector of the image's class, or else what the layer
 * `start` has put out at the same position; then each input's taps are added. Outputs are what the cell makes of the sums,
 * and the outputs of the layer `residual` besides.
 */
export interface Layer {
  /** Of which its tensors are named. */
  readonly name: string;
  /** What is summed. */
  readonly inputs: readonly LayerInput[];
  /** The layer that the sums begin with; null where they begin with the bias. */
  readonly start: string | null;
  /** Name of its bias, `[sums]`; null where it has none. */
  readonly bias: string | null;
  /** Name of its class vectors, `[classes, sums]`; null where it has none. */
  readonly class: string | null;
  /** Sums at a position. */
  readonly sums: number;
  /** Outputs at a position, which the cell makes of the sums. */
  readonly outChannels: number;
  /** What makes outputs of sums. */
  readonly cell: CellName;
  /** The layer whose outputs are added to those of the cell. */
  readonly residual: string | null;
  /** The part of the net it belongs to: `stem`, `blocks.0`, `heads.0`, `logits`. */
  readonly group: string;
  /** Parameters, those that are held at 0 included. */
  readonly parameters: number;
  /** Parameters that can be other than 0. */
  readonly nonZeroParameters: number;
  /** Multiply-adds a pixel, over the causal taps alone. */
  readonly macs: number;
}

/** One tensor of a model file. */
export interface TensorInfo {
  /** In the model file. */
  readonly name: string;
  /** What it is for: weights of taps, biases, vectors of classes or of levels, or how far integers are shifted. */
  readonly role: 'kernel' | 'bias' | 'class' | 'embedding' | 'shift';
  /** Of a kernel `[rows, columns, channels, sums]`. */
  readonly shape: readonly number[];
  /** Weights that go into a sum, of the full kernel, forbidden places included; 0 for what is no kernel. */
  readonly fanIn: number;
  /** Weights that an input goes into, counted alike. */
  readonly fanOut: number;
}

/** Everything that follows from a config. */
export interface Description {
  /** What all the rest follows from. */
  readonly config: Config;
  /** In the order of computation. */
  readonly layers: readonly Layer[];
  /** In the order of the model file. */
  readonly tensors: readonly TensorInfo[];
  /** Parameters, those that masks hold at 0 included. */
  readonly parameters: number;
  /** Parameters that can be other than 0. */
  readonly nonZeroParameters: number;
  /** The earlier pixels that a pixel depends on: how many, and how far they reach, in pixels. */
  readonly receptiveField: {
    /** How many. */
    readonly pixels: number;
    /** Rows above. */
    readonly above: number;
    /** Columns to the left. */
    readonly left: number;
    /** Columns to the right, in rows above. */
    readonly right: number;
  };
  /** The wavefront: row r may run `slope` columns behind row r - 1, so that an image takes `fronts` steps. */
  readonly schedule: {
    /** Columns. */
    readonly slope: number;
    /** Columns that each layer runs ahead of the logits. */
    readonly leads: readonly number[];
    /** Of an image. */
    readonly fronts: number;
    /** The mean over all fronts. */
    readonly pixelsPerFront: number;
  };
  /** Multiply-adds for a pixel with kept activations. */
  readonly macsPerPixel: number;
  /** Multiply-adds for an image with kept activations. */
  readonly macsPerImage: number;
  /** Multiply-adds for an image where a framework runs the whole net, masked taps included, once for each pixel. */
  readonly naiveMacsPerImage: number;
  /** Bytes of activations kept for one image. */
  readonly stateBytes: number;
}
