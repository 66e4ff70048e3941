// What a pixel costs given the logits: a head is an entry here and nothing else.

import type { Config } from '../../config.js';
import type { Scalar, Tensor4D, Tf } from './tf.js';

export interface Head {
  /** -ln p of the levels, in nats, summed over all pixels. `levels` is int32 `[images, height, width, 1]`. */
  nats(logits: Tensor4D, levels: Tensor4D): Scalar;
  /** Its gradient with respect to the logits. */
  gradient(logits: Tensor4D, levels: Tensor4D): Tensor4D;
}

export function headOf(tf: Tf, { channels, levels }: Config): Head {
  if (channels !== 1 || levels !== 2) {
    throw new RangeError(`training: expected a net of 1 channel and 2 levels, got ${channels} and ${levels}`);
  }
  return sigmoid(tf);
}

/**
 * Image by image first: tfjs's WebAssembly backend adds one number after the other in f32, and was off by 2e-4 over 30
 * images at once.
 */
const total = (tf: Tf, nats: Tensor4D): Scalar => tf.sum(tf.sum(nats, [1, 2, 3]));

/** Binary cross entropy from logits: relu(z) - z x + log(1 + exp(-|z|)), which cannot overflow. */
function sigmoid(tf: Tf): Head {
  const asFloat = (levels: Tensor4D): Tensor4D => tf.cast(levels, 'float32');
  return {
    nats: (z, levels) =>
      tf.tidy(() => {
        const tail = tf.log(tf.add(tf.exp(tf.neg(tf.abs(z))), 1));
        return total(tf, tf.add(tf.sub(tf.relu(z), tf.mul(z, asFloat(levels))), tail));
      }),
    gradient: (z, levels) => tf.tidy(() => tf.sub(tf.sigmoid(z), asFloat(levels))),
  };
}
