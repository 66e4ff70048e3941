import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

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
