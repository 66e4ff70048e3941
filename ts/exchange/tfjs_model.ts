/** Model files as LayersModels of TensorFlow.js, built of the layers of `pixelcnn/layers`. */

import { wrongValue } from '../arguments.js';
import { type Config, completeConfig, type Description, type TensorInfo } from '../config.js';
import { PixelCnnError } from '../error.js';
import { sha256 } from '../node/files.js';
import { openSampler } from '../sampler.js';
import { loadCore } from '../train/net/core.js';
import type { OwnWords } from './own.js';
import { ownKey } from './tfjs_file.js';

export interface TfjsModel {
  readonly config: Config;
  /** The name of the file of weights, which belongs beside the model.json. */
  readonly shard: string;
  readonly weights: Uint8Array;
  readonly json: string;
}

/** Keys of a model file's metadata that are the format's own. */
const ofFormat = ['format', 'version', 'config'];

/**
 * A model as TensorFlow.js has it: it takes `[images, height, width, 1]`, level / (levels - 1), or of nominal levels one-hot
 * `[..., levels]`, and gives the probability of level 1, or of nets of more levels of each.
 *
 * @throws As `loadSampler`; RangeError for a net that `pixelcnn/layers` cannot build.
 */
export async function tfjsModel(model: Uint8Array, generatedBy: string): Promise<TfjsModel> {
  const core = await loadCore();
  const { config, metadata } = opened(model);
  checkBuildable(config);
  const net = core.describe(config);
  const weights = core.weightsOf(model);
  const own: OwnWords = {
    config,
    metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => !ofFormat.includes(name))),
    weightsSha256: sha256(weights),
  };
  const shard = 'group1-shard1of1.bin';
  const json = JSON.stringify({
    format: 'layers-model',
    generatedBy,
    convertedBy: null,
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'pixelcnn', layers: layersOf(net) },
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
    },
    weightsManifest: [{ paths: [shard], weights: net.tensors.map(specOf) }],
    userDefinedMetadata: { [ownKey]: own },
  });
  return { config, shard, weights: new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength), json };
}

function opened(model: Uint8Array): { config: Config; metadata: Readonly<Record<string, string>> } {
  const sampler = openSampler(model);
  sampler.dispose();
  return sampler;
}

/** Refuses a net that the layers do not build. */
function checkBuildable(config: Config): void {
  const { architecture, precision, activation, classes, embedding, lean, dilations } = completeConfig(config);
  if (precision !== 'f32') {
    throw wrongValue(
      'model',
      `expected one of precision f32, got one of ${precision}; export the model it was made from`,
    );
  }
  const beyond = [
    architecture !== 'plain' && `is ${architecture}`,
    activation !== 'relu' && `has ${activation}`,
    classes > 0 && `has ${classes} classes`,
    embedding > 0 && 'has an embedding',
    lean > 0 && 'has kernels that lean',
    dilations.some((apart) => apart !== 1) && 'has dilated kernels',
  ].find((what) => what !== false);
  if (beyond === undefined) return;
  const wanted = 'expected a plain net with relu, without classes, embedding, lean or dilation';
  throw wrongValue('model', `${wanted}, as the layers of pixelcnn/layers build, got one that ${beyond}`);
}

/** The layers of a Sequential model, as TensorFlow.js writes them. */
function layersOf({ config, tensors }: Description): object[] {
  const { height, width, filters, blocks, firstKernel, blockKernel, headLayers } = config;
  const channels = tensors.find(({ name }) => name === 'stem.kernel')!.shape[2]!;
  const outputs = tensors.find(({ name }) => name === 'logits.kernel')!.shape[3]!;
  const layer = (className: string, name: string, options: object) => ({
    class_name: className,
    config: { name, trainable: true, dtype: 'float32', ...options },
  });
  const masked = { filters, activation: 'relu' };
  const numbered = <T>(count: number, make: (index: number) => T) => Array.from({ length: count }, (_, i) => make(i));
  return [
    layer('PixelConvLayer', 'stem', {
      batch_input_shape: [null, height, width, channels],
      ...{ mask_type: 'a', kernel_size: firstKernel, ...masked },
    }),
    ...numbered(blocks, (i) => layer('ResidualBlock', `blocks.${i}`, { filters, kernel_size: blockKernel })),
    ...numbered(headLayers, (i) =>
      layer('PixelConvLayer', `heads.${i}`, { mask_type: 'b', kernel_size: 1, ...masked }),
    ),
    layer('Conv2D', 'logits', {
      ...{ filters: outputs, kernel_size: [1, 1], strides: [1, 1], padding: 'valid', data_format: 'channels_last' },
      ...{ dilation_rate: [1, 1], activation: outputs === 1 ? 'sigmoid' : 'softmax', use_bias: true },
    }),
  ];
}

/** A tensor by the name that its layer has for it: `blocks.0/conv/kernel`. */
function specOf({ name, shape }: TensorInfo): object {
  const [, layer, rest] = /^(blocks\.\d+|heads\.\d+|[^.]+)\.(.*)$/.exec(name) ?? [];
  if (layer === undefined || rest === undefined)
    throw new PixelCnnError('INTERNAL', `expected a layer's tensor, got ${name}`);
  return { name: `${layer}/${rest.replaceAll('.', '/')}`, shape, dtype: 'float32' };
}
