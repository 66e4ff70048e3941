/**
 * The two layers of the Keras example as layers of TensorFlow.js, for a LayersModel of one's own. They compute by the
 * trainer's own operations.
 *
 * Two things are done better than there. A mask takes part in the arithmetic, so forbidden weights have a gradient of exactly
 * 0 and stay at 0, where the example overwrites them at each call and lets the optimiser move them in between. And only the
 * causal rows of a kernel are computed.
 *
 * @module pixelcnn/layers
 */

import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkText,
  lookedAt,
  ownOptions,
  show,
  wrongKind,
  wrongValue,
} from '../../arguments.js';
import { type Offset, type Ops, type Window, windowOf } from './ops.js';
import { tapsOps } from './ops_taps.js';
import { type TensorflowBackend, tensorflowOps } from './ops_tensorflow.js';
import type { LayerVariable, Shape, serialization, Tensor, Tensor1D, Tensor4D, Tf, TfLayers } from './tf.js';

type Layer = InstanceType<TfLayers['layers']['Layer']>;
type LayerArgs = ConstructorParameters<TfLayers['layers']['Layer']>[0];

/** TensorFlow.js with its layers: `@tensorflow/tfjs`, `tfjs-node`, or `{ ...tfjs-core, ...tfjs-layers }`. */
export type LayersTf = Tf & Pick<TfLayers, 'layers' | 'initializers'>;

/**
 * Of PixelConvLayer. Other options of TensorFlow.js's conv2d are refused, unless they ask for what the layer does in any case: stride 1,
 * padding `same`, channels last, no dilation, a bias, weights as Keras draws them, no regulariser, no constraint.
 */
export type PixelConvConfig = LayerArgs & {
  /** `A` hides the pixel that is being computed, `B` shows it. */
  readonly maskType: 'A' | 'B';
  /** Channels of the output, 1 to 65,536. */
  readonly filters: number;
  /** Side of the kernel, odd, 1 to 255; above 1 for mask A. */
  readonly kernelSize: number;
  /** Default: `linear`. */
  readonly activation?: 'relu' | 'linear';
};

/** Of ResidualBlock; the same holds of other options. */
export type ResidualBlockConfig = LayerArgs & {
  /** Channels of the input and of the output, even: the masked convolution between has half as many. */
  readonly filters: number;
  /** Side of the masked kernel, odd, 1 to 255. Default: 3. */
  readonly kernelSize?: number;
};

/** What `pixelLayers` gives: classes of layers. */
export interface PixelLayers {
  /** A masked convolution, stride 1, zeros around: `[images, height, width, channels]` to `[..., filters]`. */
  readonly PixelConvLayer: new (
    config: PixelConvConfig,
  ) => Layer;
  /** 1x1, masked (B), 1x1, each with a relu, added to the input: `[images, height, width, filters]` to the same. */
  readonly ResidualBlock: new (
    config: ResidualBlockConfig,
  ) => Layer;
}

/** One convolution of a layer. */
interface Convolution {
  readonly kernel: LayerVariable;
  readonly bias: LayerVariable;
  readonly mask: CausalMask;
  readonly relu: boolean;
}

/** The causal rows of a kernel: those above the pixel's own, and its own, of which 1 marks what may be read. */
interface CausalMask {
  readonly window: Window;
  /** `[rows, columns]`. */
  readonly taps: Float32Array;
}

const made = new WeakMap<object, PixelLayers>();

/**
 * The layers, as classes of the copy of TensorFlow.js that is given, where they are registered for `loadLayersModel`. Their
 * constructors throw RangeError, TypeError for what they do not do.
 *
 * @throws TypeError for what is no TensorFlow.js with layers.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * const { PixelConvLayer, ResidualBlock } = pixelLayers(tf);
 * const model = tf.sequential();
 * model.add(new PixelConvLayer({ maskType: 'A', filters: 128, kernelSize: 7, activation: 'relu', inputShape: [28, 28, 1] }));
 * for (let block = 0; block < 5; block++) model.add(new ResidualBlock({ filters: 128 }));
 */
export function pixelLayers(tf: LayersTf): PixelLayers {
  const isOne = lookedAt('tf', () => typeof tf?.layers?.Layer === 'function' && typeof tf.customGrad === 'function');
  if (!isOne) {
    throw wrongKind('tf', `expected TensorFlow.js with its layers, such as @tensorflow/tfjs, got ${show(tf)}`);
  }
  const known = made.get(tf.layers.Layer);
  if (known !== undefined) return known;

  const ops = (): Ops =>
    tf.getBackend() === 'tensorflow' ? tensorflowOps(tf, tf.backend() as unknown as TensorflowBackend) : tapsOps(tf);

  const maskTensor = ({ window: { rows, columns }, taps }: CausalMask): Tensor4D =>
    tf.tensor4d(taps, [rows, columns, 1, 1]);

  /** The rows of a full kernel that the mask is of, masked. */
  const crop = (kernel: Tensor4D, mask: CausalMask): Tensor4D =>
    tf.tidy(() => tf.mul(tf.slice(kernel, 0, [mask.window.rows, mask.window.columns, -1, -1]), maskTensor(mask)));

  /** The transpose of `crop`: a full kernel with zeros wherever the mask forbids. */
  const uncrop = (kernel: Tensor4D, mask: CausalMask): Tensor4D =>
    tf.tidy(() =>
      tf.pad(tf.mul<Tensor4D>(kernel, maskTensor(mask)), [
        [0, mask.window.columns - mask.window.rows],
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
    );

  const convolve = (input: Tensor4D, { kernel, bias, mask, relu }: Convolution): Tensor4D => {
    const { window } = mask;
    const forward = tf.customGrad((...args) => {
      const [x, full, b, save] = args as unknown as [Tensor4D, Tensor4D, Tensor1D, (tensors: Tensor[]) => void];
      const { convolve, addBias, relu: clip, kernelGradient, inputGradient, biasGradient, reluGradient } = ops();
      const causal = crop(full, mask);
      const sum = addBias(convolve(x, causal, window), b);
      const value = relu ? clip(sum) : sum;
      save([x, causal, value]);
      const gradFunc = (dValue: Tensor, saved: Tensor[]): Tensor[] => {
        const [x, causal, y] = saved as [Tensor4D, Tensor4D, Tensor4D];
        const dy = relu ? reluGradient(dValue as Tensor4D, y) : (dValue as Tensor4D);
        return [inputGradient(dy, causal, window), uncrop(kernelGradient(x, dy, window), mask), biasGradient(dy)];
      };
      return { value, gradFunc };
    });
    return forward(input, kernel.read(), bias.read()) as Tensor4D;
  };

  abstract class CausalLayer extends tf.layers.Layer {
    // TensorFlow.js adds the classes that it was told of; a saved model has its settings' words in lower case.
    static override fromConfig<T extends serialization.Serializable>(
      cls: serialization.SerializableConstructor<T>,
      { customObjects: _, maskType, ...config }: serialization.ConfigDict,
    ): T {
      return new cls(maskType === undefined ? config : { ...config, maskType: String(maskType).toUpperCase() });
    }

    /** Glorot-uniform with the fans of the full kernel, as Keras draws it, and zeros where the mask forbids; zero biases. */
    protected addConvolution(
      prefix: string,
      [channels, filters]: readonly [number, number],
      kernelSize: number,
      maskType: 'A' | 'B',
      relu: boolean,
    ): Convolution {
      const mask = causalMask(maskType, kernelSize);
      const shape = [kernelSize, kernelSize, channels, filters];
      const kernel = this.addWeight(`${prefix}kernel`, shape, 'float32', tf.initializers.glorotUniform({}));
      tf.tidy(() => {
        kernel.write(uncrop(crop(kernel.read() as Tensor4D, mask), mask));
      });
      const bias = this.addWeight(`${prefix}bias`, [filters], 'float32', tf.initializers.zeros());
      return { kernel, bias, mask, relu };
    }
  }

  class PixelConvLayer extends CausalLayer {
    static readonly className = 'PixelConvLayer';
    readonly #config: Required<Pick<PixelConvConfig, 'maskType' | 'filters' | 'kernelSize' | 'activation'>>;
    #convolution: Convolution | undefined;

    constructor(given: PixelConvConfig) {
      const config = ownConfig('PixelConvLayer', given, ['maskType', 'filters', 'kernelSize', 'activation']);
      super(layerArgs('PixelConvLayer', config));
      const { kernelSize } = config;
      const maskType = checkChoice('maskType', config.maskType, ['A', 'B']);
      const activation = checkChoice('activation', config.activation ?? 'linear', ['linear', 'relu']);
      checkKernel(kernelSize, maskType);
      this.#config = { maskType, filters: checkFilters(config.filters), kernelSize, activation };
    }

    override build(inputShape: Shape | Shape[]): void {
      const { maskType, filters, kernelSize, activation } = this.#config;
      const channels = channelsOf(inputShape);
      this.#convolution = this.addConvolution('', [channels, filters], kernelSize, maskType, activation === 'relu');
      this.built = true;
    }

    override computeOutputShape(inputShape: Shape | Shape[]): Shape {
      return [...(inputShape as Shape).slice(0, 3), this.#config.filters];
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => convolve(single(inputs), this.#convolution as Convolution));
    }

    override getConfig() {
      return { ...super.getConfig(), ...this.#config };
    }
  }

  class ResidualBlock extends CausalLayer {
    static readonly className = 'ResidualBlock';
    readonly #config: Required<Pick<ResidualBlockConfig, 'filters' | 'kernelSize'>>;
    #convolutions: readonly Convolution[] = [];

    constructor(given: ResidualBlockConfig) {
      const config = ownConfig('ResidualBlock', given, ['filters', 'kernelSize']);
      super(layerArgs('ResidualBlock', config));
      const { kernelSize = 3 } = config;
      checkKernel(kernelSize, 'B');
      const filters = checkFilters(config.filters);
      if (filters % 2 !== 0) {
        throw wrongValue('filters', `expected an even number, as a block halves them, got ${filters}`);
      }
      this.#config = { filters, kernelSize };
    }

    override build(inputShape: Shape | Shape[]): void {
      const { filters, kernelSize } = this.#config;
      const channels = channelsOf(inputShape);
      if (channels !== filters) {
        throw wrongValue(
          'input',
          `expected ${filters} channels, as ResidualBlock adds it to its output, got ${channels}`,
        );
      }
      const half = filters / 2;
      this.#convolutions = [
        this.addConvolution('in/', [filters, filters], 1, 'B', true),
        this.addConvolution('conv/', [filters, half], kernelSize, 'B', true),
        this.addConvolution('out/', [half, filters], 1, 'B', true),
      ];
      this.built = true;
    }

    override computeOutputShape(inputShape: Shape | Shape[]): Shape {
      return inputShape as Shape;
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const input = single(inputs);
        return tf.add(input, this.#convolutions.reduce(convolve, input));
      });
    }

    override getConfig() {
      return { ...super.getConfig(), ...this.#config };
    }
  }

  tf.serialization.registerClass(PixelConvLayer);
  tf.serialization.registerClass(ResidualBlock);
  const layers: PixelLayers = { PixelConvLayer, ResidualBlock };
  made.set(tf.layers.Layer, layers);
  return layers;
}

/** What a pixel may read: all of the rows above, what stands before it in its own row, and with mask B itself. */
function causalMask(maskType: 'A' | 'B', kernelSize: number): CausalMask {
  const half = (kernelSize - 1) / 2;
  const taps = new Float32Array((half + 1) * kernelSize).fill(
    1,
    0,
    half * kernelSize + half + (maskType === 'B' ? 1 : 0),
  );
  const places = Array.from(
    taps,
    (_, place): Offset => [Math.floor(place / kernelSize) - half, (place % kernelSize) - half],
  );
  return { window: windowOf(places), taps };
}

/** What a layer of TensorFlow.js has, whatever it does. */
const ofAnyLayer = ['name', 'trainable', 'inputShape', 'batchInputShape', 'batchSize', 'weights'];

/** What else a convolution may be asked for, and what is done here in any case; undefined for nothing. */
const alwaysDone: Readonly<Record<string, unknown>> = {
  strides: 1,
  padding: 'same',
  dataFormat: 'channelsLast',
  dilationRate: 1,
  useBias: true,
  dtype: 'float32',
  inputDType: 'float32',
  kernelInitializer: 'glorotUniform',
  biasInitializer: 'zeros',
  kernelRegularizer: undefined,
  biasRegularizer: undefined,
  activityRegularizer: undefined,
  kernelConstraint: undefined,
  biasConstraint: undefined,
};

/** The config of a layer, each option read once. */
function ownConfig<Config extends object>(layer: string, config: Config, own: readonly string[]): Config {
  return ownOptions(layer, config, [...own, ...ofAnyLayer, ...Object.keys(alwaysDone)]);
}

/** Refuses what a layer would not do; returns what every layer of TensorFlow.js takes. */
function layerArgs(layer: string, config: NonNullable<LayerArgs>): NonNullable<LayerArgs> {
  const given = config as Readonly<Record<string, unknown>>;
  for (const [name, done] of Object.entries(alwaysDone)) {
    const asked = given[name];
    if (asked === undefined || asked === null) continue;
    if (lookedAt(name, () => (Array.isArray(asked) ? asked : [asked]).every((part) => part === done))) continue;
    const wanted = done === undefined ? 'none' : String(done);
    throw wrongValue(name, `expected ${wanted}, as ${layer} does nothing else, got ${show(asked)}`);
  }
  if (config.name !== undefined) checkText('name', config.name);
  if (config.trainable !== undefined) checkBoolean('trainable', config.trainable);
  if (config.weights !== undefined && !lookedAt('weights', () => Array.isArray(config.weights))) {
    throw wrongKind('weights', `expected an array of tensors, got ${show(config.weights)}`);
  }
  const names = [...ofAnyLayer, 'dtype', 'inputDType'];
  return Object.fromEntries(names.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
}

function checkKernel(kernelSize: number, maskType: 'A' | 'B'): void {
  const least = maskType === 'A' ? 3 : 1;
  const wanted = `expected an odd integer from ${least} to 255 with mask ${maskType}, got ${show(kernelSize)}`;
  if (typeof kernelSize !== 'number') throw wrongKind('kernelSize', wanted);
  if (kernelSize % 2 !== 1 || kernelSize < least || kernelSize > 255) throw wrongValue('kernelSize', wanted);
}

function checkFilters(filters: number): number {
  return checkInteger('filters', filters, { min: 1, max: 65_536 });
}

function channelsOf(shape: Shape | Shape[]): number {
  const channels = shape.length === 4 ? shape[3] : undefined;
  if (typeof channels !== 'number') {
    throw wrongValue('input', `expected a shape [images, height, width, channels], got [${String(shape)}]`);
  }
  return channels;
}

function single(inputs: Tensor | Tensor[]): Tensor4D {
  return (Array.isArray(inputs) ? inputs[0] : inputs) as Tensor4D;
}
