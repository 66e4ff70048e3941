/** A LayersModel of TensorFlow.js: a model.json, and the files beside it that hold its weights. */

import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { show } from '../arguments.js';
import { readWholeFile, reasonOf, sha256 } from '../node/files.js';
import {
  addTo,
  at,
  jsonOf,
  product,
  refused,
  type StoredModel,
  shapeText,
  thousands,
  type Variable,
} from './stored.js';

/** What this package has to say of a model that it writes so, by this name in its `userDefinedMetadata`. */
export const ownKey = 'pixelcnn';

/** The largest model.json, in bytes: a net of 256 blocks has some 500 kB. */
export const mostJson = 2 ** 26;

/** Most shards, most bytes of all of them, and most tensors: no model has more. */
const [mostShards, mostBytes, mostWeights] = [4096, 2 ** 30, 20_000];

/** @param path Where the model.json is, and its weights beside it. */
export async function readTfjsModel(json: Buffer, path: string, signal?: AbortSignal): Promise<StoredModel> {
  const model = jsonOf(json.toString(), 'a model.json');
  const [topology, manifest] = [at(model, 'modelTopology'), at(model, 'weightsManifest')];
  if (at(model, 'format') === 'graph-model') {
    throw refused(
      'expected a LayersModel, got a GraphModel, whose layers cannot be told any more; convert it with --output_format=tfjs_layers_model',
    );
  }
  if (typeof topology !== 'object' || topology === null || !Array.isArray(manifest)) {
    throw refused('expected a model.json with modelTopology and weightsManifest, got one without');
  }
  const shards: Buffer[] = [];
  const groups = new Map<string, Variable[]>();
  let [total, count] = [0, 0];
  for (const part of manifest as readonly unknown[]) {
    const [paths, specs] = [at(part, 'paths'), at(part, 'weights')];
    if (!Array.isArray(paths) || !Array.isArray(specs)) {
      throw refused('expected paths and weights in each part of the weightsManifest, got others');
    }
    count += specs.length;
    if (count > mostWeights) throw refused(`expected at most ${thousands(mostWeights)} weights, got more`);
    const own: Buffer[] = [];
    for (const name of paths as readonly unknown[]) {
      if (shards.length + own.length >= mostShards)
        throw refused(`expected at most ${thousands(mostShards)} files of weights, got more`);
      own.push(await readShard(join(dirname(path), fileName(name)), mostBytes - total, signal));
      total += own.at(-1)!.length;
    }
    const bytes = own.length === 1 ? own[0]! : Buffer.concat(own);
    let offset = 0;
    for (const spec of specs as readonly unknown[]) {
      const { name, shape } = specOf(spec);
      const begin = offset;
      offset += 4 * product(shape);
      if (!(offset <= bytes.length)) {
        throw refused(
          `expected ${shapeText(shape)} numbers of ${name}, got the end of the weights; a file beside the model.json is cut short`,
        );
      }
      const read = () => float32(bytes.subarray(begin, begin + 4 * product(shape)));
      const layer = name.split('/')[0]!;
      addTo(groups, layer, { name, shape, read });
    }
    if (offset !== bytes.length) {
      throw refused(
        `expected ${thousands(offset)} bytes of weights, as the weightsManifest has them, got ${thousands(bytes.length)}`,
      );
    }
    shards.push(...own);
  }
  const by = at(model, 'generatedBy');
  const generated = typeof by === 'string' && by.length <= 80 ? ` (${by})` : '';
  return {
    what: `a model.json of TensorFlow.js${generated}`,
    // Of a model of Keras that was converted, the net lies one deeper.
    topology: at(topology, 'model_config') ?? topology,
    groups,
    groupedBy: 'layer',
    ordered: false,
    own: at(model, 'userDefinedMetadata', ownKey),
    weightsSha256: sha256(Buffer.concat(shards)),
    close: () => {},
  };
}

/** A model.json names files beside it, and no other. */
function fileName(name: unknown): string {
  if (typeof name === 'string' && name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name)) return name;
  throw refused(`expected names of files beside the model.json, got ${show(name)}`);
}

async function readShard(path: string, most: number, signal?: AbortSignal): Promise<Buffer> {
  try {
    await stat(path);
    return await readWholeFile(path, most, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw refused(`expected its weights at ${path}, got: ${reasonOf(cause)}`, cause);
  }
}

function specOf(spec: unknown): { name: string; shape: readonly number[] } {
  const [name, shape, dtype] = [at(spec, 'name'), at(spec, 'shape'), at(spec, 'dtype')];
  const isShape =
    Array.isArray(shape) && shape.length <= 8 && shape.every((side) => Number.isSafeInteger(side) && side >= 0);
  if (typeof name !== 'string' || name === '' || name.length > 1000 || !isShape) {
    throw refused('expected a name and a shape of each of the weights, got others');
  }
  if (dtype !== 'float32' || at(spec, 'quantization') !== undefined) {
    const got = at(spec, 'quantization') === undefined ? `${String(dtype).slice(0, 20)}` : 'quantised ones';
    throw refused(`expected weights of float32, got ${got} of ${name}; save the model without quantisation`);
  }
  return { name, shape: shape as readonly number[] };
}

/** A copy, which lies as a Float32Array has to. */
function float32(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}
