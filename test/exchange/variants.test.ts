import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { File as Hdf5, ready } from 'h5wasm';
import { afterAll, expect, it } from 'vitest';
import { importModel } from '../../ts/exchange/import_model.js';
import { loadCore } from '../../ts/train/net/core.js';
import { noise } from '../train/support.js';
import { changedKeras, type Json, kerasFile, layerNamed } from './keras_golden.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-variants-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

/** The layers that one reads. */
const reads = (layer: Json): Json => layer.inbound_nodes[0].args[0].config.keras_history;

/** Puts a layer without weights between another and those that read it. */
function insert(layers: Json[], after: string, layer: { class_name: string; name: string; config: object }): void {
  const at = layers.findIndex(({ name }) => name === after);
  const next = layers[at + 1];
  const inbound = structuredClone(next.inbound_nodes);
  reads(next)[0] = layer.name;
  layers.splice(at + 1, 0, { ...layer, inbound_nodes: inbound });
}

const sequential = (layers: Json[], net: Json): void => {
  net.class_name = 'Sequential';
  net.config = {
    name: 'sequential',
    // As Keras 3 writes them: layers of classes of one's own have no name there.
    layers: layers.map(({ name: _, inbound_nodes: _nodes, ...layer }) => layer),
  };
};

const variants: readonly [
  what: string,
  file: 'digits.keras' | 'codes.keras',
  change: (layers: Json[], net: Json) => void,
  notes: readonly string[],
][] = [
  ['a Sequential model', 'digits.keras', sequential, []],
  [
    'layers that do nothing but in training',
    'digits.keras',
    (layers) => {
      insert(layers, 'residual_block_1', { class_name: 'Dropout', name: 'drop', config: { rate: 0.1 } });
      insert(layers, 'pixel_conv_layer', { class_name: 'GaussianNoise', name: 'noise', config: {} });
    },
    [
      'the layer "noise" (GaussianNoise) is left out: it does nothing but in training',
      'the layer "drop" (Dropout) is left out: it does nothing but in training',
    ],
  ],
  [
    "a class of one's own with options of its own",
    'digits.keras',
    (layers) => {
      for (const { class_name, config } of layers) if (class_name === 'ResidualBlock') config.skip = false;
    },
    [
      'layers of the class "ResidualBlock" are taken for those of the Keras example, whatever their options "skip" mean: no file ' +
        'holds their program',
    ],
  ],
  [
    'activations that are layers',
    'digits.keras',
    (layers) => {
      layerNamed(layers, 'pixel_conv_layer').config.activation = 'linear';
      insert(layers, 'pixel_conv_layer', {
        class_name: 'ReLU',
        name: 'r',
        config: { negative_slope: 0, max_value: null },
      });
      layerNamed(layers, 'pixel_conv_layer_7').config.activation = null;
      insert(layers, 'pixel_conv_layer_7', { class_name: 'Activation', name: 's', config: { activation: 'relu' } });
    },
    [],
  ],
  [
    'an activation that is wrapped up',
    'digits.keras',
    (layers) => {
      layerNamed(layers, 'pixel_conv_layer').config.activation = { class_name: 'function', config: 'relu' };
    },
    [],
  ],
  [
    'logits',
    'digits.keras',
    (layers) => {
      layers.at(-1).config.activation = 'linear';
    },
    [],
  ],
  [
    'a softmax',
    'codes.keras',
    (layers) => {
      layers.at(-1).config.activation = 'softmax';
    },
    [],
  ],
  [
    'one-hot channels made by a program',
    'codes.keras',
    (layers) => {
      layerNamed(layers, 'one_hot').class_name = 'Lambda';
    },
    ['the layer "one_hot" (Lambda) is taken for one that makes one-hot channels of codes: its program cannot be read'],
  ],
  [
    'one-hot input',
    'codes.keras',
    (layers) => {
      const [input, , stem] = layers;
      input.config.batch_shape.push(12);
      reads(stem)[0] = input.name;
      layers.splice(1, 1);
    },
    [],
  ],
];

it.each(variants)('takes the same weights of a net with %s', async (what, file, change, notes) => {
  const core = await loadCore();
  const changed = await importModel(path(`${what.replace(/\W/g, '-')}.keras`, await changedKeras(file, change)));
  const as = await importModel(path(file, kerasFile(file)));
  expect(changed.config).toEqual(as.config);
  expect(core.weightsOf(changed.bytes)).toEqual(core.weightsOf(as.bytes));
  expect(changed.notes).toEqual(notes);
});

it('takes an .h5 file of a Sequential model, whose layers have no names but in the list of groups', async () => {
  const { FS } = await ready;
  FS.writeFile('/old.h5', kerasFile('digits.h5'));
  const file = new Hdf5('/old.h5', 'a');
  const net = JSON.parse(file.attrs.model_config!.value as string);
  sequential(net.config.layers, net);
  net.config.layers = net.config.layers.map(({ config: { name: _, ...config }, ...layer }: Json) => ({
    ...layer,
    config,
  }));
  file.delete_attribute('model_config');
  file.create_attribute('model_config', JSON.stringify(net));
  const group = file.get('model_weights') as ReturnType<typeof file.create_group>;
  const names = (group.attrs.layer_names!.value as string[]).filter((name) => name !== 'input_layer');
  group.delete_attribute('layer_names');
  group.create_attribute('layer_names', names);
  file.close();
  const core = await loadCore();
  const { bytes } = await importModel(path('old.h5', FS.readFile('/old.h5')));
  const { bytes: as } = await importModel(path('digits.h5', kerasFile('digits.h5')));
  expect(core.weightsOf(bytes)).toEqual(core.weightsOf(as));
});

it('takes images of another size where it is told one', async () => {
  const { config } = await importModel(path('digits.keras', kerasFile('digits.keras')), { size: [20, 30] });
  expect(config).toMatchObject({ height: 20, width: 30, filters: 8 });
});

/** A file of weights alone, as Keras 3 writes it: shapes of kernels by the places of their variables. */
async function weightsFile(name: string, kernels: Readonly<Record<string, readonly number[]>>): Promise<string> {
  const { FS } = await ready;
  const file = new Hdf5(`/${name}`, 'w');
  let seed = 0;
  for (const [place, shape] of Object.entries(kernels)) {
    let group = file as ReturnType<typeof file.create_group>;
    for (const part of ['layers', ...place.split('/'), 'vars']) {
      group = group.keys().includes(part) ? (group.get(part) as typeof group) : group.create_group(part);
    }
    const size = shape.reduce((a, b) => a * b, 1);
    const data = noise(size + seed + 1, 1).slice(++seed);
    group.create_dataset({ name: '0', data, shape: [...shape] });
    group.create_dataset({ name: '1', data: new Float32Array(shape[3]!).fill(seed), shape: [shape[3]!] });
  }
  file.close();
  return path(name, FS.readFile(`/${name}`));
}

/** The PixelCNN of the VQ-VAE example where there are as many codes as filters, as there are by default. */
const asManyCodes = {
  conv2d: [1, 1, 4, 4],
  'pixel_conv_layer/conv': [5, 5, 4, 4],
  'pixel_conv_layer_1/conv': [1, 1, 4, 4],
  'pixel_conv_layer_2/conv': [1, 1, 4, 4],
  'pixel_conv_layer_10/conv': [1, 1, 4, 4],
  'residual_block/conv1': [1, 1, 4, 4],
  'residual_block/conv2': [1, 1, 2, 4],
  'residual_block/pixel_conv/conv': [3, 3, 4, 2],
};

it('tells by names which of layers of one shape makes the logits, and their order', async () => {
  const core = await loadCore();
  const file = await weightsFile('codes.weights.h5', asManyCodes);
  const { bytes, config } = await importModel(file, { size: [7, 6] });
  expect(config).toMatchObject({ levels: 4, input: 'nominal', filters: 4, blocks: 1, headLayers: 3, firstKernel: 5 });
  const weights = core.weightsOf(bytes);
  let offset = 0;
  const biases = core.describe(config).tensors.flatMap(({ name, role, shape }) => {
    const begin = offset;
    offset += shape.reduce((a, b) => a * b, 1);
    return role === 'bias' ? [[name, weights[begin]]] : [];
  });
  // Each bias holds the number of its kernel in the list above.
  expect(biases).toEqual([
    ['stem.bias', 2],
    ['blocks.0.in.bias', 6],
    ['blocks.0.conv.bias', 8],
    ['blocks.0.out.bias', 7],
    ['heads.0.bias', 3],
    ['heads.1.bias', 4],
    ['heads.2.bias', 5],
    ['logits.bias', 1],
  ]);
});

it('refuses weights whose names tell no order', async () => {
  const { conv2d, ...others } = asManyCodes;
  const file = await weightsFile('named.weights.h5', { ...others, first: conv2d, second: conv2d });
  await expect(importModel(file, { size: [7, 6] })).rejects.toThrow(
    'model: expected names that tell the order of layers, got "first", "pixel_conv_layer", "pixel_conv_layer_1", ' +
      '"pixel_conv_layer_10", "pixel_conv_layer_2", "residual_block"; give the file of the whole model, which `model.save` writes',
  );
});
