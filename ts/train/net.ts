// The net as the trainer sees it: the list of layers that the Rust core expands from a config, and the three services
// of the core that training needs. Nothing in ts/train knows an architecture; it walks this list.

/** What a model is, in the words of the file format. */
export interface NetConfig {
  readonly architecture: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly levels: number;
  readonly filters: number;
  readonly blocks: number;
  readonly firstKernel: number;
  readonly blockKernel: number;
  readonly headLayers: number;
  readonly precision: string;
}

/** The Keras example's net: 532,673 parameters, of which 365,633 can be non-zero. */
export const referenceConfig: NetConfig = {
  architecture: 'plain',
  height: 28,
  width: 28,
  channels: 1,
  levels: 2,
  filters: 128,
  blocks: 5,
  firstKernel: 7,
  blockKernel: 3,
  headLayers: 2,
  precision: 'f32',
};

export interface LayerInput {
  /** `pixels` or the name of a layer that stands earlier in the list. */
  readonly source: string;
  /** Name of the kernel tensor, `[kernelSize, kernelSize, channels, outChannels]`. */
  readonly kernel: string;
  readonly kernelSize: number;
  readonly mask: 'A' | 'B' | null;
  readonly channels: number;
  /** The positions this kernel may read, as `[dy, dx]` from the pixel it computes. */
  readonly taps: readonly (readonly [number, number])[];
}

export interface Layer {
  readonly name: string;
  readonly inputs: readonly LayerInput[];
  readonly bias: string;
  readonly outChannels: number;
  readonly activation: 'relu' | 'none';
  /** The layer whose output is added after the activation. */
  readonly residual: string | null;
  /** The row of the summary table that this layer belongs to. */
  readonly group: string;
  readonly parameters: number;
  readonly nonZeroParameters: number;
  /** Multiply-adds a pixel, causal taps only. */
  readonly macs: number;
}

export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  /** Fans of the full, uncropped kernel; 0 for a bias. */
  readonly fanIn: number;
  readonly fanOut: number;
}

export interface Net {
  readonly config: NetConfig;
  readonly layers: readonly Layer[];
  readonly tensors: readonly TensorInfo[];
  readonly parameters: number;
  readonly nonZeroParameters: number;
}

/** Purposes of the random numbers; no two ever share any. Sampling has 0. */
export const randomPurpose = { initialise: 1, shuffle: 2, binarise: 3 } as const;

/** What the trainer asks of the Rust core. */
export interface Core {
  describe(config: NetConfig): Net;
  /** The bytes of a model file. `weights` are all tensors, uncropped, in the order of `Net.tensors`. */
  writeModel(config: NetConfig, metadata: Readonly<Record<string, string>>, weights: Float32Array): Uint8Array;
  /** Philox4x32-10: word 0 of `count` counters. */
  randomWords(seed: number, purpose: number, epoch: number, item: number, count: number): Uint32Array;
}
