/** What a peer is: another runtime, given the same net with the same weights. */

import { fileURLToPath } from 'node:url';
import type { Description } from '../ts/config.js';
import { boxOf } from './box.js';

/** What a peer made of some images, and how long it took, handing over and reading back included. */
export interface Answer {
  /** `[count, height, width, logits]`. */
  readonly logits: Float32Array;
  /** Milliseconds. */
  readonly time: number;
}

export interface Peer {
  /** With its version. */
  readonly name: string;
  /** Whether it runs machine code of its own rather than WebAssembly: then no roof of ours is its roof. */
  readonly native: boolean;
  /**
   * The forward pass of `count` images of any size, on one thread. Pixels are as {@link scaled} makes them; of a net with
   * classes, `labels` has one for each image.
   */
  forward(pixels: Float32Array, count: number, height: number, width: number, labels?: Uint16Array): Promise<Answer>;
  /** Ends what it started. */
  end?(): void;
}

/** Starts a peer, its weights all tensors in the order of `net.tensors`; or says in a sentence why it is not here. */
export type Start = (net: Description, weights: Float32Array) => Promise<Peer | string>;

/** The folder of the peers' own package, which is no dependency of ours. */
export const peersFolder = fileURLToPath(new URL('./peers/', import.meta.url));

/** Multiply-adds of the forward pass of one image as a framework runs it: masked taps are multiplied too. */
export function frameworkMacs(net: Description, height: number, width: number): number {
  const macs = net.layers.flatMap(({ inputs }) =>
    inputs.map((input) => {
      const { rows, columns } = boxOf(input);
      return rows * columns * input.shape[2] * input.shape[3];
    }),
  );
  return macs.reduce((sum, of) => sum + of, 0) * height * width;
}
