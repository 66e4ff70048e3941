/** What a peer is: another runtime, given the same net with the same weights. */

import { fileURLToPath } from 'node:url';
import type { Description } from '../ts/config.js';

/** What a peer made of some images, and how long it took, handing over and reading back included. */
export interface Answer {
  /** `[count, height, width]`. */
  readonly logits: Float32Array;
  /** Milliseconds. */
  readonly time: number;
}

export interface Peer {
  /** With its version. */
  readonly name: string;
  /** Whether it runs machine code of its own rather than WebAssembly: then no roof of ours is its roof. */
  readonly native: boolean;
  /** The forward pass of `count` images of any size, their pixels scaled to 0..1, on one thread. */
  forward(pixels: Float32Array, count: number, height: number, width: number): Promise<Answer>;
  /** Ends what it started. */
  end?(): void;
}

/** Starts a peer, its weights all tensors in the order of `net.tensors`; or says in a sentence why it is not here. */
export type Start = (net: Description, weights: Float32Array) => Promise<Peer | string>;

/** The folder of the peers' own package, which is no dependency of ours. */
export const peersFolder = fileURLToPath(new URL('./peers/', import.meta.url));

/** Multiply-adds of the forward pass of one image as a framework runs it: masked taps are multiplied too. */
export function frameworkMacs(net: Description, height: number, width: number): number {
  const kernels = net.tensors.filter(({ shape }) => shape.length === 4);
  return kernels.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0) * height * width;
}
