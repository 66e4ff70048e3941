/** What a net is, and what follows from it, as the Rust core says it. */

/** The blueprint of a net. */
export interface Config {
  /** `plain`: the masked residual net of van den Oord et al. 2016 (arXiv:1601.06759, section 3.5). */
  readonly architecture: string;
  /** Rows of an image. */
  readonly height: number;
  /** Columns of an image. */
  readonly width: number;
  /** Channels of a pixel. */
  readonly channels: number;
  /** Values a channel can take, 0 to `levels - 1`. */
  readonly levels: number;
  /** Channels of the residual stream. */
  readonly filters: number;
  /** Residual blocks. */
  readonly blocks: number;
  /** Side of the first kernel (mask A), odd. */
  readonly firstKernel: number;
  /** Side of the kernel in each block (mask B), odd. */
  readonly blockKernel: number;
  /** 1x1 layers between the blocks and the logits. */
  readonly headLayers: number;
  /** Element type of the weights. */
  readonly precision: string;
}

/** One input of a layer. */
export interface LayerInput {
  /** `pixels`, or the name of a layer earlier in the list. */
  readonly source: string;
  /** Name of its kernel, `[kernelSize, kernelSize, channels, outChannels]`. */
  readonly kernel: string;
  readonly kernelSize: number;
  /** `A` hides the pixel that is being computed, `B` shows it, null hides nothing (1x1). */
  readonly mask: 'A' | 'B' | null;
  readonly channels: number;
  /** The positions it reads, `[dy, dx]` from the pixel that is being computed. */
  readonly taps: readonly (readonly [number, number])[];
}

/** One layer of a net. */
export interface Layer {
  readonly name: string;
  readonly inputs: readonly LayerInput[];
  /** Name of its bias, `[outChannels]`. */
  readonly bias: string;
  readonly outChannels: number;
  readonly activation: 'relu' | 'none';
  /** The layer whose output is added after the activation. */
  readonly residual: string | null;
  /** The part of the net it belongs to: `stem`, `blocks.0`, `heads.0`, `logits`. */
  readonly group: string;
  /** Parameters, those that the mask holds at 0 included. */
  readonly parameters: number;
  /** Parameters that can be other than 0. */
  readonly nonZeroParameters: number;
  /** Multiply-adds a pixel, over the causal taps alone. */
  readonly macs: number;
}

/** One tensor of a model file. */
export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  /** Fans of the full kernel, forbidden taps included; 0 for a bias. */
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Everything that follows from a config. */
export interface Description {
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
    readonly pixels: number;
    readonly above: number;
    readonly left: number;
    readonly right: number;
  };
  /** The wavefront: row r may run `slope` columns behind row r - 1, so that an image takes `fronts` steps. */
  readonly schedule: {
    readonly slope: number;
    /** Columns that each layer runs ahead of the logits. */
    readonly leads: readonly number[];
    readonly fronts: number;
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
