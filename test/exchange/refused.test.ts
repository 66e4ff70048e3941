import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readArchive } from '../../ts/exchange/archive.js';
import { importModel } from '../../ts/exchange/import_model.js';
import { tfjsModel } from '../../ts/exchange/tfjs_model.js';
import { configJson, randomModel } from '../wasm.js';
import { changedKeras, type Json, kerasFile, layerNamed } from './keras_golden.js';
import { type ZipEntry, zip } from './zip.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-refused-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

const sentence = async (file: string, size?: readonly [number, number]): Promise<string> => {
  const error = await importModel(file, { ...(size && { size }) }).then(
    () => new Error('taken'),
    (reason: unknown) => reason as Error,
  );
  return error.message;
};

const names = ['config.json', 'metadata.json', 'model.weights.h5'];
let entries: ReadonlyMap<string, Buffer>;
beforeAll(async () => {
  entries = await readArchive(kerasFile('digits.keras'), names);
});

const changes: readonly [what: string, change: (layers: Json[], net: Json) => void, sentence: string][] = [
  [
    'a layer of another kind',
    (layers) => {
      layerNamed(layers, 'residual_block_1').class_name = 'BatchNormalization';
    },
    'model: expected layers that pixelcnn has, got "residual_block_1" (BatchNormalization), which it does not, or whose weights are not in the file',
  ],
  [
    'strides',
    (layers) => {
      layerNamed(layers, 'pixel_conv_layer').config.strides = [2, 2];
    },
    'model: expected strides 1 of "pixel_conv_layer" (PixelConvLayer), got [2, 2]',
  ],
  [
    'padding that shrinks images',
    (layers) => {
      layerNamed(layers, 'pixel_conv_layer').config.padding = 'valid';
    },
    'model: expected padding same of "pixel_conv_layer" (PixelConvLayer), got "valid"',
  ],
  [
    'mask B first',
    (layers) => {
      layerNamed(layers, 'pixel_conv_layer').config.mask_type = 'B';
    },
    'model: expected mask A of "pixel_conv_layer", got B',
  ],
  [
    'another activation',
    (layers) => {
      layerNamed(layers, 'pixel_conv_layer').config.activation = 'gelu';
    },
    'model: expected one activation in all hidden layers, got "gelu" and, in "pixel_conv_layer_6", "relu"',
  ],
  [
    'an activation of the output',
    (layers) => {
      layers.at(-1).config.activation = 'tanh';
    },
    'model: expected linear or sigmoid of "conv2d_18", which makes the logit, got "tanh"',
  ],
  [
    'a jump',
    (layers) => {
      const tensor = layerNamed(layers, 'residual_block_2').inbound_nodes[0].args[0];
      tensor.config.keras_history[0] = 'pixel_conv_layer';
    },
    'model: expected layers that read the one before, got "residual_block_2" ("ResidualBlock"), which reads "pixel_conv_layer"',
  ],
  [
    'a model of a class of its own',
    (_, net) => {
      net.class_name = 'MyModel';
    },
    'model: expected a functional or a sequential model, got one of the class "MyModel", whose layers the file does not tell',
  ],
  [
    'two outputs',
    (_, net) => {
      net.config.output_layers = [
        ['residual_block', 0, 0],
        ['conv2d_18', 0, 0],
      ];
    },
    'model: expected a model of one output, got 2',
  ],
  [
    'fewer blocks than the file has weights of',
    (layers) => {
      layers.splice(layers.indexOf(layerNamed(layers, 'residual_block_4')), 1);
      const tensor = layerNamed(layers, 'pixel_conv_layer_6').inbound_nodes[0].args[0];
      tensor.config.keras_history[0] = 'residual_block_3';
    },
    'model: expected weights of the layers of the net alone, got others, of "residual_block_4"',
  ],
  [
    'images of no known size',
    (layers) => {
      layers[0].config.batch_shape = [null, null, null, 1];
    },
    'model: expected to be told the size of images, which the file does not tell: --size 28x28 where they have 28 rows and columns',
  ],
  [
    'images without a side',
    (layers) => {
      layers[0].config.batch_shape = [null, 0, 10, 1];
    },
    "model: expected a net within pixelcnn's bounds, got one of which height must be an integer from 1 to 4096, got 0",
  ],
  [
    'no layers',
    (_, net) => {
      net.config.layers = [];
    },
    'model: expected a model with layers, got one without',
  ],
  [
    'a million layers',
    (layers) => {
      layers.push(...Array.from({ length: 5000 }, () => layers.at(-1)));
    },
    'model: expected at most 4,096 layers, got 5,0',
  ],
];

it.each(changes)('refuses a Keras file with %s in one sentence', async (what, change, expected) => {
  const file = path(`${what.replace(/\W/g, '-')}.keras`, await changedKeras('digits.keras', change));
  expect(await sentence(file)).toContain(expected);
});

it('refuses archives that are none of Keras, or would fill memory', async () => {
  const weights = { name: 'model.weights.h5', content: entries.get('model.weights.h5')! };
  const config = { name: 'config.json', content: entries.get('config.json')! };
  const zeros = new Uint8Array(80_000_000);
  const whole =
    'model: expected a whole ZIP archive, got one that cannot be read to its end; it may be damaged or cut short';
  const cases: readonly (readonly [name: string, entries: readonly ZipEntry[], sentence: string])[] = [
    ['empty', [], 'model: expected a .keras file, which is an archive with config.json in it, got one without'],
    [
      'other',
      [config],
      'model: expected a .keras file, which is an archive with model.weights.h5 in it, got one without',
    ],
    ['twice', [config, weights, weights], 'model: expected one model.weights.h5 in the archive, got several'],
    [
      'no-json',
      [{ ...config, content: Buffer.from('{') }, weights],
      'model: expected the net in config.json in JSON, got other text; the file may be damaged',
    ],
    [
      'bomb',
      [config, { name: weights.name, content: zeros, deflated: true }],
      'model: expected model.weights.h5 to unpack to at most 67,108,864 bytes, got 80,000,000 in an archive of ',
    ],
    ['liar', [config, { name: weights.name, content: zeros, deflated: true, declaredSize: 100_000 }], whole],
    ['liar-too', [config, { ...weights, deflated: true, declaredSize: weights.content.length + 1 }], whole],
    ['no-hdf5', [config, { ...weights, content: Buffer.from('what') }], 'model: expected a whole HDF5 file'],
  ];
  for (const [name, entries, expected] of cases)
    expect(await sentence(path(`${name}.keras`, zip(entries))), name).toContain(expected);
});

it('says what a file is that is none of these, and what is missing', async () => {
  const kinds = 'model: expected a .keras, .weights.h5 or .h5 file of Keras, or a model.json of TensorFlow.js, got ';
  expect(await sentence(path('a.png', '\x89PNG'))).toBe(`${kinds}another file`);
  expect(await sentence(path('empty.keras', ''))).toBe(`${kinds}an empty file`);
  expect(await sentence(path('page.keras', '<!doctype html><p>'))).toBe(`${kinds}an HTML page`);
  expect(await sentence(path('tiny.safetensors', randomModel(configJson({ filters: 2, blocks: 0 }), 1)))).toBe(
    `${kinds}a .safetensors file, which is a model already, or another program’s`,
  );
  expect(await sentence(join(folder, 'nowhere.keras'))).toBe(
    `model: expected a file at ${folder}/nowhere.keras, got none`,
  );
  expect(await sentence(folder)).toBe(
    `model: expected a file, or a folder with a model.json, got the folder ${folder}`,
  );
  expect(await sentence(path('weights.h5', kerasFile('digits.weights.h5')))).toContain(
    'model: expected to be told the size of images, which the file does not tell: --size',
  );
});

// A model.json

const shard = 'group1-shard1of1.bin';

/** A model.json with a change, and its weights. */
async function tfjsWith(
  name: string,
  change: (model: Json, weights: Buffer) => Uint8Array | undefined,
): Promise<string> {
  const model = await tfjsModel(
    randomModel(configJson({ height: 6, width: 5, filters: 4, blocks: 1, headLayers: 1 }), 1),
    'x',
  );
  const json = JSON.parse(model.json);
  const weights = change(json, Buffer.from(model.weights)) ?? model.weights;
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, shard), weights);
  writeFileSync(join(folder, name, 'model.json'), JSON.stringify(json));
  return join(folder, name);
}

const specs = (model: Json): Json[] => model.weightsManifest[0].weights;
const layers = (model: Json): Json[] => model.modelTopology.config.layers;
const spec = (model: Json, name: string): Json => specs(model).find((one) => one.name === name);

const models: readonly [
  what: string,
  change: (model: Json, weights: Buffer) => Uint8Array | undefined,
  sentence: string,
][] = [
  [
    'a graph',
    (model) => {
      model.format = 'graph-model';
      return undefined;
    },
    'model: expected a LayersModel, got a GraphModel, whose layers cannot be told any more',
  ],
  [
    'no topology',
    (model) => void delete model.modelTopology,
    'model: expected a model.json with modelTopology and weightsManifest, got one without',
  ],
  [
    'a number for a manifest',
    (model) => {
      model.weightsManifest = 3;
      return undefined;
    },
    'model: expected a model.json with modelTopology and weightsManifest',
  ],
  [
    'a file elsewhere',
    (model) => {
      model.weightsManifest[0].paths = ['../../etc/passwd'];
      return undefined;
    },
    'model: expected names of files beside the model.json, got "../../etc/passwd"',
  ],
  [
    'a URL',
    (model) => {
      model.weightsManifest[0].paths = ['https://example.com/a'];
      return undefined;
    },
    'model: expected names of files beside the model.json, got "https://example.com/a"',
  ],
  [
    'a file that is missing',
    (model) => {
      model.weightsManifest[0].paths = ['other.bin'];
      return undefined;
    },
    'other.bin, got: no such file or folder',
  ],
  [
    'weights cut short',
    (_, weights) => weights.subarray(0, 400),
    'the end of the weights; a file beside the model.json is cut short',
  ],
  [
    'weights too many',
    (_, weights) => Buffer.concat([weights, weights]),
    ' bytes of weights, as the weightsManifest has them, got ',
  ],
  [
    'weights that are quantised',
    (model) => {
      spec(model, 'stem/kernel').quantization = { dtype: 'uint8' };
      return undefined;
    },
    'model: expected weights of float32, got quantised ones of stem/kernel',
  ],
  [
    'integers',
    (model) => {
      spec(model, 'stem/kernel').dtype = 'int32';
      return undefined;
    },
    'model: expected weights of float32, got int32 of stem/kernel',
  ],
  [
    'a shape that is none',
    (model) => {
      spec(model, 'stem/kernel').shape = [7, -7, 1, 4];
      return undefined;
    },
    'model: expected a name and a shape of each of the weights, got others',
  ],
  [
    'an absurd shape',
    (model) => {
      spec(model, 'stem/kernel').shape = [2 ** 50, 2 ** 50, 2 ** 50, 4];
      return undefined;
    },
    'the end of the weights',
  ],
  [
    'another shape',
    (model) => {
      spec(model, 'blocks.0/out/kernel').shape = [1, 1, 4, 2];
      return undefined;
    },
    'model: expected a convolution, or a residual block of three, with their biases, got "blocks.0" (ResidualBlock) with weights',
  ],
  [
    'a kernel that is not square',
    (model) => {
      spec(model, 'stem/kernel').shape = [1, 49, 1, 4];
      return undefined;
    },
    'model: expected a square kernel of odd side of "stem", got 1x49',
  ],
  [
    'no bias',
    (model) => {
      spec(model, 'stem/bias').name = 'other/bias';
      return undefined;
    },
    'model: expected a convolution, or a residual block of three, with their biases, got "stem" (PixelConvLayer) with weights [7, 7, 1, 4]',
  ],
  [
    'a layer without weights',
    (model) => {
      layers(model)[1].config.name = 'else';
      return undefined;
    },
    'got "else" (ResidualBlock), which it does not, or whose weights are not in the file',
  ],
  [
    'a convolution without a mask',
    (model) => {
      layers(model)[0].class_name = 'Conv2D';
      return undefined;
    },
    'model: expected mask A of "stem", got a convolution without a mask, so that the net sees pixels before they are drawn',
  ],
  [
    'a weight that is not finite',
    (_, weights) => Buffer.from(weights).fill('0000c07f', 0, 4, 'hex'),
    'model: expected finite weights, got NaN at stem/kernel; the training of this model has failed',
  ],
  [
    'an input of three dimensions',
    (model) => {
      layers(model)[0].config.batch_input_shape = [null, 5];
      return undefined;
    },
    'model: expected images [height, width, channels], or codes [height, width], as the input, got an array of 2',
  ],
];

it.each(models)('refuses a model.json with %s in one sentence', async (what, change, expected) => {
  const found = await sentence(await tfjsWith(what.replace(/\W/g, '-'), change));
  expect(found).toContain(expected);
  expect(found).toMatch(/^model: [^\n]+$/);
});
