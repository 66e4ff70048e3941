/** What Keras writes: `.keras` archives and `.weights.h5` files of Keras 3, and `.h5` files of whole models, older ones too. */

import { readArchive } from './archive.js';
import { type Hdf5File, openHdf5 } from './hdf5.js';
import { at, jsonOf, refused, type StoredModel, type Variable } from './stored.js';

const [config, metadata, weights] = ['config.json', 'metadata.json', 'model.weights.h5'];

/** Where Keras 3 puts the layers of a model, each by its class and a number. */
const layers = 'layers';

/** A `.keras` file. */
export async function readKerasArchive(bytes: Buffer): Promise<StoredModel> {
  const entries = await readArchive(bytes, [config, metadata, weights]);
  const [json, packed] = [entries.get(config), entries.get(weights)];
  if (json === undefined || packed === undefined) {
    const missing = json === undefined ? config : weights;
    throw refused(`expected a .keras file, which is an archive with ${missing} in it, got one without`);
  }
  const topology = jsonOf(json.toString(), `the net in ${config}`);
  const version = at(jsonOf(entries.get(metadata)?.toString() ?? '{}', metadata), 'keras_version');
  const file = await openHdf5(packed);
  return { ...byClass(file), what: `a .keras file${ofKeras(version)}`, topology };
}

/** A file of HDF5: weights alone, or a whole model as Keras wrote it before version 3 and still can. */
export async function readKerasHdf5(bytes: Uint8Array): Promise<StoredModel> {
  const file = await openHdf5(bytes);
  try {
    const topology = file.attribute('', 'model_config');
    const version = file.attribute(file.has('model_weights') ? 'model_weights' : '', 'keras_version');
    if (topology !== undefined) {
      if (typeof topology !== 'string') throw refused('expected one text as model_config, got several');
      const what = `an .h5 file of a whole model${ofKeras(version)}`;
      return { ...byLayer(file, 'model_weights'), what, topology: jsonOf(topology, 'the net in model_config') };
    }
  } catch (error) {
    file.close();
    throw error;
  }
  return { ...byClass(file), what: 'a .weights.h5 file of Keras 3', topology: undefined };
}

const ofKeras = (version: unknown): string =>
  typeof version === 'string' && /^[\w.+-]{1,40}$/.test(version) ? ` of Keras ${version}` : ' of Keras';

type Stored = Omit<StoredModel, 'what' | 'topology'>;

/** The variables of a file of Keras 3. */
function byClass(file: Hdf5File): Stored {
  try {
    if (!file.has(layers)) {
      const got =
        'got one without; give the file that `model.save` or `model.save_weights` wrote of a functional model';
      throw refused(`expected a group of ${layers}, as Keras 3 writes weights, ${got}`);
    }
    const groups = new Map<string, Variable[]>();
    for (const name of file.names(layers)) groups.set(name, file.variables(`${layers}/${name}`));
    return { groups, groupedBy: 'class', ordered: false, close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Those of an older one, whose attribute `layer_names` has the order of the net. Throws with the file open. */
function byLayer(file: Hdf5File, root: string): Stored {
  const names = texts(file, root, 'layer_names');
  if (names === undefined) throw refused(`expected the names of its layers in the file, as layer_names, got none`);
  const there = new Set(file.names(root));
  const groups = new Map<string, Variable[]>();
  for (const name of names) {
    if (!there.has(name) || name.includes('/')) throw refused(`expected weights of the layer ${name}, found none`);
    groups.set(name, file.variables(root === '' ? name : `${root}/${name}`));
  }
  return { groups, groupedBy: 'layer', ordered: true, close: () => file.close() };
}

/** An attribute that is a list; one that is too long for one attribute is in parts, with numbers behind their names. */
function texts(file: Hdf5File, path: string, name: string): readonly string[] | undefined {
  const whole = file.attribute(path, name);
  if (whole !== undefined) return typeof whole === 'string' ? [whole] : whole;
  const parts: string[] = [];
  for (let part = 0; ; part++) {
    const more = file.attribute(path, `${name}${part}`);
    if (more === undefined) return part === 0 ? undefined : parts;
    parts.push(...(typeof more === 'string' ? [more] : more));
  }
}
