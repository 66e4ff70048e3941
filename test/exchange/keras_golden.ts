import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { readArchive } from '../../ts/exchange/archive.js';
import { zip } from './zip.js';

/** What Keras said of some images, after its masks; see test/golden/keras_models.py. */
export interface KerasSaid {
  /** Weights that masks forbid and that were not 0 in the file. */
  readonly forbidden: number;
  readonly shape: readonly [count: number, height: number, width: number];
  readonly levels: Uint8Array;
  /** What Keras's `evaluate` gave: the mean loss of a pixel. */
  readonly loss: number;
  /** `[count, height, width, outputs]`: probabilities, or logits of a softmax. */
  readonly outputs: Float32Array;
}

export const kerasFiles = ['digits.keras', 'digits.weights.h5', 'digits.h5', 'codes.keras'] as const;

const here = (name: string): string => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));

/** A file as Keras wrote it. */
export function kerasFile(name: (typeof kerasFiles)[number]): Buffer {
  return gunzipSync(readFileSync(here(`keras_models/${name}.gz`)));
}

export function kerasSaid(name: 'digits' | 'codes'): KerasSaid {
  const golden = JSON.parse(readFileSync(here('keras_models.json'), 'utf8')) as Record<
    string,
    Omit<KerasSaid, 'levels' | 'outputs'> & { levels: string; outputs: string }
  >;
  const said = golden[name]!;
  return {
    ...said,
    levels: Uint8Array.from(said.levels, (level) => Number.parseInt(level, 36)),
    outputs: new Float32Array(new Uint8Array(Buffer.from(said.outputs, 'base64')).buffer),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: JSON that tests change as they like
export type Json = any;

/** A `.keras` file with another net beside its weights: `change` is given the layers and the whole of its config.json. */
export async function changedKeras(
  name: 'digits.keras' | 'codes.keras',
  change: (layers: Json[], net: Json) => void,
): Promise<Buffer> {
  const entries = await readArchive(kerasFile(name), ['config.json', 'metadata.json', 'model.weights.h5']);
  const net = JSON.parse(entries.get('config.json')!.toString());
  change(net.config.layers, net);
  entries.set('config.json', Buffer.from(JSON.stringify(net)));
  return zip([...entries].map(([name, content]) => ({ name, content })));
}

export const layerNamed = (layers: Json[], name: string): Json => layers.find((layer) => layer.name === name);
