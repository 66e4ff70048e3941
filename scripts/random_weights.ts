/** Weights for nets that nobody has trained. */

import type { Description } from '../ts/config.js';
import { random_words } from './core_face.js';

/**
 * All tensors of a net, in the order of `net.tensors`, drawn from a seed so that logits vary; where no tap is, they are 0.
 * Takes the core, started.
 */
export function randomWeights(net: Description, seed: number): Float32Array {
  const sizes = new Map(net.tensors.map(({ name, shape }) => [name, shape.reduce((a, b) => a * b, 1)]));
  const size = (name: string): number => sizes.get(name)!;
  const sum = (names: Iterable<string>): number => [...names].reduce((total, name) => total + size(name), 0);
  const draw = (item: number, names: readonly string[]): (() => number) => {
    const words = random_words(seed, 1, 0, item, sum(names));
    let next = 0;
    return () => 2 * (words[next++]! >>> 8) * 2 ** -24 - 1;
  };
  const parts = new Map<string, Float32Array>();
  const fill = (name: string, scale: number, uniform: () => number): void => {
    parts.set(
      name,
      Float32Array.from({ length: size(name) }, () => scale * uniform()),
    );
  };
  net.layers.forEach(({ inputs, bias, class: vectors }, item) => {
    const others = [bias, vectors].filter((name) => name !== null);
    const uniform = draw(item, [...inputs.map(({ kernel }) => kernel), ...others]);
    for (const { kernel, shape, places } of inputs) {
      const [, , channels, sums] = shape;
      const scale = Math.sqrt(3 / (places.length * channels));
      const values = new Float32Array(size(kernel));
      for (const place of places) {
        for (let i = 0; i < channels * sums; i++) values[place * channels * sums + i] = scale * uniform();
      }
      parts.set(kernel, values);
    }
    for (const name of others) fill(name, 0.3, uniform);
  });
  for (const { name, role, shape } of net.tensors) {
    if (role === 'embedding') fill(name, Math.sqrt(3 / shape[1]!), draw(net.layers.length, [name]));
  }
  const weights = new Float32Array(sum(sizes.keys()));
  let at = 0;
  for (const { name } of net.tensors) {
    weights.set(parts.get(name)!, at);
    at += size(name);
  }
  return weights;
}
